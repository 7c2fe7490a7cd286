//! Cedar policies that decide who may do what in the console, and who may sign in by the identity provider.

use std::{collections::BTreeSet, path::Path, sync::OnceLock};

use anyhow::{Context as _, bail};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression, Schema, ValidationMode, Validator,
};
use porthole_model::person::Role;
use porthole_store::Person;

/// The policies built in.
pub const DEFAULT: &str = include_str!("../../data/console.cedar");
/// What policies may name.
pub const SCHEMA: &str = include_str!("../../data/console.cedarschema");

/// What a person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Sees and uses what the account has: temporary credentials, pictures, lists.
    Use,
    /// Makes, changes and revokes access keys of the account.
    ManageKeys,
    /// Gives others links to a session, and cuts viewers off.
    Share,
    /// Runs the site.
    Operate,
}

impl Act {
    const fn name(self) -> &'static str {
        match self {
            Self::Use => "use",
            Self::ManageKeys => "manageKeys",
            Self::Share => "share",
            Self::Operate => "operate",
        }
    }
}

/// Somebody the identity provider vouches for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Visitor {
    /// The provider.
    pub issuer: String,
    /// Who it is there.
    pub subject: String,
    /// What they are called there.
    pub name: String,
    /// Their address, or nothing.
    pub email: String,
    /// Whether the provider has seen that the address is theirs.
    pub email_verified: bool,
    /// Groups they are in.
    pub groups: BTreeSet<String>,
}

/// The policies, checked.
pub struct Policies(PolicySet);

impl Policies {
    /// Reads those of a file, or the ones built in.
    ///
    /// # Errors
    /// Says what is wrong with them, for the operator.
    pub fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        match file {
            None => Self::parse(DEFAULT),
            Some(file) => {
                let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
                Self::parse(&text).with_context(|| format!("{} has a fault", file.display()))
            }
        }
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let policies: PolicySet = text.parse().context("the policies are not valid Cedar")?;
        let checked = Validator::new(schema().clone()).validate(&policies, ValidationMode::Strict);
        if let Some(fault) = checked.validation_errors().next() {
            bail!("the policies do not fit the schema (`porthole person policy schema`): {fault}");
        }
        Ok(Self(policies))
    }

    /// Decides whether a person may do something in their account, or to the site.
    pub fn allows(&self, person: &Person, act: Act) -> bool {
        self.asked(|| {
            let account = uid("Account", person.account_id.as_str())?;
            let principal = uid("Person", &person.name)?;
            let site = uid("Site", "site")?;
            let resource = if act == Act::Operate { site.clone() } else { account.clone() };
            let role = RestrictedExpression::new_string(person.role.name().to_owned());
            let name = RestrictedExpression::new_string(person.name.clone());
            let attributes = [("role".to_owned(), role), ("name".to_owned(), name)];
            let entities = [
                Entity::new(principal.clone(), attributes.into(), [account.clone()].into())?,
                Entity::new(account, Default::default(), Default::default())?,
                Entity::new(site, Default::default(), Default::default())?,
            ];
            let action = uid("Action", act.name())?;
            Ok((Request::new(principal, action, resource, Context::empty(), None)?, entities.into()))
        })
    }

    /// Decides what somebody is whom the identity provider vouches for; `None`: they may not sign in.
    pub fn role_of(&self, visitor: &Visitor) -> Option<Role> {
        Role::ALL.into_iter().rev().find(|role| {
            self.asked(|| {
                let principal = uid("Visitor", &format!("{} {}", visitor.issuer, visitor.subject))?;
                let resource = uid("Role", role.name())?;
                let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
                let groups = visitor.groups.iter().map(|group| text(group));
                let attributes = [
                    ("issuer".to_owned(), text(&visitor.issuer)),
                    ("subject".to_owned(), text(&visitor.subject)),
                    ("name".to_owned(), text(&visitor.name)),
                    ("email".to_owned(), text(&visitor.email)),
                    ("emailVerified".to_owned(), RestrictedExpression::new_bool(visitor.email_verified)),
                    ("groups".to_owned(), RestrictedExpression::new_set(groups)),
                ];
                let entities = [
                    Entity::new(principal.clone(), attributes.into(), Default::default())?,
                    Entity::new(resource.clone(), Default::default(), Default::default())?,
                ];
                Ok((
                    Request::new(principal, uid("Action", "signIn")?, resource, Context::empty(), None)?,
                    entities.into(),
                ))
            })
        })
    }

    fn asked(&self, question: impl FnOnce() -> anyhow::Result<(Request, Vec<Entity>)>) -> bool {
        let Ok((request, entities)) = question() else { return false };
        let Ok(entities) = Entities::from_entities(entities, None) else { return false };
        let answer = Authorizer::new().is_authorized(&request, &self.0, &entities);
        // A statement that fails may be one that forbids.
        answer.decision() == Decision::Allow && answer.diagnostics().errors().next().is_none()
    }
}

