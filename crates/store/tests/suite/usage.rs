//! Runs, measured points, and decisions about being idle.

use porthole_model::{
    InstanceId,
    metric::{Metric, Minute, Row, Step},
};
use porthole_store::{Instance, Run, Store};

use crate::{database::Database, given, on_both};

async fn lab(store: &Store) -> Instance {
    let account = given::account(store, '1').await;
    given::add(store, given::new_instance(&account, "lab", 1)).await.unwrap()
}

async fn begin(store: &Store, instance: &Instance, price_micros: i64, now_ms: i64) {
    let mut tx = store.begin().await.unwrap();
    tx.begin_run(instance, price_micros, now_ms).await.unwrap();
    tx.commit().await.unwrap();
}

async fn end(store: &Store, id: &InstanceId, now_ms: i64) {
    let mut tx = store.begin().await.unwrap();
    tx.end_run(id, now_ms).await.unwrap();
    tx.commit().await.unwrap();
}

async fn runs_keep_their_price_and_one_is_open(database: Database) {
    let store = database.open().await;
    let lab = lab(&store).await;
    end(&store, &lab.id, 5).await;
    begin(&store, &lab, 900_000, 10).await;
    assert_eq!(store.open_runs().await.unwrap(), [(lab.id.to_string(), 10)]);
    // A reboot.
    begin(&store, &lab, 1_110_000, 20).await;
    end(&store, &lab.id, 30).await;
    end(&store, &lab.id, 40).await;
    begin(&store, &lab, 900_000, 50).await;
    let run = |price_micros, began_ms, ended_ms| Run { bundle_id: "nano_3_0".into(), price_micros, began_ms, ended_ms };
    let all = [run(900_000, 10, 20), run(1_110_000, 20, 30), run(900_000, 50, 0)];
    assert_eq!(store.runs(&lab.id, 0, 100).await.unwrap(), all);
    assert_eq!(store.runs(&lab.id, 20, 50).await.unwrap(), [all[1].clone()]);
    assert_eq!(store.runs(&lab.id, 60, 70).await.unwrap(), [all[2].clone()], "an open run has no end");
    end(&store, &lab.id, 45).await;
    assert_eq!(store.runs(&lab.id, 50, 100).await.unwrap(), [], "a clock set back makes no negative run");
}

async fn points_are_written_over_and_found_by_time(database: Database) {
    let store = database.open().await;
    let lab = lab(&store).await;
    let mut first = Row::empty(Step::Minute, 7_200);
    first.put(7_260, &Minute { cpu_percent: 12.5, ..Minute::default() });
    let second = Row::empty(Step::Minute, 10_800);
    let mut tx = store.begin().await.unwrap();
    tx.put_metric(&lab.id, &Row::empty(Step::Minute, 7_200)).await.unwrap();
    tx.put_metric(&lab.id, &first).await.unwrap();
    tx.put_metric(&lab.id, &second).await.unwrap();
    tx.put_metric(&lab.id, &Row::empty(Step::Hour, 0)).await.unwrap();
    assert_eq!(tx.metric(&lab.id, Step::Minute, 7_200).await.unwrap().as_ref(), Some(&first));
    assert_eq!(tx.metric(&lab.id, Step::FiveMinutes, 7_200).await.unwrap(), None);
    assert_eq!(tx.instance_ids().await.unwrap().len(), 1);
    tx.commit().await.unwrap();
    assert_eq!(store.metrics(&lab.id, Step::Minute, 0, 20_000).await.unwrap(), [first.clone(), second]);
    let found = store.metrics(&lab.id, Step::Minute, 7_200, 10_800).await.unwrap();
    let (at_s, point) = found[0].points().next().unwrap();
    assert_eq!((at_s, Metric::CpuUtilization.of(&point).max), (7_260, 12.5));
    let mut tx = store.begin().await.unwrap();
    tx.delete_metric(&lab.id, Step::Minute, 7_200).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.metrics(&lab.id, Step::Minute, 0, 20_000).await.unwrap().len(), 1);
}

async fn old_points_become_coarser_and_the_oldest_go(database: Database) {
    let store = database.open().await;
    let lab = lab(&store).await;
    let mut tx = store.begin().await.unwrap();
    for hour in 0..26 {
        let mut row = Row::empty(Step::Minute, hour * 3600);
        for minute in 0..60 {
            row.put(hour * 3600 + minute * 60, &Minute { read_ops: 10.0, ..Minute::default() });
        }
        tx.put_metric(&lab.id, &row).await.unwrap();
    }
    tx.commit().await.unwrap();
    let rows = |step| store.metrics(&lab.id, step, 0, i64::MAX / 2);
    let day_s = 86_400;
    store.roll_up_metrics(&lab.id, 15 * day_s + 3600).await.unwrap();
    assert_eq!(rows(Step::Minute).await.unwrap().len(), 26, "they are kept for 15 days");
    store.roll_up_metrics(&lab.id, 16 * day_s + 3600).await.unwrap();
    let counts = (rows(Step::Minute).await.unwrap().len(), rows(Step::FiveMinutes).await.unwrap().len());
    assert_eq!(counts, (2, 24));
    store.roll_up_metrics(&lab.id, 66 * day_s).await.unwrap();
    let days = rows(Step::Hour).await.unwrap();
    assert_eq!(days.len(), 2, "a row a day");
    let hours: Vec<_> =
        days.iter().flat_map(Row::points).map(|(at, point)| (at, Metric::DiskReadOps.of(&point))).collect();
    assert_eq!((hours.len(), hours[3].0, hours[3].1.sum, hours[3].1.count), (26, 3 * 3600, 600.0, 60.0));
    store.roll_up_metrics(&lab.id, 460 * day_s).await.unwrap();
    assert!(rows(Step::Hour).await.unwrap().is_empty());
}

async fn all_of_it_goes_with_the_instance(database: Database) {
    let store = database.open().await;
    let lab = lab(&store).await;
    begin(&store, &lab, 1, 10).await;
    let mut tx = store.begin().await.unwrap();
    tx.put_metric(&lab.id, &Row::empty(Step::Minute, 0)).await.unwrap();
    tx.put_idle_decisions(&lab.id, "[]").await.unwrap();
    tx.put_idle_decisions(&lab.id, "[1]").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.idle_decisions(&lab.id).await.unwrap(), "[1]");
    let mut tx = store.begin().await.unwrap();
    tx.delete_instance(&lab.id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.runs(&lab.id, 0, 100).await.unwrap(), []);
    assert_eq!(store.metrics(&lab.id, Step::Minute, 0, 100).await.unwrap(), []);
    assert_eq!(store.idle_decisions(&lab.id).await.unwrap(), "");
}

on_both!(
    runs_keep_their_price_and_one_is_open,
    points_are_written_over_and_found_by_time,
    old_points_become_coarser_and_the_oldest_go,
    all_of_it_goes_with_the_instance,
);
