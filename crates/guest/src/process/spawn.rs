//! Starts a program with its own identity, session and file descriptors.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::{Gid, Pid, Signal, Uid};

/// Whose rights a program gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Further groups.
    pub(crate) groups: Vec<u32>,
}

/// A program to start.
pub(crate) struct Program {
    command: Command,
    identity: Option<Identity>,
    /// Descriptors handed over; the child has them under the same numbers.
    descriptors: Vec<OwnedFd>,
    dies_with_us: bool,
}

impl Program {
    /// Describes a program that inherits nothing but what is set here. It leads a session of its own.
    pub(crate) fn new(path: impl Into<OsString>) -> Self {
        let mut command = Command::new(path.into());
        command.env_clear().stdin(Stdio::null()).current_dir("/");
        Self { command, identity: None, descriptors: Vec::new(), dies_with_us: false }
    }

    /// Appends arguments.
    pub(crate) fn args<S: Into<OsString>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args.into_iter().map(Into::into));
        self
    }

    /// Sets environment variables.
    pub(crate) fn envs(mut self, envs: impl IntoIterator<Item = (String, String)>) -> Self {
        self.command.envs(envs);
        self
    }

    /// Sets the working folder.
    pub(crate) fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.command.current_dir(folder.into());
        self
    }

    /// Runs it with these rights; `None` keeps ours.
    pub(crate) fn identity(mut self, identity: Option<Identity>) -> Self {
        self.identity = identity;
        self
    }

    /// Hands a descriptor over; its number, which the child will know it by, does not change.
    pub(crate) fn descriptor(mut self, fd: OwnedFd) -> Self {
        self.descriptors.push(fd);
        self
    }

    /// Has the kernel kill it when the thread that started it ends.
    pub(crate) fn dies_with_us(mut self) -> Self {
        self.dies_with_us = true;
        self
    }

    /// Silences its output.
    pub(crate) fn quiet(mut self) -> Self {
        self.command.stdout(Stdio::null()).stderr(Stdio::null());
        self
    }

    /// Sends all its output to a file.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub(crate) fn output(mut self, file: &File) -> io::Result<Self> {
        self.command.stdout(file.try_clone()?).stderr(file.try_clone()?);
        Ok(self)
    }

    /// Starts it. The caller's [`Reaper`](super::Reaper) hears of its end.
    ///
    /// # Errors
    /// When the program is missing or the kernel refuses.
    pub(crate) fn start(mut self) -> io::Result<Pid> {
        let identity = self.identity.take();
        let dies_with_us = self.dies_with_us;
        let parent = rustix::process::getpid();
        let descriptors: Vec<RawFd> = self.descriptors.iter().map(AsRawFd::as_raw_fd).collect();
        let groups: Vec<Gid> = identity.iter().flat_map(|i| i.groups.iter().map(|g| Gid::from_raw(*g))).collect();
        let prepare = move || -> io::Result<()> {
            rustix::process::setsid()?;
            for number in &descriptors {
                // SAFETY: the program's owner keeps the descriptor open until after the spawn.
                let fd = unsafe { BorrowedFd::borrow_raw(*number) };
                rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::empty())?;
            }
            if let Some(identity) = &identity {
                become_identity(identity, &groups)?;
            }
            // Last: a change of identity takes it back.
            if dies_with_us {
                rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
                if rustix::process::getppid() != Some(parent) {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
            }
            Ok(())
        };
        // SAFETY: between fork and exec the closure only makes system calls through rustix and reads memory that was
        // allocated before; it allocates nothing and takes no lock. An `io::Error` from an errno allocates nothing.
        unsafe { self.command.pre_exec(prepare) };
        let child = self.command.spawn()?;
        drop(self.descriptors);
        Pid::from_raw(child.id() as i32).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn become_identity(identity: &Identity, groups: &[Gid]) -> io::Result<()> {
    // The raw system calls change this thread alone, which is all of a freshly forked child.
    rustix::thread::set_thread_groups(groups)?;
    let gid = Gid::from_raw(identity.gid);
    let uid = Uid::from_raw(identity.uid);
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    Ok(())
}

/// Makes orphaned descendants this process's children instead of PID 1's.
///
/// # Errors
/// When the kernel refuses.
pub(crate) fn adopt_orphans() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
}
