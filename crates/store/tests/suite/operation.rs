//! Operations: what callers read, and how runners share the work.

use porthole_model::operation::{Kind, Progress};
use porthole_store::{Claim, Operation, Page, Store, StoreError};

use crate::{
    database::Database,
    given::{self, NOW_MS, REGION, begin, new_operation, supersede},
    on_both,
};

async fn claim(store: &Store, owner: &str, now_ms: i64) -> Vec<Operation> {
    store.claim(owner, now_ms, now_ms + 1_000, Claim::All, 100).await.unwrap()
}

fn ids(operations: &[Operation]) -> Vec<&str> {
    let mut ids: Vec<&str> = operations.iter().map(|operation| operation.id.as_str()).collect();
    ids.sort_unstable();
    ids
}

async fn every_field_comes_back_as_written(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let written = begin(&store, new_operation(&account, "op-1", Kind::StartSession, "lab", NOW_MS)).await.unwrap();
    assert_eq!(written.created_ms, NOW_MS);
    assert_eq!(written.progress, Progress::Forward(0));
    assert_eq!(store.operation(&account, REGION, "op-1").await.unwrap().as_ref(), Some(&written));
    assert_eq!(store.operation(&account, "eu-west-1", "op-1").await.unwrap(), None);
    let other = given::account(&store, '2').await;
    assert_eq!(store.operation(&other, REGION, "op-1").await.unwrap(), None, "accounts see nothing of one another");

    let mut claimed = claim(&store, "me", NOW_MS).await.remove(0);
    assert_eq!(claimed, written);
    claimed.state = r#"{"learnt":1}"#.into();
    claimed.progress = Progress::Undo(3);
    claimed.attempts = 5;
    claimed.next_try_ms = NOW_MS + 7;
    claimed.changed_ms = NOW_MS + 8;
    claimed.deadline_ms = NOW_MS + 9;
    claimed.error_code = "Code".into();
    claimed.error_details = "Details.".into();
    assert!(!store.record(&claimed, "me", false).await.unwrap());
    assert_eq!(store.operation(&account, REGION, "op-1").await.unwrap(), Some(claimed));
}

async fn one_live_operation_a_resource(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    begin(&store, new_operation(&account, "1", Kind::StartSession, "lab", 5)).await.unwrap();
    let second = begin(&store, new_operation(&account, "2", Kind::StopInstance, "lab", 6)).await;
    assert!(matches!(second, Err(StoreError::Conflict)), "{second:?}");
    begin(&store, new_operation(&account, "3", Kind::StartSession, "other", 5)).await.unwrap();

    let mut done = new_operation(&account, "4", Kind::StopSession, "lab", 5);
    done.done = true;
    let done = begin(&store, done).await.unwrap();
    assert_eq!((done.progress, done.done_ms), (Progress::Succeeded, 5), "what had nothing to do is no live operation");

    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.live_operation("lab").await.unwrap().unwrap().id.as_str(), "1");
    assert_eq!(tx.live_operation("none").await.unwrap(), None);
}

async fn superseding_operations_begin_in_order(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    // All within one millisecond, as a fast client sends them.
    begin(&store, new_operation(&account, "c", Kind::StartSession, "lab", NOW_MS)).await.unwrap();
    supersede(&store, new_operation(&account, "b", Kind::StopSession, "lab", NOW_MS)).await;
    supersede(&store, new_operation(&account, "a", Kind::DeleteInstance, "lab", NOW_MS)).await;
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.live_operation("lab").await.unwrap().unwrap().id.as_str(), "a");
    drop(tx);

    for (id, superseded) in [("c", true), ("b", true), ("a", false)] {
        let mut claimed = claim(&store, "me", NOW_MS).await;
        assert_eq!(ids(&claimed), [id]);
        assert_eq!(claimed[0].superseded, superseded);
        assert!(claim(&store, "me", NOW_MS).await.is_empty(), "the next one waits");
        claimed[0].progress = Progress::Failed;
        claimed[0].done_ms = NOW_MS;
        assert_eq!(store.record(&claimed[0], "me", true).await.unwrap(), superseded);
    }
    assert!(claim(&store, "me", NOW_MS).await.is_empty());
    assert!(store.undone_operations().await.unwrap().is_empty());
}

async fn a_driver_hears_that_its_operation_was_superseded(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    begin(&store, new_operation(&account, "1", Kind::StartSession, "lab", 5)).await.unwrap();
    let claimed = claim(&store, "me", 5).await.remove(0);
    assert!(!store.renew(&claimed.id, "me", 2_000).await.unwrap());
    supersede(&store, new_operation(&account, "2", Kind::StopSession, "lab", 6)).await;
    assert!(store.renew(&claimed.id, "me", 3_000).await.unwrap());
    assert!(store.record(&claimed, "me", false).await.unwrap());
}

