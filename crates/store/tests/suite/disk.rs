//! Data disks.

use porthole_model::{
    AccountId, DiskId, InstanceId,
    disk::{Mount, State},
};
use porthole_store::{Disk, DiskUse, Page, Store, StoreError};

use crate::{database::Database, given, given::REGION, on_both};

/// A disk that is not yet in the store.
fn new_disk(account_id: &AccountId, name: &str, created_ms: i64) -> Disk {
    Disk {
        id: DiskId::new(format!("id-of-{name}")),
        account_id: account_id.clone(),
        region: REGION.into(),
        zone: "us-east-2a".into(),
        name: name.into(),
        size_gb: 64,
        state: State::Available,
        instance_id: None,
        path: String::new(),
        mount: Mount::NotMounted,
        auto_mount: false,
        from_snapshot_id: "snap".into(),
        tags: r#"{"team":"bio"}"#.into(),
        add_ons: "[]".into(),
        generation: 3,
        created_ms,
    }
}

async fn add(store: &Store, disk: Disk) -> Disk {
    let mut tx = store.begin().await.unwrap();
    tx.take_names(&disk.account_id, REGION, "Disk", &[(disk.name.clone(), disk.id.to_string())]).await.unwrap();
    tx.insert_disk(&disk).await.unwrap();
    tx.commit().await.unwrap();
    disk
}

async fn every_field_of_a_disk_comes_back_as_written(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let mut disk = new_disk(&account, "data", given::NOW_MS);
    disk.instance_id = Some(InstanceId::new("lab"));
    disk.path = "/dev/xvdf".into();
    disk.mount = Mount::Pending;
    disk.auto_mount = true;
    disk.state = State::InUse;
    let written = add(&store, disk).await;
    assert_eq!(store.disk(&written.id).await.unwrap().as_ref(), Some(&written));
    assert_eq!(store.disk_by_name(&account, REGION, "data").await.unwrap().as_ref(), Some(&written));
    assert_eq!(store.disk_by_name(&account, "eu-west-1", "data").await.unwrap(), None);
    let other = given::account(&store, '2').await;
    assert_eq!(store.disk_by_name(&other, REGION, "data").await.unwrap(), None);
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.disk(&written.id).await.unwrap().as_ref(), Some(&written));
    assert_eq!(tx.disk_by_name(&account, REGION, "data").await.unwrap(), Some(written));
}

async fn a_change_over_a_disks_change_is_a_conflict(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let read = add(&store, new_disk(&account, "data", 1)).await;
    let mut first = read.clone();
    first.state = State::InUse;
    first.instance_id = Some(InstanceId::new("lab"));
    first.path = "/dev/xvdg".into();
    first.mount = Mount::Mounted;
    first.auto_mount = true;
    first.tags = "{}".into();
    first.add_ons = "[1]".into();
    let mut tx = store.begin().await.unwrap();
    tx.update_disk(&mut first).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(first.generation, read.generation + 1);
    assert_eq!(store.disk(&read.id).await.unwrap().as_ref(), Some(&first));
    let mut second = read;
    let mut tx = store.begin().await.unwrap();
    assert!(matches!(tx.update_disk(&mut second).await, Err(StoreError::Conflict)));
}

async fn disks_of_an_instance_are_listed_by_path(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let other = given::account(&store, '2').await;
    for (owner, name, instance, path) in [
        (&account, "g", "lab", "/dev/xvdg"),
        (&account, "f", "lab", "/dev/xvdf"),
        (&account, "elsewhere", "lab-2", "/dev/xvdf"),
        (&other, "strange", "lab-3", "/dev/xvdf"),
    ] {
        let mut disk = new_disk(owner, name, 1);
        (disk.instance_id, disk.path) = (Some(InstanceId::new(instance)), path.into());
        add(&store, disk).await;
    }
    add(&store, new_disk(&account, "loose", 1)).await;
    let names = |disks: Vec<Disk>| disks.into_iter().map(|disk| disk.name).collect::<Vec<_>>();
    assert_eq!(names(store.disks_of_instance(&InstanceId::new("lab")).await.unwrap()), ["f", "g"]);
    let mut tx = store.begin().await.unwrap();
    assert_eq!(names(tx.disks_of_instance(&InstanceId::new("lab")).await.unwrap()), ["f", "g"]);
    drop(tx);
    let mut attached = names(store.attached_disks(&account, REGION).await.unwrap());
    attached.sort_unstable();
    assert_eq!(attached, ["elsewhere", "f", "g"]);
    assert_eq!(store.all_disks().await.unwrap().len(), 5);
}

async fn pages_of_disks_join_without_gap_or_overlap(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    for (name, at) in [("m2", 20), ("m0", 10), ("m4", 30), ("m1", 20), ("m3", 20)] {
        add(&store, new_disk(&account, name, at)).await;
    }
    let (mut seen, mut after) = (Vec::new(), Page::default());
    loop {
        let page = store.disks(&account, REGION, &after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Page { created_ms: last.created_ms, id: last.id.to_string() };
        seen.extend(page.into_iter().map(|disk| disk.name));
    }
    assert_eq!(seen, ["m0", "m1", "m2", "m3", "m4"]);
}

async fn use_is_counted_by_account_and_ends_with_the_disk(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let other = given::account(&store, '2').await;
    add(&store, new_disk(&other, "strange", 1)).await;
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.disk_use(&account, REGION).await.unwrap(), DiskUse::default());
    drop(tx);
    let first = add(&store, new_disk(&account, "a", 1)).await;
    add(&store, Disk { size_gb: 16_384, ..new_disk(&account, "b", 1) }).await;
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.disk_use(&account, REGION).await.unwrap(), DiskUse { disks: 2, total_gb: 16_448 });
    tx.delete_disk(&first.id).await.unwrap();
    assert_eq!(tx.disk_use(&account, REGION).await.unwrap(), DiskUse { disks: 1, total_gb: 16_384 });
    tx.commit().await.unwrap();
    assert_eq!(store.names(&account, REGION, "", 9).await.unwrap(), ["b"], "the name goes with its disk");
    assert_eq!(store.disk(&first.id).await.unwrap(), None);
}

on_both!(
    every_field_of_a_disk_comes_back_as_written,
    a_change_over_a_disks_change_is_a_conflict,
    disks_of_an_instance_are_listed_by_path,
    pages_of_disks_join_without_gap_or_overlap,
    use_is_counted_by_account_and_ends_with_the_disk,
);
