//! Checks values against the table of shapes. Inputs are also put into one form; outputs are only looked at.

use std::fmt;

use serde_json::{Number, Value};

use crate::{
    error::{Error, ErrorCode, excerpt},
    generated::actions::Action,
    names,
    shape::{Kind, Member, Rule, Shape, ShapeId},
    wire::Timestamp,
};

/// Enums whose values clients send in any case.
const CASELESS: [&str; 1] = ["NetworkProtocol"];
/// The most values of an enum listed in a message.
const MOST_LISTED: usize = 40;

/// Where in the input a value is.
#[derive(Clone, Copy)]
enum Path<'a> {
    Body,
    Member(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Body => f.write_str("The body"),
            Path::Member(Path::Body, name) => f.write_str(&excerpt(name)),
            Path::Member(parent, name) => write!(f, "{parent}.{}", excerpt(name)),
            Path::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// Checks an input and removes what is null or unknown.
///
/// # Errors
/// SerializationException for a wrong type, InvalidInputException for a broken rule; the first fault found.
pub fn input(action: Action, value: &mut Value) -> Result<(), Error> {
    check(action.row().input.get(), value, &Path::Body)
}

fn check(shape: &'static Shape, value: &mut Value, path: &Path<'_>) -> Result<(), Error> {
    match (&shape.kind, &mut *value) {
        (Kind::Boolean, Value::Bool(_)) | (Kind::Float, Value::Number(_)) => Ok(()),
        (Kind::Integer { min, max }, Value::Number(number)) => integer(number, (*min).into(), (*max).into(), path),
        (Kind::Long, Value::Number(number)) => integer(number, i64::MIN, i64::MAX, path),
        (Kind::Timestamp, Value::Number(number)) => match number.as_f64().and_then(Timestamp::from_seconds) {
            Some(_) => Ok(()),
            None => Err(Error::invalid_input(format!(
                "{path} must be a time before year 10000, in seconds since the epoch."
            ))),
        },
        (Kind::String { rule, min, max }, Value::String(text)) => string(*rule, *min, *max, text, path),
        (Kind::Enum(values), Value::String(text)) => enumeration(shape.name, values, text, path),
        (Kind::List { item, min, max }, Value::Array(items)) => {
            size(items.len(), *min, *max, "element", path)?;
            let item = item.get();
            items.iter_mut().enumerate().try_for_each(|(i, value)| check(item, value, &Path::Item(path, i)))
        }
        (Kind::Map { key, value }, Value::Object(entries)) => {
            entries.retain(|_, value| !value.is_null());
            for (name, entry) in entries.iter_mut() {
                let path = Path::Member(path, name);
                check(key.get(), &mut Value::String(name.clone()), &path)?;
                check(value.get(), entry, &path)?;
            }
            Ok(())
        }
        (Kind::Structure(members), Value::Object(entries)) => structure(members, entries, path),
        (kind, value) => Err(Error::new(
            ErrorCode::Serialization,
            format!("{path} must be {}, but is {}.", wanted(kind), found(value)),
        )),
    }
}

fn structure(
    members: &'static [Member],
    entries: &mut serde_json::Map<String, Value>,
    path: &Path<'_>,
) -> Result<(), Error> {
    entries.retain(|name, value| !value.is_null() && members.iter().any(|member| member.name == name));
    for member in members {
        let path = Path::Member(path, member.name);
        match entries.get_mut(member.name) {
            Some(value) => check(member.shape.get(), value, &path)?,
            None if member.required => {
                return Err(Error::invalid_input(format!("{path} is required.")));
            }
            None => {}
        }
    }
    Ok(())
}

fn integer(number: &mut Number, min: i64, max: i64, path: &Path<'_>) -> Result<(), Error> {
    if let (None, Some(float)) = (number.as_i64(), number.as_f64()) {
        if float.fract() != 0.0 {
            return Err(Error::new(
                ErrorCode::Serialization,
                format!("{path} must be a whole number, but is {number}."),
            ));
        }
        #[allow(
            clippy::cast_possible_truncation,
            reason = "a value outside of i64 saturates, and is out of range below"
        )]
        if number.is_f64() && float.abs() < 9e15 {
            *number = Number::from(float as i64);
        }
    }
    match number.as_i64() {
        Some(n) if (min..=max).contains(&n) => Ok(()),
        _ => Err(Error::invalid_input(format!("{path} must be between {min} and {max}, but is {number}."))),
    }
}

