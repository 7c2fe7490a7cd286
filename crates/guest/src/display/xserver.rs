//! Starts an X server that keeps its picture in a file only the agent can read.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use porthole_display::Size;
use porthole_model::guest::PICTURES;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, FsPickFlags, MountAttrFlags, fsconfig_create, fsconfig_reconfigure, fsconfig_set_string,
    fsmount, fsopen, fspick,
};
use rustix::process::Pid;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

use crate::account::Account;
use crate::process::Program;
use crate::screen::COOKIE_PROTOCOL;

/// Largest screen a viewer can ask for, unless the display begins larger. The odd width keeps rows from falling on the
/// same places of the processor's caches.
const LARGEST: Size = Size::new(5136, 2880);
/// Time an X server has to begin.
const START_TIME: Duration = Duration::from_secs(30);
/// Type of a filesystem in memory (linux/magic.h).
const TMPFS_MAGIC: rustix::fs::FsWord = 0x0102_1994;
/// Room the picture file needs beyond its own size.
const SPARE_BYTES: u64 = 8 << 20;

/// What has the X server give the memory of large pictures back when its clients are done with them (mallopt(3)).
const ALLOCATOR: [(&str, &str); 2] = [("MALLOC_MMAP_THRESHOLD_", "1048576"), ("MALLOC_TRIM_THRESHOLD_", "1048576")];

/// Where X servers have their sockets.
const SOCKETS: &str = "/tmp/.X11-unix";

/// A running X server.
#[derive(Debug)]
pub(crate) struct XServer {
    pub(crate) pid: Pid,
    /// Number of the display.
    pub(crate) number: u32,
    /// Its socket.
    pub(crate) socket: PathBuf,
    /// What a client must show.
    pub(crate) cookie: [u8; 16],
    /// The file with its picture.
    pub(crate) framebuffer: PathBuf,
    /// The cookie for the account's programs.
    pub(crate) authority: PathBuf,
}

/// Where a display keeps its files; removed when dropped.
#[derive(Debug)]
pub(crate) struct Folders {
    /// For the agent alone: the X server's own cookie file.
    pub(crate) private: PathBuf,
    /// For the agent alone: the picture.
    picture: PathBuf,
    /// Keeps the file system that `picture` names, where that is one of its own.
    memory: Option<OwnedFd>,
    /// For the account: cookie and D-Bus socket.
    pub(crate) session: PathBuf,
    /// The account's runtime folder.
    pub(crate) runtime: PathBuf,
    /// The runtime folder was made for this display alone.
    own_runtime: bool,
}

impl Folders {
    /// Makes the display's folders anew.
    ///
    /// # Errors
    /// When no place has room for the picture.
    pub(crate) fn make(name: &str, account: &Account) -> io::Result<Self> {
        let own = format!("porthole-{name}-{}", rustix::process::getpid().as_raw_nonzero());
        let usual = PathBuf::from(format!("/run/user/{}", account.identity.uid));
        let own_runtime = !usual.is_dir();
        let runtime = if own_runtime { PathBuf::from("/tmp").join(&own) } else { usual };
        let session = runtime.join(format!("porthole-{name}"));
        let private = private_place()?.join(own + "-screen");
        let given = Path::new(PICTURES).is_dir();
        let memory = if given { None } else { memory_in_large_pages() };
        let picture = match &memory {
            Some(memory) => reached_by(memory),
            None if given => Path::new(PICTURES).join(name),
            None => private.clone(),
        };
        let this = Self { private, picture, memory, session, runtime, own_runtime };
        DirBuilder::new().mode(0o700).create(&this.private)?;
        if given {
            let _ = fs::remove_dir_all(&this.picture);
            DirBuilder::new().mode(0o700).create(&this.picture)?;
        }
        if own_runtime {
            this.make_for(account, &this.runtime)?;
        }
        // A display that was killed left its own behind; the name is this display's alone.
        let _ = fs::remove_dir_all(&this.session);
        this.make_for(account, &this.session)?;
        Ok(this)
    }

    fn make_for(&self, account: &Account, folder: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(folder)?;
        if rustix::process::geteuid().is_root() {
            chown(folder, Some(account.identity.uid), Some(account.identity.gid))?;
        }
        Ok(())
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.private);
        if self.memory.is_none() {
            let _ = fs::remove_dir_all(&self.picture);
        }
        let _ = fs::remove_dir_all(if self.own_runtime { &self.runtime } else { &self.session });
    }
}

