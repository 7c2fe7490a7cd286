//! The audit log.

use porthole_store::AuditEntry;

use crate::{database::Database, on_both};

fn entry(number: i64, account_id: &str) -> AuditEntry {
    AuditEntry {
        id: format!("{number:013}a"),
        at_ms: number,
        actor: "ada".into(),
        account_id: account_id.into(),
        action: "StopInstance".into(),
        target: "lab's \"ünïcode\"".into(),
        address: "::1".into(),
        outcome: "ok".into(),
    }
}

async fn entries_come_back_newest_first_page_by_page(database: Database) {
    let store = database.open().await;
    let all: Vec<AuditEntry> = (0..10).map(|n| entry(n, if n % 2 == 0 { "1" } else { "" })).collect();
    store.add_audit(&all[5..]).await.unwrap();
    store.add_audit(&all[..5]).await.unwrap();
    store.add_audit(&[]).await.unwrap();
    let newest: Vec<AuditEntry> = all.iter().rev().cloned().collect();
    assert_eq!(store.audit("", "", 100).await.unwrap(), newest);
    assert_eq!(store.audit("", "", 3).await.unwrap(), newest[..3]);
    assert_eq!(store.audit(&newest[2].id, "", 3).await.unwrap(), newest[3..6]);
    let of_one: Vec<i64> = store.audit("", "1", 100).await.unwrap().iter().map(|entry| entry.at_ms).collect();
    assert_eq!(of_one, [8, 6, 4, 2, 0]);
    assert_eq!(store.prune_audit(7).await.unwrap(), 7);
    assert_eq!(store.audit("", "", 100).await.unwrap(), newest[..3]);
}

async fn entries_are_written_all_or_none(database: Database) {
    let store = database.open().await;
    store.add_audit(&[entry(1, "1")]).await.unwrap();
    assert!(store.add_audit(&[entry(2, "1"), entry(1, "1")]).await.is_err());
    assert_eq!(store.audit("", "", 100).await.unwrap(), [entry(1, "1")]);
}

on_both!(entries_come_back_newest_first_page_by_page, entries_are_written_all_or_none);
