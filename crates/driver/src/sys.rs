//! The few system calls without a safe wrapper. The only file of this crate with unsafe code.

use std::{
    fs::File,
    io,
    os::{
        fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd},
        unix::process::CommandExt,
    },
    process::Command,
};

use rustix::{
    pipe::{PipeFlags, pipe_with},
    process::{Pid, WaitOptions, waitpid},
};

fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Makes a detached mount id-mapped by the given user namespace.
pub(crate) fn idmap_mount(mount: BorrowedFd<'_>, user_namespace: BorrowedFd<'_>) -> io::Result<()> {
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_IDMAP,
        attr_clr: 0,
        propagation: 0,
        userns_fd: user_namespace.as_raw_fd() as u64,
    };
    // SAFETY: the empty path is a valid C string, `attributes` lives through the call and its true size is given.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    check(result).map(drop)
}

/// Makes a user namespace in which ids 0 to `size` are `base` and up on the host, for user and group ids alike.
pub(crate) fn user_namespace(base: u32, size: u32) -> io::Result<OwnedFd> {
    let (read_end, write_end) = pipe_with(PipeFlags::CLOEXEC)?;
    // SAFETY: a fork in a program with threads; the child makes nothing but the system calls in `hold_namespace`.
    let pid = check(unsafe { libc::syscall(libc::SYS_clone, libc::CLONE_NEWUSER | libc::SIGCHLD, 0, 0, 0, 0) })?;
    if pid == 0 {
        hold_namespace(read_end.as_raw_fd());
    }
    let child = Pid::from_raw(pid as i32).ok_or_else(|| io::Error::other("fork gave no process id"))?;
    let made = (|| {
        let map = format!("0 {base} {size}\n");
        std::fs::write(format!("/proc/{pid}/uid_map"), &map)?;
        std::fs::write(format!("/proc/{pid}/gid_map"), &map)?;
        std::fs::File::open(format!("/proc/{pid}/ns/user")).map(OwnedFd::from)
    })();
    // The end of its pipe ends the child.
    drop(write_end);
    waitpid(Some(child), WaitOptions::empty())?;
    made
}

/// The child of [`user_namespace`]: lets go of every descriptor it was born with but one, and waits until the parent
/// closes its end of that pipe, or dies.
fn hold_namespace(read_end: RawFd) -> ! {
    let mut byte = 0_u8;
    // SAFETY: plain system calls on descriptors that are this process's own copies; `byte` outlives the read.
    unsafe {
        libc::dup2(read_end, 0);
        libc::syscall(libc::SYS_close_range, 1, libc::c_uint::MAX, 0);
        libc::read(0, (&raw mut byte).cast(), 1);
        libc::_exit(0)
    }
}

/// Gives the calling thread a root and working folder of its own, without which it may not enter a mount namespace.
pub(crate) fn separate_folders() -> io::Result<()> {
    // SAFETY: descriptors stay shared; only folders are separated, and no code here relies on threads sharing those.
    Ok(unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::FS) }?)
}

const FIFREEZE: libc::Ioctl = 0xC004_5877;
const FITHAW: libc::Ioctl = 0xC004_5878;

/// Lets a frozen filesystem be written again; EINVAL when it is not frozen.
pub(crate) fn thaw(filesystem: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the kernel ignores the argument of this request.
    check(unsafe { libc::ioctl(filesystem.as_raw_fd(), FITHAW, 0) }.into()).map(drop)
}

/// Begins to write a range of a file to the disk; `wait`: ends it, too.
pub(crate) fn write_out(file: &File, at: u64, length: u64, wait: bool) -> io::Result<()> {
    let ends = libc::SYNC_FILE_RANGE_WAIT_BEFORE | libc::SYNC_FILE_RANGE_WAIT_AFTER;
    let flags = libc::SYNC_FILE_RANGE_WRITE | if wait { ends } else { 0 };
    let [at, length] = [at, length].map(|number| libc::off64_t::try_from(number).unwrap_or(libc::off64_t::MAX));
    // SAFETY: the kernel reads nothing but the numbers given here.
    check(unsafe { libc::sync_file_range(file.as_raw_fd(), at, length, flags) }.into()).map(drop)
}

