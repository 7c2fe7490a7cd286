//! Rust types of the served actions: enums, requests, results, and the structures they share.

use std::{collections::BTreeSet, fmt::Write as _};

use super::{
    model::{Kind, Member, Model, SECRET_MEMBERS},
    names::{serde_camel, snake, upper_camel},
    served::SERVED,
};

/// Writes the enums that served inputs and outputs reach.
pub(crate) fn enums(model: &Model) -> anyhow::Result<String> {
    let reached = model.reachable(model.served_inputs().into_iter().chain(model.served_outputs()));
    let mut out = String::from("use crate::wire::wire_enum;\n");
    for name in reached {
        let Kind::Enum(values) = &model.shapes[&name].kind else {
            continue;
        };
        write!(out, "\nwire_enum! {{\n    pub enum {} {{\n", upper_camel(&name))?;
        for value in values {
            writeln!(out, "        {} = {value:?},", upper_camel(value))?;
        }
        out += "    }\n}\n";
    }
    Ok(out)
}

/// Writes the requests.
pub(crate) fn inputs(model: &Model) -> anyhow::Result<String> {
    let mut out = header("Deserialize", "Input");
    for action in SERVED {
        let name = &model.actions[action].input;
        let Kind::Structure(members) = &model.shapes[name].kind else { unreachable!("a request is a structure") };
        structure(model, &mut out, name, members, Use { input: true, output: false })?;
        writeln!(
            out,
            "\nimpl Input for {} {{ const ACTION: Action = Action::{}; }}",
            upper_camel(name),
            upper_camel(action)
        )?;
    }
    Ok(out)
}

/// Writes the results.
pub(crate) fn outputs(model: &Model) -> anyhow::Result<String> {
    let mut out = header("Serialize", "Output");
    for action in SERVED {
        let name = &model.actions[action].output;
        let Kind::Structure(members) = &model.shapes[name].kind else { unreachable!("a result is a structure") };
        structure(model, &mut out, name, members, Use { input: false, output: true })?;
        writeln!(
            out,
            "\nimpl Output for {} {{ const ACTION: Action = Action::{}; }}",
            upper_camel(name),
            upper_camel(action)
        )?;
    }
    Ok(out)
}

/// Writes the structures inside requests and results.
pub(crate) fn structures(model: &Model) -> anyhow::Result<String> {
    let inputs = model.reachable(model.served_inputs());
    let outputs = model.reachable(model.served_outputs());
    let roots: BTreeSet<&str> = model.served_inputs().into_iter().chain(model.served_outputs()).collect();
    let mut out = String::from(
        "#![allow(unused_imports)]\n\nuse std::collections::BTreeMap;\n\nuse serde::{Deserialize, Serialize};\n\n\
         use super::enums::*;\nuse crate::wire::{Sensitive, Timestamp};\n",
    );
    for name in inputs.union(&outputs) {
        let Kind::Structure(members) = &model.shapes[name].kind else {
            continue;
        };
        if !roots.contains(name.as_str()) {
            let used = Use { input: inputs.contains(name), output: outputs.contains(name) };
            structure(model, &mut out, name, members, used)?;
        }
    }
    Ok(out)
}

/// Which way a structure travels.
#[derive(Clone, Copy)]
struct Use {
    input: bool,
    output: bool,
}

fn header(serde: &str, role: &str) -> String {
    format!(
        "#![allow(unused_imports)]\n\nuse std::collections::BTreeMap;\n\nuse serde::{serde};\n\n\
         use super::{{actions::Action, enums::*, structures::*}};\nuse crate::{{protocol::{role}, wire::{{Sensitive, Timestamp}}}};\n"
    )
}

fn structure(model: &Model, out: &mut String, name: &str, members: &[Member], used: Use) -> anyhow::Result<()> {
    let mut derives = vec!["Debug", "Clone", "PartialEq"];
    // What a reply must hold is ours to fill, so its required members are optional too.
    let required = |member: &Member| member.required && !used.output;
    if !members.iter().any(required) {
        derives.push("Default");
    }
    if used.input {
        derives.push("Deserialize");
    }
    if used.output {
        derives.push("Serialize");
    }
    write!(
        out,
        "\n#[derive({})]\n#[serde(rename_all = \"camelCase\")]\npub struct {} {{",
        derives.join(", "),
        upper_camel(name)
    )?;
    for member in members {
        let field = snake(&member.name);
        let mut attributes = Vec::new();
        if serde_camel(&field) != member.name {
            attributes.push(format!("rename = {:?}", member.name));
        }
        let mut ty = rust_type(model, &member.shape);
        if SECRET_MEMBERS.contains(&member.name.as_str()) {
            ty = "Sensitive".into();
        }
        if !required(member) {
            ty = format!("Option<{ty}>");
            if used.output {
                attributes.push("skip_serializing_if = \"Option::is_none\"".into());
            }
        }
        out.push('\n');
        if !attributes.is_empty() {
            writeln!(out, "    #[serde({})]", attributes.join(", "))?;
        }
        write!(out, "    pub {field}: {ty},")?;
    }
    *out += if members.is_empty() { "}\n" } else { "\n}\n" };
    Ok(())
}

fn rust_type(model: &Model, shape: &str) -> String {
    match &model.shapes[shape].kind {
        Kind::Boolean => "bool".into(),
        Kind::Integer { .. } => "i32".into(),
        Kind::Long => "i64".into(),
        Kind::Float => "f32".into(),
        Kind::Double => "f64".into(),
        Kind::Timestamp => "Timestamp".into(),
        Kind::String { .. } if model.shapes[shape].sensitive => "Sensitive".into(),
        Kind::String { .. } => "String".into(),
        Kind::Enum(_) | Kind::Structure(_) => upper_camel(shape),
        Kind::List { item, .. } => format!("Vec<{}>", rust_type(model, item)),
        Kind::Map { key, value } => format!("BTreeMap<{}, {}>", rust_type(model, key), rust_type(model, value)),
    }
}
