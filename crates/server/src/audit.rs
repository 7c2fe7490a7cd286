//! The audit log: who did what, from where, and how it ended.
//!
//! What the console does is written before it is answered. Changing calls of the public API are written together a few
//! times a second, since each would cost a write of its own: a crash loses the last moment of them.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use porthole_api::Action;
use porthole_store::AuditEntry;
use serde_json::Value;

use crate::{app::App, telemetry::chain};

/// Most entries that wait; when the store does not take them for that long, the oldest are given up.
const MOST_WAITING: usize = 20_000;
/// Longest texts, in characters.
const MOST_TEXT: usize = 200;

/// Entries that are not yet in the store.
#[derive(Default)]
pub struct Audit {
    waiting: Mutex<Vec<AuditEntry>>,
    number: AtomicU64,
}

/// One act.
#[derive(Debug, Clone, Copy)]
pub struct Act<'a> {
    /// Name of a person, id of an access key, or what was typed as a name.
    pub actor: &'a str,
    /// Account it was done in; empty: none.
    pub account_id: &'a str,
    /// An action of the public API, or of the console.
    pub action: &'a str,
    /// What it was done to.
    pub target: &'a str,
    /// Address of the client.
    pub address: &'a str,
    /// `ok`, or an error's code.
    pub outcome: &'a str,
}

impl Audit {
    /// Takes note; [`Audit::flush`] writes it.
    pub fn note(&self, app: &App, act: Act<'_>) {
        let at_ms = app.clock.now_ms();
        let number = self.number.fetch_add(1, Ordering::Relaxed) % 1_000_000;
        let mut random = [0; 4];
        app.ids.fill(&mut random);
        let entry = AuditEntry {
            id: format!("{at_ms:013}{number:06}{}", hex::encode(random)),
            at_ms,
            actor: short(act.actor),
            account_id: act.account_id.to_owned(),
            action: short(act.action),
            target: short(act.target),
            address: short(act.address),
            outcome: short(act.outcome),
        };
        let mut waiting = self.lock();
        if waiting.len() >= MOST_WAITING {
            tracing::error!(action = waiting[0].action, "an audit entry is lost: the store takes none");
            waiting.remove(0);
        }
        waiting.push(entry);
    }

    /// Takes note and writes at once.
    pub async fn write(&self, app: &App, act: Act<'_>) {
        self.note(app, act);
        self.flush(app).await;
    }

    /// Writes what waits. What the store does not take waits on.
    pub async fn flush(&self, app: &App) {
        let taken = std::mem::take(&mut *self.lock());
        if taken.is_empty() {
            return;
        }
        if let Err(error) = app.store.add_audit(&taken).await {
            tracing::error!(error = chain(&error), "the audit log cannot be written; it will be tried again");
            let mut waiting = self.lock();
            let newer = std::mem::replace(&mut *waiting, taken);
            waiting.extend(newer);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<AuditEntry>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says whether an action is one to be logged: it changes something, or gives a secret out.
pub fn is_logged(action: Action) -> bool {
    let name = action.name();
    let reads = (name.starts_with("Get") || name.starts_with("Is")) && action != Action::GetInstanceAccessDetails;
    // Asked again and again while a session starts; who looks is logged when a viewer connects.
    !reads && action != Action::CreateGuiSessionAccessDetails
}

/// What a call was about: the names its body gives, as far as it is one.
pub fn target(action: Action, body: &[u8]) -> String {
    let Ok(input) = serde_json::from_slice::<Value>(body) else { return String::new() };
    let mut names = Vec::new();
    for member in crate::policy::named_members(action) {
        match &input[member] {
            Value::String(name) => names.push(name.as_str()),
            Value::Array(all) => names.extend(all.iter().filter_map(Value::as_str)),
            _ => {}
        }
    }
    names.join(" ")
}

/// One line, printable, not long.
fn short(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_or_gives_secrets_is_logged() {
        for action in [Action::CreateInstances, Action::TagResource, Action::PeerVpc, Action::GetInstanceAccessDetails]
        {
            assert!(is_logged(action), "{action}");
        }
        assert!(is_logged(Action::DownloadDefaultKeyPair) && is_logged(Action::StopGuiSession));
        for action in [Action::GetInstances, Action::IsVpcPeered, Action::CreateGuiSessionAccessDetails] {
            assert!(!is_logged(action), "{action}");
        }
    }

    #[test]
    fn targets_are_the_names_of_the_request() {
        let body = br#"{"diskName": "data", "instanceName": "lab", "diskPath": "/dev/xvdf"}"#;
        assert_eq!(target(Action::AttachDisk, body), "data lab");
        assert_eq!(target(Action::CreateInstances, br#"{"instanceNames": ["a1", "b1"]}"#), "a1 b1");
        assert_eq!(target(Action::CreateInstances, b"["), "");
        assert_eq!(short("a\nb\u{7}"), "a b ");
    }
}