fn string(rule: Rule, min: u32, max: u32, text: &str, path: &Path<'_>) -> Result<(), Error> {
    if rule == Rule::ResourceName {
        // The service's text names the value; the member is told beside it.
        return names::check_resource_name(text)
            .map_err(|error| error.with_tip(format!("Change the value of {path}.")));
    }
    if min > 0 || max < u32::MAX {
        size(text.chars().count(), min, max, "character", path)?;
    }
    if !rule.allows(text) {
        return Err(Error::invalid_input(format!("{path} must {}.", rule.words())));
    }
    Ok(())
}

fn enumeration(shape: &str, values: &[&str], text: &mut String, path: &Path<'_>) -> Result<(), Error> {
    if values.contains(&text.as_str()) {
        return Ok(());
    }
    if CASELESS.contains(&shape)
        && let Some(value) = values.iter().find(|value| value.eq_ignore_ascii_case(text))
    {
        (*value).clone_into(text);
        return Ok(());
    }
    let listed = values.iter().take(MOST_LISTED).copied().collect::<Vec<_>>().join(", ");
    let more = if values.len() > MOST_LISTED { ", …" } else { "" };
    Err(Error::invalid_input(format!("{path} must be one of {listed}{more}, but is {}.", quoted(text))))
}

fn size(count: usize, min: u32, max: u32, unit: &str, path: &Path<'_>) -> Result<(), Error> {
    let plural = |n: u32| if n == 1 { "" } else { "s" };
    if count < min as usize {
        Err(Error::invalid_input(format!("{path} must have at least {min} {unit}{}, but has {count}.", plural(min))))
    } else if count > max as usize {
        Err(Error::invalid_input(format!("{path} must have at most {max} {unit}{}, but has {count}.", plural(max))))
    } else {
        Ok(())
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", excerpt(text))
}

fn wanted(kind: &Kind) -> &'static str {
    match kind {
        Kind::Boolean => "true or false",
        Kind::Integer { .. } | Kind::Long | Kind::Float => "a number",
        Kind::Timestamp => "a number of seconds since the epoch",
        Kind::String { .. } | Kind::Enum(_) => "a string",
        Kind::List { .. } => "a list",
        Kind::Map { .. } | Kind::Structure(_) => "an object",
    }
}

fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Lists what in a result differs from the service's description: unknown members, wrong types, unknown enum values.
/// For tests; an empty list means that every client can read the result.
pub fn output(action: Action, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    look(action.row().output, value, &Path::Body, &mut faults);
    faults
}

fn look(shape: ShapeId, value: &Value, path: &Path<'_>, faults: &mut Vec<String>) {
    let shape = shape.get();
    match (&shape.kind, value) {
        (Kind::Boolean, Value::Bool(_))
        | (Kind::Float | Kind::Timestamp, Value::Number(_))
        | (Kind::String { .. }, Value::String(_)) => {}
        (Kind::Integer { min, max }, Value::Number(n))
            if n.as_i64().is_some_and(|n| (i64::from(*min)..=i64::from(*max)).contains(&n)) => {}
        (Kind::Long, Value::Number(n)) if n.is_i64() => {}
        (Kind::Enum(values), Value::String(text)) => {
            if !values.contains(&text.as_str()) {
                faults.push(format!("{path}: {} is not a {}", quoted(text), shape.name));
            }
        }
        (Kind::List { item, .. }, Value::Array(items)) => {
            for (i, value) in items.iter().enumerate() {
                look(*item, value, &Path::Item(path, i), faults);
            }
        }
        (Kind::Map { value: shape, .. }, Value::Object(entries)) => {
            for (name, value) in entries {
                look(*shape, value, &Path::Member(path, name), faults);
            }
        }
        (Kind::Structure(members), Value::Object(entries)) => {
            for (name, value) in entries {
                let path = Path::Member(path, name);
                match members.iter().find(|member| member.name == name) {
                    Some(member) => look(member.shape, value, &path, faults),
                    None => faults.push(format!("{path}: {} has no such member", shape.name)),
                }
            }
        }
        (kind, value) => faults.push(format!("{path}: must be {}, but is {}", wanted(kind), found(value))),
    }
}

#[cfg(test)]
mod tests;