async fn a_lease_is_held_until_it_runs_out(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    begin(&store, new_operation(&account, "1", Kind::StartSession, "lab", 5)).await.unwrap();
    assert_eq!(store.claim("me", 10, 100, Claim::All, 9).await.unwrap().len(), 1);
    assert!(store.claim("you", 99, 200, Claim::All, 9).await.unwrap().is_empty());
    let mine = store.operation(&account, REGION, "1").await.unwrap().unwrap();
    assert!(!store.renew(&mine.id, "me", 150).await.unwrap());
    assert!(store.claim("you", 149, 200, Claim::All, 9).await.unwrap().is_empty());
    assert_eq!(store.claim("you", 150, 200, Claim::All, 9).await.unwrap().len(), 1);

    assert!(matches!(store.renew(&mine.id, "me", 300).await, Err(StoreError::LeaseLost)));
    assert!(matches!(store.record(&mine, "me", false).await, Err(StoreError::LeaseLost)));
    store.release_leases("me").await.unwrap();
    assert!(
        store.claim("me", 151, 300, Claim::All, 9).await.unwrap().is_empty(),
        "only one's own leases are given back"
    );
    store.release_leases("you").await.unwrap();
    assert_eq!(store.claim("me", 151, 300, Claim::All, 9).await.unwrap().len(), 1);
}

async fn what_rests_is_claimed_when_it_is_due_or_superseded(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    for (id, resource) in [("1", "a"), ("2", "b")] {
        begin(&store, new_operation(&account, id, Kind::StartSession, resource, 5)).await.unwrap();
    }
    for mut operation in claim(&store, "me", 5).await {
        operation.next_try_ms = 100;
        operation.attempts = 1;
        store.record(&operation, "me", true).await.unwrap();
    }
    assert!(claim(&store, "me", 99).await.is_empty());
    supersede(&store, new_operation(&account, "3", Kind::StopSession, "b", 50)).await;
    assert_eq!(ids(&claim(&store, "me", 99).await), ["2"]);
    assert_eq!(ids(&claim(&store, "me", 100).await), ["1"]);
}

async fn what_ends_something_goes_first(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let kinds = [
        Kind::CreateInstance,
        Kind::StartInstance,
        Kind::StopInstance,
        Kind::RebootInstance,
        Kind::DeleteInstance,
        Kind::StartSession,
        Kind::StopSession,
    ];
    for (at, kind) in kinds.into_iter().enumerate() {
        begin(&store, new_operation(&account, kind.name(), kind, kind.name(), at as i64)).await.unwrap();
    }
    assert!(store.claim("me", 100, 200, Claim::All, 0).await.unwrap().is_empty());
    let first = store.claim("me", 100, 200, Claim::All, 1).await.unwrap();
    assert_eq!(ids(&first), ["StopInstance"]);
    let ending = store.claim("me", 100, 200, Claim::Ending, 9).await.unwrap();
    assert_eq!(ids(&ending), ["DeleteInstance", "StopGUISession"]);
    let rest = store.claim("me", 100, 200, Claim::All, 9).await.unwrap();
    assert_eq!(ids(&rest), ["CreateInstance", "RebootInstance", "StartGUISession", "StartInstance"]);
}

async fn pages_of_operations_join_without_gap_or_overlap(database: Database) {
    let store = database.open().await;
    let (one, two) = (given::account(&store, '1').await, given::account(&store, '2').await);
    for (id, resource, at) in [("c", "x", 20), ("a", "y", 10), ("b", "x", 20), ("e", "y", 30), ("d", "x", 20)] {
        let mut new = new_operation(&one, id, Kind::StopSession, resource, at);
        new.done = true;
        begin(&store, new).await.unwrap();
    }
    begin(&store, new_operation(&two, "foreign", Kind::StopSession, "x", 15)).await.unwrap();
    let (mut all, mut of_x) = (Vec::new(), Vec::new());
    for (only_x, seen) in [(false, &mut all), (true, &mut of_x)] {
        let mut after = Page::default();
        loop {
            let page = match only_x {
                true => store.operations_for(&one, REGION, "x", &after, 2).await.unwrap(),
                false => store.operations(&one, REGION, &after, 2).await.unwrap(),
            };
            let Some(last) = page.last() else { break };
            after = Page { created_ms: last.created_ms, id: last.id.to_string() };
            seen.extend(page.into_iter().map(|operation| operation.id.to_string()));
        }
    }
    assert_eq!(all, ["a", "b", "c", "d", "e"]);
    assert_eq!(of_x, ["b", "c", "d"]);
}

async fn old_operations_are_forgotten_and_live_ones_are_not(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    for (id, at, done) in [("old", 10, true), ("young", 20, true), ("live", 5, false)] {
        let mut new = new_operation(&account, id, Kind::StopSession, id, at);
        new.done = done;
        begin(&store, new).await.unwrap();
    }
    assert_eq!(store.prune_operations(20).await.unwrap(), 1);
    assert_eq!(store.prune_operations(20).await.unwrap(), 0);
    assert_eq!(ids(&store.operations(&account, REGION, &Page::default(), 9).await.unwrap()), ["live", "young"]);
    assert_eq!(ids(&store.undone_operations().await.unwrap()), ["live"]);
}

on_both!(
    every_field_comes_back_as_written,
    one_live_operation_a_resource,
    superseding_operations_begin_in_order,
    a_driver_hears_that_its_operation_was_superseded,
    a_lease_is_held_until_it_runs_out,
    what_rests_is_claimed_when_it_is_due_or_superseded,
    what_ends_something_goes_first,
    pages_of_operations_join_without_gap_or_overlap,
    old_operations_are_forgotten_and_live_ones_are_not,
);
