//! `porthole operations`: what the server is doing, across accounts.

use clap::Subcommand;
use porthole_model::operation::Progress;
use porthole_store::Operation;

use super::{Common, block_on, say};
use crate::{
    app::{Clock as _, SystemClock},
    operation::{runner::STUCK_ATTEMPTS, step_name},
};

/// Operations.
#[derive(Subcommand)]
pub(super) enum Operations {
    /// List operations that have not ended, oldest first
    List {
        /// Only those whose undo fails again and again
        #[arg(long)]
        stuck: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl Operations {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let Self::List { stuck, json } = self;
        let config = common.checked_config()?;
        block_on(async {
            let store = super::open_store(&config).await?;
            let mut undone = store.undone_operations().await?;
            undone.retain(|operation| !stuck || is_stuck(operation));
            if json {
                say(serde_json::Value::from(undone.iter().map(describe).collect::<Vec<_>>()))?;
            } else if undone.is_empty() {
                say(if stuck { "No operation is stuck." } else { "Nothing is under way." })?;
            } else {
                undone.iter().try_for_each(|operation| say(line(operation)))?;
            }
            store.close().await;
            Ok(())
        })
    }
}

fn is_stuck(operation: &Operation) -> bool {
    matches!(operation.progress, Progress::Undo(_)) && operation.attempts >= STUCK_ATTEMPTS
}

fn stage(operation: &Operation) -> String {
    match operation.progress {
        Progress::Forward(step) => step_name(operation.kind, step).to_owned(),
        Progress::Undo(step) => format!("undoing {}", step_name(operation.kind, step)),
        Progress::Succeeded => "succeeded".into(),
        Progress::Failed => "failed".into(),
    }
}

fn line(operation: &Operation) -> String {
    let age_s = (SystemClock.now_ms() - operation.created_ms) / 1000;
    format!(
        "{}  {:<16} {:<24} {:<28} {age_s} s old, try {}{}",
        operation.id,
        operation.kind.name(),
        operation.resource_name,
        stage(operation),
        operation.attempts + 1,
        if is_stuck(operation) { ", STUCK" } else { "" }
    )
}

fn describe(operation: &Operation) -> serde_json::Value {
    serde_json::json!({
        "id": operation.id.as_str(),
        "type": operation.kind.name(),
        "accountId": operation.account_id.as_str(),
        "resourceName": operation.resource_name,
        "stage": stage(operation),
        "attempts": operation.attempts,
        "stuck": is_stuck(operation),
        "createdAtMs": operation.created_ms,
        "errorCode": operation.error_code,
        "errorDetails": operation.error_details,
    })
}
