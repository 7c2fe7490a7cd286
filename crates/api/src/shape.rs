//! The form of the table of shapes: what each named type of the interface allows.

use crate::generated::shapes::SHAPES;

/// Points into the table of shapes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShapeId(pub(crate) u16);

impl ShapeId {
    pub(crate) fn get(self) -> &'static Shape {
        &SHAPES[usize::from(self.0)]
    }
}

/// One named type.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

/// What a shape is. Bounds are inclusive; a list's count its elements, a string's its characters.
pub(crate) enum Kind {
    Boolean,
    Integer { min: i32, max: i32 },
    Long,
    Float,
    Timestamp,
    String { rule: Rule, min: u32, max: u32 },
    Enum(&'static [&'static str]),
    List { item: ShapeId, min: u32, max: u32 },
    Map { key: ShapeId, value: ShapeId },
    Structure(&'static [Member]),
}

/// One member of a structure.
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) shape: ShapeId,
    pub(crate) required: bool,
}

pub(crate) const fn required(name: &'static str, shape: u16) -> Member {
    Member { name, shape: ShapeId(shape), required: true }
}

pub(crate) const fn optional(name: &'static str, shape: u16) -> Member {
    Member { name, shape: ShapeId(shape), required: false }
}

/// What a string must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Anything.
    Any,
    /// A resource's name: [`crate::names::check_resource_name`].
    ResourceName,
    /// At least one character that is not white space.
    NonEmpty,
    /// `arn:PARTITION:SERVICE:REGION:ACCOUNT:TYPE/ID`.
    ResourceArn,
    /// `HH:MM`, 24 hours.
    TimeOfDay,
    /// `YYYY-MM-DD`.
    Date,
    /// A pattern that only actions without Rust types use; kept for reference, not checked.
    Documented(&'static str),
}

impl Rule {
    /// Tells whether a text obeys; resource names are checked by their own function, which explains more.
    pub(crate) fn allows(self, text: &str) -> bool {
        match self {
            Rule::Any | Rule::ResourceName | Rule::Documented(_) => true,
            Rule::NonEmpty => text.chars().any(|c| !c.is_whitespace()),
            Rule::ResourceArn => is_resource_arn(text),
            Rule::TimeOfDay => is_time_of_day(text),
            Rule::Date => is_date(text),
        }
    }

    /// Says the rule in words that follow "must".
    pub(crate) fn words(self) -> &'static str {
        match self {
            Rule::Any | Rule::Documented(_) => "be a string",
            Rule::ResourceName => "be a valid resource name",
            Rule::NonEmpty => "not be empty",
            Rule::ResourceArn => "be a resource ARN, such as arn:aws:lightsail:us-east-2:111122223333:Instance/ID",
            Rule::TimeOfDay => "be a time of day in the form HH:MM, such as 06:00",
            Rule::Date => "be a date in the form YYYY-MM-DD, such as 2026-01-31",
        }
    }
}

fn is_resource_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let [arn, partition, service, region, account, resource] = parts[..] else {
        return false;
    };
    let Some((kind, id)) = resource.split_once('/') else {
        return false;
    };
    let all = |text: &str, ok: fn(&u8) -> bool| !text.is_empty() && text.as_bytes().iter().all(ok);
    arn == "arn"
        && partition.starts_with("aws")
        && all(service, |b| b.is_ascii_alphanumeric() || *b == b'-')
        && all(region, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
        && all(account, u8::is_ascii_digit)
        && all(kind, u8::is_ascii_alphabetic)
        && all(id, |b| b.is_ascii_alphanumeric() || *b == b'-')
}

fn is_time_of_day(text: &str) -> bool {
    let [h1, h2, b':', m1, m2] = text.as_bytes() else {
        return false;
    };
    let digits = [h1, h2, m1, m2].iter().all(|b| b.is_ascii_digit());
    digits && (*h1 < b'2' || (*h1 == b'2' && *h2 <= b'3')) && *m1 <= b'5'
}

fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(i, b)| if i == 4 || i == 7 { *b == b'-' } else { b.is_ascii_digit() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_know_good_from_bad() {
        let cases: [(Rule, &[&str], &[&str]); 4] = [
            (Rule::NonEmpty, &["x", " x "], &["", " ", "\t\n"]),
            (
                Rule::ResourceArn,
                &["arn:aws:lightsail:us-east-2:111122223333:Instance/5ab1-x"],
                &[
                    "",
                    "arn:aws:lightsail:us-east-2:1:Instance/",
                    "arn:x:lightsail:us-east-2:1:Instance/1",
                    "arn:aws:l:r:a:I/1",
                ],
            ),
            (Rule::TimeOfDay, &["00:00", "19:59", "23:00"], &["24:00", "2:00", "12:60", "12:0a", "12-00"]),
            (Rule::Date, &["2026-01-31"], &["2026-1-31", "2026/01/31", "26-01-31x", ""]),
        ];
        for (rule, good, bad) in cases {
            assert!(good.iter().all(|text| rule.allows(text)), "{rule:?}");
            assert!(!bad.iter().any(|text| rule.allows(text)), "{rule:?}");
        }
    }

    #[test]
    fn a_name_points_at_one_shape() {
        assert!(SHAPES.windows(2).all(|pair| pair[0].name < pair[1].name));
    }
}
