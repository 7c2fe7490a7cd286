//! When an instance with the add-on StopInstanceOnIdle is stopped.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Decisions kept of an instance, newest last.
pub const KEPT: usize = 50;

/// The add-on's rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Idle is at or below this, in percent of the instance's CPUs.
    pub threshold_percent: f64,
    /// For so long.
    pub duration_ms: i64,
}

/// What was seen since the sample before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// Now, in milliseconds since the epoch.
    pub now_ms: i64,
    /// When what was measured began: the sample before.
    pub since_ms: i64,
    /// Percent of the instance's CPUs.
    pub cpu_percent: f64,
    /// When the instance last booted, in milliseconds since the epoch.
    pub booted_ms: i64,
    /// Last input of a viewer, in milliseconds since the epoch; 0 when there was none, or it does not count.
    pub input_ms: i64,
}

/// What the rule is waiting on: since when the instance has been idle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Watch {
    rule: Rule,
    /// Milliseconds since the epoch; `None` while it is busy.
    idle_since_ms: Option<i64>,
}

/// What was decided, and why.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Decision {
    /// The CPU was above the threshold.
    Busy,
    /// A viewer typed, pointed or clicked.
    InUse,
    /// Idle, and not yet for long enough.
    Waiting,
    /// Idle for the whole duration: stop it.
    Stop,
}

/// A decision as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Milliseconds since the epoch.
    pub at_ms: i64,
    /// What was decided.
    pub decision: Decision,
    /// Percent of the instance's CPUs.
    pub cpu_percent: f64,
    /// The rule's threshold.
    pub threshold_percent: f64,
    /// For how long it had been idle.
    pub idle_ms: i64,
    /// How long it had to be.
    pub duration_ms: i64,
}

impl Watch {
    /// Begins to watch: what was before does not count.
    pub const fn new(rule: Rule) -> Self {
        Self { rule, idle_since_ms: None }
    }

    /// The rule it watches.
    pub const fn rule(&self) -> Rule {
        self.rule
    }

    /// Decides after a sample. A gap in the samples, and a boot, begin the duration anew.
    pub fn decide(&mut self, seen: Seen) -> Entry {
        let in_use = seen.input_ms > seen.now_ms - self.rule.duration_ms;
        let busy = seen.cpu_percent > self.rule.threshold_percent;
        if busy {
            self.idle_since_ms = None;
        } else {
            let since_ms = self.idle_since_ms.unwrap_or(seen.since_ms).max(seen.booted_ms);
            self.idle_since_ms = Some(since_ms);
        }
        let idle_ms = self.idle_since_ms.map_or(0, |since_ms| seen.now_ms - since_ms).max(0);
        let decision = match (busy, in_use) {
            (true, _) => Decision::Busy,
            (false, true) => Decision::InUse,
            (false, false) if idle_ms >= self.rule.duration_ms => Decision::Stop,
            (false, false) => Decision::Waiting,
        };
        Entry {
            at_ms: seen.now_ms,
            decision,
            cpu_percent: (seen.cpu_percent * 100.0).round() / 100.0,
            threshold_percent: self.rule.threshold_percent,
            idle_ms,
            duration_ms: self.rule.duration_ms,
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu_percent, threshold_percent, .. } = self;
        let (idle_s, duration_s) = (self.idle_ms as f64 / 1000.0, self.duration_ms as f64 / 1000.0);
        match self.decision {
            Decision::Busy => write!(f, "kept: CPU {cpu_percent} % is above {threshold_percent} %"),
            Decision::InUse => {
                write!(f, "kept: CPU {cpu_percent} %, but a viewer was used in the last {duration_s:.0} s")
            }
            Decision::Waiting => write!(
                f,
                "kept: CPU {cpu_percent} % is at most {threshold_percent} %, for {idle_s:.0} of {duration_s:.0} s"
            ),
            Decision::Stop => write!(
                f,
                "stopped: CPU was at most {threshold_percent} % for {idle_s:.0} s, which is at least {duration_s:.0} s"
            ),
        }
    }
}

/// Reads what the store keeps; what cannot be read counts as empty.
pub fn parse(json: &str) -> Vec<Entry> {
    serde_json::from_str(json).unwrap_or_default()
}

/// Adds a decision and lets the oldest go.
pub fn keep(entries: &mut Vec<Entry>, entry: Entry) {
    entries.push(entry);
    let surplus = entries.len().saturating_sub(KEPT);
    entries.drain(..surplus);
}

/// Writes what the store keeps.
pub fn write(entries: &[Entry]) -> String {
    serde_json::to_string(entries).unwrap_or_else(|_| "[]".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: i64 = 60_000;
    const RULE: Rule = Rule { threshold_percent: 5.0, duration_ms: 3 * MINUTE_MS };

    fn at(minute: i64, cpu_percent: f64) -> Seen {
        let now_ms = minute * MINUTE_MS;
        Seen { now_ms, since_ms: now_ms - MINUTE_MS, cpu_percent, booted_ms: 0, input_ms: 0 }
    }

    fn run(watch: &mut Watch, seen: impl IntoIterator<Item = Seen>) -> Vec<Decision> {
        seen.into_iter().map(|seen| watch.decide(seen).decision).collect()
    }

    #[test]
    fn only_the_whole_duration_at_or_below_the_threshold_stops() {
        use Decision::{Busy, Stop, Waiting};
        let cpu = [5.0, 4.0, 5.1, 5.0, 0.0, 5.0];
        let seen = cpu.into_iter().zip(10..).map(|(cpu, minute)| at(minute, cpu));
        assert_eq!(run(&mut Watch::new(RULE), seen), [Waiting, Waiting, Busy, Waiting, Waiting, Stop]);
    }

    #[test]
    fn a_boot_begins_the_duration_anew() {
        let mut watch = Watch::new(RULE);
        let booted = |minute| Seen { booted_ms: 12 * MINUTE_MS, ..at(minute, 0.0) };
        assert_eq!(run(&mut watch, (13..15).map(booted)), [Decision::Waiting; 2]);
        assert_eq!(watch.decide(booted(15)).decision, Decision::Stop);
    }

    #[test]
    fn a_viewer_in_use_keeps_it_for_the_duration() {
        let mut watch = Watch::new(RULE);
        let used = |minute| Seen { input_ms: 20 * MINUTE_MS, ..at(minute, 0.0) };
        assert_eq!(run(&mut watch, (20..23).map(used)), [Decision::InUse; 3]);
        assert_eq!(watch.decide(used(23)).decision, Decision::Stop);
    }

    #[test]
    fn the_newest_are_kept_and_read_again() {
        let mut entries = Vec::new();
        for minute in 0..KEPT as i64 + 3 {
            keep(&mut entries, Watch::new(RULE).decide(at(minute, 1.5)));
        }
        assert_eq!((entries.len(), entries[0].at_ms), (KEPT, 3 * MINUTE_MS));
        assert_eq!(parse(&write(&entries)), entries);
        assert_eq!(parse("nonsense"), []);
        assert_eq!(entries[0].to_string(), "kept: CPU 1.5 % is at most 5 %, for 60 of 180 s");
    }
}
