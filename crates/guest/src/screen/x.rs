//! The connection to the X server, with the extensions and atoms the agent needs.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use porthole_display::Size;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use x11rb::connection::{Connection, RequestConnection};
use x11rb::protocol::xproto::{ConnectionExt as _, CreateWindowAux, EventMask, WindowClass};
use x11rb::protocol::{damage, randr, xfixes, xkb, xtest};
use x11rb::rust_connection::{DefaultStream, RustConnection};
use x11rb::{COPY_DEPTH_FROM_PARENT, COPY_FROM_PARENT};

use super::ScreenError;

x11rb::atom_manager! {
    /// Atoms by name.
    pub(crate) Atoms: AtomsCookie {
        CLIPBOARD,
        INCR,
        TARGETS,
        TEXT,
        TIMESTAMP,
        UTF8_STRING,
        PORTHOLE_SELECTION,
        PORTHOLE_STILL,
        _NET_CLIENT_LIST,
        _NET_WM_NAME,
        _NET_WM_WINDOW_TYPE,
        _NET_WM_WINDOW_TYPE_DESKTOP,
        _NET_WM_WINDOW_TYPE_DOCK,
        TEXT_PLAIN: b"text/plain",
        TEXT_PLAIN_UTF8: b"text/plain;charset=utf-8",
    }
}

/// Name of the authorization protocol for cookies.
pub(crate) const COOKIE_PROTOCOL: &str = "MIT-MAGIC-COOKIE-1";

/// A connection to the X server.
pub(crate) struct X {
    pub(crate) conn: RustConnection,
    pub(crate) root: u32,
    pub(crate) atoms: Atoms,
    /// An invisible window for selections.
    pub(crate) window: u32,
    /// Size of the screen when the connection was made.
    pub(crate) size: Size,
    /// Becomes readable when events may have come.
    pub(crate) readable: AsyncFd<std::os::fd::OwnedFd>,
}

impl X {
    /// Connects, checks the extensions, and asks for the events the agent lives on. Must be called inside a runtime.
    pub(crate) fn connect(socket: &Path, cookie: &[u8]) -> Result<Self, ScreenError> {
        let stream = UnixStream::connect(socket)?;
        let (stream, _) = DefaultStream::from_unix_stream(stream)?;
        let name = COOKIE_PROTOCOL.as_bytes().to_vec();
        let conn = RustConnection::connect_to_stream_with_auth_info(stream, 0, name, cookie.to_vec())?;
        let screen = &conn.setup().roots[0];
        let (root, size) = (screen.root, Size::new(screen.width_in_pixels, screen.height_in_pixels));
        for extension in [
            damage::X11_EXTENSION_NAME,
            randr::X11_EXTENSION_NAME,
            xfixes::X11_EXTENSION_NAME,
            xkb::X11_EXTENSION_NAME,
            xtest::X11_EXTENSION_NAME,
        ] {
            conn.prefetch_extension_information(extension)?;
        }
        let atoms = Atoms::new(&conn)?;
        damage::query_version(&conn, 1, 1)?;
        xfixes::query_version(&conn, 5, 0)?;
        randr::query_version(&conn, 1, 5)?;
        xkb::use_extension(&conn, 1, 0)?;
        let window = conn.generate_id()?;
        let events = CreateWindowAux::new().event_mask(EventMask::PROPERTY_CHANGE);
        let class = WindowClass::INPUT_OUTPUT;
        conn.create_window(COPY_DEPTH_FROM_PARENT, window, root, -10, -10, 1, 1, 0, class, COPY_FROM_PARENT, &events)?;
        let atoms = atoms.reply()?;
        let readable = conn.stream().as_fd().try_clone_to_owned()?;
        let readable = crate::fd::watch(readable, Interest::READABLE)?;
        Ok(Self { conn, root, atoms, window, size, readable })
    }
}
