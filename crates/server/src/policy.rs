//! What a restricted access key may do: its Cedar policy, asked before an action runs.
//!
//! A key without a policy may do everything in its account. Entities and actions are those of [`schema`], which the policy
//! is checked against when it is given to the key; an evaluation that fails denies.

mod subject;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, OnceLock},
};

use anyhow::{Context as _, bail, ensure};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression, Schema, ValidationMode, Validator,
};
use porthole_api::{Action, Error, protocol::Call};
use porthole_model::AccountId;
use serde_json::Value;

use crate::{app::App, auth::Caller, service::unavailable};
use subject::{Kind, RESOURCE_TYPES, Subject};

/// Longest policy in bytes.
const MOST_BYTES: usize = 64 << 10;

/// A policy that was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy(Arc<PolicySet>);

/// What an action works on: an entity of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Resource {
    /// Entity type, such as `Instance`.
    kind: String,
    /// Its name, or the account's id.
    name: String,
    tags: BTreeMap<String, String>,
}

impl Policy {
    /// Reads and checks a policy's text.
    ///
    /// # Errors
    /// Says what is wrong with it, for the operator.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        ensure!(text.len() <= MOST_BYTES, "the policy is longer than {MOST_BYTES} bytes");
        let policies: PolicySet = text.parse().context("the policy is not valid Cedar")?;
        ensure!(policies.templates().next().is_none(), "the policy must have no templates");
        ensure!(!policies.is_empty(), "the policy has no statement, so that nothing would be allowed");
        let checked = Validator::new(schema().clone()).validate(&policies, ValidationMode::Strict);
        if let Some(fault) = checked.validation_errors().next() {
            bail!("the policy does not fit the schema (`porthole key policy schema`): {fault}");
        }
        Ok(Self(Arc::new(policies)))
    }

    fn allows(&self, caller: &Caller, action: Action, resource: &Resource) -> bool {
        let Ok((request, entities)) = question(caller, action, resource) else { return false };
        let answer = Authorizer::new().is_authorized(&request, &self.0, &entities);
        // A statement that fails may be one that forbids.
        answer.decision() == Decision::Allow && answer.diagnostics().errors().next().is_none()
    }
}

/// Refuses an action that the caller's key may not do. Looks at the input alone, and at the tags of what it names.
///
/// # Errors
/// AccessDeniedException that names the action and what it works on.
pub async fn check(app: &App, caller: &Caller, call: &Call) -> Result<(), Error> {
    let Some(policy) = &caller.policy else { return Ok(()) };
    for resource in resources(app, caller, call).await? {
        if !policy.allows(caller, call.action, &resource) {
            return Err(Error::access_denied(format!(
                "The access key {} is not authorized to perform: lightsail:{} on resource: {}/{}",
                caller.access_key_id, call.action, resource.kind, resource.name
            )));
        }
    }
    Ok(())
}

/// Gives the members of an action's input that name what it works on.
pub fn named_members(action: Action) -> impl Iterator<Item = &'static str> {
    subject::of(action).unwrap_or_default().iter().map(|subject| subject.member)
}

/// Says whether the action is served: each that is has a row in the table of subjects.
pub fn is_known(action: Action) -> bool {
    subject::of(action).is_some()
}

async fn resources(app: &App, caller: &Caller, call: &Call) -> Result<Vec<Resource>, Error> {
    let account = || Resource { kind: "Account".into(), name: caller.account_id.clone(), tags: BTreeMap::new() };
    let Some(subjects) = subject::of(call.action) else { return Ok(vec![account()]) };
    let mut found = Vec::new();
    for subject in subjects {
        for name in names(&call.input, subject.member) {
            found.push(match subject.kind {
                Kind::New(kind) => {
                    Resource { kind: kind.into(), name: name.to_owned(), tags: tags_of_request(&call.input) }
                }
                Kind::Existing(kind) => existing(app, caller, name, Some(kind)).await?,
                Kind::Any => existing(app, caller, name, None).await?,
            });
        }
    }
    Ok(if found.is_empty() { vec![account()] } else { found })
}

/// Finds what a name belongs to, and its tags. What is not there is asked about under its name, without tags.
async fn existing(app: &App, caller: &Caller, name: &str, kind: Option<&str>) -> Result<Resource, Error> {
    let account = AccountId::new(caller.account_id.as_str());
    let named = app.store.resource_named(&account, &app.config.region, name).await.map_err(|e| unavailable(&e))?;
    let named = named.filter(|named| kind.is_none_or(|kind| named.resource_type == kind));
    let tagged = match &named {
        Some(named) => app.store.tags_of(named).await.map_err(|e| unavailable(&e))?,
        None => None,
    };
    let tags = tagged.and_then(|tagged| serde_json::from_str(&tagged.tags).ok()).unwrap_or_default();
    let kind = match (kind, named) {
        (Some(kind), _) => kind.to_owned(),
        (None, Some(named)) if RESOURCE_TYPES.contains(&&*named.resource_type) => named.resource_type,
        (None, _) => "Resource".to_owned(),
    };
    Ok(Resource { kind, name: name.to_owned(), tags })
}

/// The names a member gives: one, or a list of them.
fn names<'a>(input: &'a Value, member: &str) -> Vec<&'a str> {
    match &input[member] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn tags_of_request(input: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let tags = input["tags"].as_array().into_iter().flatten();
    tags.map(|tag| (text(&tag["key"]), text(&tag["value"]))).collect()
}

