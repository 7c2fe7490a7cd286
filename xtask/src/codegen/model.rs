//! The service description as read, and the rules botocore's file lacks.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Read as _,
    path::Path,
};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::served::SERVED;

/// The whole description.
pub(crate) struct Model {
    /// Actions by name.
    pub(crate) actions: BTreeMap<String, Action>,
    /// Shapes by name.
    pub(crate) shapes: BTreeMap<String, Shape>,
}

/// One action.
pub(crate) struct Action {
    pub(crate) input: String,
    pub(crate) output: String,
    pub(crate) errors: Vec<String>,
}

/// One named type.
pub(crate) struct Shape {
    pub(crate) kind: Kind,
    /// Holds a secret.
    pub(crate) sensitive: bool,
}

/// What a shape is.
pub(crate) enum Kind {
    Boolean,
    Integer { min: i64, max: i64 },
    Long,
    Float,
    Double,
    Timestamp,
    String { pattern: Option<String>, min: u64, max: u64 },
    Enum(Vec<String>),
    List { item: String, min: u64, max: u64 },
    Map { key: String, value: String },
    Structure(Vec<Member>),
}

/// One member of a structure.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) shape: String,
    pub(crate) required: bool,
}

/// Members whose shape in the description is weaker than the rule the service documents.
const STRICTER_MEMBERS: [(&str, &str, &str); 2] = [
    ("CreateInstancesRequest", "instanceNames", "ResourceNameList"),
    ("CreateInstancesFromSnapshotRequest", "instanceNames", "ResourceNameList"),
];

/// Members that carry secrets although the description does not say so.
pub(crate) const SECRET_MEMBERS: [&str; 2] = ["privateKeyBase64", "userData"];

impl Model {
    /// Reads plain or gzipped JSON.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let raw = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let text = if raw.starts_with(&[0x1f, 0x8b]) {
            let mut text = Vec::new();
            flate2::read::GzDecoder::new(&raw[..]).read_to_end(&mut text)?;
            text
        } else {
            raw
        };
        let root: Value = serde_json::from_slice(&text).with_context(|| format!("{} is not JSON", path.display()))?;
        ensure!(
            root["metadata"]["targetPrefix"] == "Lightsail_20161128" && root["metadata"]["jsonVersion"] == "1.1",
            "{} does not describe Lightsail's JSON 1.1 interface",
            path.display()
        );
        let mut model = Self { actions: BTreeMap::new(), shapes: BTreeMap::new() };
        for (name, action) in object(&root["operations"])? {
            let errors =
                array(&action["errors"])?.iter().map(|error| text_of(&error["shape"])).collect::<Result<_, _>>()?;
            let action = Action {
                input: text_of(&action["input"]["shape"])?,
                output: text_of(&action["output"]["shape"])?,
                errors,
            };
            model.actions.insert(name.clone(), action);
        }
        for (name, shape) in object(&root["shapes"])? {
            let kind = kind(shape).with_context(|| format!("shape {name}"))?;
            model.shapes.insert(name.clone(), Shape { kind, sensitive: shape["sensitive"] == true });
        }
        model.add_documented_rules()?;
        for name in SERVED {
            ensure!(model.actions.contains_key(name), "the description has no action {name}");
        }
        Ok(model)
    }

    /// Adds the rules that the service's guide states and the description leaves out.
    fn add_documented_rules(&mut self) -> anyhow::Result<()> {
        for (structure, member, shape) in STRICTER_MEMBERS {
            let Kind::Structure(members) = &mut self.shape_mut(structure)?.kind else {
                unreachable!("a request is a structure")
            };
            members
                .iter_mut()
                .find(|m| m.name == member)
                .with_context(|| format!("{structure}.{member} is gone"))?
                .shape = shape.into();
            let Kind::List { min, .. } = &mut self.shape_mut(shape)?.kind else { unreachable!("names are a list") };
            *min = 1;
        }
        for (name, least, most) in [("TagKey", 1, 128), ("TagValue", 0, 256)] {
            self.shape_mut(name)?.kind = Kind::String { pattern: None, min: least, max: most };
        }
        for (name, most) in [("TagList", 50), ("TagKeyList", 50)] {
            let Kind::List { max, .. } = &mut self.shape_mut(name)?.kind else { unreachable!("tags are a list") };
            *max = most;
        }
        Ok(())
    }

    fn shape_mut(&mut self, name: &str) -> anyhow::Result<&mut Shape> {
        self.shapes.get_mut(name).with_context(|| format!("the description has no shape {name}"))
    }

    /// Gives the names of all shapes that can be met from `roots`, the roots included.
    pub(crate) fn reachable<'a>(&self, roots: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut open: Vec<String> = roots.into_iter().map(str::to_owned).collect();
        while let Some(name) = open.pop() {
            if !found.insert(name.clone()) {
                continue;
            }
            match &self.shapes[&name].kind {
                Kind::List { item, .. } => open.push(item.clone()),
                Kind::Map { key, value } => open.extend([key.clone(), value.clone()]),
                Kind::Structure(members) => open.extend(members.iter().map(|member| member.shape.clone())),
                _ => {}
            }
        }
        found
    }

    /// Gives the input shapes of the served actions.
    pub(crate) fn served_inputs(&self) -> Vec<&str> {
        SERVED.iter().map(|name| self.actions[*name].input.as_str()).collect()
    }

    /// Gives the output shapes of the served actions.
    pub(crate) fn served_outputs(&self) -> Vec<&str> {
        SERVED.iter().map(|name| self.actions[*name].output.as_str()).collect()
    }
}

