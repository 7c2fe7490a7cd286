//! Snapshots beyond the laws of their plans.

use porthole_driver::fake::{Deed, Fault, When};
use porthole_model::{
    add_on::{self, AddOn},
    operation::{Kind, Progress},
    snapshot::State,
};

use super::super::harness::{DISK, NAME, SNAPSHOT, World};
use crate::reconcile::auto_snapshot;

async fn run(world: &World, kinds: &[Kind]) {
    for &kind in kinds {
        let id = world.request(kind).await;
        let ended = world.ended(&id).await;
        assert_eq!(ended.progress, Progress::Succeeded, "{kind:?}: {}", ended.error_details);
    }
}

async fn states(world: &World) -> Vec<(String, State)> {
    let all = world.app.store.all_snapshots().await.expect("the store answers");
    all.into_iter().map(|snapshot| (snapshot.auto_date + &snapshot.name, snapshot.state)).collect()
}

/// Enables automatic snapshots at midnight.
async fn enable(world: &World) {
    let mut instance = world.app.store.all_instances().await.expect("the store answers").remove(0);
    instance.add_ons = add_on::write(&[AddOn::AutoSnapshot { minute_of_day: 0 }]);
    let mut tx = world.app.store.begin().await.expect("a transaction");
    tx.update_instance(&mut instance).await.expect("nobody else changes it");
    tx.commit().await.expect("is written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_snapshot_says_so_and_can_be_deleted() {
    let world = World::new().await;
    run(&world, &[Kind::CreateInstance]).await;
    let full = Fault::Final("The disk is full.".into());
    world.driver.fail_nth(Deed::CreateSnapshot, 1, When::After, full);
    let id = world.request(Kind::CreateInstanceSnapshot).await;
    let ended = world.ended(&id).await;
    assert_eq!((ended.progress, &*ended.error_details), (Progress::Failed, "The disk is full."));
    assert_eq!(states(&world).await, [(SNAPSHOT.to_owned(), State::Error)]);
    assert!(world.driver.snapshot_ids().is_empty());
    assert!(world.try_request(Kind::ExportSnapshot).await.is_err());
    run(&world, &[Kind::DeleteInstanceSnapshot, Kind::CreateInstanceSnapshot]).await;
    assert_eq!(states(&world).await, [(SNAPSHOT.to_owned(), State::Available)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disks_come_with_the_instance_and_are_retried_by_a_start() {
    let world = World::new().await;
    let before = [Kind::CreateInstance, Kind::CreateDisk, Kind::AttachDisk, Kind::CreateInstanceSnapshot];
    run(&world, &before).await;
    run(&world, &[Kind::StopInstance, Kind::DeleteInstance, Kind::DeleteDisk]).await;
    world.driver.fail_nth(Deed::CreateDiskFromSnapshot, 1, When::Before, Fault::Final("The disk is full.".into()));
    let id = world.request(Kind::CreateInstancesFromSnapshot).await;
    assert_eq!(world.ended(&id).await.progress, Progress::Failed);
    assert!(world.driver.snapshot().disks.is_empty());
    run(&world, &[Kind::StartInstance]).await;
    let text = world.snapshot().await;
    assert!(text.contains(&format!("{NAME}-{DISK} in-use, 8 GB, Mounted, at /dev/xvdf of {NAME}")), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_automatic_snapshot_a_day_and_seven_are_kept() {
    let world = World::new().await;
    run(&world, &[Kind::CreateInstance]).await;
    auto_snapshot::run(&world.app).await.expect("it runs");
    assert!(states(&world).await.is_empty(), "it is not enabled");
    enable(&world).await;
    auto_snapshot::run(&world.app).await.expect("it runs");
    assert!(states(&world).await.is_empty(), "what was due before it was there is not made up for");
    for day in 1..=9 {
        world.auto_snapshot(&format!("2026-01-0{day}")).await;
    }
    auto_snapshot::run(&world.app).await.expect("it runs");
    world.no_operation_left().await;
    let kept: Vec<(String, State)> = (3..=9).map(|day| (format!("2026-01-0{day}"), State::Available)).collect();
    let mut have = states(&world).await;
    have.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(have, kept);
    world.auto_snapshot("2026-01-09").await;
    assert_eq!(states(&world).await.len(), 7, "one a day");
    run(&world, &[Kind::DeleteInstance]).await;
    auto_snapshot::run(&world.app).await.expect("it runs");
    world.no_operation_left().await;
    assert!(states(&world).await.is_empty(), "they go with their instance");
    assert!(world.driver.snapshot_ids().is_empty());
}
