//! The screen: one thread that owns the X connection, the picture, and all viewers of a display.
//!
//! ```text
//!   X events ──▶ damage, cursor, clipboard, windows ─┐
//!   viewers ───▶ acks, keys, pointer, resize … ──────┼─▶ turn: compare → encode → send, for viewers with credit
//!   owner ─────▶ new viewer, screenshot, close ──────┤
//!   timer ─────▶ refinement, resize ─────────────────┘
//! ```
//! Everything happens on this thread without a queue between: a key is pressed when its message was read, and a frame
//! is made when damage was read. Nothing runs while nothing happens; without viewers the X server is not even asked
//! for damage.

mod clipboard;
mod cursor;
#[allow(unsafe_code)]
mod framebuffer;
mod input;
mod keymap;
mod resize;
mod spare;
mod still;
mod turn;
mod viewer;
mod windows;
mod x;

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use porthole_display::{GoodbyeReason, Picture, Role, Size, TileSet};
use porthole_model::guest::WindowList;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use x11rb::connection::Connection;
use x11rb::protocol::damage::{ConnectionExt as _, ReportLevel};

use clipboard::Clipboard;
use cursor::Cursors;
use framebuffer::Framebuffer;
use input::Input;
use spare::Spare;
use still::Stillness;
use viewer::{Said, Viewer};
use windows::Windows;
use x::X;

pub(crate) use x::COOKIE_PROTOCOL;

