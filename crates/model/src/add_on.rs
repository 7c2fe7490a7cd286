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
}
