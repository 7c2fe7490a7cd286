//! The tables of actions and shapes that the validator walks.

use std::{collections::BTreeMap, fmt::Write as _};

use anyhow::Context as _;

use super::{
    model::{Kind, Model},
    names::upper_camel,
};

/// Patterns of the description and the check in `crates/api/src/shape.rs` that stands for each.
/// `Documented` patterns belong to actions without Rust types and are not checked.
const RULES: [(&str, &str); 4] = [
    (r"\w[\w\-]*\w", "ResourceName"),
    (r".*\S.*", "NonEmpty"),
    (r"^arn:(aws[^:]*):([a-zA-Z0-9-]+):([a-z0-9-]+):([0-9]+):([a-zA-Z]+)/([a-zA-Z0-9-]+)$", "ResourceArn"),
    (r"^(0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]$", "TimeOfDay"),
];
const DATE_PATTERN: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$";

/// Writes the `Action` enum and its table.
pub(crate) fn actions(model: &Model) -> anyhow::Result<String> {
    let ids = shape_ids(model);
    let count = model.actions.len();
    let mut variants = String::new();
    let mut all = String::new();
    let mut table = String::new();
    for (name, action) in &model.actions {
        let variant = upper_camel(name);
        writeln!(variants, "    {variant},")?;
        writeln!(all, "    Action::{variant},")?;
        let errors: Vec<String> =
            action.errors.iter().map(|error| error_variant(error)).collect::<anyhow::Result<_>>()?;
        writeln!(
            table,
            "    ActionDef {{ name: {name:?}, input: ShapeId({}), output: ShapeId({}), errors: &[{}] }},",
            ids[action.input.as_str()],
            ids[action.output.as_str()],
            errors.join(", ")
        )?;
    }
    Ok(format!(
        "use crate::{{\n    action::ActionDef,\n    error::ErrorCode::{{AccessDenied, AccountSetupInProgress, InvalidInput, NotFound, \
         OperationFailure, RegionSetupInProgress, Service, Unauthenticated}},\n    shape::ShapeId,\n}};\n\n\
         /// Every action of the service's interface, served or not.\n\
         #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]\n#[repr(u8)]\npub enum Action {{\n{variants}}}\n\n\
         pub(crate) static ALL: [Action; {count}] = [\n{all}];\n\n\
         /// In the order of the variants, which is the order of the names.\n\
         pub(crate) static TABLE: [ActionDef; {count}] = [\n{table}];\n"
    ))
}

/// Writes the table of shapes.
pub(crate) fn shapes(model: &Model) -> anyhow::Result<String> {
    let ids = shape_ids(model);
    let served = model.reachable(model.served_inputs());
    let mut table = String::new();
    for (name, shape) in &model.shapes {
        let kind = match &shape.kind {
            Kind::Boolean => "Boolean".to_owned(),
            Kind::Integer { min, max } => {
                format!("Integer {{ min: {}, max: {} }}", bound(*min), bound(*max))
            }
            Kind::Long => "Long".to_owned(),
            Kind::Float | Kind::Double => "Float".to_owned(),
            Kind::Timestamp => "Timestamp".to_owned(),
            Kind::String { pattern, min, max } => {
                let rule = match pattern.as_deref() {
                    None => "Any".to_owned(),
                    Some(DATE_PATTERN) => "Date".to_owned(),
                    Some(pattern) => match RULES.iter().find(|(text, _)| *text == pattern) {
                        Some((_, rule)) => (*rule).to_owned(),
                        None => {
                            anyhow::ensure!(
                                !served.contains(name),
                                "shape {name} of a served input has the unknown pattern {pattern}: add it to RULES and to Rule"
                            );
                            format!("Documented({pattern:?})")
                        }
                    },
                };
                format!("String {{ rule: Rule::{rule}, min: {min}, max: {} }}", limit(*max))
            }
            Kind::Enum(values) => format!("Enum(&{values:?})"),
            Kind::List { item, min, max } => {
                format!("List {{ item: ShapeId({}), min: {min}, max: {} }}", ids[item.as_str()], limit(*max))
            }
            Kind::Map { key, value } => {
                format!("Map {{ key: ShapeId({}), value: ShapeId({}) }}", ids[key.as_str()], ids[value.as_str()])
            }
            Kind::Structure(members) => {
                let members: Vec<String> = members
                    .iter()
                    .map(|member| {
                        let kind = if member.required { "required" } else { "optional" };
                        format!("{kind}({:?}, {})", member.name, ids[member.shape.as_str()])
                    })
                    .collect();
                format!("Structure(&[{}])", members.join(", "))
            }
        };
        writeln!(table, "    Shape {{ name: {name:?}, kind: {kind} }},")?;
    }
    Ok(format!(
        "use crate::shape::{{\n    Kind::{{Boolean, Enum, Float, Integer, List, Long, Map, String, Structure, Timestamp}},\n    \
         Rule, Shape, ShapeId, optional, required,\n}};\n\n\
         pub(crate) static SHAPES: [Shape; {}] = [\n{table}];\n",
        model.shapes.len()
    ))
}

fn shape_ids(model: &Model) -> BTreeMap<&str, usize> {
    model.shapes.keys().enumerate().map(|(id, name)| (name.as_str(), id)).collect()
}

fn error_variant(name: &str) -> anyhow::Result<String> {
    let name = name.strip_suffix("Exception").with_context(|| format!("the error {name} has no known form"))?;
    Ok(name.to_owned())
}

fn bound(value: i64) -> String {
    match value {
        v if v == i64::from(i32::MIN) => "i32::MIN".into(),
        v if v == i64::from(i32::MAX) => "i32::MAX".into(),
        v => v.to_string(),
    }
}

fn limit(value: u64) -> String {
    if value == u64::MAX { "u32::MAX".into() } else { value.to_string() }
}
