//! The one place that starts programs: no shell, a time limit, output captured in memory, and an end with the server.

use std::{
    ffi::OsString,
    fmt,
    fs::File,
    io::{self, Read, Seek, Write},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{MemfdFlags, memfd_create},
    process::{Pid, PidfdFlags, pidfd_open},
};

use crate::sys;

/// Most bytes of a program's output that are kept.
const OUTPUT_MAX: u64 = 1 << 20;

/// How a program failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// It could not be started.
    #[error("start {program}: {error}")]
    Start { program: String, error: io::Error },
    /// It took longer than allowed and was killed.
    #[error("{program} did not end within {limit:?} and was killed")]
    Late { program: String, limit: Duration },
    /// It ended badly.
    #[error("{program} ended with {status}: {stderr}")]
    Bad { program: String, status: ExitStatus, stderr: String },
    /// Its output could not be kept or read.
    #[error("keep the output of {program}: {error}")]
    Output { program: String, error: io::Error },
}

/// A program about to be run.
pub(crate) struct Run {
    command: Command,
    program: String,
    limit: Duration,
    inherited: Option<OwnedFd>,
    input: Option<Vec<u8>>,
    output: Option<OwnedFd>,
}

impl Run {
    /// Names the program; it is looked up in PATH and the system folders.
    pub(crate) fn new(program: &str) -> Self {
        let path = find_program(program).unwrap_or_else(|| program.into());
        Self {
            command: Command::new(path),
            program: program.to_owned(),
            limit: Duration::from_secs(30),
            inherited: None,
            input: None,
            output: None,
        }
    }

    /// Adds one argument.
    pub(crate) fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.command.arg(arg.into());
        self
    }

    /// Adds arguments.
    pub(crate) fn args<const N: usize>(mut self, args: [&str; N]) -> Self {
        self.command.args(args);
        self
    }

    /// Hides the server's environment from it, but for PATH.
    pub(crate) fn clean_environment(mut self) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/sbin:/usr/bin:/sbin:/bin".into());
        self.command.env_clear().env("PATH", path).env("LC_ALL", "C");
        self
    }

    /// Gives it less or more time than 30 seconds.
    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Hands it a descriptor as number 3.
    pub(crate) fn inherit(mut self, fd: OwnedFd) -> Self {
        self.inherited = Some(fd);
        self
    }

    /// Gives it standard input.
    pub(crate) fn input(mut self, input: Vec<u8>) -> Self {
        self.input = Some(input);
        self
    }

    /// Sends its output and errors to a file instead of memory: for programs that leave children behind.
    pub(crate) fn output_to(mut self, file: OwnedFd) -> Self {
        self.output = Some(file);
        self
    }

    /// Runs it to its end and gives its standard output; a status other than zero is an error.
    pub(crate) fn run(mut self) -> Result<Vec<u8>, RunError> {
        let program = self.program.clone();
        let keep = |error: io::Error| RunError::Output { program: program.clone(), error };
        let (stdout, stderr) = match self.output.take() {
            Some(file) => (file.try_clone().map_err(keep)?, file),
            None => (memory("stdout").map_err(keep)?, memory("stderr").map_err(keep)?),
        };
        let stdin = match self.input.take() {
            Some(input) => Stdio::from(memory_with(&input).map_err(keep)?),
            None => Stdio::null(),
        };
        self.command.stdin(stdin);
        self.command.stdout(stdout.try_clone().map_err(keep)?);
        self.command.stderr(stderr.try_clone().map_err(keep)?);
        sys::prepare_child(&mut self.command, self.inherited.as_ref().map(AsRawFd::as_raw_fd));
        let start = |error| RunError::Start { program: program.clone(), error };
        let mut child = self.command.spawn().map_err(start)?;
        let status = match wait(&mut child, self.limit) {
            Ok(Some(status)) => status,
            other => {
                // The child may have ended in between; then both calls fail or succeed harmlessly.
                let _ = child.kill();
                let _ = child.wait();
                return Err(match other {
                    Err(error) => start(error),
                    _ => RunError::Late { program, limit: self.limit },
                });
            }
        };
        if !status.success() {
            let stderr = String::from_utf8_lossy(&read_back(stderr).map_err(keep)?).trim().to_owned();
            return Err(RunError::Bad { program, status, stderr });
        }
        read_back(stdout).map_err(keep)
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.command)
    }
}

/// Finds a program in PATH or where system programs are.
pub(crate) fn find_program(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(Into::into));
    folders.map(|folder| folder.join(program)).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Waits for the child; `None` when the limit has passed.
fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    let pid = Pid::from_child(child);
    let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
    if wait_readable(pidfd.as_fd(), deadline)? { child.wait().map(Some) } else { child.try_wait() }
}

/// Waits until the descriptor is readable (a process has ended, for a pidfd); `false` when the deadline has passed.
pub(crate) fn wait_readable(fd: BorrowedFd<'_>, deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&timeout)) {
            Ok(0) if Instant::now() >= deadline => return Ok(false),
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}

fn memory(name: &str) -> io::Result<OwnedFd> {
    Ok(memfd_create(name, MemfdFlags::CLOEXEC)?)
}

fn memory_with(content: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(memory("stdin")?);
    file.write_all(content)?;
    file.rewind()?;
    Ok(file.into())
}

fn read_back(fd: OwnedFd) -> io::Result<Vec<u8>> {
    let mut file = File::from(fd);
    let mut content = Vec::new();
    // A file that is only open for writing keeps its content to itself.
    if file.rewind().is_ok() {
        let _ = file.take(OUTPUT_MAX).read_to_end(&mut content);
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn output_is_captured_and_input_given() {
        assert_eq!(Run::new("cat").input(b"hello".to_vec()).run().unwrap(), b"hello");
    }

    #[test]
    fn a_bad_end_says_what_the_program_said() {
        let error = Run::new("ls").arg("/no/such/place").run().unwrap_err();
        assert!(matches!(&error, RunError::Bad { stderr, .. } if stderr.contains("/no/such/place")), "{error}");
    }

    #[test]
    fn a_slow_program_is_killed() {
        let error = Run::new("sleep").arg("600").limit(Duration::from_millis(50)).run().unwrap_err();
        assert!(matches!(error, RunError::Late { .. }));
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Run::new("no-such-program").run().unwrap_err();
        assert!(error.to_string().starts_with("start no-such-program"), "{error}");
    }

    #[test]
    fn a_descriptor_is_inherited_as_number_three() {
        let file = memory_with(b"through three").unwrap();
        assert_eq!(Run::new("cat").arg("/proc/self/fd/3").inherit(file).run().unwrap(), b"through three");
    }
}
