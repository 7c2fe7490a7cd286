//! How the runner drives, over plans made for it.

use std::{
    sync::{Arc, atomic::AtomicU32, atomic::Ordering},
    time::Duration,
};

use porthole_driver::fake::{Deed, Fault, When};
use porthole_model::{
    AccountId, OperationId,
    operation::{Kind, Progress},
};
use porthole_store::{Claim, NewOperation, Operation};

use super::super::{
    Learnt,
    harness::{NAME, Trouble, World},
    plan::{AnyPlan, Plan, Step, StepError},
    runner::{Find, STUCK_ATTEMPTS, owner},
};

/// A plan of one step that ends as its state says.
static ONE_STEP: Plan<Learnt> = Plan {
    version: 1,
    deadline_ms: 5_000,
    steps: &[Step {
        name: "behave",
        deadline_ms: 50,
        interruptible: true,
        run: |_, op| Box::pin(behave(op)),
        undo: Some(|_, op| {
            Box::pin(async move {
                op.reason = format!("undone after {}", op.reason);
                Ok(())
            })
        }),
    }],
};

static TRIES: AtomicU32 = AtomicU32::new(0);

async fn behave(op: &mut Learnt) -> Result<(), StepError> {
    op.reason = "a try".into();
    match op.instance_id.as_str() {
        "hangs" => std::future::pending().await,
        "panics" => panic!("this step has a fault"),
        "comes right" if TRIES.fetch_add(1, Ordering::SeqCst) >= 2 => Ok(()),
        _ => Err(StepError::Retry { what: "not yet".into(), after: Duration::ZERO }),
    }
}

fn one_step() -> Find {
    Arc::new(|operation: &Operation| (operation.version == 1).then_some(&ONE_STEP as &dyn AnyPlan))
}

/// Inserts an operation of `ONE_STEP`'s behaviour, due now and to end within `deadline_ms`.
async fn insert(world: &World, behaviour: &str, version: i64, deadline_ms: i64) -> String {
    let account_id = AccountId::new("111122223333");
    let now_ms = world.app.clock.now_ms();
    let mut tx = world.app.store.begin().await.expect("a transaction");
    let new = NewOperation {
        id: OperationId::new(behaviour),
        kind: Kind::StartInstance,
        version,
        account_id: &account_id,
        region: &world.app.config.region,
        zone: "us-east-2a",
        resource_name: behaviour,
        resource_type: "Instance",
        resource_id: behaviour,
        details: "",
        state: Learnt::begin(behaviour),
        created_ms: now_ms,
        deadline_ms: now_ms + deadline_ms,
        done: false,
        leader: None,
    };
    let inserted = tx.insert_operation(new).await.expect("is inserted");
    tx.commit().await.expect("is written");
    world.app.wake.notify_one();
    inserted.id.to_string()
}

