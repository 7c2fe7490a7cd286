//! The small types that generated types are made of.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time, in milliseconds since the epoch; on the wire a JSON number of seconds with a millisecond fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

/// Seconds from the epoch to the end of year 9999, either way: what the wire may carry.
pub(crate) const MAX_SECONDS: f64 = 253_402_300_799.0;

impl Timestamp {
    /// Gives the milliseconds since the epoch.
    pub fn ms(self) -> i64 {
        self.0
    }

    /// Reads a JSON number of seconds; `None` past year 9999.
    pub(crate) fn from_seconds(seconds: f64) -> Option<Self> {
        #[allow(clippy::cast_possible_truncation, reason = "the range was checked")]
        (seconds.abs() <= MAX_SECONDS).then(|| Self((seconds * 1000.0).round() as i64))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 1000 == 0 {
            serializer.serialize_i64(self.0 / 1000)
        } else {
            #[allow(clippy::cast_precision_loss, reason = "exact to the millisecond until year 9999")]
            serializer.serialize_f64(self.0 as f64 / 1000.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        Self::from_seconds(seconds).ok_or_else(|| serde::de::Error::custom("a timestamp past year 9999"))
    }
}

/// A secret text: plain on the wire, hidden in Debug output.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sensitive(String);

impl Sensitive {
    /// Gives the text.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Gives the text away.
    pub fn into_inner(self) -> String {
        self.0
    }
}

impl From<String> for Sensitive {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Sensitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sensitive(..)")
    }
}

/// Makes an enum whose variants are fixed texts on the wire.
macro_rules! wire_enum {
    (pub enum $name:ident { $($variant:ident = $text:literal,)+ }) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($variant,)+ }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            pub fn from_wire(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::from_wire(&text).ok_or_else(|| serde::de::Error::custom(concat!("not a ", stringify!($name))))
            }
        }
    };
}
pub(crate) use wire_enum;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{MetricUnit, RegionName};

    #[test]
    fn timestamps_keep_their_milliseconds() {
        for (ms, text) in [
            (1_569_447_986_061, "1569447986.061"),
            (1_700_000_000_000, "1700000000"),
            (0, "0"),
            (1, "0.001"),
            (-1_500, "-1.5"),
            (253_402_300_798_999, "253402300798.999"),
        ] {
            assert_eq!(serde_json::to_string(&Timestamp(ms)).expect("a number"), text);
            assert_eq!(serde_json::from_str::<Timestamp>(text).expect("a timestamp").ms(), ms);
        }
        serde_json::from_str::<Timestamp>("1e300").expect_err("past year 9999");
        serde_json::from_str::<Timestamp>("\"2026-01-01\"").expect_err("not a number");
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let secret = Sensitive::from("hush".to_owned());
        assert_eq!(format!("{secret:?}"), "Sensitive(..)");
        assert_eq!(serde_json::to_string(&secret).expect("a string"), "\"hush\"");
    }

    #[test]
    fn enums_carry_their_wire_text() {
        assert_eq!(RegionName::from_wire("us-east-2"), Some(RegionName::UsEast2));
        assert_eq!(RegionName::from_wire("mars-1"), None);
        assert_eq!(MetricUnit::BytesPerSecond.as_str(), "Bytes/Second");
        assert_eq!(serde_json::from_str::<MetricUnit>("\"None\"").expect("a unit"), MetricUnit::None);
        serde_json::from_str::<MetricUnit>("\"none\"").expect_err("case matters");
    }
}