fn uid(kind: &str, id: &str) -> anyhow::Result<EntityUid> {
    let kind: EntityTypeName = kind.parse().context("an entity type is a name")?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

fn schema() -> &'static Schema {
    static CHECKED: OnceLock<Schema> = OnceLock::new();
    CHECKED.get_or_init(|| SCHEMA.parse().expect("the schema is built in; a test reads it"))
}

#[cfg(test)]
mod tests {
    use porthole_model::AccountId;

    use super::*;

    fn person(role: Role) -> Person {
        Person {
            id: "1".into(),
            name: "ada".into(),
            account_id: AccountId::new("111122223333"),
            role,
            password: String::new(),
            subject: String::new(),
            disabled: false,
            created_ms: 0,
            signed_in_ms: 0,
        }
    }

    #[test]
    fn the_built_in_policies_know_researchers_and_operators_and_admit_no_visitor() {
        let policies = Policies::load(None).expect("are good");
        for act in [Act::Use, Act::ManageKeys, Act::Share] {
            assert!(policies.allows(&person(Role::Researcher), act), "{act:?}");
            assert!(policies.allows(&person(Role::Operator), act), "{act:?}");
        }
        assert!(!policies.allows(&person(Role::Researcher), Act::Operate));
        assert!(policies.allows(&person(Role::Operator), Act::Operate));
        assert_eq!(policies.role_of(&Visitor::default()), None);
    }

    #[test]
    fn a_site_decides_by_its_own() {
        let text = r#"
            permit(principal, action == Action::"use", resource);
            permit(principal is Person, action == Action::"operate", resource) when { principal.name == "ada" };
            permit(principal, action == Action::"signIn", resource == Role::"operator") when { principal.groups.contains("admins") };
            permit(principal, action == Action::"signIn", resource == Role::"researcher")
            when { principal.emailVerified && principal.email like "*@lab.example" };
        "#;
        let policies = Policies::parse(text).expect("are good");
        assert!(policies.allows(&person(Role::Researcher), Act::Operate));
        assert!(!policies.allows(&person(Role::Operator), Act::ManageKeys));
        let mail = |email: &str, email_verified| Visitor { email: email.into(), email_verified, ..Visitor::default() };
        assert_eq!(policies.role_of(&mail("ada@lab.example", true)), Some(Role::Researcher));
        assert_eq!(policies.role_of(&mail("ada@lab.example", false)), None);
        assert_eq!(policies.role_of(&mail("ada@else.example", true)), None);
        let admin = Visitor { groups: ["admins".to_owned()].into(), ..Visitor::default() };
        assert_eq!(policies.role_of(&admin), Some(Role::Operator));
    }

    #[test]
    fn faults_are_told() {
        for (text, words) in [
            ("permit(", "not valid Cedar"),
            (r#"permit(principal, action == Action::"reign", resource);"#, "do not fit the schema"),
            (r#"permit(principal, action, resource) when { principal.color == "red" };"#, "do not fit the schema"),
        ] {
            let Err(fault) = Policies::parse(text) else { panic!("{text} is no policy") };
            assert!(fault.to_string().contains(words), "{fault}");
        }
    }
}
