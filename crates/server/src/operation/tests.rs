//! The laws every plan keeps, tried over the whole table: success, each step twice, failure at each step, a crash before and
//! after each record, and superseding at each step.

mod disks;
mod driving;
mod snapshots;

use std::fmt::Write as _;

use expect_test::expect_file;
use porthole_model::operation::{Kind, Meeting, Progress, meet};

use super::{
    PLANNED,
    harness::{DISK, NAME, Trouble, World, play},
    plan::AnyPlan,
};

fn plan(kind: Kind) -> &'static dyn AnyPlan {
    super::plan(kind).expect("it has a plan")
}

fn steps(kind: Kind) -> u16 {
    plan(kind).steps()
}

/// The world after a plan ran without trouble, and the number of its steps' calls.
async fn success(kind: Kind) -> (String, usize) {
    let (world, ended, snapshot) = play(kind, &[], &[]).await;
    assert_eq!(ended.progress, Progress::Succeeded, "{kind:?}: {} {}", ended.error_code, ended.error_details);
    (snapshot, world.calls().len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_plan_runs_to_success() {
    let mut table = String::new();
    for &kind in PLANNED {
        let (snapshot, _) = success(kind).await;
        write!(table, "= {}\n{snapshot}", kind.name()).expect("a string takes all");
    }
    expect_file!["tests/plans_succeed.txt"].assert_eq(&table);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_step_twice_is_the_same() {
    for &kind in PLANNED {
        let (once, _) = success(kind).await;
        let (_, ended, twice) = play(kind, &[Trouble::Twice], &[]).await;
        assert_eq!(ended.progress, Progress::Succeeded, "{kind:?}");
        assert_eq!(twice, once, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_at_each_step_unwinds() {
    let mut table = String::new();
    for &kind in PLANNED {
        for step in 0..steps(kind) {
            let name = plan(kind).name(step);
            let (world, ended, before) = play(kind, &[Trouble::FailBefore(step)], &[]).await;
            assert_eq!(ended.progress, Progress::Failed, "{kind:?} {name}");
            assert_eq!((&*ended.error_code, &*ended.error_details), ("OperationFailure", "Trouble was asked for."));
            writeln!(table, "= {} fails before {name}\n{}", kind.name(), before.trim_end())
                .expect("a string takes all");
            nothing_is_stuck(world).await;

            let (world, ended, after) = play(kind, &[Trouble::FailAfter(step)], &[]).await;
            assert_eq!(ended.progress, Progress::Failed, "{kind:?} {name}");
            if after != before {
                writeln!(table, "= {} fails after {name}\n{}", kind.name(), after.trim_end())
                    .expect("a string takes all");
            }
            nothing_is_stuck(world).await;

            let (_, ended, twice) = play(kind, &[Trouble::FailAfter(step), Trouble::Twice], &[]).await;
            assert_eq!(ended.progress, Progress::Failed, "{kind:?} {name}");
            assert_eq!(twice, after, "{kind:?} {name}: undo twice is the same");
        }
    }
    expect_file!["tests/plans_unwind.txt"].assert_eq(&table);
}

/// After whatever failed, instance and disk can be deleted and nothing is left of them.
async fn nothing_is_stuck(world: World) {
    world.set_trouble(&[]);
    let store = &world.app.store;
    let mut there = Vec::new();
    world.delete_snapshots().await;
    if !store.all_instances().await.expect("the store answers").is_empty() {
        there.push(Kind::DeleteInstance);
    }
    if !store.all_disks().await.expect("the store answers").is_empty() {
        there.push(Kind::DeleteDisk);
    }
    for kind in there {
        let id = world.request(kind).await;
        assert_eq!(world.ended(&id).await.progress, Progress::Succeeded);
    }
    // Records of exports stay: they tell what became of them.
    let snapshot = world.snapshot().await;
    let left: Vec<&str> = snapshot.lines().filter(|line| !line.starts_with("export of ")).collect();
    assert_eq!(left, ["names []"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crash_before_and_after_each_record_recovers() {
    for &kind in PLANNED {
        let (expected, calls) = success(kind).await;
        for call in 0..calls {
            for crash in [Trouble::CrashBefore(call), Trouble::CrashAfter(call)] {
                let (_, ended, snapshot) = play(kind, &[crash], &[]).await;
                assert_eq!(ended.progress, Progress::Succeeded, "{kind:?} {crash:?}");
                assert_eq!(snapshot, expected, "{kind:?} {crash:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crash_while_undoing_recovers() {
    for &kind in PLANNED {
        let fail = Trouble::FailAfter(steps(kind) - 1);
        let (world, _, expected) = play(kind, &[fail], &[]).await;
        for call in usize::from(steps(kind))..world.calls().len() {
            for crash in [Trouble::CrashBefore(call), Trouble::CrashAfter(call)] {
                let (_, ended, snapshot) = play(kind, &[fail, crash], &[fail]).await;
                assert_eq!(ended.progress, Progress::Failed, "{kind:?} {crash:?}");
                assert_eq!(snapshot, expected, "{kind:?} {crash:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn superseding_at_each_step_takes_effect() {
    for &live in PLANNED {
        let superseding =
            PLANNED.iter().copied().filter(|new| meet(live, *new) == Meeting::Supersedes && share(live, *new));
        for new in superseding {
            for step in 0..steps(live) {
                supersede(live, new, step).await;
            }
        }
    }
}

/// Says whether two kinds of operation can meet on one resource.
fn share(live: Kind, new: Kind) -> bool {
    match new {
        Kind::StopInstance | Kind::DeleteInstance | Kind::StopSession => matches!(
            live,
            Kind::CreateInstance
                | Kind::CreateInstancesFromSnapshot
                | Kind::CreateInstanceSnapshot
                | Kind::StartInstance
                | Kind::StopInstance
                | Kind::RebootInstance
                | Kind::StartSession
                | Kind::StopSession
                | Kind::AttachDisk
                | Kind::DetachDisk
        ),
        // What is attached, or being attached, is not deleted.
        Kind::DeleteDisk => {
            matches!(live, Kind::CreateDisk | Kind::CreateDiskFromSnapshot | Kind::CreateDiskSnapshot)
        }
        Kind::DeleteInstanceSnapshot => matches!(live, Kind::CreateInstanceSnapshot | Kind::ExportSnapshot),
        Kind::DeleteDiskSnapshot => live == Kind::CreateDiskSnapshot,
        _ => false,
    }
}

async fn supersede(live: Kind, new: Kind, step: u16) {
    let what = format!("{new:?} during {live:?} at {}", plan(live).name(step));
    let world = World::ready(live).await;
    world.set_trouble(&[Trouble::HoldBefore(step)]);
    let first = world.request(live).await;
    assert!(world.held(&first).await, "{what}");
    let second = world.request(new).await;
    let superseded = world.operation(&first).await.superseded;
    if plan(live).interruptible(step) && superseded {
        // Nobody lets the step go on: it is cut off.
        assert_eq!(world.ended(&first).await.error_code, "Superseded", "{what}");
    }
    world.go_on();
    let first = world.ended(&first).await;
    let second = world.ended(&second).await;
    assert_eq!(second.progress, Progress::Succeeded, "{what}: {}", second.error_details);
    // A last step that may not be cut off is the operation's success.
    let was_over = !plan(live).interruptible(step) && step + 1 == steps(live);
    if superseded && !was_over {
        assert_eq!((first.progress, &*first.error_code), (Progress::Failed, "Superseded"), "{what}");
    } else {
        assert_eq!(first.progress, Progress::Succeeded, "{what}: what there was to end was not there yet");
    }
    let snapshot = world.snapshot().await;
    let lines: Vec<&str> = snapshot.lines().collect();
    match new {
        Kind::DeleteInstance => assert!(lines.iter().all(|line| !line.contains(NAME)), "{what}: {snapshot}"),
        Kind::DeleteDisk => assert!(!snapshot.contains(&format!("{DISK} ")), "{what}: {snapshot}"),
        Kind::DeleteInstanceSnapshot | Kind::DeleteDiskSnapshot => {
            let left = lines.iter().find(|line| line.contains("snap-1") && !line.starts_with("export of "));
            assert_eq!(left, None, "{what}: {snapshot}");
        }
        Kind::StopInstance => {
            assert!(lines[0].starts_with(&format!("{NAME} stopped, session ")), "{what}: {snapshot}");
            assert!(!snapshot.contains("Running") && !snapshot.contains("Partial"), "{what}: {snapshot}");
        }
        Kind::StopSession => {
            assert!(!lines[0].contains("session st") || lines[0].contains("session stopped"), "{what}: {snapshot}");
            assert!(!snapshot.contains("displays [\""), "{what}: {snapshot}");
        }
        Kind::CreateInstance | Kind::StartInstance | Kind::RebootInstance | Kind::StartSession => {
            unreachable!("they supersede nothing")
        }
        other => unreachable!("{other:?} supersedes nothing here"),
    }
    nothing_is_stuck(world).await;
}
