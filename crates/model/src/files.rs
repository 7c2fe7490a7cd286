//! What the server and the guest agent say about the files in the person's home.
//!
//! The server asks the agent for an upgrade to [`PROTOCOL`] at `GET /v1/files`. From then on a process with the person's
//! own rights has the connection, and answers one HTTP/1.1 request on it:
//!
//! | request | body → reply | meaning |
//! |---|---|---|
//! | `GET /list?path=P` | → [`FileList`] | what a folder holds |
//! | `GET /content?path=P` | → the bytes, with their number | a file |
//! | `PUT /content?path=P&name=N[&make]` | the bytes → [`FileKept`] | a new file in the folder P, which `make` makes first where it is missing |
//!
//! A path is relative to the home and percent-encoded. A request that fails is answered with [`FileRefusal`], and what had
//! been written of a file is gone. The server treats all of it as hostile input, and says its own sentences.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// What the server asks to have spoken on the connection.
pub const PROTOCOL: &str = "porthole-files";
/// Most entries of a folder that are told.
pub const MOST_ENTRIES: usize = 5_000;
/// Largest list that the server reads, in bytes: of the longest names, each byte written as six.
pub const MOST_LIST_BYTES: usize = 10 << 20;
/// Longest path in bytes, as of the kernel.
pub const LONGEST_PATH_BYTES: usize = 4_095;
/// Longest name in bytes, as of the kernel's filesystems.
pub const LONGEST_NAME_BYTES: usize = 255;
/// Folder in the home that files go to when the person named none.
pub const DOWNLOADS: &str = "Downloads";

/// What a folder holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileList {
    /// In no order; names that are not text are left out.
    pub entries: Vec<FileEntry>,
    /// There are more than [`MOST_ENTRIES`].
    pub more: bool,
    /// Bytes that the person may still write there.
    pub free_bytes: u64,
}

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its name.
    pub name: String,
    /// What it is, or what it leads to.
    pub kind: FileKind,
    /// Size of a file in bytes; 0 for all else.
    pub size_bytes: u64,
    /// When it was last changed, in milliseconds since the epoch.
    pub modified_ms: i64,
}

/// What an entry of a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// A folder.
    Folder,
    /// A file.
    File,
    /// A socket, a pipe, a device, or a link that leads nowhere.
    Other,
}

/// How an uploaded file was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileKept {
    /// Its name, another one than was asked for when that was taken.
    pub name: String,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// Why the agent did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRefusal {
    /// The reason.
    pub problem: FileProblem,
}

/// Why something cannot be done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "lowercase")]
pub enum FileProblem {
    /// The path is not text, not relative, too long, or climbs.
    #[error("path must be a path below the home folder: names with slashes between them, none of them “.” or “..”.")]
    Path,
    /// The name is not one.
    #[error("name must be the name of a file: 1 to 255 bytes, without a slash.")]
    Name,
    /// There is no such file or folder.
    #[error("There is no such file or folder any more.")]
    Missing,
    /// A folder was needed.
    #[error("This is not a folder.")]
    Folder,
    /// A file was needed.
    #[error("Only files can be downloaded, not folders, pipes or devices.")]
    File,
    /// The person has not the rights.
    #[error("You have no rights to do that there.")]
    Denied,
    /// The disk, or the person's part of it, is full.
    #[error("The computer's disk is full.")]
    Full,
    /// The filesystem takes no file of this size.
    #[error("The computer's filesystem takes no file as large as this one.")]
    Large,
    /// Too many files have the name already.
    #[error("Too many files have this name already.")]
    Taken,
    /// Too much is under way.
    #[error("Too many files are on their way. Wait until some have arrived.")]
    Busy,
    /// The bytes ended early.
    #[error("The upload was cut off.")]
    Cut,
    /// Something else, which the instance's log names.
    #[error("The computer cannot do that: its disk or its filesystem refuses.")]
    Failed,
}

impl FileProblem {
    /// Gives the HTTP status that goes with it.
    pub const fn status(self) -> u16 {
        match self {
            Self::Path | Self::Name | Self::Cut => 400,
            Self::Denied => 403,
            Self::Missing => 404,
            Self::Folder | Self::File | Self::Taken => 409,
            Self::Large => 413,
            Self::Busy => 503,
            Self::Failed => 500,
            Self::Full => 507,
        }
    }

    /// Gives the word of it on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Name => "name",
            Self::Missing => "missing",
            Self::Folder => "folder",
            Self::File => "file",
            Self::Denied => "denied",
            Self::Full => "full",
            Self::Large => "large",
            Self::Taken => "taken",
            Self::Busy => "busy",
            Self::Cut => "cut",
            Self::Failed => "failed",
        }
    }
}

