//! The rules of tags, for all actions that take some.

use std::collections::BTreeMap;

use porthole_api::{Error, types::Tag};

/// Most tags a resource has (guide page on tags).
const MOST_TAGS: usize = 50;
/// Most characters of a key.
const MOST_KEY_CHARS: usize = 128;
/// Most characters of a value.
const MOST_VALUE_CHARS: usize = 256;

/// Tags by key, as rows keep them: a JSON object.
type Tags = BTreeMap<String, String>;

/// Checks the tags of a request and gives the text a row keeps.
///
/// # Errors
/// InvalidInputException that names the tag and the rule.
pub fn checked(tags: Option<&[Tag]>) -> Result<String, Error> {
    Ok(text(&read(tags.unwrap_or_default())?))
}

/// Writes a row's tags as clients read them, in the order of their keys.
pub fn wire(stored: &str) -> Vec<Tag> {
    let tag = |(key, value): (String, String)| Tag { key: Some(key), value: Some(value) };
    stored_tags(stored).into_iter().map(tag).collect()
}

fn read(tags: &[Tag]) -> Result<Tags, Error> {
    let refuse = |index: usize, text: &str| Err(Error::invalid_input(format!("tags[{index}].{text}")));
    let mut read = Tags::new();
    for (index, tag) in tags.iter().enumerate() {
        let (key, value) = (tag.key.as_deref().unwrap_or_default(), tag.value.as_deref().unwrap_or_default());
        if key.is_empty() {
            return refuse(index, "key must not be empty.");
        }
        if key.chars().count() > MOST_KEY_CHARS {
            return refuse(index, &format!("key must have at most {MOST_KEY_CHARS} characters."));
        }
        if value.chars().count() > MOST_VALUE_CHARS {
            return refuse(index, &format!("value must have at most {MOST_VALUE_CHARS} characters."));
        }
        if is_reserved(key) {
            return refuse(index, "key begins with aws:, which is reserved.");
        }
        if read.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(Error::invalid_input(format!("tags has the key {key} more than once.")));
        }
    }
    check_count(&read)?;
    Ok(read)
}

fn is_reserved(key: &str) -> bool {
    key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"))
}

fn check_count(tags: &Tags) -> Result<(), Error> {
    if tags.len() > MOST_TAGS {
        return Err(Error::invalid_input(format!("tags has {} tags; a resource has at most {MOST_TAGS}.", tags.len())));
    }
    Ok(())
}

fn stored_tags(stored: &str) -> Tags {
    serde_json::from_str(stored).unwrap_or_default()
}

fn text(tags: &Tags) -> String {
    serde_json::to_string(tags).expect("texts are plain data")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: Some(key.into()), value: Some(value.into()) }
    }

    #[test]
    fn good_tags_come_back_as_they_were() {
        let stored = checked(Some(&[tag("team", "physics"), tag("a", ""), tag("Team", "x")])).expect("are good");
        assert_eq!(wire(&stored), [tag("Team", "x"), tag("a", ""), tag("team", "physics")]);
        assert_eq!(checked(None).expect("are good"), "{}");
        assert_eq!(wire(""), []);
        // A key is counted in characters, and a short one of wide characters is no prefix.
        checked(Some(&[tag(&"ä".repeat(128), &"ä".repeat(256)), tag("äa", "")])).expect("are good");
    }

    #[test]
    fn each_rule_names_the_tag() {
        let many: Vec<Tag> = (0..=MOST_TAGS).map(|n| tag(&format!("k{n}"), "")).collect();
        for (tags, words) in [
            (vec![tag("a", ""), tag("", "x")], "tags[1].key must not be empty."),
            (vec![Tag::default()], "tags[0].key must not be empty."),
            (vec![tag(&"k".repeat(129), "")], "tags[0].key must have at most 128 characters."),
            (vec![tag("k", &"v".repeat(257))], "tags[0].value must have at most 256 characters."),
            (vec![tag("AWS:x", "")], "tags[0].key begins with aws:, which is reserved."),
            (vec![tag("a", "1"), tag("a", "2")], "tags has the key a more than once."),
            (many, "tags has 51 tags; a resource has at most 50."),
        ] {
            assert_eq!(checked(Some(&tags)).expect_err("is refused").message(), words);
        }
    }
}
