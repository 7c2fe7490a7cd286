//! What running and keeping things costs.

/// Milliseconds of a day; days are those of UTC.
pub const DAY_MS: i64 = 86_400_000;
const HOUR_MS: f64 = 3_600_000.0;
/// Hours of the month that prices by GB-month mean.
const MONTH_HOURS: f64 = 730.0;

/// A time in which something was used, at one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// Milliseconds since the epoch.
    pub began_ms: i64,
    /// Milliseconds since the epoch; it does not belong to it.
    pub ended_ms: i64,
    /// Millionths of a USD: an hour of running, or a GB-month.
    pub price_micros: i64,
    /// 1 for what is priced by the hour; GB for what is priced by GB-month.
    pub size_gb: u32,
}

/// What one day, or the part of one that was asked for, cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Day {
    /// Milliseconds since the epoch.
    pub start_ms: i64,
    /// Milliseconds since the epoch; it does not belong to it.
    pub end_ms: i64,
    /// Hours, or GB-months.
    pub unit: f64,
    /// USD.
    pub cost: f64,
}

/// What a price is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priced {
    /// Running.
    Hour,
    /// Keeping a GB.
    GbMonth,
}

/// Splits uses by days of UTC. Every day that overlaps `[start, end)` is there, also one without use.
pub fn per_day(uses: &[Use], start_ms: i64, end_ms: i64, priced: Priced) -> Vec<Day> {
    let mut days = Vec::new();
    let mut at_ms = start_ms;
    while at_ms < end_ms {
        let next_ms = end_ms.min((at_ms.div_euclid(DAY_MS) + 1) * DAY_MS);
        let (mut unit, mut cost) = (0.0, 0.0);
        for used in uses {
            let hours = (used.ended_ms.min(next_ms) - used.began_ms.max(at_ms)).max(0) as f64 / HOUR_MS;
            let amount = match priced {
                Priced::Hour => hours,
                Priced::GbMonth => hours * f64::from(used.size_gb) / MONTH_HOURS,
            };
            unit += amount;
            cost += amount * used.price_micros as f64 / 1e6;
        }
        days.push(Day { start_ms: at_ms, end_ms: next_ms, unit, cost });
        at_ms = next_ms;
    }
    days
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(began_ms: i64, ended_ms: i64) -> Use {
        Use { began_ms, ended_ms, price_micros: 900_000, size_gb: 1 }
    }

    #[test]
    fn a_run_over_midnight_is_split() {
        let hour = 3_600_000;
        let days = per_day(&[run(DAY_MS - hour, DAY_MS + 2 * hour)], 0, 3 * DAY_MS, Priced::Hour);
        let units: Vec<f64> = days.iter().map(|day| day.unit).collect();
        assert_eq!(units, [1.0, 2.0, 0.0]);
        assert!((days[1].cost - 1.8).abs() < 1e-9);
    }

    #[test]
    fn only_what_is_asked_for_counts_and_days_are_clipped() {
        let days = per_day(&[run(0, DAY_MS)], 1000, 2000, Priced::Hour);
        assert_eq!((days.len(), days[0].start_ms, days[0].end_ms), (1, 1000, 2000));
        assert!((days[0].unit - 1.0 / 3600.0).abs() < 1e-12);
        assert_eq!(per_day(&[], 5, 5, Priced::Hour), []);
    }

    #[test]
    fn a_month_of_32_gb_is_32_gb_months() {
        let kept = Use { began_ms: 0, ended_ms: 730 * 3_600_000, price_micros: 100_000, size_gb: 32 };
        let days = per_day(&[kept], 0, 40 * DAY_MS, Priced::GbMonth);
        assert!((days.iter().map(|day| day.unit).sum::<f64>() - 32.0).abs() < 1e-9);
        assert!((days.iter().map(|day| day.cost).sum::<f64>() - 3.2).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_counted_twice(began in 0_i64..9 * DAY_MS, length in 0_i64..3 * DAY_MS, start in 0_i64..DAY_MS) {
            let (ended, end) = (began + length, 14 * DAY_MS);
            let days = per_day(&[run(began, ended)], start, end, Priced::Hour);
            let hours = (ended - began.max(start)).max(0) as f64 / HOUR_MS;
            prop_assert!((days.iter().map(|day| day.unit).sum::<f64>() - hours).abs() < 1e-6);
            prop_assert_eq!(days.iter().map(|day| day.end_ms - day.start_ms).sum::<i64>(), end - start);
        }
    }
}