/// A file system in memory that nobody else can reach and that goes with the last one who holds it, in pages of which an
/// X server needs few: in small ones, to write its whole picture is a third of its start. `None` without the rights.
fn memory_in_large_pages() -> Option<OwnedFd> {
    let filesystem = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC).ok()?;
    for (key, value) in [("huge", "always"), ("mode", "700"), ("size", "50%")] {
        fsconfig_set_string(&filesystem, key, value).ok()?;
    }
    fsconfig_create(&filesystem).ok()?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    fsmount(&filesystem, FsMountFlags::FSMOUNT_CLOEXEC, attributes | MountAttrFlags::MOUNT_ATTR_NOEXEC).ok()
}

/// Has the system make no more large pages of a file system in memory: of a picture whose rows are longer than the screen's
/// it would make them again, with all that was given back between these. Where it cannot be said nothing changes.
fn no_more_large_pages(memory: &OwnedFd) {
    let set = || {
        let filesystem = fspick(memory, c"", FsPickFlags::FSPICK_EMPTY_PATH | FsPickFlags::FSPICK_CLOEXEC)?;
        fsconfig_set_string(&filesystem, "huge", "never")?;
        fsconfig_reconfigure(&filesystem)
    };
    if let Err(error) = set() {
        tracing::debug!(%error, "the picture's memory stays in large pages");
    }
}

/// How a process that has this descriptor reaches what it is open on.
fn reached_by(descriptor: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", descriptor.as_raw_fd()))
}

/// Memory-backed where possible, so that drawing never becomes disk traffic.
fn private_place() -> io::Result<PathBuf> {
    let need = picture_bytes(LARGEST) + SPARE_BYTES;
    let has_room = |p: &&Path| {
        let free = rustix::fs::statvfs(*p).map(|s| s.f_bavail * s.f_frsize).unwrap_or(0);
        free >= need && rustix::fs::access(*p, rustix::fs::Access::WRITE_OK).is_ok()
    };
    let own = rustix::process::geteuid();
    // In /run only the system writes; a place everybody writes to does as well, the folder itself is closed.
    let places = ["/run", "/dev/shm", "/tmp", "/var/tmp"];
    let allowed = |p: &&Path| (own.is_root() || !p.starts_with("/run")) && has_room(p);
    let places: Vec<&Path> = places.into_iter().map(Path::new).filter(allowed).collect();
    // Not every system has its /run in memory.
    let in_memory = |p: &&&Path| rustix::fs::statfs(**p).is_ok_and(|s| s.f_type == TMPFS_MAGIC);
    let place = places.iter().find(in_memory).or(places.first());
    place
        .map(|p| p.to_path_buf())
        .ok_or_else(|| io::Error::other(format!("no place has {} MiB of room for the screen's picture", need >> 20)))
}

fn picture_bytes(size: Size) -> u64 {
    4 * size.area() as u64
}

/// Starts an X server with its first screen at least `size`, as display `number` or the first free one.
///
/// # Errors
/// When there is none, or it does not begin in time; the sentence is for a person.
pub(crate) async fn start(
    folders: &Folders,
    account: &Account,
    size: Size,
    number: Option<u32>,
    started: impl FnOnce(Pid),
) -> Result<XServer, String> {
    let program = find_program("Xvfb").ok_or("The X server Xvfb is not installed.")?;
    let failed = |what: &str, e: io::Error| format!("The X server cannot be started: {what}: {e}.");
    let mut cookie = [0; 16];
    getrandom::fill(&mut cookie).map_err(|e| failed("no random numbers", io::Error::other(e.to_string())))?;
    let own_authority = folders.private.join("authority");
    // Family "wild": the file names no host, as host names may change while the display lives.
    write_authority(&own_authority, &cookie, 0o600).map_err(|e| failed("its cookie", e))?;
    let authority = folders.session.join("Xauthority");
    write_authority(&authority, &cookie, 0o600).map_err(|e| failed("the cookie", e))?;
    if rustix::process::geteuid().is_root() {
        let (uid, gid) = (account.identity.uid, account.identity.gid);
        chown(&authority, Some(uid), Some(gid)).map_err(|e| failed("the cookie", e))?;
    }
    socket_folder().map_err(|e| failed("/tmp/.X11-unix", e))?;
    let (reader, writer) = std::io::pipe().map_err(|e| failed("a pipe", e))?;
    let writer = OwnedFd::from(writer);
    let max = Size::new(size.width.max(LARGEST.width), size.height.max(LARGEST.height));
    let mut args: Vec<String> = number.iter().map(|n| format!(":{n}")).collect();
    args.extend(["-displayfd".into(), writer.as_raw_fd().to_string()]);
    args.extend(["-screen".into(), "0".into(), format!("{}x{}x24", max.width, max.height)]);
    let memory = folders.memory.as_ref().map(OwnedFd::try_clone).transpose().map_err(|e| failed("its memory", e))?;
    let picture = memory.as_ref().map_or_else(|| folders.picture.clone(), reached_by);
    args.extend(["-fbdir".into(), picture.display().to_string()]);
    args.extend(["-auth".into(), own_authority.display().to_string()]);
    args.extend(["-nolisten", "tcp", "-noreset", "-br", "-dpi", "96", "-s", "0"].map(String::from));
    let path = ("PATH".to_owned(), crate::display::PATH.to_owned());
    let envs = ALLOCATOR.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut program = Program::new(program).args(args).envs([path]).envs(envs).descriptor(writer);
    if let Some(memory) = memory {
        program = program.descriptor(memory);
    }
    let pid = program.dies_with_us().quiet().start().map_err(|e| failed("Xvfb", e))?;
    started(pid);
    let mut reader = pipe::Receiver::from_owned_fd(reader.into()).map_err(|e| failed("a pipe", e))?;
    let mut text = String::new();
    let answer = tokio::time::timeout(START_TIME, read_line(&mut reader, &mut text)).await;
    let number = match answer {
        Ok(Ok(())) => text.trim().parse::<u32>().ok(),
        Ok(Err(_)) | Err(_) => None,
    };
    let number = number.ok_or("The X server ended before it was ready, or did not become ready in time.")?;
    if let Some(memory) = &folders.memory {
        no_more_large_pages(memory);
    }
    let socket = Path::new(SOCKETS).join(format!("X{number}"));
    let framebuffer = folders.picture.join("Xvfb_screen0");
    Ok(XServer { pid, number, socket, cookie, framebuffer, authority })
}