fn question(caller: &Caller, action: Action, resource: &Resource) -> anyhow::Result<(Request, Entities)> {
    let account = uid("Account", &caller.account_id)?;
    let principal = uid("AccessKey", &caller.access_key_id)?;
    let subject = uid(&resource.kind, &resource.name)?;
    let request =
        Request::new(principal.clone(), uid("Action", action.name())?, subject.clone(), Context::empty(), None)?;
    let mut entities = vec![
        Entity::new_with_tags(principal, [], [account.clone()], [])?,
        Entity::new_with_tags(account.clone(), [], [], [])?,
    ];
    if resource.kind != "Account" {
        let name = RestrictedExpression::new_string(resource.name.clone());
        let tags =
            resource.tags.iter().map(|(key, value)| (key.clone(), RestrictedExpression::new_string(value.clone())));
        entities.push(Entity::new_with_tags(subject, [("name".to_owned(), name)], [account], tags)?);
    }
    Ok((request, Entities::from_entities(entities, None)?))
}

fn uid(kind: &str, id: &str) -> anyhow::Result<EntityUid> {
    let kind: EntityTypeName = kind.parse().context("an entity type is a name")?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

/// The schema's text: every action that is served, and what it works on.
pub fn schema_text() -> String {
    let mut text = String::from("entity Account;\nentity AccessKey in [Account];\n");
    for kind in RESOURCE_TYPES {
        let _ = writeln!(text, "entity {kind} in [Account] = {{ name: String }} tags String;");
    }
    for action in Action::all() {
        let Some(subjects) = subject::of(*action) else { continue };
        let mut kinds: Vec<&str> = Vec::new();
        for Subject { kind, .. } in subjects {
            match kind {
                Kind::New(kind) | Kind::Existing(kind) => kinds.push(kind),
                Kind::Any => kinds.extend(RESOURCE_TYPES),
            }
        }
        // A request may leave out every optional name.
        if subjects.iter().all(|subject| !subject.required) {
            kinds.push("Account");
        }
        kinds.sort_unstable();
        kinds.dedup();
        let _ = writeln!(
            text,
            "action \"{action}\" appliesTo {{ principal: [AccessKey], resource: [{}] }};",
            kinds.join(", ")
        );
    }
    text
}

fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| schema_text().parse().expect("the schema is made by a table; a test reads it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller() -> Caller {
        Caller { account_id: "111122223333".into(), access_key_id: "AKIAEXAMPLE".into(), policy: None, person: None }
    }

    fn lab(tags: &[(&str, &str)]) -> Resource {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Resource { kind: "Instance".into(), name: "lab-1".into(), tags }
    }

    fn allows(policy: &str, action: Action, resource: &Resource) -> bool {
        Policy::parse(policy).expect("is good").allows(&caller(), action, resource)
    }

    #[test]
    fn policies_decide_by_action_name_and_tag() {
        let by_name = r#"permit(principal, action == Action::"StartGUISession", resource == Instance::"lab-1");"#;
        assert!(allows(by_name, Action::StartGuiSession, &lab(&[])));
        assert!(!allows(by_name, Action::StopGuiSession, &lab(&[])));
        let other = Resource { name: "lab-2".into(), ..lab(&[]) };
        assert!(!allows(by_name, Action::StartGuiSession, &other));

        let by_tag = r#"permit(principal, action, resource) when { resource.hasTag("team") && resource.getTag("team") == "bio" };"#;
        assert!(allows(by_tag, Action::StopInstance, &lab(&[("team", "bio")])));
        assert!(!allows(by_tag, Action::StopInstance, &lab(&[("team", "chem")])));
        assert!(!allows(by_tag, Action::StopInstance, &lab(&[])));

        let but = r#"permit(principal, action, resource in Account::"111122223333"); forbid(principal, action == Action::"DeleteInstance", resource);"#;
        assert!(allows(but, Action::StopInstance, &lab(&[])));
        assert!(!allows(but, Action::DeleteInstance, &lab(&[])));
        let all = Resource { kind: "Account".into(), name: "111122223333".into(), tags: BTreeMap::new() };
        assert!(allows(but, Action::GetInstances, &all));
    }

    #[test]
    fn faults_are_told() {
        for (policy, words) in [
            ("permit(", "not valid Cedar"),
            ("", "no statement"),
            (r#"permit(principal, action == Action::"StartGuiSession", resource);"#, "does not fit the schema"),
            (r#"permit(principal, action, resource) when { resource.getTag("a") == "b" };"#, "does not fit the schema"),
            (r#"permit(principal, action, resource) when { resource.color == "red" };"#, "does not fit the schema"),
            ("permit(principal == ?principal, action, resource);", "templates"),
        ] {
            let fault = Policy::parse(policy).expect_err(words).to_string();
            assert!(fault.contains(words), "{fault}");
        }
    }

    #[test]
    fn names_and_tags_are_read_from_the_request() {
        let input =
            serde_json::json!({"instanceNames": ["a1", "b1"], "tags": [{"key": "team", "value": "bio"}, {"key": "x"}]});
        assert_eq!(names(&input, "instanceNames"), ["a1", "b1"]);
        assert_eq!(names(&input, "diskName"), [""; 0]);
        assert_eq!(tags_of_request(&input).get("team").map(String::as_str), Some("bio"));
    }
}
