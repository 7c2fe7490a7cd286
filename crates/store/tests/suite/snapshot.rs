//! Snapshots and the records of exports.

use porthole_model::{
    AccountId, SnapshotId,
    snapshot::{Kind, Part, State},
};
use porthole_store::{ExportRecord, Page, Snapshot, Store, StoreError};

use crate::{
    database::Database,
    given::{self, NOW_MS, REGION},
    on_both,
};

fn new_snapshot(account_id: &AccountId, name: &str, created_ms: i64) -> Snapshot {
    Snapshot {
        id: SnapshotId::new(format!("id-of-{name}")),
        account_id: account_id.clone(),
        region: REGION.into(),
        name: name.into(),
        kind: Kind::InstanceSnapshot,
        state: State::Pending,
        progress: 3,
        auto_date: String::new(),
        from_auto: true,
        source_type: "Instance".into(),
        source_id: "id-of-lab".into(),
        source_name: "lab".into(),
        blueprint_id: "debian_12".into(),
        bundle_id: "nano_3_0".into(),
        size_gb: 20,
        disks: vec![Part { id: "d".into(), name: "data \"1\"".into(), path: "/dev/xvdf".into(), size_gb: 8 }],
        tags: r#"{"team":"bio"}"#.into(),
        generation: 4,
        created_ms,
    }
}

async fn add(store: &Store, snapshot: &Snapshot) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    if !snapshot.name.is_empty() {
        let name = (snapshot.name.clone(), snapshot.id.to_string());
        tx.take_names(&snapshot.account_id, REGION, "InstanceSnapshot", &[name]).await?;
    }
    tx.insert_snapshot(snapshot).await?;
    tx.commit().await
}

async fn every_field_comes_back_as_written(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let mut written = new_snapshot(&account, "s1", NOW_MS);
    add(&store, &written).await.unwrap();
    assert_eq!(store.snapshot(&written.id).await.unwrap().as_ref(), Some(&written));
    assert_eq!(store.snapshot_by_name(&account, REGION, "s1").await.unwrap().as_ref(), Some(&written));
    assert_eq!(store.snapshot_by_name(&account, "eu-west-1", "s1").await.unwrap(), None);
    let other = given::account(&store, '2').await;
    assert_eq!(store.snapshot_by_name(&other, REGION, "s1").await.unwrap(), None);
    (written.state, written.progress, written.tags) = (State::Available, 100, "{}".into());
    let mut stale = written.clone();
    let mut tx = store.begin().await.unwrap();
    tx.update_snapshot(&mut written).await.unwrap();
    assert!(matches!(tx.update_snapshot(&mut stale).await, Err(StoreError::Conflict)));
    tx.commit().await.unwrap();
    assert_eq!(store.all_snapshots().await.unwrap(), [written.clone()]);
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.count_snapshots(&account, REGION).await.unwrap(), 1);
    tx.delete_snapshot(&written.id).await.unwrap();
    assert_eq!(tx.count_snapshots(&account, REGION).await.unwrap(), 0);
    tx.commit().await.unwrap();
    assert!(store.names(&account, REGION, "", 10).await.unwrap().is_empty(), "its name is free");
}

async fn a_day_has_one_automatic_snapshot(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    for (id, date) in [("b", "2026-01-02"), ("a", "2026-01-01")] {
        let auto = Snapshot {
            id: SnapshotId::new(id),
            name: String::new(),
            auto_date: date.into(),
            ..new_snapshot(&account, "", NOW_MS)
        };
        add(&store, &auto).await.unwrap();
        let again = Snapshot { id: SnapshotId::new(format!("{id}2")), ..auto };
        assert!(matches!(add(&store, &again).await, Err(StoreError::Conflict)));
    }
    let autos = store.auto_snapshots("id-of-lab").await.unwrap();
    assert_eq!(autos.iter().map(|auto| auto.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    let page = Page::default();
    assert!(store.snapshots(&account, REGION, Kind::InstanceSnapshot, &page, 9).await.unwrap().is_empty());
    assert_eq!(store.snapshot_by_name(&account, REGION, "").await.unwrap(), None, "they have no name");
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.count_snapshots(&account, REGION).await.unwrap(), 0, "and count for nothing");
    assert_eq!(tx.auto_snapshots("id-of-lab").await.unwrap(), autos);
}

async fn pages_of_snapshots_are_of_one_kind(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    for (name, at) in [("s2", 20), ("s0", 10), ("s1", 20)] {
        add(&store, &new_snapshot(&account, name, at)).await.unwrap();
    }
    add(&store, &Snapshot { kind: Kind::DiskSnapshot, ..new_snapshot(&account, "d0", 1) }).await.unwrap();
    let all = store.snapshots(&account, REGION, Kind::InstanceSnapshot, &Page::default(), 9).await.unwrap();
    assert_eq!(all.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["s0", "s1", "s2"]);
    let after = Page { created_ms: 20, id: "id-of-s1".into() };
    let rest = store.snapshots(&account, REGION, Kind::InstanceSnapshot, &after, 9).await.unwrap();
    assert_eq!(rest.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["s2"]);
}

async fn exports_keep_what_they_were_made_of(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let mut record = ExportRecord {
        id: "e1".into(),
        account_id: account.clone(),
        region: REGION.into(),
        name: "ExportSnapshotRecord-e1".into(),
        state: "Started".into(),
        source: new_snapshot(&account, "s1", NOW_MS),
        destination: String::new(),
        generation: 0,
        created_ms: NOW_MS,
    };
    let mut tx = store.begin().await.unwrap();
    tx.insert_export_record(&record).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.export_record("e1").await.unwrap().as_ref(), Some(&record));
    (record.state, record.destination) = ("Succeeded".into(), "/exports/e1".into());
    let mut tx = store.begin().await.unwrap();
    tx.update_export_record(&mut record).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.export_records(&account, REGION, &Page::default(), 9).await.unwrap(), [record]);
}

on_both!(
    every_field_comes_back_as_written,
    a_day_has_one_automatic_snapshot,
    pages_of_snapshots_are_of_one_kind,
    exports_keep_what_they_were_made_of,
);
