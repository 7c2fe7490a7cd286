//! `porthole key`: access keys, which sign API requests.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;
use porthole_store::{AccessKey, Store};

use super::{Common, block_on, say};
use crate::{
    app::{Clock as _, SystemClock, SystemIds},
    auth,
    config::Config,
    policy,
    secret::Seal,
};

/// Access keys.
#[derive(Subcommand)]
pub(super) enum Key {
    /// Make an access key; its secret is shown once, now
    Create {
        /// Account, by name or id
        #[arg(long)]
        account: String,
        /// File with the Cedar policy that restricts it; without one it may do everything in its account
        #[arg(long)]
        policy: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Restrict an access key, within a second
    #[command(subcommand)]
    Policy(Policy),
    /// Make temporary credentials (with a session token) from an access key
    Temporary {
        /// The access key they end with
        access_key_id: String,
        /// How long they are good, in seconds, 60–129600
        #[arg(long, default_value_t = 3600)]
        duration_s: i64,
    },
    /// List the access keys of an account, without secrets
    List {
        /// Account, by name or id
        #[arg(long)]
        account: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Take an access key out of use for good, within a second
    Revoke {
        /// The key's id
        access_key_id: String,
    },
}

/// The Cedar policy of an access key, and of the temporary credentials made from it.
#[derive(Subcommand)]
pub(super) enum Policy {
    /// Check a policy and give it to a key
    Set {
        /// The key's id
        access_key_id: String,
        /// File with the policy
        file: PathBuf,
    },
    /// Print a key's policy; nothing when it has none
    Show {
        /// The key's id
        access_key_id: String,
    },
    /// Take a key's policy away: it may do everything in its account again
    Clear {
        /// The key's id
        access_key_id: String,
    },
    /// Print the schema that policies are checked against: every action and what it works on
    Schema,
}

impl Policy {
    async fn run(self, store: &Store) -> anyhow::Result<()> {
        match self {
            Self::Set { access_key_id, file } => set_policy(store, &access_key_id, &read_policy(&file)?).await,
            Self::Clear { access_key_id } => set_policy(store, &access_key_id, "").await,
            Self::Show { access_key_id } => {
                let key = store.access_key(&access_key_id).await?;
                let key = key.with_context(|| format!("there is no access key {access_key_id}"))?;
                if key.policy.is_empty() { Ok(()) } else { say(key.policy.trim_end()) }
            }
            Self::Schema => say(policy::schema_text().trim_end()),
        }
    }
}

/// Reads a policy's file and checks it.
fn read_policy(file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    policy::Policy::parse(&text).with_context(|| format!("{} has a fault", file.display()))?;
    Ok(text)
}

async fn set_policy(store: &Store, access_key_id: &str, policy: &str) -> anyhow::Result<()> {
    let mut tx = store.begin().await?;
    ensure!(tx.set_policy(access_key_id, policy).await?, "there is no access key {access_key_id} in use");
    Ok(tx.commit().await?)
}

impl Key {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let config = common.checked_config()?;
        block_on(async {
            let store = super::open_store(&config).await?;
            match self {
                Self::Create { account, policy, json } => {
                    let policy = policy.as_deref().map(read_policy).transpose()?.unwrap_or_default();
                    create(&config, &store, &account, policy, json).await?
                }
                Self::Policy(policy) => policy.run(&store).await?,
                Self::Temporary { access_key_id, duration_s } => {
                    temporary(&config, &store, &access_key_id, duration_s).await?
                }
                Self::List { account, json } => list(&store, &account, json).await?,
                Self::Revoke { access_key_id } => {
                    let mut tx = store.begin().await?;
                    ensure!(
                        tx.revoke_access_key(&access_key_id).await?,
                        "there is no access key {access_key_id} in use"
                    );
                    tx.commit().await?;
                }
            }
            store.close().await;
            Ok(())
        })
    }
}

fn seal(config: &Config) -> anyhow::Result<Seal> {
    Seal::open(&config.state_dir.join("secret.key"), &SystemIds)
}

async fn create(config: &Config, store: &Store, account: &str, policy: String, json: bool) -> anyhow::Result<()> {
    let account = super::find_account(store, account).await?;
    let (id, secret) = auth::new_key(&SystemIds, "AKIA");
    let secret_sealed = seal(config)?.seal(&SystemIds, &auth::key_context(&id), secret.as_bytes());
    let key = AccessKey {
        id: id.clone(),
        account_id: account.id.clone(),
        secret_sealed,
        active: true,
        policy,
        created_ms: SystemClock.now_ms(),
        description: String::new(),
        created_by: String::new(),
        last_used_ms: 0,
    };
    let mut tx = store.begin().await?;
    tx.insert_access_key(&key).await?;
    tx.commit().await?;
    if json {
        return say(
            serde_json::json!({"accessKeyId": id, "secretAccessKey": secret, "accountId": account.id.as_str()}),
        );
    }
    say(format!("AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={secret}"))
}

async fn temporary(config: &Config, store: &Store, access_key_id: &str, duration_s: i64) -> anyhow::Result<()> {
    ensure!((60..=129_600).contains(&duration_s), "--duration-s must be 60 to 129600");
    if !store.access_key(access_key_id).await?.is_some_and(|key| key.active) {
        bail!("there is no access key {access_key_id} in use");
    }
    let expires_ms = SystemClock.now_ms() + duration_s * 1000;
    let made =
        auth::temporary_credentials(&seal(config)?, &SystemIds, auth::Parent::AccessKey(access_key_id), expires_ms);
    say(serde_json::json!({
        "accessKeyId": made.access_key_id,
        "secretAccessKey": made.secret,
        "sessionToken": made.session_token,
        "expiresAtMs": made.expires_ms,
    }))
}

async fn list(store: &Store, account: &str, json: bool) -> anyhow::Result<()> {
    let account = super::find_account(store, account).await?;
    let keys = store.access_keys(&account.id).await?;
    let status = |key: &AccessKey| if key.active { "active" } else { "revoked" };
    if json {
        let describe = |key: &AccessKey| serde_json::json!({"accessKeyId": key.id, "accountId": account.id.as_str(), "status": status(key), "createdAtMs": key.created_ms});
        return say(serde_json::Value::from(keys.iter().map(describe).collect::<Vec<_>>()));
    }
    keys.iter().try_for_each(|key| say(format!("{}  {}", key.id, status(key))))
}