/// Checks a path below the home; the empty one is the home itself.
///
/// # Errors
/// When it is absolute, too long, has a zero byte, or a part that is empty, `.` or `..`.
pub fn check_path(path: &str) -> Result<(), FileProblem> {
    let good = path.is_empty() || path.split('/').all(|part| check_name(part).is_ok());
    if good && path.len() <= LONGEST_PATH_BYTES { Ok(()) } else { Err(FileProblem::Path) }
}

/// Checks the name of a file.
///
/// # Errors
/// When it is empty, too long, `.` or `..`, or has a slash or a zero byte.
pub fn check_name(name: &str) -> Result<(), FileProblem> {
    let good = !matches!(name, "" | "." | "..") && name.len() <= LONGEST_NAME_BYTES && !name.contains(['/', '\0']);
    if good { Ok(()) } else { Err(FileProblem::Name) }
}

/// Gives the name to try when `number` others were taken: `name`, `name (1)`, …, with the ending kept, and what is too
/// long taken from before it.
pub fn numbered(name: &str, number: u32) -> String {
    if number == 0 {
        return name.to_owned();
    }
    let dot = name.rfind('.').filter(|at| *at > 0).unwrap_or(name.len());
    let (stem, ending) = name.split_at(dot);
    let number = format!(" ({number})");
    // An ending that leaves no room for anything else is none.
    let (stem, ending) = if ending.len() + number.len() < LONGEST_NAME_BYTES { (stem, ending) } else { (name, "") };
    let stem = shortened(stem, LONGEST_NAME_BYTES - ending.len() - number.len());
    format!("{stem}{number}{ending}")
}

/// Gives the longest beginning of a text that has at most so many bytes.
pub fn shortened(text: &str, most_bytes: usize) -> &str {
    let mut end = text.len().min(most_bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Finds a value in a query and decodes it; `None`: it has none. A name without a value has the empty one.
///
/// # Errors
/// When it is not percent-encoded UTF-8.
pub fn query_value(query: &str, name: &str) -> Option<Result<String, FileProblem>> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let value = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next()?;
    Some(decoded(value).ok_or(FileProblem::Path))
}

/// Writes a text so that it can be a value in a query, and in a header's `filename*`.
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            out.push(*first);
            continue;
        }
        let digits = rest.first_chunk::<2>()?.map(|digit| char::from(digit).to_digit(16));
        let [Some(high), Some(low)] = digits else { return None };
        out.push((high * 16 + low) as u8);
        rest = &rest[2..];
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_home() {
        for good in ["", "a", "a/b c/ä.txt", "..a/b..", ".config"] {
            assert_eq!(check_path(good), Ok(()), "{good}");
        }
        let long = ["x"; 3_000].join("/");
        for bad in ["/", "/etc/passwd", "..", "a/../b", "a/..", "a//b", "a/", "./a", "a\0b", &long, &"x".repeat(256)] {
            assert_eq!(check_path(bad), Err(FileProblem::Path), "{bad}");
        }
        for bad in ["", ".", "..", "a/b", "/", "a\0", &"x".repeat(256)] {
            assert_eq!(check_name(bad), Err(FileProblem::Name), "{bad}");
        }
    }

    #[test]
    fn a_taken_name_gets_a_number_before_its_ending() {
        assert_eq!(numbered("a.txt", 0), "a.txt");
        assert_eq!(numbered("a.txt", 1), "a (1).txt");
        assert_eq!(numbered("a", 12), "a (12)");
        assert_eq!(numbered(".profile", 1), ".profile (1)");
        assert_eq!(numbered("a.tar.gz", 2), "a.tar (2).gz");
        for long in [format!("{}.txt", "ä".repeat(125)), format!("a.{}", "x".repeat(253)), "ö".repeat(127)] {
            let name = numbered(&long, 999);
            assert!(check_name(&name).is_ok() && name.contains(" (999)"), "{name}");
        }
        assert!(numbered(&format!("{}.txt", "ä".repeat(125)), 7).ends_with("ä (7).txt"));
    }

    #[test]
    fn a_query_is_decoded_strictly() {
        for text in ["", "a b&c=d/ä%+?#", "ð\u{1F600}\n"] {
            let query = format!("make&path={}&x=1", encoded(text));
            assert_eq!(query_value(&query, "path"), Some(Ok(text.to_owned())));
        }
        assert_eq!(query_value("make&path=a+b", "path"), Some(Ok("a+b".into())), "a plus is a plus");
        assert_eq!(query_value("make", "make"), Some(Ok(String::new())));
        assert_eq!(query_value("mypath=1", "path"), None);
        for bad in ["%", "%4", "%zz", "%ff", "a%c3"] {
            assert_eq!(query_value(&format!("path={bad}"), "path"), Some(Err(FileProblem::Path)), "{bad}");
        }
    }

    #[test]
    fn a_problem_has_one_word() {
        for problem in [FileProblem::Full, FileProblem::Denied, FileProblem::Cut, FileProblem::Missing] {
            assert_eq!(serde_json::to_value(problem).expect("JSON"), problem.as_str());
        }
    }
}
