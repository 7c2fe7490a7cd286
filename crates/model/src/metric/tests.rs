use proptest::prelude::*;

use super::*;

fn minute(cpu_percent: f64) -> Minute {
    Minute { cpu_percent, network_in: 1e6, read_ms: 30_000.0, write_ms: 30_000.0, ..Minute::default() }
}

proptest! {
    #[test]
    fn packed_numbers_are_exact_when_small_and_near_when_large(value in 0_u64..1 << 53) {
        let back = unpack(pack(value as f64));
        let error = (back - value as f64).abs();
        let most = if value < 2048 { 0.0 } else { value as f64 / 2048.0 };
        prop_assert!(error <= most);
    }

    #[test]
    fn codes_come_back_as_they_were(code in 0_u16..50_000) {
        prop_assert_eq!(pack(unpack(code)), code);
    }

    #[test]
    fn rolling_up_keeps_every_statistic(values in prop::collection::vec(0_u32..2000, 1..60), period in 1_i64..=12) {
        let mut fine = Row::empty(Step::Minute, 7200);
        for (at, value) in values.iter().enumerate() {
            fine.put(7200 + at as i64 * 60, &Minute { read_ops: (*value).into(), ..Minute::default() });
        }
        let mut coarse = Row::empty(Step::FiveMinutes, 7200);
        coarse.take(&fine);
        let range = (7200, 10_800);
        let from = |row: &Row| statistics(row.points().collect::<Vec<_>>(), Metric::DiskReadOps, range, period * 300);
        for ((at, a), (at_coarse, b)) in from(&fine).into_iter().zip(from(&coarse)) {
            prop_assert_eq!((at, a.min, a.max, a.count), (at_coarse, b.min, b.max, b.count));
            prop_assert!((a.sum - b.sum).abs() <= a.sum / 1000.0);
        }
    }
}

#[test]
fn a_row_is_small_and_of_a_fixed_size() {
    let sizes = Step::ALL.map(|step| Row::empty(step, 0).bytes().len());
    assert_eq!(sizes, [1260, 840, 1680]);
}

#[test]
fn a_minute_comes_back() {
    let mut row = Row::empty(Step::Minute, 3_599);
    assert_eq!(row.began_s, 0);
    let failed = Minute { instance_failed: true, ..minute(12.34) };
    row.put(3_599, &failed);
    row.put(3_600, &failed);
    let points: Vec<_> = row.points().collect();
    assert_eq!(points.len(), 1, "a minute outside the row is not written");
    assert_eq!(points[0].0, 3_540);
    let of = |metric: Metric| metric.of(&points[0].1);
    assert_eq!(of(Metric::CpuUtilization), Stat::constant(12.34, 1.0));
    assert!((of(Metric::NetworkIn).sum - 1e6).abs() < 1e6 / 2048.0);
    assert!((of(Metric::DiskTotalReadTime).sum - 30.0).abs() < 0.02);
    assert!((of(Metric::DiskQueueLength).sum - 1.0).abs() < 0.001);
    assert_eq!(of(Metric::StatusCheckFailed).sum, 1.0);
    assert_eq!(of(Metric::StatusCheckFailedSystem).sum, 0.0);
    assert_eq!(of(Metric::BurstCapacityPercentage).max, 100.0);
    assert_eq!(Row::read(Step::Minute, 0, row.bytes().to_vec()).as_ref(), Some(&row));
    assert_eq!(Row::read(Step::Hour, 0, row.bytes().to_vec()), None);
}

#[test]
fn statistics_are_aligned_to_the_epoch_and_leave_gaps() {
    let points = [(0, 1.0), (60, 3.0), (120, 5.0), (300, 7.0)].map(|(at, cpu)| (at, Summary::from(&minute(cpu))));
    let found = statistics(points, Metric::CpuUtilization, (61, 360), 120);
    let stat = |min, max, sum, count| Stat { min, max, sum, count };
    // The start is rounded down, so that the first period is whole.
    assert_eq!(
        found,
        [(0, stat(1.0, 3.0, 4.0, 2.0)), (120, stat(5.0, 5.0, 5.0, 1.0)), (240, stat(7.0, 7.0, 7.0, 1.0))]
    );
    assert_eq!(statistics(points, Metric::CpuUtilization, (0, 60), 60).len(), 1, "the end is not in it");
}

#[test]
fn units_convert_within_their_quantity() {
    let units = Metric::NetworkIn.quantity().units();
    let factor = units.iter().find(|(name, _)| *name == "Kilobits").map(|(_, factor)| *factor);
    let stat = in_unit(Stat::constant(1000.0, 2.0), factor.unwrap_or_default());
    assert_eq!((stat.max, stat.sum, stat.count), (8.0, 16.0, 2.0));
    assert!(Metric::CpuUtilization.quantity().units().iter().all(|(name, _)| *name == "Percent"));
}