async fn world_of_one_step() -> World {
    let mut world = World::new().await;
    world.kill_runner();
    world.start_runner_with(one_step());
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_hangs_is_cut_off_and_undone() {
    let world = world_of_one_step().await;
    let id = insert(&world, "hangs", 1, 60_000).await;
    let ended = world.ended(&id).await;
    assert_eq!((ended.progress, &*ended.error_code), (Progress::Failed, "TimedOut"));
    assert_eq!(ended.error_details, "The step behave did not end within 0.05 seconds.");
    // What a step that was cut off had learnt is lost, as in a crash.
    assert!(ended.state.contains("undone after \""), "{}", ended.state);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_is_tried_again_until_it_comes_right() {
    let world = world_of_one_step().await;
    let id = insert(&world, "comes right", 1, 60_000).await;
    let ended = world.ended(&id).await;
    assert_eq!((ended.progress, ended.attempts), (Progress::Succeeded, 0));
    assert_eq!(TRIES.load(Ordering::SeqCst), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_is_tried_no_longer_than_the_deadline() {
    let world = world_of_one_step().await;
    let id = insert(&world, "never comes right", 1, 400).await;
    let ended = world.ended(&id).await;
    assert_eq!((ended.progress, &*ended.error_code), (Progress::Failed, "TimedOut"));
    assert!(ended.done_ms <= ended.deadline_ms, "it fails rather than wait past its deadline");
    assert!(ended.error_details.starts_with("The step behave did not succeed in "), "{}", ended.error_details);
    assert!(ended.state.contains("undone after a try"), "{}", ended.state);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_panics_fails_its_operation_alone() {
    let world = world_of_one_step().await;
    let id = insert(&world, "panics", 1, 60_000).await;
    let ended = world.ended(&id).await;
    assert_eq!((ended.progress, &*ended.error_code), (Progress::Failed, "OperationFailure"));
    let next = insert(&world, "hangs", 1, 60_000).await;
    world.ended(&next).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_without_a_driver_does_not_count() {
    let mut world = World::new().await;
    world.kill_runner();
    TRIES.store(2, Ordering::SeqCst);
    let id = insert(&world, "comes right", 1, -60_000).await;
    world.start_runner_with(one_step());
    assert_eq!(world.ended(&id).await.progress, Progress::Succeeded);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_version_rests_and_gives_way() {
    let world = World::new().await;
    let id = world.request(Kind::CreateInstance).await;
    world.ended(&id).await;
    let mut world = world;
    world.kill_runner();
    world.start_runner_with(Arc::new(|operation: &Operation| {
        // As after a downgrade: only the deletion is known.
        (operation.kind == Kind::DeleteInstance).then(|| super::plan(Kind::DeleteInstance))
    }));
    let stop = world.request(Kind::StopInstance).await;
    let rests = world.wait(&stop, |operation| operation.next_try_ms > operation.created_ms + 1_000).await;
    assert_eq!(rests.progress, Progress::Forward(0));
    let delete = world.request(Kind::DeleteInstance).await;
    assert_eq!(world.ended(&delete).await.progress, Progress::Succeeded);
    assert_eq!(world.ended(&stop).await.error_code, "Superseded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_that_fails_is_tried_for_ever_and_handed_over() {
    let world = World::ready(Kind::StartInstance).await;
    world.set_trouble(&[Trouble::FailAfter(1)]);
    world.driver.fail_always(Deed::Stop, When::Before, Fault::Final("It does not stop.".into()));
    let start = world.request(Kind::StartInstance).await;
    let stuck = world.wait(&start, |operation| operation.attempts > STUCK_ATTEMPTS).await;
    assert_eq!((stuck.progress, stuck.done_ms), (Progress::Undo(1), 0));
    assert_eq!(stuck.error_details, "Trouble was asked for.");
    assert!(world.try_request(Kind::StartSession).await.is_err(), "nothing else begins meanwhile");

    world.set_trouble(&[]);
    let delete = world.request(Kind::DeleteInstance).await;
    assert_eq!(world.ended(&delete).await.progress, Progress::Succeeded);
    let handed_over = world.operation(&start).await;
    assert_eq!((handed_over.progress, &*handed_over.error_code), (Progress::Failed, "OperationFailure"));
    assert_eq!(world.snapshot().await, "names []\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_that_fails_comes_right_by_itself() {
    let world = World::ready(Kind::StartInstance).await;
    world.set_trouble(&[Trouble::FailAfter(1)]);
    world.driver.fail_nth(Deed::Stop, 1, When::Halfway, Fault::Final("It does not stop.".into()));
    let start = world.request(Kind::StartInstance).await;
    assert_eq!(world.ended(&start).await.progress, Progress::Failed);
    assert!(world.snapshot().await.starts_with("lab-1 stopped"), "{}", world.snapshot().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_operation_does_not_hold_up_another() {
    let world = World::new().await;
    world.set_trouble(&[Trouble::HoldBefore(1)]);
    let held = world.request(Kind::CreateInstance).await;
    assert!(world.held(&held).await);
    world.set_trouble(&[]);
    let other = world.request_for("lab-2", Kind::CreateInstance).await.expect("is accepted");
    assert_eq!(world.ended(&other).await.progress, Progress::Succeeded);
    assert_eq!(world.operation(&held).await.done_ms, 0);
    world.go_on();
    assert_eq!(world.ended(&held).await.progress, Progress::Succeeded);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_something_does_not_wait_for_room() {
    let world = World::with(|config| config.operation.concurrency = 1).await;
    let first = world.request(Kind::CreateInstance).await;
    world.ended(&first).await;
    world.set_trouble(&[Trouble::HoldBefore(1)]);
    let held = world.request_for("lab-2", Kind::CreateInstance).await.expect("is accepted");
    assert!(world.held(&held).await);
    world.set_trouble(&[]);
    let waits = world.request_for("lab-3", Kind::CreateInstance).await.expect("is accepted");
    let delete = world.request_for(NAME, Kind::DeleteInstance).await.expect("is accepted");
    assert_eq!(world.ended(&delete).await.progress, Progress::Succeeded);
    assert_eq!(world.operation(&waits).await.progress, Progress::Forward(0));
    world.go_on();
    world.ended(&held).await;
    assert_eq!(world.ended(&waits).await.progress, Progress::Succeeded);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_servers_work_is_taken_over_when_its_lease_is_over() {
    let mut world = World::new().await;
    world.kill_runner();
    let id = world.request(Kind::CreateInstance).await;
    let now_ms = world.app.clock.now_ms();
    let claimed = world
        .app
        .store
        .claim("a server that died", now_ms, now_ms + 300, Claim::All, 9)
        .await
        .expect("the store answers");
    assert_eq!(claimed.len(), 1);
    world.start_runner();
    let ended = world.ended(&id).await;
    assert_eq!(ended.progress, Progress::Succeeded);
    assert!(ended.done_ms >= now_ms + 300, "not before the lease was over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lost_the_lease_writes_nothing_more() {
    let world = World::new().await;
    world.set_trouble(&[Trouble::HoldBefore(1)]);
    let id = world.request(Kind::CreateInstance).await;
    assert!(world.held(&id).await);
    let store = &world.app.store;
    store.release_leases(&owner(&world.app)).await.expect("the store answers");
    let now_ms = world.app.clock.now_ms();
    let mut taken =
        store.claim("a thief", now_ms, now_ms + 60_000, Claim::All, 9).await.expect("the store answers").remove(0);
    world.go_on();
    // The loser's step ends and its record is refused; the thief's is not.
    let other = world.request_for("lab-2", Kind::CreateInstance).await.expect("is accepted");
    world.ended(&other).await;
    assert_eq!(world.operation(&id).await, taken);
    taken.state = Learnt::begin("changed by the thief");
    store.record(&taken, "a thief", false).await.expect("the thief has the lease");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_that_failed_is_tried_again_by_a_start() {
    let world = World::new().await;
    world.driver.fail_nth(Deed::Create, 1, When::Halfway, Fault::Final("The disk is full.".into()));
    let create = world.request(Kind::CreateInstance).await;
    assert_eq!(world.ended(&create).await.error_details, "The disk is full.");
    assert!(
        world
            .snapshot()
            .await
            .contains("session failedInstanceCreation generation 0 percent 0 because \"The disk is full.\"")
    );
    let start = world.request(Kind::StartInstance).await;
    assert_eq!(world.ended(&start).await.progress, Progress::Succeeded);
    assert!(world.snapshot().await.starts_with("lab-1 running, session notStarted"), "{}", world.snapshot().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_to_another_server_cuts_a_step_off() {
    let world = World::ready(Kind::StartSession).await;
    world.set_trouble(&[Trouble::HoldBefore(0)]);
    let first = world.request(Kind::StartSession).await;
    assert!(world.held(&first).await);
    // The other server writes to the store; nobody wakes this one.
    let live = world.operation(&first).await;
    let mut tx = world.app.store.begin().await.expect("a transaction");
    tx.supersede(&live.id).await.expect("is told");
    tx.commit().await.expect("is written");
    assert_eq!(world.ended(&first).await.error_code, "Superseded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runner_that_stops_gives_its_leases_back() {
    let mut world = World::new().await;
    world.set_trouble(&[Trouble::HoldBefore(1)]);
    let id = world.request(Kind::CreateInstance).await;
    assert!(world.held(&id).await);
    world.stop_runner().await;
    let now_ms = world.app.clock.now_ms();
    let free = world.app.store.claim("another server", now_ms, now_ms, Claim::All, 9).await.expect("the store answers");
    assert_eq!(free.len(), 1, "at once, not when the lease is over");
    world.set_trouble(&[]);
    world.start_runner();
    assert_eq!(world.ended(&id).await.progress, Progress::Succeeded);
}
