//! Data disks beyond the laws of their plans.

use porthole_api::types::DeleteInstanceRequest;
use porthole_driver::fake::{Deed, Fault, When};
use porthole_model::{
    disk::{Mount, State},
    operation::{Kind, Progress},
};
use porthole_store::Disk;

use super::super::harness::{DISK, NAME, World};
use crate::{auth::Caller, dispatch::Request, reconcile, service};

async fn run(world: &World, kinds: &[Kind]) {
    for &kind in kinds {
        let id = world.request(kind).await;
        let ended = world.ended(&id).await;
        assert_eq!(ended.progress, Progress::Succeeded, "{kind:?}: {}", ended.error_details);
    }
}

async fn disk(world: &World) -> Disk {
    world.app.store.all_disks().await.expect("the store answers").pop().expect("there is one")
}

fn mounts(world: &World) -> usize {
    world.driver.snapshot().instances.values().map(|instance| instance.mounts.len()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_attached_while_stopped_is_mounted_at_the_next_start_and_at_each_after_it() {
    let world = World::new().await;
    run(&world, &[Kind::CreateInstance, Kind::CreateDisk, Kind::StopInstance, Kind::AttachDisk]).await;
    assert_eq!((disk(&world).await.mount, mounts(&world)), (Mount::Pending, 0));
    run(&world, &[Kind::StartInstance]).await;
    assert_eq!((disk(&world).await.mount, mounts(&world)), (Mount::Mounted, 1));
    run(&world, &[Kind::RebootInstance]).await;
    assert_eq!((disk(&world).await.mount, mounts(&world)), (Mount::Mounted, 1));
    run(&world, &[Kind::StopInstance]).await;
    assert_eq!(mounts(&world), 0);
    run(&world, &[Kind::DetachDisk]).await;
    let after = disk(&world).await;
    assert_eq!((after.state, after.mount, &*after.path), (State::Available, Mount::NotMounted, ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_cannot_be_mounted_says_so_and_keeps_nothing_from_running() {
    let world = World::new().await;
    run(&world, &[Kind::CreateInstance, Kind::CreateDisk]).await;
    world.driver.fail_always(Deed::MountDisk, When::Before, Fault::Final("It is broken.".into()));
    run(&world, &[Kind::AttachDisk]).await;
    let failed = disk(&world).await;
    assert_eq!((failed.state, failed.mount), (State::InUse, Mount::Failed));
    run(&world, &[Kind::RebootInstance]).await;
    assert_eq!(disk(&world).await.mount, Mount::Failed);
    world.driver.clear_faults();
    run(&world, &[Kind::RebootInstance]).await;
    assert_eq!((disk(&world).await.mount, mounts(&world)), (Mount::Mounted, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_an_instance_detaches_its_disks_and_keeps_them() {
    let world = World::new().await;
    run(&world, &[Kind::CreateInstance, Kind::CreateDisk, Kind::AttachDisk]).await;
    let caller = Caller { account_id: "111122223333".into(), access_key_id: "AKIA".into(), policy: None, person: None };
    let cx = Request { app: &world.app, caller: &caller };
    let input = DeleteInstanceRequest { instance_name: NAME.into(), force_delete_add_ons: None };
    let operations = service::instance::delete(cx, input).await.expect("is accepted").operations.expect("operations");
    let told: Vec<_> = operations
        .iter()
        .map(|operation| {
            let kind = operation.operation_type.expect("a type").as_str();
            (kind, operation.resource_name.as_deref(), operation.operation_details.as_deref())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("DetachDisk", Some(DISK), Some(NAME)),
            ("DetachDisk", Some(NAME), Some(DISK)),
            ("DeleteInstance", Some(NAME), Some("")),
        ]
    );
    for operation in operations {
        let ended = world.ended(operation.id.as_deref().expect("an id")).await;
        assert_eq!(ended.progress, Progress::Succeeded);
    }
    assert_eq!(
        world.snapshot().await,
        "data-1 available, 8 GB, NotMounted\nnames [\"data-1\"]\ndriver: data-1 of 8 GB\n"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attach_keeps_both_resources_busy_and_asking_again_gets_it() {
    let world = World::ready(Kind::AttachDisk).await;
    world.driver.fail_always(Deed::MountDisk, When::Before, Fault::Hang);
    let first = world.request(Kind::AttachDisk).await;
    assert_eq!(world.request(Kind::AttachDisk).await, first);
    let refused = world.try_request(Kind::RebootInstance).await.expect_err("the instance is busy");
    assert!(refused.message().starts_with("The AttachDisk operation on lab-1 is under way."), "{refused}");
    let refused = world.try_request(Kind::DeleteDisk).await.expect_err("the disk is attached");
    assert!(refused.message().ends_with("still attached to a Lightsail instance: lab-1"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_no_disk_has_are_removed() {
    use porthole_driver::Storage as _;
    let world = World::new().await;
    run(&world, &[Kind::CreateDisk]).await;
    world.driver.ensure_disk("nobodys", 8 << 30).await.expect("is made");
    reconcile::disks::release(&world.app).await.expect("it runs");
    assert_eq!(world.driver.disks().await.expect("it looks"), [disk(&world).await.id.to_string()]);
}
