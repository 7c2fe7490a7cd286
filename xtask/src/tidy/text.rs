//! Rules about the text of tracked files.

use std::fmt;

/// Most lines of a file written by hand.
const CODE_LINES: usize = 600;
/// Most lines of a script.
const SCRIPT_LINES: usize = 120;
/// Words that promise work instead of doing it.
const PROMISES: [&str; 4] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];
/// Hosts of registries, which belong into the configuration of the machine. In pieces, or this file would break its rule.
const REGISTRIES: [&str; 9] = [
    concat!("deb.", "debian.org"),
    concat!("security.", "debian.org"),
    concat!("archive.", "ubuntu.com"),
    concat!("registry.", "npmjs.org"),
    concat!("pypi.", "org"),
    concat!("files.", "pythonhosted.org"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("docker.", "io/"),
];
/// Folders that are one machine's alone.
const MACHINE: [&str; 3] = [concat!("/wo", "rk/"), concat!("/ro", "ot/."), concat!("/home/", "runner")];

/// A broken rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    file: String,
    line: usize,
    what: String,
}

impl Fault {
    /// Line 0 is the whole file.
    pub(super) fn new(file: &str, line: usize, what: String) -> Self {
        Self { file: file.to_owned(), line, what }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(formatter, "{}: {}", self.file, self.what),
            line => write!(formatter, "{}:{line}: {}", self.file, self.what),
        }
    }
}

/// What kind of file a path is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Script,
    /// Written by a tool: only what must not be published is looked for.
    Generated,
    Prose,
}

fn kind(file: &str) -> Kind {
    let name = file.rsplit('/').next().unwrap_or(file);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let tools = ["/generated/", "/testdata/", "/corpus/"];
    let generated = tools.iter().any(|folder| file.contains(folder)) || name == "requirements.txt";
    match extension {
        _ if generated || name.ends_with("-lock.json") || extension == "lock" => Kind::Generated,
        "rs" | "ts" | "mjs" | "js" | "py" | "css" | "html" => Kind::Code,
        "sh" => Kind::Script,
        "" if !name.starts_with('.') && !matches!(name, "LICENSE" | "packages") => Kind::Script,
        _ => Kind::Prose,
    }
}

/// Checks one file.
pub(super) fn faults(file: &str, text: &str) -> Vec<Fault> {
    let kind = kind(file);
    let mut faults = Vec::new();
    let limit = match kind {
        Kind::Code => CODE_LINES,
        Kind::Script => SCRIPT_LINES,
        Kind::Generated | Kind::Prose => usize::MAX,
    };
    let count = text.lines().count();
    if count > limit {
        faults.push(Fault::new(file, 0, format!("has {count} lines, and {limit} are the most: split it")));
    }
    for (number, line) in (1..).zip(text.lines()) {
        let mut found = |what: String| faults.push(Fault::new(file, number, what));
        for host in REGISTRIES.iter().filter(|host| line.contains(**host)) {
            found(format!("names a registry's host, {host}"));
        }
        for folder in MACHINE.iter().filter(|folder| line.contains(**folder)) {
            found(format!("names one machine's folder, {folder}"));
        }
        if kind == Kind::Generated {
            continue;
        }
        for word in PROMISES.iter().filter(|word| has_word(line, word)) {
            found(format!("says {word}: do it, or leave it out"));
        }
        if matches!(kind, Kind::Code | Kind::Script) && names_an_issue(line) {
            found("names an issue by number: say what it is about".into());
        }
        if line.ends_with([' ', '\t', '\r']) {
            found("ends in a blank".into());
        }
    }
    faults
}

fn has_word(line: &str, word: &str) -> bool {
    let letter = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(letter) && !line[at + word.len()..].starts_with(letter))
}

/// Finds the word before a number, and in a comment the sign before one, behind a blank or a bracket.
fn names_an_issue(line: &str) -> bool {
    let digit = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    let lower = line.to_ascii_lowercase();
    let by_word =
        lower.match_indices("issue ").any(|(at, word)| digit(lower[at + word.len()..].trim_start_matches('#')));
    let comment = ["//", "# "].iter().filter_map(|mark| line.find(mark)).min();
    let by_sign = comment.is_some_and(|start| {
        let comment = &line[start..];
        comment.match_indices('#').any(|(at, _)| comment[..at].ends_with([' ', '(']) && digit(&comment[at + 1..]))
    });
    by_word || by_sign
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, text: &str) -> Vec<String> {
        faults(file, text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn long_files_are_to_be_split() {
        let text = "x\n".repeat(CODE_LINES + 1);
        assert_eq!(found("a/b.rs", &text), ["a/b.rs: has 601 lines, and 600 are the most: split it"]);
        assert_eq!(found("scripts/x", &"x\n".repeat(SCRIPT_LINES + 1)).len(), 1);
        assert!(found("crates/api/src/generated/b.rs", &text).is_empty() && found("a/b.md", &text).is_empty());
    }

    #[test]
    fn promises_hosts_and_folders_are_found_with_their_line() {
        for word in PROMISES {
            assert_eq!(
                found("a.rs", &format!("\n// {word}: later")),
                [format!("a.rs:2: says {word}: do it, or leave it out")]
            );
            assert!(found("a.rs", &format!("let a{word} = {word}s;")).is_empty());
        }
        for host in REGISTRIES {
            assert_eq!(found("package-lock.json", &format!("https://{host}")).len(), 1);
        }
        for folder in MACHINE {
            assert_eq!(found("a.md", &format!("cd {folder}x")).len(), 1);
        }
    }

    #[test]
    fn issues_are_not_named_by_number() {
        for line in ["// as in issue N", "/// see (#N)", "# see #N", "// Issue #N"] {
            let line = &line.replace('N', "12");
            assert_eq!(found("a.rs", line), ["a.rs:1: names an issue by number: say what it is about"], "{line}");
        }
        for line in ["#[test]", "let colour = \"#123456\";", "// issue a key", "[[ $# -gt 0 ]]", "// reads #abc"] {
            assert!(found("a.rs", line).is_empty(), "{line}");
        }
    }

    #[test]
    fn blanks_at_the_end_are_found() {
        assert_eq!(found("a.md", "x \n"), ["a.md:1: ends in a blank"]);
        assert!(found("fuzz/corpus/a/0f", "x \n").is_empty(), "what a fuzzer wrote is as it is");
    }
}