/// Asks the kernel for expedited grace periods (Documentation/admin-guide/kernel-parameters.txt, `rcupdate.rcu_expedited`).
const RCU_EXPEDITED: &str = "/sys/kernel/rcu_expedited";

/// A filesystem that a child process keeps frozen: until it is told to thaw, until a limit has passed, or until this
/// process ends, however that comes about. A filesystem stays frozen when whoever froze it dies, hence the child.
#[derive(Debug)]
pub(crate) struct Frozen {
    child: Pid,
    hold: Option<OwnedFd>,
    told: OwnedFd,
}

impl Frozen {
    /// Freezes a filesystem, at most for `limit`.
    pub(crate) fn hold(filesystem: BorrowedFd<'_>, limit: std::time::Duration) -> io::Result<Self> {
        let (wait_end, hold) = pipe_with(PipeFlags::CLOEXEC)?;
        let (told, tell_end) = pipe_with(PipeFlags::CLOEXEC)?;
        let limit_ms = i32::try_from(limit.as_millis()).unwrap_or(i32::MAX);
        // Without it, freezing only takes longer.
        let hurry = File::options().read(true).write(true).open(RCU_EXPEDITED).ok();
        let hurry_fd = hurry.as_ref().map_or(-1, AsRawFd::as_raw_fd);
        let fds = [filesystem.as_raw_fd(), tell_end.as_raw_fd(), wait_end.as_raw_fd(), hurry_fd];
        // SAFETY: a fork in a program with threads; the child makes nothing but the system calls in `keep_frozen`.
        let pid = check(unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) })?;
        if pid == 0 {
            keep_frozen(fds, limit_ms);
        }
        drop((wait_end, tell_end));
        let child = Pid::from_raw(pid as i32).ok_or_else(|| io::Error::other("fork gave no process id"))?;
        let frozen = Self { child, hold: Some(hold), told };
        match frozen.answer()? {
            0 => Ok(frozen),
            error => Err(io::Error::from_raw_os_error(error.into())),
        }
    }

    fn answer(&self) -> io::Result<u8> {
        let mut byte = [0];
        match rustix::io::retry_on_intr(|| rustix::io::read(&self.told, &mut byte))? {
            1 => Ok(byte[0]),
            _ => Err(io::Error::other("the helper that freezes was killed")),
        }
    }

    /// Lets the filesystem be written again; says whether it was frozen until now.
    pub(crate) fn thaw(mut self) -> io::Result<bool> {
        self.let_go();
        Ok(self.answer()? == 0)
    }

    fn let_go(&mut self) {
        if let Some(hold) = self.hold.take() {
            // A word, because another child may have inherited this end. The helper may have ended by itself.
            let _ = rustix::io::write(&hold, &[1]);
        }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.let_go();
        // It ends at once after the thaw.
        let _ = waitpid(Some(self.child), WaitOptions::empty());
    }
}

/// The child of [`Frozen::hold`]: deaf to signals, with no descriptor but filesystem, report and wait.
///
/// Freezing waits for three of the kernel's grace periods, 10 ms each and more, in which nothing can be written any more;
/// expedited ones take less than one. They are asked for, for all of the machine, only while it freezes.
fn keep_frozen([filesystem, tell, wait, hurry]: [RawFd; 4], limit_ms: i32) -> ! {
    // SAFETY: plain system calls on descriptors that are this process's own copies, and on values of this stack.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut());
        // First out of the way of their final numbers, then there.
        let high = [filesystem, tell, wait, hurry].map(|fd| libc::fcntl(fd, libc::F_DUPFD, 100));
        for (number, fd) in (0..).zip(high) {
            libc::dup2(fd, number);
        }
        libc::syscall(libc::SYS_close_range, if hurry < 0 { 3 } else { 4 }, libc::c_uint::MAX, 0);
        let mut said = 0_u8;
        let hurries = libc::pread(3, (&raw mut said).cast(), 1, 0) == 1 && said == b'0';
        if hurries {
            libc::pwrite(3, c"1".as_ptr().cast(), 1, 0);
        }
        said = 0;
        if libc::ioctl(0, FIFREEZE, 0) < 0 {
            said = u8::try_from(*libc::__errno_location()).unwrap_or(u8::MAX);
        }
        if hurries {
            libc::pwrite(3, c"0".as_ptr().cast(), 1, 0);
        }
        if said != 0 {
            libc::write(1, (&raw const said).cast(), 1);
            libc::_exit(1);
        }
        libc::write(1, (&raw const said).cast(), 1);
        let mut poll = libc::pollfd { fd: 2, events: libc::POLLIN, revents: 0 };
        let told = libc::poll(&raw mut poll, 1, limit_ms);
        libc::ioctl(0, FITHAW, 0);
        said = u8::from(told == 0);
        libc::write(1, (&raw const said).cast(), 1);
        libc::_exit(0)
    }
}

