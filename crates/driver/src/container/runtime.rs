//! The OCI runtime, runc or crun, as a process. It makes the container and begins its init; looking and ending is done
//! without it, because its state is small and known, and it may itself have been killed half-way.

use std::{
    fs,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::Duration,
};

use super::names::InstancePaths;
use crate::{
    DriverError,
    error::{lasting, retry},
    process::{Run, RunError, find_program},
};

/// Making a container takes some 50 ms; a machine under heavy load needs more.
const CREATE_LIMIT: Duration = Duration::from_secs(30);
const START_LIMIT: Duration = Duration::from_secs(10);
/// How much of a log an error quotes.
const QUOTE_BYTES: usize = 2000;

/// An OCI runtime.
#[derive(Debug, Clone)]
pub(crate) struct Runtime {
    program: &'static str,
    root: PathBuf,
}

impl Runtime {
    /// Takes runc, else crun (which wants cgroup version 2 alone).
    pub(crate) fn find(root: PathBuf) -> Result<Self, DriverError> {
        match ["runc", "crun"].into_iter().find(|program| find_program(program).is_some()) {
            Some(program) => Ok(Self { program, root }),
            None => Err(lasting(
                "neither runc nor crun is installed",
                "This machine cannot run instances: neither runc nor crun is installed.",
            )),
        }
    }

    /// Makes the container; its init waits to begin. `console` becomes its output, `agent` its descriptor 3.
    pub(crate) fn create(
        &self,
        id: &str,
        paths: &InstancePaths,
        console: OwnedFd,
        agent: OwnedFd,
    ) -> Result<(), DriverError> {
        let log = paths.runtime_log();
        let result = self
            .command(&log)
            .args(["create", "--preserve-fds", "1", "--bundle"])
            .arg(paths.bundle())
            .arg(id)
            .output_to(console)
            .inherit(agent)
            .limit(CREATE_LIMIT)
            .run();
        result.map(drop).map_err(|error| failure("make the container", &error, &log))
    }

    /// Lets the init of a made container begin.
    pub(crate) fn start(&self, id: &str, paths: &InstancePaths) -> Result<(), DriverError> {
        let log = paths.runtime_log();
        let result = self.command(&log).args(["start"]).arg(id).limit(START_LIMIT).run();
        result.map(drop).map_err(|error| failure("start the container", &error, &log))
    }

    fn command(&self, log: &Path) -> Run {
        Run::new(self.program).clean_environment().arg("--root").arg(&self.root).arg("--log").arg(log)
    }
}

fn failure(deed: &str, error: &RunError, log: &Path) -> DriverError {
    let said = fs::read_to_string(log).unwrap_or_default();
    retry(format!("{deed}: {error}; {}", tail(&said)))
}

/// Gives the end of a text, for an error.
pub(crate) fn tail(text: &str) -> &str {
    let text = text.trim();
    let mut from = text.len().saturating_sub(QUOTE_BYTES);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_begins_at_a_character() {
        let text = "é".repeat(QUOTE_BYTES);
        assert!(tail(&text).len() <= QUOTE_BYTES && tail(&text).starts_with('é'));
        assert_eq!(tail(" a "), "a");
    }
}
