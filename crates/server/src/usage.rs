//! What this server knows of the instances it measures, between two samples.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use porthole_driver::Counters;
use porthole_model::{
    add_on::AddOn,
    idle::{Entry, Rule, Seen, Watch},
    metric::{Minute, Row},
};

const MINUTE_MS: i64 = 60_000;

/// What this server knows of the instances it measures.
#[derive(Default)]
pub struct Usage {
    /// Held by the sampler for as long as it runs.
    pub meters: tokio::sync::Mutex<HashMap<String, Meter>>,
    checks: Mutex<HashMap<String, Checks>>,
}

/// The last status checks of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checks {
    /// Since when the guest agent has not answered, in milliseconds since the epoch.
    pub instance_failed_ms: Option<i64>,
    /// Since when the host cannot say how the instance is, in milliseconds since the epoch.
    pub system_failed_ms: Option<i64>,
}

impl Usage {
    /// Gives the last checks of an instance, if it was measured since it booted.
    pub fn checks(&self, id: &str) -> Option<Checks> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied()
    }

    /// Puts what was found in the place of all that was known.
    pub fn set_checks(&self, found: HashMap<String, Checks>) {
        *self.checks.lock().unwrap_or_else(PoisonError::into_inner) = found;
    }
}

/// One look at an instance.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Milliseconds since the epoch.
    pub now_ms: i64,
    /// `None` when the host could not read them.
    pub counters: Option<Counters>,
    /// What the guest agent says of requests without a token since boot; `None` when it did not answer.
    pub without_token: Option<u64>,
}

/// What counts up.
#[derive(Debug, Clone, Copy)]
struct Sample {
    counters: Counters,
    without_token: u64,
}

/// An instance between two samples.
#[derive(Debug)]
pub struct Meter {
    booted_ms: i64,
    /// The last sample of an earlier minute: what a minute's values are counted from.
    base: Option<(i64, Sample)>,
    last: Option<(i64, Sample)>,
    minute_s: i64,
    /// The row that is being filled, once it was looked for in the store.
    pub row: Option<Row>,
    watch: Option<Watch>,
    /// Its newest decisions, once they were looked for in the store.
    pub decisions: Option<Vec<Entry>>,
    checks: Checks,
}

/// What a look added: the minute it belongs to, in seconds since the epoch; what was measured in it so far; and, from the
/// second look on, when the look before was and percent of CPU since then.
pub type Taken = (i64, Minute, Option<(i64, f64)>);

impl Meter {
    /// Begins to measure an instance.
    pub fn new(booted_ms: i64) -> Self {
        Self {
            booted_ms,
            base: None,
            last: None,
            minute_s: 0,
            row: None,
            watch: None,
            decisions: None,
            checks: Checks::default(),
        }
    }

    /// Forgets the counters of an earlier boot: they begin anywhere.
    pub fn booted(&mut self, booted_ms: i64) {
        if self.booted_ms != booted_ms {
            self.booted_ms = booted_ms;
            self.base = None;
            self.last = None;
        }
    }

    /// Its last checks.
    pub fn checks(&self) -> Checks {
        self.checks
    }

    /// Takes a look in. Gives what it added; `None` at the first look.
    pub fn take(&mut self, look: Look, period_ms: i64, vcpus: u32) -> Option<Taken> {
        let failed = |failed: bool, since: Option<i64>| failed.then(|| since.unwrap_or(look.now_ms));
        let instance_failed = look.without_token.is_none();
        self.checks = Checks {
            instance_failed_ms: failed(instance_failed, self.checks.instance_failed_ms),
            system_failed_ms: failed(look.counters.is_none(), self.checks.system_failed_ms),
        };
        // A sample belongs to the minute in which most of its period lies.
        let minute_s = (look.now_ms - period_ms / 2).div_euclid(MINUTE_MS) * 60;
        if minute_s != self.minute_s {
            self.minute_s = minute_s;
            self.base = self.last;
        }
        let Some(counters) = look.counters else {
            (self.base, self.last) = (None, None);
            let minute = Minute { system_failed: true, instance_failed, ..Minute::default() };
            return Some((minute_s, minute, None));
        };
        // What is not known has not risen.
        let known = self.last.map_or(0, |(_, last)| last.without_token);
        let now = Sample { counters, without_token: look.without_token.unwrap_or(known) };
        let before = self.last.replace((look.now_ms, now));
        if self.base.is_none() {
            self.base = before;
        }
        let (before_ms, before) = before?;
        let (base_ms, base) = self.base?;
        let mut minute = difference(&base, &now);
        minute.cpu_percent = cpu_percent(&base.counters, &now.counters, look.now_ms - base_ms, vcpus);
        minute.instance_failed = instance_failed;
        let cpu_percent = cpu_percent(&before.counters, &now.counters, look.now_ms - before_ms, vcpus);
        Some((minute_s, minute, Some((before_ms, cpu_percent))))
    }

    /// Asks the idle rule after a look; `None` when there is none.
    pub fn decide(
        &mut self,
        rule: Option<Rule>,
        now_ms: i64,
        measured: Option<(i64, f64)>,
        input_ms: i64,
    ) -> Option<Entry> {
        let Some(rule) = rule else {
            self.watch = None;
            return None;
        };
        let Some((since_ms, cpu_percent)) = measured else {
            // What was not seen may have been busy.
            self.watch = Some(Watch::new(rule));
            return None;
        };
        if self.watch.is_none_or(|watch| watch.rule() != rule) {
            // What was before the rule does not count.
            self.watch = Some(Watch::new(rule));
        }
        let booted_ms = self.booted_ms;
        self.watch.as_mut().map(|watch| watch.decide(Seen { now_ms, since_ms, cpu_percent, booted_ms, input_ms }))
    }
}

