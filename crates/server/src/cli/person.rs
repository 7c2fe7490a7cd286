//! `porthole person`: people who use the console.

use anyhow::{Context as _, bail, ensure};
use clap::{Subcommand, ValueEnum};
use porthole_model::person::{self, Role as Known};
use porthole_store::{Person as Stored, Store, StoreError};

use super::{Common, block_on, say};
use crate::{
    app::{Clock as _, Ids as _, SystemClock, SystemIds},
    config::Config,
    console::{decide, password, sign_in},
};

/// People.
#[derive(Subcommand)]
pub(super) enum Person {
    /// Let somebody use the console; give them a link to sign in with `porthole person link`
    Create {
        /// Name to sign in with: small letters, digits, . - _ @
        name: String,
        /// Account, by name or id, whose computers they use
        #[arg(long)]
        account: String,
        /// What they are on the site
        #[arg(long, default_value = "researcher")]
        role: Role,
        /// Read a password from standard input, one line
        #[arg(long)]
        password_stdin: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List people
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete a person: their sessions end within a second, the access keys they made are revoked
    Delete {
        /// Name or id
        name: String,
    },
    /// Make a link that signs a person in once, within a day; earlier links of theirs end
    Link {
        /// Name or id
        name: String,
        /// Address of the site, for the link. Default: the configuration's
        #[arg(long, value_name = "URL")]
        url: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// The Cedar policies that decide who may do what in the console
    #[command(subcommand)]
    Policy(Policy),
}

/// Policies of the console.
#[derive(Subcommand)]
pub(super) enum Policy {
    /// Print the ones built in
    Default,
    /// Print the schema that policies are checked against
    Schema,
}

/// What a person is on the site.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Role {
    /// Uses the computers of their account
    Researcher,
    /// Runs the site as well
    Operator,
}

impl Person {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        match self {
            Self::Policy(Policy::Default) => return say(decide::DEFAULT.trim_end()),
            Self::Policy(Policy::Schema) => return say(decide::SCHEMA.trim_end()),
            _ => {}
        }
        let config = common.checked_config()?;
        block_on(async {
            let store = super::open_store(&config).await?;
            match self {
                Self::Create { name, account, role, password_stdin, json } => {
                    create(&store, &name, &account, role, password_stdin, json).await?
                }
                Self::List { json } => list(&store, json).await?,
                Self::Delete { name } => delete(&store, &name).await?,
                Self::Link { name, url, json } => link(&config, &store, &name, url, json).await?,
                Self::Policy(_) => {}
            }
            store.close().await;
            Ok(())
        })
    }
}

async fn create(
    store: &Store,
    name: &str,
    account: &str,
    role: Role,
    password_stdin: bool,
    json: bool,
) -> anyhow::Result<()> {
    let account = super::find_account(store, account).await?;
    let name = person::name(name).map_err(anyhow::Error::msg)?;
    let password = if password_stdin { read_password(&name)? } else { String::new() };
    let role = match role {
        Role::Researcher => Known::Researcher,
        Role::Operator => Known::Operator,
    };
    let person = Stored {
        id: SystemIds.uuid(),
        name,
        account_id: account.id,
        role,
        password,
        subject: String::new(),
        disabled: false,
        created_ms: SystemClock.now_ms(),
        signed_in_ms: 0,
    };
    let mut tx = store.begin().await?;
    match tx.insert_person(&person).await {
        Ok(()) => tx.commit().await?,
        Err(StoreError::Conflict) => bail!("there is a person {} already", person.name),
        Err(error) => return Err(error.into()),
    }
    if json { say(describe(&person)) } else { say(line(&person)) }
}

fn read_password(name: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().read_line(&mut text).context("cannot read the password")?;
    let text = text.trim_end_matches(['\r', '\n']);
    person::check_password(text, name).map_err(anyhow::Error::msg)?;
    Ok(password::hash_now(&SystemIds, text))
}

async fn list(store: &Store, json: bool) -> anyhow::Result<()> {
    let people = store.people().await?;
    if json {
        return say(serde_json::Value::from(people.iter().map(describe).collect::<Vec<_>>()));
    }
    people.iter().try_for_each(|person| say(line(person)))
}

async fn delete(store: &Store, name: &str) -> anyhow::Result<()> {
    let person = find(store, name).await?;
    let mut tx = store.begin().await?;
    tx.revoke_keys_of(&person.id).await?;
    ensure!(tx.delete_person(&person.id).await?, "there is no person {name}");
    Ok(tx.commit().await?)
}

async fn link(config: &Config, store: &Store, name: &str, url: Option<String>, json: bool) -> anyhow::Result<()> {
    let person = find(store, name).await?;
    ensure!(!person.disabled, "{} is disabled and cannot sign in", person.name);
    let (path, expires_ms) = sign_in::make_link(store, &SystemIds, &person.id, SystemClock.now_ms()).await?;
    let url = format!("{}{path}", url.unwrap_or_else(|| config.base_url()).trim_end_matches('/'));
    if json { say(serde_json::json!({"url": url, "expiresAtMs": expires_ms})) } else { say(url) }
}

async fn find(store: &Store, name: &str) -> anyhow::Result<Stored> {
    store.person(name).await?.with_context(|| format!("there is no person {name}"))
}

fn line(person: &Stored) -> String {
    let state = if person.disabled { "  disabled" } else { "" };
    format!("{}  {}  {}{state}", person.name, person.account_id, person.role.name())
}

fn describe(person: &Stored) -> serde_json::Value {
    serde_json::json!({
        "id": person.id,
        "name": person.name,
        "accountId": person.account_id.as_str(),
        "role": person.role.name(),
        "disabled": person.disabled,
        "createdAtMs": person.created_ms,
    })
}
