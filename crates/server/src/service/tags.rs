//! TagResource, UntagResource, and the rules of tags for all actions that take some.

use std::collections::BTreeMap;

use porthole_api::{
    Error, names,
    types::{
        Operation, ResourceType, Tag, TagResourceRequest, TagResourceResult, UntagResourceRequest, UntagResourceResult,
    },
};
use porthole_model::operation::Kind;
use porthole_store::{Named, StoreError};

use super::{NewDeed, Subject, TRIES, account, insert_operation, region, unavailable};
use crate::dispatch::Request;

/// Most tags a resource has (guide page on tags).
const MOST_TAGS: usize = 50;

/// Tags by key, as rows keep them: a JSON object.
type Tags = BTreeMap<String, String>;

/// TagResource: adds tags, and gives new values to keys that are there.
pub async fn tag(cx: Request<'_>, input: TagResourceRequest) -> Result<TagResourceResult, Error> {
    let new = read(&input.tags)?;
    let subject = (input.resource_name.as_str(), input.resource_arn.as_deref());
    let operations = change(cx, subject, Kind::TagResource, |tags| tags.extend(new.clone())).await?;
    Ok(TagResourceResult { operations: Some(operations) })
}

/// UntagResource: a key that is not there is no error.
pub async fn untag(cx: Request<'_>, input: UntagResourceRequest) -> Result<UntagResourceResult, Error> {
    let subject = (input.resource_name.as_str(), input.resource_arn.as_deref());
    let remove = |tags: &mut Tags| tags.retain(|key, _| !input.tag_keys.contains(key));
    let operations = change(cx, subject, Kind::UntagResource, remove).await?;
    Ok(UntagResourceResult { operations: Some(operations) })
}

/// Changes the tags of the resource with this name; an ARN beside it must be that resource's.
async fn change(
    cx: Request<'_>,
    subject: (&str, Option<&str>),
    kind: Kind,
    edit: impl Fn(&mut Tags),
) -> Result<Vec<Operation>, Error> {
    for _ in 0..TRIES {
        match change_once(cx, subject, kind, &edit).await {
            Ok(outcome) => return outcome.map(|operation| vec![super::operation::wire(&operation)]),
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(unavailable(&error)),
        }
    }
    Err(Error::service_unavailable("The resource is being changed by many requests at once. Try again."))
}

async fn change_once(
    cx: Request<'_>,
    (name, arn): (&str, Option<&str>),
    kind: Kind,
    edit: &impl Fn(&mut Tags),
) -> Result<Result<porthole_store::Operation, Error>, StoreError> {
    let account = account(cx);
    let mut tx = cx.app.store.begin().await?;
    let Some(resource) = tx.resource_named(&account, region(cx.app), name).await? else {
        return Ok(Err(Error::does_not_exist("Resource", name)));
    };
    if arn.is_some_and(|arn| Some(arn) != arn_of(cx, &resource).as_deref()) {
        return Ok(Err(Error::invalid_input(format!("resourceArn is not the ARN of {name}."))));
    }
    let Some(tagged) = tx.tags_of(&resource).await? else {
        return Ok(Err(Error::invalid_input(format!("A {} cannot have tags.", resource.resource_type))));
    };
    let mut tags = stored_tags(&tagged.tags);
    edit(&mut tags);
    if let Err(error) = check_count(&tags) {
        return Ok(Err(error));
    }
    tx.set_tags(&resource, &text(&tags)).await?;
    let subject = Subject { name, resource_type: &resource.resource_type, id: &resource.id, zone: &tagged.zone };
    let deed = NewDeed { kind, subject, details: "", state: "{}".into(), leader: None, done: true };
    let operation = insert_operation(cx, &mut tx, deed).await?;
    tx.commit().await?;
    Ok(Ok(operation))
}

fn arn_of(cx: Request<'_>, resource: &Named) -> Option<String> {
    let kind = ResourceType::from_wire(&resource.resource_type)?;
    Some(names::arn(region(cx.app), &cx.caller.account_id, kind, &resource.id))
}

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

/// Reads a request's tags. Lengths of keys, values and the list are held by their shapes already.
fn read(tags: &[Tag]) -> Result<Tags, Error> {
    let mut read = Tags::new();
    for (index, tag) in tags.iter().enumerate() {
        let Some(key) = tag.key.as_deref() else {
            return Err(Error::invalid_input(format!("tags[{index}].key is required.")));
        };
        if key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
            return Err(Error::invalid_input(format!("tags[{index}].key begins with aws:, which is reserved.")));
        }
        if read.insert(key.to_owned(), tag.value.clone().unwrap_or_default()).is_some() {
            return Err(Error::invalid_input(format!("tags has the key {key} more than once.")));
        }
    }
    check_count(&read)?;
    Ok(read)
}

fn check_count(tags: &Tags) -> Result<(), Error> {
    if tags.len() > MOST_TAGS {
        return Err(Error::invalid_input(format!(
            "The resource would have {} tags; it has at most {MOST_TAGS}.",
            tags.len()
        )));
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
        // A short key of wide characters is no prefix.
        checked(Some(&[tag("äa", ""), tag("aws", "")])).expect("are good");
    }

    #[test]
    fn each_rule_names_the_tag() {
        let many: Vec<Tag> = (0..=MOST_TAGS).map(|n| tag(&format!("k{n}"), "")).collect();
        for (tags, words) in [
            (vec![tag("a", ""), Tag::default()], "tags[1].key is required."),
            (vec![tag("AWS:x", "")], "tags[0].key begins with aws:, which is reserved."),
            (vec![tag("a", "1"), tag("a", "2")], "tags has the key a more than once."),
            (many, "The resource would have 51 tags; it has at most 50."),
        ] {
            assert_eq!(checked(Some(&tags)).expect_err("is refused").message(), words);
        }
    }
}