/// Prepares a command to end with the thread that starts it, and to inherit `inherited` as descriptor 3.
pub(crate) fn prepare_child(command: &mut Command, inherited: Option<RawFd>) {
    // SAFETY: the closure makes two system calls and touches no memory of the parent.
    unsafe {
        command.pre_exec(move || {
            check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0).into())?;
            match inherited {
                // dup2 on itself would keep close-on-exec.
                Some(3) => check(libc::fcntl(3, libc::F_SETFD, 0).into()).map(drop),
                Some(fd) => check(libc::dup2(fd, 3).into()).map(drop),
                None => Ok(()),
            }
        });
    }
}

/// `struct loop_info64` of linux/loop.h.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct LoopInfo {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    rdevice: u64,
    offset: u64,
    size_limit: u64,
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    pub(crate) flags: u32,
    file_name: [u8; 64],
    crypt_name: [u8; 64],
    encrypt_key: [u8; 32],
    init: [u64; 2],
}

impl LoopInfo {
    const EMPTY: Self = Self {
        device: 0,
        inode: 0,
        rdevice: 0,
        offset: 0,
        size_limit: 0,
        number: 0,
        encrypt_type: 0,
        encrypt_key_size: 0,
        flags: 0,
        file_name: [0; 64],
        crypt_name: [0; 64],
        encrypt_key: [0; 32],
        init: [0; 2],
    };
}

/// `struct loop_config` of linux/loop.h.
#[repr(C)]
struct LoopConfig {
    fd: u32,
    block_size: u32,
    info: LoopInfo,
    reserved: [u64; 8],
}

/// The backing file cannot be written through the device.
pub(crate) const LO_FLAGS_READ_ONLY: u32 = 1;
/// The device lets its file go when it is last closed, an unmount included.
pub(crate) const LO_FLAGS_AUTOCLEAR: u32 = 4;
/// The backing file's pages are not cached a second time.
pub(crate) const LO_FLAGS_DIRECT_IO: u32 = 16;

const LOOP_GET_STATUS64: libc::Ioctl = 0x4C05;
const LOOP_CONFIGURE: libc::Ioctl = 0x4C0A;
const LOOP_CTL_GET_FREE: libc::Ioctl = 0x4C82;

/// Gives the number of a loop device that was free at this instant.
pub(crate) fn loop_find_free(control: BorrowedFd<'_>) -> io::Result<u32> {
    // SAFETY: this request takes no argument.
    let number = check(unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE) }.into())?;
    Ok(number as u32)
}

/// Binds `file` to a loop device; fails with EBUSY when another program was faster.
pub(crate) fn loop_configure(device: BorrowedFd<'_>, file: BorrowedFd<'_>, flags: u32) -> io::Result<()> {
    let info = LoopInfo { flags, ..LoopInfo::EMPTY };
    let config = LoopConfig { fd: file.as_raw_fd() as u32, block_size: 0, info, reserved: [0; 8] };
    // SAFETY: the request reads one `loop_config`, which has the kernel's layout and lives through the call.
    check(unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CONFIGURE, &raw const config) }.into()).map(drop)
}

/// Says what a loop device is bound to; ENXIO when to nothing.
pub(crate) fn loop_status(device: BorrowedFd<'_>) -> io::Result<LoopInfo> {
    let mut info = LoopInfo::EMPTY;
    // SAFETY: the request writes one `loop_info64`, which has the kernel's layout; any bits are valid for it.
    check(unsafe { libc::ioctl(device.as_raw_fd(), LOOP_GET_STATUS64, &raw mut info) }.into())?;
    Ok(info)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_structures_have_their_sizes() {
        assert_eq!(size_of::<LoopInfo>(), 232);
        assert_eq!(size_of::<LoopConfig>(), 304);
    }
}
