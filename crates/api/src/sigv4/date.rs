//! The two date forms of Signature Version 4: `YYYYMMDD'T'HHMMSS'Z'` and `YYYYMMDD`.

/// Length of `YYYYMMDD`.
pub const SCOPE_DATE_LEN: usize = 8;
const DAY_MS: i64 = 86_400_000;

/// Gives the day of a time as `YYYYMMDD`, UTC.
pub fn scope_date(now_ms: i64) -> String {
    let mut date = format(now_ms);
    date.truncate(SCOPE_DATE_LEN);
    date
}

/// Reads `YYYYMMDD'T'HHMMSS'Z'` as milliseconds since the epoch.
pub(super) fn parse(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' {
        return None;
    }
    let number = |from: usize, to: usize| {
        bytes[from..to].iter().try_fold(0_i64, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
    };
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
    // A leap second is written as 60.
    if !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_from_civil(year, month, day);
    if day < 1 || civil_from_days(days) != (year, month, day) {
        return None;
    }
    Some(days * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000)
}

/// Writes milliseconds since the epoch as `YYYYMMDD'T'HHMMSS'Z'`.
pub(super) fn format(ms: i64) -> String {
    let (year, month, day) = civil_from_days(ms.div_euclid(DAY_MS));
    let second = ms.rem_euclid(DAY_MS) / 1000;
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// Days since 1970-01-01 of a date of the Gregorian calendar (Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_dates() {
        for (text, ms) in [
            ("19700101T000000Z", 0),
            ("20150830T123600Z", 1_440_938_160_000),
            ("20240229T235959Z", 1_709_251_199_000),
            ("19691231T235959Z", -1_000),
        ] {
            assert_eq!(parse(text), Some(ms));
            assert_eq!(format(ms), text);
        }
        assert_eq!(scope_date(1_440_938_160_999), "20150830");
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "",
            "20150830",
            "20150830T123600",
            "2015-08-30T12:36Z",
            "20150230T000000Z",
            "20151301T000000Z",
            "20150800T000000Z",
            "20150830T243600Z",
            "20150830T126000Z",
            "20150830T123661Z",
            "+0150830T123600Z",
            "20150830t123600z",
            "２０１５0830T12Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn dates_come_back(seconds in -60_000_000_000_i64..250_000_000_000) {
            prop_assert_eq!(parse(&format(seconds * 1000)), Some(seconds * 1000));
        }

        #[test]
        fn no_text_panics(text in ".{0,20}") {
            let _ = parse(&text);
        }
    }
}