/// Why the screen cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScreenError {
    /// The X server refuses the connection.
    #[error("cannot connect to the X server")]
    Connect(#[from] x11rb::errors::ConnectError),
    /// The X server has gone.
    #[error("connection to the X server is lost")]
    Lost(#[from] x11rb::errors::ConnectionError),
    /// The X server refuses a request.
    #[error("X server refuses a request")]
    Request(#[from] x11rb::errors::ReplyError),
    /// There are no more X identifiers.
    #[error("X identifiers are used up")]
    Ids(#[from] x11rb::errors::ReplyOrIdError),
    /// A file or socket fails.
    #[error("screen cannot be read")]
    Io(#[from] std::io::Error),
    /// RandR has nothing to resize.
    #[error("X server has no output")]
    NoOutput,
}

/// A socket whose WebSocket handshake is done.
pub(crate) enum Socket {
    /// TCP.
    Tcp(std::net::TcpStream),
    /// Unix.
    Unix(std::os::unix::net::UnixStream),
}

/// What the owner asks of the screen.
pub(crate) enum Ask {
    /// Serve a viewer.
    Viewer {
        /// Its socket, non-blocking.
        socket: Socket,
        /// What of the WebSocket was read already.
        read: Bytes,
        /// What it may do.
        role: Role,
    },
    /// Give a copy of the picture.
    Picture(oneshot::Sender<Picture>),
    /// Name the windows that are open.
    Windows(oneshot::Sender<WindowList>),
    /// Say goodbye to every viewer and end.
    Close(GoodbyeReason, &'static str),
}

/// What the screen tells its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// The X server answers; the screen has this size.
    Ready(Size),
    /// A window of at least a quarter of the screen is mapped and has been drawn to.
    Drawn,
    /// The size changed.
    Resized(Size),
    /// So many viewers are connected.
    Viewers(u32),
    /// The screen is of no use any more.
    Lost(String),
}

/// What a screen is made of.
pub(crate) struct ScreenSpec {
    /// The display's name, for viewers.
    pub(crate) name: String,
    /// The X server's socket.
    pub(crate) socket: PathBuf,
    /// The X server's cookie.
    pub(crate) cookie: Vec<u8>,
    /// The X server's picture file.
    pub(crate) framebuffer: PathBuf,
    /// First size.
    pub(crate) size: Size,
    /// Tell when the application has shown itself.
    pub(crate) wait_for_window: bool,
}

/// The owner's end.
pub(crate) struct ScreenHandle {
    pub(crate) ask: mpsc::UnboundedSender<Ask>,
    pub(crate) told: mpsc::UnboundedReceiver<Told>,
}

/// Starts the screen's thread.
///
/// # Errors
/// When there are no more threads.
pub(crate) fn start(spec: ScreenSpec) -> std::io::Result<ScreenHandle> {
    let (ask, asked) = mpsc::unbounded_channel();
    let (tell, told) = mpsc::unbounded_channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("screen".into()).spawn(move || {
        let local = tokio::task::LocalSet::new();
        let result = local.block_on(&runtime, run(spec, asked, tell.clone()));
        if let Err(error) = result {
            let _ = tell.send(Told::Lost(crate::chain(&error)));
        }
        // Goodbyes are on their way; a viewer that does not take them is cut off.
        runtime.block_on(async { tokio::time::timeout(LAST_WORDS, local).await.ok() });
    })?;
    Ok(ScreenHandle { ask, told })
}

/// Time viewers have to take their goodbye.
const LAST_WORDS: Duration = Duration::from_millis(40);
/// Viewers of one display.
const MOST_VIEWERS: usize = 16;
/// Messages of viewers that may wait; more waits in the sockets.
const INBOX: usize = 64;
/// After this long a window of one colour counts as drawn: some applications have nothing else to show.
const PLAIN_WINDOW_TIME: Duration = Duration::from_secs(2);

struct Screen {
    x: X,
    spec: ScreenSpec,
    framebuffer: Framebuffer,
    /// The screen's size now.
    size: Size,
    /// Drawn by the X server since viewers were told.
    pending: TileSet,
    /// The X server's damage report, while anybody cares.
    damage: Option<u32>,
    still: Stillness,
    viewers: Vec<Viewer>,
    next_id: u64,
    inbox: mpsc::Sender<(u64, Said)>,
    input: Input,
    clipboard: Clipboard,
    cursors: Cursors,
    windows: Windows,
    tell: mpsc::UnboundedSender<Told>,
    started: Instant,
    /// Since when a large window is there, while that is waited for.
    window_since: Option<Instant>,
    waits_for_window: bool,
    /// The last size a viewer wished, and when it may be granted.
    wanted_size: Option<(Size, Instant)>,
    resized_at: Option<Instant>,
    spare: Spare,
}

async fn run(
    spec: ScreenSpec,
    mut asked: mpsc::UnboundedReceiver<Ask>,
    tell: mpsc::UnboundedSender<Told>,
) -> Result<(), ScreenError> {
    let (inbox, mut said) = mpsc::channel(INBOX);
    let mut screen = Screen::open(spec, inbox, tell)?;
    let result = screen.live(&mut asked, &mut said).await;
    let (reason, sentence) = match &result {
        Ok(Some(farewell)) => *farewell,
        Ok(None) | Err(_) => (GoodbyeReason::DisplayEnded, "The display has ended."),
    };
    screen.viewers.drain(..).for_each(|v| v.goodbye(reason, sentence));
    result.map(drop)
}

impl Screen {
    /// Serves until the owner has enough; returns what to tell the viewers.
    async fn live(
        &mut self,
        asked: &mut mpsc::UnboundedReceiver<Ask>,
        said: &mut mpsc::Receiver<(u64, Said)>,
    ) -> Result<Option<(GoodbyeReason, &'static str)>, ScreenError> {
        loop {
            self.read_x()?;
            self.turn()?;
            self.release_spare()?;
            self.x.conn.flush()?;
            // The flush may have read events, which then wait inside the connection where the socket does not show them.
            if self.read_x()? {
                continue;
            }
            if self.viewers.iter().any(Viewer::has_unsent) {
                // A frame goes on its way before anything else is made, and before what could wait for that is done.
                tokio::task::yield_now().await;
                self.viewers.iter_mut().for_each(Viewer::catch_up);
            }
            let due = self.next_due();
            let sleep = async {
                match due {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                ready = self.x.readable.readable() => ready?.clear_ready(),
                Some((id, what)) = said.recv() => {
                    self.viewer_said(id, what)?;
                    // Whatever else has come already belongs to the same turn.
                    while let Ok((id, what)) = said.try_recv() {
                        self.viewer_said(id, what)?;
                    }
                }
                ask = asked.recv() => match ask {
                    Some(Ask::Close(reason, sentence)) => return Ok(Some((reason, sentence))),
                    Some(ask) => self.owner_asked(ask)?,
                    None => return Ok(None),
                },
                () = sleep => {}
            }
        }
    }

    fn open(
        spec: ScreenSpec,
        inbox: mpsc::Sender<(u64, Said)>,
        tell: mpsc::UnboundedSender<Told>,
    ) -> Result<Self, ScreenError> {
        let x = X::connect(&spec.socket, &spec.cookie)?;
        let framebuffer = Framebuffer::open(&spec.framebuffer)?;
        let size = resize::nearest(spec.size, framebuffer.max_size());
        if size != x.size {
            resize::set_size(&x, size)?;
        }
        let windows = Windows::follow(&x)?;
        let input = Input::follow(&x)?;
        let clipboard = Clipboard::follow(&x)?;
        let cursors = Cursors::follow(&x)?;
        x.conn.flush()?;
        let waits_for_window = spec.wait_for_window;
        let mut screen = Self {
            x,
            spec,
            framebuffer,
            size,
            pending: TileSet::full(size),
            damage: None,
            still: Stillness::default(),
            viewers: Vec::new(),
            next_id: 1,
            inbox,
            input,
            clipboard,
            cursors,
            windows,
            tell,
            started: Instant::now(),
            window_since: None,
            waits_for_window,
            wanted_size: None,
            resized_at: None,
            spare: Spare::all(),
        };
        screen.watch_damage()?;
        screen.tell(Told::Ready(size));
        Ok(screen)
    }

    fn tell(&self, told: Told) {
        // Without an owner there is nobody to tell; the closed `asked` ends the thread.
        let _ = self.tell.send(told);
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Asks the X server for damage when somebody looks, and stops that when nobody does.
    fn watch_damage(&mut self) -> Result<(), ScreenError> {
        let needed = self.waits_for_window || !self.viewers.is_empty();
        match (needed, self.damage) {
            (true, None) => {
                let damage = self.x.conn.generate_id()?;
                self.x.conn.damage_create(damage, self.x.root, ReportLevel::RAW_RECTANGLES)?;
                self.damage = Some(damage);
                // What was drawn before is nobody's damage.
                self.pending = TileSet::full(self.size);
            }
            (false, Some(damage)) => {
                self.x.conn.damage_destroy(damage)?;
                self.damage = None;
            }
            _ => {}
        }
        Ok(())
    }

    fn owner_asked(&mut self, ask: Ask) -> Result<(), ScreenError> {
        match ask {
            Ask::Viewer { socket, read, role } => self.add_viewer(socket, read, role),
            Ask::Picture(reply) => {
                let _ = reply.send(self.framebuffer.view(self.size).to_picture(framebuffer::ORDER));
                Ok(())
            }
            Ask::Windows(reply) => {
                let _ = reply.send(self.windows.list(&self.x)?);
                Ok(())
            }
            Ask::Close(..) => Ok(()),
        }
    }

    fn add_viewer(&mut self, socket: Socket, read: Bytes, role: Role) -> Result<(), ScreenError> {
        let stream: Box<dyn viewer::RawStream> = match socket {
            Socket::Tcp(s) => {
                s.set_nodelay(true)?;
                Box::new(tokio::net::TcpStream::from_std(s)?)
            }
            Socket::Unix(s) => Box::new(tokio::net::UnixStream::from_std(s)?),
        };
        let id = self.next_id;
        self.next_id += 1;
        let viewer = Viewer::start(id, role, self.now(), stream, read, self.inbox.clone());
        if self.viewers.len() >= MOST_VIEWERS {
            viewer.goodbye(GoodbyeReason::TooMany, "Too many viewers look at this display.");
            return Ok(());
        }
        self.viewers.push(viewer);
        self.tell(Told::Viewers(self.viewers.len() as u32));
        self.watch_damage()
    }

    fn remove_viewer(&mut self, id: u64) -> Result<(), ScreenError> {
        let Some(i) = self.viewers.iter().position(|v| v.id == id) else { return Ok(()) };
        self.viewers.remove(i);
        self.input.release_all(&self.x, id)?;
        self.clipboard.want(self.viewers.iter().any(Viewer::wants_clipboard));
        self.tell(Told::Viewers(self.viewers.len() as u32));
        self.watch_damage()
    }
}
