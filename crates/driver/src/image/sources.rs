//! Where packages come from: the host's own apt configuration, as far as it concerns the image's Debian release.

use std::{collections::BTreeMap, fmt::Write as _, fs, io, path::Path};

use crate::process::Run;

/// Package sources of the host that serve a release.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sources {
    /// In apt's deb822 form.
    pub(super) text: String,
    /// Files with keys that the sources name.
    pub(super) keys: Vec<String>,
}

type Stanza = BTreeMap<String, String>;

/// Gives the host's settings for downloads, such as proxies, as a configuration file of apt.
pub(super) fn download_settings() -> io::Result<String> {
    let dump = Run::new("apt-config").args(["dump"]).run().map_err(io::Error::other)?;
    let dump = String::from_utf8_lossy(&dump);
    let lines = dump.lines().filter(|line| line.starts_with("Acquire::"));
    // Names of packages in other languages are of no use in an image.
    Ok(lines.chain(["Acquire::Languages \"none\";"]).fold(String::new(), |text, line| text + line + "\n"))
}

/// Finds the host's package sources for a release; `None` where it has none, as on another distribution.
pub(super) fn host_sources(apt: &Path, suite: &str) -> Option<Sources> {
    let mut files = vec![apt.join("sources.list")];
    if let Ok(entries) = fs::read_dir(apt.join("sources.list.d")) {
        files.extend(entries.flatten().map(|entry| entry.path()));
    }
    files.sort();
    let mut stanzas = Vec::new();
    for file in files {
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("sources") => stanzas.extend(parse_deb822(&text)),
            Some("list") => stanzas.extend(text.lines().filter_map(parse_line)),
            _ => {}
        }
    }
    let wanted: Vec<Stanza> = stanzas.into_iter().filter_map(|stanza| narrow(stanza, suite)).collect();
    let serves = |stanza: &Stanza| stanza["suites"].split(' ').any(|name| name == suite);
    if !wanted.iter().any(serves) {
        return None;
    }
    let keys = wanted.iter().filter_map(|stanza| stanza.get("signed-by"));
    let keys = keys.filter(|key| key.starts_with('/') && !key.contains('\n')).cloned().collect();
    let mut text = String::new();
    for (number, stanza) in wanted.iter().enumerate() {
        text.push_str(if number == 0 { "" } else { "\n" });
        for (field, name) in FIELDS {
            if let Some(value) = stanza.get(field) {
                let _ = writeln!(text, "{name}: {value}");
            }
        }
    }
    Some(Sources { text, keys })
}

const FIELDS: [(&str, &str); 6] = [
    ("types", "Types"),
    ("uris", "URIs"),
    ("suites", "Suites"),
    ("components", "Components"),
    ("signed-by", "Signed-By"),
    ("trusted", "Trusted"),
];

/// Keeps of a stanza what is Debian's own for the release; `None` when that is nothing.
fn narrow(mut stanza: Stanza, suite: &str) -> Option<Stanza> {
    let words = |name: &str| -> Vec<String> {
        stanza.get(name).map(|value| value.split_whitespace().map(str::to_owned).collect()).unwrap_or_default()
    };
    let serves = |name: &&String| {
        name.strip_prefix(suite).is_some_and(|rest| matches!(rest, "" | "-updates" | "-security" | "/updates"))
    };
    let suites: Vec<String> = words("suites").iter().filter(serves).cloned().collect();
    let reachable = |uri: &&String| !["file:", "cdrom:", "copy:"].iter().any(|scheme| uri.starts_with(scheme));
    let uris: Vec<String> = words("uris").iter().filter(reachable).cloned().collect();
    let components: Vec<String> = words("components").iter().filter(|name| is_debians(name)).cloned().collect();
    let binary = words("types").iter().any(|kind| kind == "deb");
    let enabled = stanza.get("enabled").is_none_or(|value| value != "no");
    if !binary || !enabled || suites.is_empty() || uris.is_empty() || !components.iter().any(|name| name == "main") {
        return None;
    }
    stanza.insert("types".into(), "deb".into());
    stanza.insert("suites".into(), suites.join(" "));
    stanza.insert("uris".into(), uris.join(" "));
    stanza.insert("components".into(), components.join(" "));
    Some(stanza)
}

fn is_debians(component: &str) -> bool {
    matches!(component, "main" | "contrib" | "non-free" | "non-free-firmware")
}