async fn read_line(reader: &mut pipe::Receiver, text: &mut String) -> io::Result<()> {
    while !text.ends_with('\n') && text.len() < 32 {
        let mut byte = [0];
        if reader.read(&mut byte).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        text.push(byte[0].into());
    }
    Ok(())
}

/// Removes what an X server leaves behind when it is killed; a later one that took the number over keeps its own.
pub(crate) fn clean_up(x: &XServer) {
    let lock = PathBuf::from(format!("/tmp/.X{}-lock", x.number));
    let owner = fs::read_to_string(&lock).ok().and_then(|text| text.trim().parse::<i32>().ok());
    if owner == Some(x.pid.as_raw_nonzero().get()) {
        let _ = fs::remove_file(lock);
    }
    remove_unless_bound(&x.socket);
}

/// The sockets of X servers there are.
pub(crate) fn sockets() -> Vec<PathBuf> {
    let entries = fs::read_dir(SOCKETS).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// Removes the socket of an X server that was killed before it had said its number; `before` were there before it.
pub(crate) fn clean_up_unknown(before: &[PathBuf]) {
    let own = rustix::process::geteuid().as_raw();
    let ours = |path: &PathBuf| !before.contains(path) && fs::metadata(path).is_ok_and(|m| m.uid() == own);
    sockets().into_iter().filter(ours).for_each(|path| remove_unless_bound(&path));
}

fn remove_unless_bound(socket: &Path) {
    // The kernel's list of sockets ends each line with the path the socket is bound to.
    let path = socket.display().to_string();
    let bound = fs::read_to_string("/proc/net/unix").unwrap_or_default();
    if !bound.lines().any(|line| line.ends_with(&path) && !line.ends_with(&format!("@{path}"))) {
        let _ = fs::remove_file(socket);
    }
}

fn socket_folder() -> io::Result<()> {
    let folder = Path::new(SOCKETS);
    if !folder.is_dir() {
        fs::create_dir_all(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o1777))?;
    } else if fs::metadata(folder)?.mode() & 0o1777 != 0o1777 && rustix::process::geteuid().is_root() {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o1777))?;
    }
    Ok(())
}

/// Writes an Xauthority file with one cookie for every host and display.
fn write_authority(path: &Path, cookie: &[u8], mode: u32) -> io::Result<()> {
    const FAMILY_WILD: u16 = 0xffff;
    let mut bytes = FAMILY_WILD.to_be_bytes().to_vec();
    // Address, display number, protocol, data; each behind its length.
    for field in [&b""[..], b"", COOKIE_PROTOCOL.as_bytes(), cookie] {
        bytes.extend((field.len() as u16).to_be_bytes());
        bytes.extend(field);
    }
    crate::account::replace(path, &bytes, mode)
}

/// Finds a program in the usual folders.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    crate::display::PATH.split(':').map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}
