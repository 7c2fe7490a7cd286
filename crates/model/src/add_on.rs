//! Add-ons of instances and disks, as the store keeps them (model shapes AddOnRequest, AddOn).

use serde::{Deserialize, Serialize};

/// An add-on that is enabled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum AddOn {
    /// A snapshot a day; the newest seven are kept.
    AutoSnapshot {
        /// Minute of the day in UTC, a whole hour: 0–1 380.
        minute_of_day: u16,
    },
    /// Stops the instance when its CPU was idle for long enough.
    StopInstanceOnIdle {
        /// Idle is at or below this, in percent of the instance's CPUs, above 0 and at most 100.
        threshold_percent: f64,
        /// For so long, in minutes, at least 1.
        duration_min: u32,
    },
}

impl AddOn {
    /// Model shape AddOnType.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::AutoSnapshot { .. } => "AutoSnapshot",
            Self::StopInstanceOnIdle { .. } => "StopInstanceOnIdle",
        }
    }
}

/// Longest duration of StopInstanceOnIdle in minutes: a day.
pub const LONGEST_IDLE_MIN: u32 = 1440;
/// When a snapshot is made where the request does not say.
pub const DEFAULT_SNAPSHOT_TIME: &str = "06:00";

/// Reads the strings of StopInstanceOnIdleRequest.
///
/// # Errors
/// The member that breaks a rule, and the rule.
pub fn stop_on_idle(threshold: Option<&str>, duration: Option<&str>) -> Result<AddOn, (&'static str, &'static str)> {
    let threshold = threshold.and_then(|text| text.trim().parse::<f64>().ok());
    let Some(threshold_percent) = threshold.filter(|percent| *percent > 0.0 && *percent <= 100.0) else {
        return Err(("threshold", "must be a percentage of CPU above 0 and at most 100, for example \"5\""));
    };
    let duration = duration.and_then(|text| text.trim().parse::<u32>().ok());
    let Some(duration_min) = duration.filter(|minutes| (1..=LONGEST_IDLE_MIN).contains(minutes)) else {
        return Err(("duration", "must be whole minutes, 1 to 1440, for example \"30\""));
    };
    Ok(AddOn::StopInstanceOnIdle { threshold_percent, duration_min })
}

/// Reads the time of AutoSnapshotAddOnRequest: HH:00 in UTC.
pub fn auto_snapshot(time_of_day: Option<&str>) -> Option<AddOn> {
    let (hour, minute) = time_of_day.unwrap_or(DEFAULT_SNAPSHOT_TIME).split_once(':')?;
    let hour = hour.parse::<u16>().ok().filter(|hour| *hour < 24)?;
    (minute == "00").then_some(AddOn::AutoSnapshot { minute_of_day: hour * 60 })
}

/// Puts an add-on in, in the place of one of its type.
pub fn enable(add_ons: &mut Vec<AddOn>, new: AddOn) {
    match add_ons.iter_mut().find(|add_on| add_on.type_name() == new.type_name()) {
        Some(old) => *old = new,
        None => add_ons.push(new),
    }
}

/// Takes the add-on of a type out; `false` when there is none.
pub fn disable(add_ons: &mut Vec<AddOn>, type_name: &str) -> bool {
    let before = add_ons.len();
    add_ons.retain(|add_on| add_on.type_name() != type_name);
    add_ons.len() < before
}

/// Reads the store's JSON array; one that cannot be read counts as empty.
pub fn parse(json: &str) -> Vec<AddOn> {
    serde_json::from_str(json).unwrap_or_default()
}

/// Writes the store's JSON array.
pub fn write(add_ons: &[AddOn]) -> String {
    serde_json::to_string(add_ons).unwrap_or_else(|_| "[]".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let all = [
            AddOn::AutoSnapshot { minute_of_day: 360 },
            AddOn::StopInstanceOnIdle { threshold_percent: 2.5, duration_min: 15 },
        ];
        assert_eq!(parse(&write(&all)), all);
        assert_eq!(parse(""), []);
        assert_eq!(all.map(|add_on| add_on.type_name()), ["AutoSnapshot", "StopInstanceOnIdle"]);
    }

    #[test]
    fn rules_name_the_member() {
        assert_eq!(
            stop_on_idle(Some("2.5"), Some("15")),
            Ok(AddOn::StopInstanceOnIdle { threshold_percent: 2.5, duration_min: 15 })
        );
        for bad in [None, Some("0"), Some("101"), Some("NaN"), Some("-1"), Some("five"), Some("inf")] {
            assert_eq!(stop_on_idle(bad, Some("15")).map_err(|(member, _)| member), Err("threshold"), "{bad:?}");
        }
        for bad in [None, Some("0"), Some("1441"), Some("1.5"), Some("-3"), Some("")] {
            assert_eq!(stop_on_idle(Some("5"), bad).map_err(|(member, _)| member), Err("duration"), "{bad:?}");
        }
        assert_eq!(auto_snapshot(Some("23:00")), Some(AddOn::AutoSnapshot { minute_of_day: 1380 }));
        assert_eq!(auto_snapshot(None), Some(AddOn::AutoSnapshot { minute_of_day: 360 }));
        assert!(["24:00", "06:30", "6", ""].iter().all(|bad| auto_snapshot(Some(bad)).is_none()));
    }

    #[test]
    fn one_of_a_type() {
        let mut all = Vec::new();
        enable(&mut all, AddOn::AutoSnapshot { minute_of_day: 60 });
        enable(&mut all, AddOn::AutoSnapshot { minute_of_day: 120 });
        assert_eq!(all, [AddOn::AutoSnapshot { minute_of_day: 120 }]);
        assert!(disable(&mut all, "AutoSnapshot") && !disable(&mut all, "AutoSnapshot"));
    }
}
