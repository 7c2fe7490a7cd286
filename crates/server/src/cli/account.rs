//! `porthole account`: accounts, each with its own computers, names and keys.

use anyhow::{bail, ensure};
use clap::Subcommand;
use porthole_store::{Account as Stored, Store, StoreError};

use super::{Common, block_on, say};
use crate::{
    app::{Clock as _, SystemClock, SystemIds},
    console::operator::accounts::{is_name, new_id},
};

/// Accounts.
#[derive(Subcommand)]
pub(super) enum Account {
    /// Make an account
    Create {
        /// Name, for operators: letters, digits, . - _
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List accounts
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete an account and its keys; refused while it owns anything or has people
    Delete {
        /// Name or id
        account: String,
    },
}

impl Account {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let config = common.checked_config()?;
        block_on(async {
            let store = super::open_store(&config).await?;
            match self {
                Self::Create { name, json } => create(&store, name, json).await?,
                Self::List { json } => list(&store, json).await?,
                Self::Delete { account } => delete(&store, &account).await?,
            }
            store.close().await;
            Ok(())
        })
    }
}

async fn create(store: &Store, name: String, json: bool) -> anyhow::Result<()> {
    ensure!(is_name(&name), "an account's name is 1 to 64 letters, digits, . - and _; {name:?} is none");
    let account = Stored { id: new_id(&SystemIds), name, created_ms: SystemClock.now_ms() };
    let mut tx = store.begin().await?;
    match tx.insert_account(&account).await {
        Ok(()) => tx.commit().await?,
        Err(StoreError::Conflict) => bail!("there is an account {} already", account.name),
        Err(error) => return Err(error.into()),
    }
    if json { say(describe(&account)) } else { say(format!("{}  {}", account.id, account.name)) }
}

async fn list(store: &Store, json: bool) -> anyhow::Result<()> {
    let accounts = store.accounts().await?;
    if json {
        return say(serde_json::Value::from(accounts.iter().map(describe).collect::<Vec<_>>()));
    }
    accounts.iter().try_for_each(|account| say(format!("{}  {}", account.id, account.name)))
}

async fn delete(store: &Store, name_or_id: &str) -> anyhow::Result<()> {
    let account = super::find_account(store, name_or_id).await?;
    let mut tx = store.begin().await?;
    match tx.delete_account(&account.id).await {
        Ok(()) => Ok(tx.commit().await?),
        Err(StoreError::Conflict) => {
            bail!("account {} still owns something or has people; delete those first", account.name)
        }
        Err(error) => Err(error.into()),
    }
}

fn describe(account: &Stored) -> serde_json::Value {
    serde_json::json!({"accountId": account.id.as_str(), "name": account.name, "createdAtMs": account.created_ms})
}