fn cpu_percent(from: &Counters, to: &Counters, elapsed_ms: i64, vcpus: u32) -> f64 {
    let available_ns = elapsed_ms.max(1) as f64 * 1e6 * f64::from(vcpus.max(1));
    (to.cpu_ns.saturating_sub(from.cpu_ns) as f64 / available_ns * 100.0).min(100.0)
}

fn difference(from: &Sample, to: &Sample) -> Minute {
    let rise = |counter: fn(&Counters) -> u64| counter(&to.counters).saturating_sub(counter(&from.counters)) as f64;
    Minute {
        network_in: rise(|c| c.received_bytes),
        network_out: rise(|c| c.sent_bytes),
        read_ops: rise(|c| c.read_ops),
        write_ops: rise(|c| c.write_ops),
        read_bytes: rise(|c| c.read_bytes),
        write_bytes: rise(|c| c.write_bytes),
        read_ms: rise(|c| c.read_ms),
        write_ms: rise(|c| c.write_ms),
        no_token: to.without_token.saturating_sub(from.without_token) as f64,
        ..Minute::default()
    }
}

/// The idle rule among an instance's add-ons.
pub fn idle_rule(add_ons: &[AddOn], minute_ms: i64) -> Option<Rule> {
    add_ons.iter().find_map(|add_on| match add_on {
        AddOn::StopInstanceOnIdle { threshold_percent, duration_min } => {
            Some(Rule { threshold_percent: *threshold_percent, duration_ms: i64::from(*duration_min) * minute_ms })
        }
        AddOn::AutoSnapshot { .. } => None,
    })
}

#[cfg(test)]
mod tests {
    use porthole_model::idle::Decision;

    use super::*;

    fn look(now_ms: i64, cpu_ms: u64, received_bytes: u64) -> Look {
        let counters = Counters { cpu_ns: cpu_ms * 1_000_000, received_bytes, ..Counters::default() };
        Look { now_ms, counters: Some(counters), without_token: Some(received_bytes / 100) }
    }

    #[test]
    fn a_minute_is_what_was_used_in_it() {
        let mut meter = Meter::new(0);
        assert_eq!(meter.take(look(60_000, 5_000, 100), 60_000, 2), None, "there is nothing to compare with");
        let (at_s, minute, measured) = meter.take(look(120_000, 17_000, 400), 60_000, 2).expect("the second");
        assert_eq!((at_s, minute.network_in, minute.no_token), (60, 300.0, 3.0));
        // Twelve of 120 seconds of CPU.
        assert!((minute.cpu_percent - 10.0).abs() < 1e-9);
        assert_eq!(measured, Some((60_000, minute.cpu_percent)));
    }

    #[test]
    fn samples_of_one_minute_add_up() {
        let mut meter = Meter::new(0);
        for (now_ms, cpu_ms) in [(60_000, 0), (80_000, 20_000), (100_000, 20_000)] {
            meter.take(look(now_ms, cpu_ms, cpu_ms), 20_000, 1);
        }
        let (at_s, minute, measured) = meter.take(look(120_000, 20_000, 20_000), 20_000, 1).expect("a minute");
        assert_eq!((at_s, minute.network_in), (60, 20_000.0));
        assert!((minute.cpu_percent - 100.0 / 3.0).abs() < 1e-9, "{minute:?}");
        assert_eq!(measured, Some((100_000, 0.0)), "nothing since the one before");
    }

    #[test]
    fn a_boot_and_a_gap_begin_anew() {
        let mut meter = Meter::new(0);
        meter.take(look(60_000, 50_000, 0), 60_000, 1);
        meter.booted(70_000);
        assert_eq!(meter.take(look(120_000, 1_000, 0), 60_000, 1), None);
        let failed = Look { now_ms: 180_000, counters: None, without_token: None };
        let (_, minute, measured) = meter.take(failed, 60_000, 1).expect("a failed check is a point");
        assert!(minute.system_failed && minute.instance_failed && measured.is_none());
        assert_eq!(meter.checks().system_failed_ms, Some(180_000));
        assert_eq!(meter.take(look(240_000, 1_000, 0), 60_000, 1), None);
        assert_eq!(meter.checks(), Checks::default());
    }

    #[test]
    fn a_new_rule_begins_with_itself() {
        let rule = Rule { threshold_percent: 5.0, duration_ms: 60_000 };
        let mut meter = Meter::new(0);
        assert_eq!(meter.decide(None, 0, Some((0, 0.0)), 0), None);
        let first = meter.decide(Some(rule), 60_000, Some((30_000, 0.0)), 0).expect("a decision");
        assert_eq!(first.decision, Decision::Waiting);
        assert_eq!(meter.decide(Some(rule), 90_000, None, 0), None, "a failed sample begins it anew");
        let again = meter.decide(Some(rule), 120_000, Some((90_000, 0.0)), 0).expect("a decision");
        assert_eq!(again.decision, Decision::Waiting);
        let stop = meter.decide(Some(rule), 150_000, Some((120_000, 0.0)), 0).expect("a decision");
        assert_eq!(stop.decision, Decision::Stop);
    }
}
