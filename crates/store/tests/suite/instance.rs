//! Instances with their sessions.

use porthole_model::{
    InstanceId,
    instance::State,
    session::{Session, Status},
};
use porthole_store::{FIRST_INDEX, Page, StoreError};

use crate::{database::Database, given, given::REGION, on_both};

async fn every_field_comes_back_as_written(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let written = given::add(&store, given::new_instance(&account, "lab-1", given::NOW_MS)).await.unwrap();
    assert_eq!(written.address_index, FIRST_INDEX);
    assert_eq!(store.instance(&written.id).await.unwrap().as_ref(), Some(&written));
    assert_eq!(store.instance_by_name(&account, REGION, "lab-1").await.unwrap().as_ref(), Some(&written));
    assert_eq!(store.instance_by_name(&account, "eu-west-1", "lab-1").await.unwrap(), None);
    let other = given::account(&store, '2').await;
    assert_eq!(
        store.instance_by_name(&other, REGION, "lab-1").await.unwrap(),
        None,
        "accounts see nothing of one another"
    );
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.instance(&written.id).await.unwrap().as_ref(), Some(&written));
    assert_eq!(tx.instance_by_name(&account, REGION, "lab-1").await.unwrap(), Some(written));
}

async fn a_change_over_a_change_is_a_conflict(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let read = given::add(&store, given::new_instance(&account, "lab", 1)).await.unwrap();

    let mut first = read.clone();
    first.state = State::Running;
    first.bundle_id = "micro_3_0".into();
    first.tags = "{}".into();
    first.add_ons = "[]".into();
    first.session = Session {
        status: Status::Started,
        generation: 8,
        percent: 100,
        failure_reason: String::new(),
        expires_at_ms: 99,
    };
    let mut tx = store.begin().await.unwrap();
    tx.update_instance(&mut first).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(first.generation, read.generation + 1);
    assert_eq!(store.instance(&read.id).await.unwrap().as_ref(), Some(&first));

    let mut second = read;
    second.state = State::Stopped;
    let mut tx = store.begin().await.unwrap();
    assert!(matches!(tx.update_instance(&mut second).await, Err(StoreError::Conflict)));
    drop(tx);
    assert_eq!(store.instance(&first.id).await.unwrap(), Some(first));
}

async fn the_lowest_free_address_is_leased_until_the_instance_goes(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let mut ids = Vec::new();
    for (at, name) in ["a0", "a1", "a2"].into_iter().enumerate() {
        let instance = given::add(&store, given::new_instance(&account, name, 1)).await.unwrap();
        assert_eq!(instance.address_index, FIRST_INDEX + at as u32);
        ids.push(instance.id);
    }
    for (gone, name) in [(1, "b1"), (0, "b0"), (2, "b2")] {
        let mut tx = store.begin().await.unwrap();
        tx.delete_instance(&ids[gone]).await.unwrap();
        tx.commit().await.unwrap();
        let instance = given::add(&store, given::new_instance(&account, name, 1)).await.unwrap();
        assert_eq!(instance.address_index, FIRST_INDEX + gone as u32, "the gap is filled");
    }
    let mut tx = store.begin().await.unwrap();
    for instance in store.all_instances().await.unwrap() {
        tx.delete_instance(&instance.id).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert!(store.all_instances().await.unwrap().is_empty());
    assert!(store.names(&account, REGION, "", 10).await.unwrap().is_empty(), "names go with their instances");
    let instance = given::add(&store, given::new_instance(&account, "c0", 1)).await.unwrap();
    assert_eq!(instance.address_index, FIRST_INDEX);
}

async fn pages_of_instances_join_without_gap_or_overlap(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    // Several in one millisecond, and inserted out of order.
    for (name, at) in [("m2", 20), ("m0", 10), ("m4", 30), ("m1", 20), ("m3", 20)] {
        given::add(&store, given::new_instance(&account, name, at)).await.unwrap();
    }
    let (mut seen, mut after) = (Vec::new(), Page::default());
    loop {
        let page = store.instances(&account, REGION, &after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Page { created_ms: last.created_ms, id: last.id.to_string() };
        seen.extend(page.into_iter().map(|instance| instance.name));
    }
    assert_eq!(seen, ["m0", "m1", "m2", "m3", "m4"]);
    let other = given::account(&store, '2').await;
    assert!(store.instances(&other, REGION, &Page::default(), 9).await.unwrap().is_empty());
}

async fn only_started_sessions_whose_time_is_over_are_expired(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    for (name, status, expires_at_ms) in [
        ("over", Status::Started, 100),
        ("running", Status::Started, 101),
        ("stopped", Status::Stopped, 0),
        ("marked", Status::StartExpired, 0),
    ] {
        let mut instance = given::new_instance(&account, name, 1);
        instance.session = Session { status, expires_at_ms, ..Session::new() };
        given::add(&store, instance).await.unwrap();
    }
    let expired = store.expired_sessions(100).await.unwrap();
    assert_eq!(expired.iter().map(|instance| instance.name.as_str()).collect::<Vec<_>>(), ["over"]);
}

async fn what_was_not_committed_never_was(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let mut instance = given::new_instance(&account, "lab", 1);
    let mut tx = store.begin().await.unwrap();
    tx.take_names(&account, REGION, "Instance", &[("lab".into(), instance.id.to_string())]).await.unwrap();
    tx.insert_instance(&mut instance).await.unwrap();
    assert_eq!(store.instance(&instance.id).await.unwrap(), None, "nobody sees it before the commit");
    drop(tx);
    assert_eq!(store.instance(&instance.id).await.unwrap(), None);
    assert!(store.names(&account, REGION, "", 10).await.unwrap().is_empty());
    given::add(&store, instance).await.unwrap();
}

async fn everything_is_there_after_opening_again(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let written = given::add(&store, given::new_instance(&account, "lab", 1)).await.unwrap();
    store.close().await;
    let store = database.open().await;
    assert_eq!(store.instance(&written.id).await.unwrap(), Some(written));
    assert_eq!(store.instance(&InstanceId::new("other")).await.unwrap(), None);
    store.ping().await.unwrap();
    store.close().await;
    assert!(matches!(store.ping().await, Err(StoreError::Database(_))));
}

on_both!(
    every_field_comes_back_as_written,
    a_change_over_a_change_is_a_conflict,
    the_lowest_free_address_is_leased_until_the_instance_goes,
    pages_of_instances_join_without_gap_or_overlap,
    only_started_sessions_whose_time_is_over_are_expired,
    what_was_not_committed_never_was,
    everything_is_there_after_opening_again,
);