fn parse_deb822(text: &str) -> Vec<Stanza> {
    let mut stanzas = vec![Stanza::new()];
    let mut field = String::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some(stanza) = stanzas.last_mut() else {
            break;
        };
        if line.trim().is_empty() {
            stanzas.push(Stanza::new());
        } else if line.starts_with([' ', '\t']) {
            if let Some(value) = stanza.get_mut(&field) {
                let _ = write!(value, "\n{line}");
            }
        } else if let Some((name, value)) = line.split_once(':') {
            field = name.trim().to_ascii_lowercase();
            stanza.insert(field.clone(), value.trim().to_owned());
        }
    }
    stanzas
}

fn parse_line(line: &str) -> Option<Stanza> {
    let line = line.split('#').next()?.trim().strip_prefix("deb")?;
    let line = line.strip_prefix([' ', '\t'])?.trim_start();
    let (options, rest) = match line.strip_prefix('[') {
        Some(inner) => inner.split_once(']')?,
        None => ("", line),
    };
    let mut words = rest.split_whitespace();
    let (uri, suite) = (words.next()?, words.next()?);
    let mut stanza: Stanza = options
        .split_whitespace()
        .filter_map(|option| option.split_once('='))
        .map(|(k, v)| (k.to_ascii_lowercase(), v.into()))
        .collect();
    stanza.insert("types".into(), "deb".into());
    stanza.insert("uris".into(), uri.into());
    stanza.insert("suites".into(), suite.into());
    stanza.insert("components".into(), words.collect::<Vec<_>>().join(" "));
    Some(stanza)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apt(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        fs::create_dir(dir.path().join("sources.list.d")).expect("a folder");
        for (name, text) in files {
            fs::write(dir.path().join(name), text).expect("a file");
        }
        dir
    }

    #[test]
    fn only_debians_own_sources_of_the_release_are_taken() {
        let dir = apt(&[
            (
                "sources.list",
                "# old\ndeb http://mirror.test/debian bookworm main contrib # ours\ndeb-src http://mirror.test/debian bookworm main\n\
                 deb cdrom:[x]/ bookworm main\ndeb [arch=amd64 signed-by=/etc/keys/a.gpg] http://mirror.test/security bookworm-security main\n",
            ),
            (
                "sources.list.d/tools.list",
                "deb http://tools.test bookworm stable\ndeb http://tools.test bookworm-tools main\n",
            ),
            (
                "sources.list.d/off.sources",
                "Types: deb\nURIs: http://off.test\nSuites: bookworm\nComponents: main\nEnabled: no\n",
            ),
        ]);
        let found = host_sources(dir.path(), "bookworm").expect("sources are found");
        let wanted = "Types: deb\nURIs: http://mirror.test/debian\nSuites: bookworm\nComponents: main contrib\n\n\
                      Types: deb\nURIs: http://mirror.test/security\nSuites: bookworm-security\nComponents: main\nSigned-By: /etc/keys/a.gpg\n";
        assert_eq!(found.text, wanted);
        assert_eq!(found.keys, ["/etc/keys/a.gpg"]);
    }

    #[test]
    fn deb822_keeps_a_key_that_is_written_in_it() {
        let text = "Types: deb deb-src\n# where\nURIs: http://mirror.test/debian\nSuites: trixie bookworm bookworm-updates bookworm-backports\n\
                    Components: main\nSigned-By:\n -----BEGIN\n .\n -----END\n\nTypes: deb\nURIs: http://x.test\nSuites: trixie\nComponents: main\n";
        let dir = apt(&[("sources.list.d/debian.sources", text)]);
        let found = host_sources(dir.path(), "bookworm").expect("sources are found");
        let wanted = "Types: deb\nURIs: http://mirror.test/debian\nSuites: bookworm bookworm-updates\nComponents: main\n\
                      Signed-By: \n -----BEGIN\n .\n -----END\n";
        assert_eq!(found, Sources { text: wanted.into(), keys: Vec::new() });
    }

    #[test]
    fn a_host_of_another_kind_has_none() {
        let dir = apt(&[("sources.list", "deb http://mirror.test/ubuntu noble main universe\n")]);
        assert_eq!(host_sources(dir.path(), "bookworm"), None);
        assert_eq!(host_sources(&dir.path().join("nothing"), "bookworm"), None);
    }
}