fn kind(shape: &Value) -> anyhow::Result<Kind> {
    let min = shape["min"].as_i64();
    let max = shape["max"].as_i64();
    let unsigned = |bound: Option<i64>, otherwise: u64| bound.map_or(otherwise, i64::unsigned_abs);
    Ok(match shape["type"].as_str().context("no type")? {
        "boolean" => Kind::Boolean,
        "integer" => Kind::Integer { min: min.unwrap_or(i32::MIN.into()), max: max.unwrap_or(i32::MAX.into()) },
        "long" => Kind::Long,
        "float" => Kind::Float,
        "double" => Kind::Double,
        "timestamp" => Kind::Timestamp,
        "string" => match shape.get("enum") {
            Some(values) => Kind::Enum(array(values)?.iter().map(text_of).collect::<Result<_, _>>()?),
            None => Kind::String {
                pattern: shape["pattern"].as_str().map(str::to_owned),
                min: unsigned(min, 0),
                max: unsigned(max, u64::MAX),
            },
        },
        "list" => Kind::List {
            item: text_of(&shape["member"]["shape"])?,
            min: unsigned(min, 0),
            max: unsigned(max, u64::MAX),
        },
        "map" => Kind::Map { key: text_of(&shape["key"]["shape"])?, value: text_of(&shape["value"]["shape"])? },
        "structure" => {
            let required = shape["required"].as_array().cloned().unwrap_or_default();
            let mut members = Vec::new();
            for (name, member) in object(&shape["members"])? {
                members.push(Member {
                    name: name.clone(),
                    shape: text_of(&member["shape"])?,
                    required: required.iter().any(|r| r == name),
                });
            }
            Kind::Structure(members)
        }
        other => anyhow::bail!("unknown type {other}"),
    })
}

fn object(value: &Value) -> anyhow::Result<&serde_json::Map<String, Value>> {
    value.as_object().context("an object is missing")
}

fn array(value: &Value) -> anyhow::Result<&Vec<Value>> {
    value.as_array().context("a list is missing")
}

fn text_of(value: &Value) -> anyhow::Result<String> {
    Ok(value.as_str().context("a text is missing")?.to_owned())
}
