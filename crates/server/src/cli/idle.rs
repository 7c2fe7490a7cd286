//! `porthole idle`: why an instance was stopped for being idle, or was not.

use clap::Subcommand;
use porthole_model::{add_on, idle, instance::State};
use porthole_store::Instance;

use super::{Common, block_on, say};
use crate::usage::idle_rule;

/// The rule that stops idle instances.
#[derive(Subcommand)]
pub(super) enum Idle {
    /// Show an instance's rule and its newest decisions, oldest first
    Explain {
        /// The instance's name or id
        name: String,
        /// Only instances of this account
        #[arg(long, value_name = "NAME_OR_ID")]
        account: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl Idle {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let Self::Explain { name, account, json } = self;
        let config = common.checked_config()?;
        block_on(async {
            let store = super::open_store(&config).await?;
            let mut found = store.all_instances().await?;
            found.retain(|instance| instance.name == name || instance.id.as_str() == name);
            if let Some(account) = &account {
                let account = super::find_account(&store, account).await?;
                found.retain(|instance| instance.account_id == account.id);
            }
            anyhow::ensure!(!found.is_empty(), "there is no instance {name}");
            let mut all = Vec::new();
            for instance in found {
                let decisions = idle::parse(&store.idle_decisions(&instance.id).await?);
                all.push((instance, decisions));
            }
            store.close().await;
            if json {
                return say(serde_json::Value::from(all.iter().map(|(i, d)| describe(i, d)).collect::<Vec<_>>()));
            }
            all.iter().try_for_each(|(instance, decisions)| print(instance, decisions, &config))
        })
    }
}

fn print(instance: &Instance, decisions: &[idle::Entry], config: &crate::config::Config) -> anyhow::Result<()> {
    say(format_args!("{} ({}), {}", instance.name, instance.id, instance.state.name()))?;
    match idle_rule(&add_on::parse(&instance.add_ons), config.idle.minute_ms) {
        None => say("  It has no rule: nothing stops it for being idle.")?,
        Some(rule) => say(format_args!(
            "  Stops when its CPU is at most {} % for {} s{}.",
            rule.threshold_percent,
            rule.duration_ms / 1000,
            if config.idle.counts_viewer_input { " and no viewer was used in that time" } else { "" }
        ))?,
    }
    if decisions.is_empty() && instance.state == State::Running {
        say("  Nothing was decided yet.")?;
    }
    decisions.iter().try_for_each(|entry| say(format_args!("  {}  {entry}", time(entry.at_ms))))
}

fn time(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map_or_else(|_| at_ms.to_string(), |time| format!("{time:.0}"))
}

fn describe(instance: &Instance, decisions: &[idle::Entry]) -> serde_json::Value {
    let decision = |entry: &idle::Entry| serde_json::json!({ "at": time(entry.at_ms), "decision": entry.decision, "reason": entry.to_string() });
    serde_json::json!({
        "name": instance.name,
        "id": instance.id.as_str(),
        "state": instance.state.name(),
        "decisions": decisions.iter().map(decision).collect::<Vec<_>>(),
    })
}
