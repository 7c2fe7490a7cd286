//! One viewer: its socket's two tasks, its encoder, its credit.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use porthole_display::{
    Abilities, DisplayHello, DisplayMessage, Encoder, EncoderSettings, Goodbye, GoodbyeReason, Look, Pacing, Pixels,
    Point, Pong, Role, Size, TileSet, ViewerHello, ViewerMessage, WindowPlace, limits,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role as WebSocketRole, WebSocketConfig};

use super::cursor::{Shape, Slots};
use super::framebuffer::ORDER;

/// A raw stream behind a finished WebSocket handshake.
pub(crate) trait RawStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> RawStream for T {}

/// What a viewer's socket tells the screen.
#[derive(Debug)]
pub(crate) enum Said {
    /// A message.
    Message(ViewerMessage),
    /// The viewer broke the protocol; a sentence says how.
    Wrong(String),
    /// The socket has ended.
    Gone,
}

/// Time a viewer has for its hello.
const HELLO_TIME: Duration = Duration::from_secs(10);
/// Messages that may wait for a viewer that does not read; frames are limited by their credit already, and of the texts
/// only the newest one waits.
const MOST_WAITING: usize = 512;

/// What goes out on a viewer's socket.
enum Outgoing {
    Message(Bytes),
    /// The newest text of the clipboard, or of the selection.
    Text {
        primary: bool,
    },
}

/// What waits for a viewer's socket.
#[derive(Default)]
struct Waiting {
    messages: Cell<usize>,
    /// Texts of the clipboard and of the selection.
    texts: [RefCell<Option<Bytes>>; 2],
}

/// One connected viewer.
pub(crate) struct Viewer {
    pub(crate) id: u64,
    pub(crate) role: Role,
    pub(crate) pacing: Pacing,
    /// `None` before the viewer's hello.
    session: Option<Session>,
    slots: Slots,
    outbox: mpsc::UnboundedSender<Outgoing>,
    waiting: Rc<Waiting>,
    /// A message could not be sent: what the viewer knows is not what the display thinks it knows.
    lost: Cell<bool>,
    socket: AbortHandle,
    started: Duration,
    encode_time: Duration,
}

struct Session {
    abilities: Abilities,
    encoder: Encoder,
    /// What the frame that is being made says, when it was begun, and how long looking took.
    looked: Option<(Look, Duration, Duration)>,
    /// When what has changed since then did so first.
    changed: Option<Duration>,
}

impl Viewer {
    /// Begins to serve a socket, now; what it says goes to `inbox` under this id.
    pub(crate) fn start(
        id: u64,
        role: Role,
        now: Duration,
        stream: Box<dyn RawStream>,
        read: Bytes,
        inbox: mpsc::Sender<(u64, Said)>,
    ) -> Self {
        let (outbox, to_send) = mpsc::unbounded_channel();
        let waiting = Rc::new(Waiting::default());
        let socket = tokio::task::spawn_local(socket(id, stream, read, inbox, to_send, waiting.clone()));
        Self {
            id,
            role,
            pacing: Pacing::new(),
            session: None,
            slots: Slots::default(),
            outbox,
            waiting,
            lost: Cell::new(false),
            socket: socket.abort_handle(),
            started: now,
            encode_time: Duration::ZERO,
        }
    }

    /// Sends a message; when too many wait already, the viewer [is lost](Self::is_lost).
    pub(crate) fn send(&self, message: &DisplayMessage) {
        let bytes = message.encode();
        match message {
            // Of texts that wait only the newest is of any use.
            DisplayMessage::Clipboard { primary, .. } => {
                let text = &self.waiting.texts[usize::from(*primary)];
                if text.replace(Some(bytes.into())).is_none() {
                    self.put(Outgoing::Text { primary: *primary });
                }
            }
            _ => self.put(Outgoing::Message(bytes.into())),
        }
    }

    fn put(&self, outgoing: Outgoing) {
        let waiting = &self.waiting.messages;
        if waiting.get() >= MOST_WAITING {
            self.lost.set(true);
            return;
        }
        waiting.set(waiting.get() + 1);
        // A socket that has ended says so by itself.
        let _ = self.outbox.send(outgoing);
    }

    /// Whether the viewer missed a message, and must connect again.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.get()
    }

    /// Cuts the connection without waiting for what is on its way.
    pub(crate) fn cut(&self) {
        self.socket.abort();
    }

    /// Says goodbye; the socket closes when that is sent and the viewer dropped.
    pub(crate) fn goodbye(&self, reason: GoodbyeReason, sentence: &str) {
        self.send(&DisplayMessage::Goodbye(Goodbye { reason, sentence: sentence.to_owned() }));
    }

    /// Answers the viewer's hello and begins its picture.
    ///
    /// # Errors
    /// When there is no memory for an encoder.
    pub(crate) fn begin(
        &mut self,
        hello: &ViewerHello,
        name: &str,
        size: Size,
        max_size: Size,
        now: Duration,
    ) -> std::io::Result<()> {
        self.pacing.met(now.saturating_sub(self.started), now);
        let used = [Abilities::H264, Abilities::SNAPSHOT, Abilities::CURSOR, Abilities::CLIPBOARD]
            .into_iter()
            .fold(Abilities::JPEG, Abilities::and);
        let abilities = hello.abilities.common(used);
        let window_log = hello.window_log.min(LARGEST_WINDOW_LOG);
        let settings = EncoderSettings { order: ORDER, ..EncoderSettings::new(abilities, window_log) };
        let encoder = Encoder::new(size, settings)?;
        self.session = Some(Session { abilities, encoder, looked: None, changed: None });
        self.send(&DisplayMessage::Hello(DisplayHello {
            role: self.role,
            version: porthole_display::PROTOCOL_VERSION,
            abilities,
            size,
            max_size,
            window_log,
            frames_in_flight: limits::FRAMES_IN_FLIGHT as u8,
            name: name.to_owned(),
        }));
        Ok(())
    }

    /// Whether the hellos were exchanged.
    pub(crate) fn has_begun(&self) -> bool {
        self.session.is_some()
    }

    /// Whether it may act.
    pub(crate) fn controls(&self) -> bool {
        self.role == Role::Control
    }

    /// Whether it is to get texts of the display's clipboard.
    pub(crate) fn wants_clipboard(&self) -> bool {
        self.controls() && self.session.as_ref().is_some_and(|s| s.abilities.has(Abilities::CLIPBOARD))
    }

    /// Shows a cursor, if the viewer draws cursors.
    pub(crate) fn show_cursor(&mut self, shape: &Shape) {
        if self.session.as_ref().is_some_and(|s| s.abilities.has(Abilities::CURSOR))
            && let Some(message) = self.slots.show(shape)
        {
            self.send(&DisplayMessage::Cursor(message));
        }
    }

    /// Notes that pixels changed.
    pub(crate) fn damage(&mut self, damage: &TileSet, now: Duration) {
        if let Some(session) = &mut self.session {
            session.encoder.damage(damage);
            session.changed.get_or_insert(now);
        }
    }

    /// Pixels that may have changed since the viewer was sent a frame.
    pub(crate) fn damaged_px(&self) -> usize {
        self.session.as_ref().map_or(0, |s| s.encoder.damaged_px())
    }

    /// Follows the screen to another size.
    pub(crate) fn resize(&mut self, size: Size) {
        if let Some(session) = &mut self.session {
            session.encoder.resize(size);
            self.send(&DisplayMessage::Resize(size));
        }
    }

    /// Sends everything again.
    ///
    /// # Errors
    /// When there is no memory for an encoder.
    pub(crate) fn refresh(&mut self) -> std::io::Result<()> {
        self.session.as_mut().map_or(Ok(()), |s| s.encoder.refresh())
    }

    /// Whether a frame could be sent now, if there is anything to say.
    pub(crate) fn has_credit(&self) -> bool {
        self.session.is_some() && self.pacing.has_credit()
    }

    /// Whether a frame should be made now.
    pub(crate) fn wants_frame(&self, now: Duration) -> bool {
        let ripe = self.begins().is_none_or(|at| at <= now);
        ripe && self.has_credit() && self.session.as_ref().is_some_and(|s| s.encoder.wants_frame(now))
    }

    /// When the next frame should be made though nothing changes; `None` while there is no credit.
    pub(crate) fn next_frame_due(&self) -> Option<Duration> {
        if !self.has_credit() {
            return None;
        }
        let due = self.session.as_ref()?.encoder.next_due();
        [due, self.begins()].into_iter().flatten().min()
    }

    /// When a frame of what changed may be begun, if anything did.
    fn begins(&self) -> Option<Duration> {
        Some(self.pacing.begins(self.session.as_ref()?.changed?))
    }

    /// Takes from the screen what the next frame says; [`frame`](Self::frame) must follow, and needs the screen no more.
    ///
    /// # Errors
    /// When the encoder fails.
    pub(crate) fn look(
        &mut self,
        screen: Pixels<'_>,
        now: Duration,
        focus: Option<Point>,
        windows: &[WindowPlace],
    ) -> std::io::Result<()> {
        let Some(session) = &mut self.session else { return Ok(()) };
        let begun = std::time::Instant::now();
        let look = session.encoder.look(screen, self.pacing.budget(now), now, focus, windows)?;
        session.changed = None;
        session.looked = Some((look, now, begun.elapsed()));
        Ok(())
    }

    /// Makes and sends the frame of what was taken from the screen, if anything was.
    ///
    /// # Errors
    /// When the encoder fails.
    pub(crate) fn frame(&mut self) -> std::io::Result<()> {
        let Some(session) = &mut self.session else { return Ok(()) };
        let Some((look, begun, looking)) = session.looked.take() else { return Ok(()) };
        let number = self.pacing.next_number();
        let finishing = std::time::Instant::now();
        let made = session.encoder.finish(look, number)?;
        let spent = looking + finishing.elapsed();
        self.encode_time += spent;
        if let Some(message) = made {
            let (bytes, encode_us, so_far) = (message.len(), spent.as_micros(), session.encoder.statistics());
            tracing::trace!(viewer = self.id, number, bytes, encode_us, ?so_far, "Frame");
            self.pacing.sent(message.len(), begun, begun + spent);
            self.put(Outgoing::Message(message.into()));
        }
        Ok(())
    }

    /// Whether a message waits for the socket's task to have its turn.
    pub(crate) fn has_unsent(&self) -> bool {
        self.waiting.messages.get() > 0
    }

    /// Does what could wait until frames were sent.
    pub(crate) fn catch_up(&mut self) {
        if let Some(session) = &mut self.session {
            session.encoder.catch_up();
        }
    }

    /// Answers a ping.
    pub(crate) fn pong(&self, token: u32) {
        let Some(session) = &self.session else { return };
        let us = |d: Duration| u64::try_from(d.as_micros()).unwrap_or(u64::MAX);
        self.send(&DisplayMessage::Pong(Pong {
            token,
            frames: self.pacing.frames(),
            lossy_tiles: session.encoder.lossy_tiles() as u32,
            bytes: session.encoder.statistics().bytes,
            encode_us: us(self.encode_time),
            ack_us: us(self.pacing.ack_time()).min(u32::MAX.into()) as u32,
            rate_kbps: self.pacing.rate_kbps(),
        }));
    }
}

/// Twice the window makes scrolled text 3% smaller, and costs as much again in memory for each viewer.
const LARGEST_WINDOW_LOG: u8 = 21;

/// Moves messages between a socket and the screen until either ends.
async fn socket(
    id: u64,
    stream: Box<dyn RawStream>,
    read: Bytes,
    inbox: mpsc::Sender<(u64, Said)>,
    mut to_send: mpsc::UnboundedReceiver<Outgoing>,
    waiting: Rc<Waiting>,
) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(limits::VIEWER_MESSAGE_BYTES))
        .max_frame_size(Some(limits::VIEWER_MESSAGE_BYTES))
        .max_write_buffer_size(usize::MAX)
        .write_buffer_size(0);
    let websocket = WebSocketStream::from_partially_read(stream, read.into(), WebSocketRole::Server, Some(config));
    let (mut sink, mut source) = websocket.await.split();
    let write = async {
        while let Some(outgoing) = to_send.recv().await {
            waiting.messages.set(waiting.messages.get().saturating_sub(1));
            let bytes = match outgoing {
                Outgoing::Message(bytes) => Some(bytes),
                Outgoing::Text { primary } => waiting.texts[usize::from(primary)].take(),
            };
            if let Some(bytes) = bytes {
                sink.send(Message::Binary(bytes)).await?;
            }
        }
        // The screen dropped the viewer: everything is sent, a clean close is what is left.
        sink.close().await
    };
    let read = async {
        let mut patience = Some(tokio::time::Instant::now() + HELLO_TIME);
        loop {
            let next = match patience {
                Some(until) => match tokio::time::timeout_at(until, source.next()).await {
                    Ok(next) => next,
                    Err(_) => return,
                },
                None => source.next().await,
            };
            let said = match next {
                Some(Ok(Message::Binary(bytes))) => match ViewerMessage::decode(&bytes) {
                    Ok(message) => Said::Message(message),
                    Err(error) => Said::Wrong(error.to_string()),
                },
                Some(Ok(Message::Text(_))) => Said::Wrong("text message".into()),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            };
            patience = None;
            if inbox.send((id, said)).await.is_err() {
                return;
            }
        }
    };
    tokio::pin!(write);
    tokio::select! {
        result = &mut write => {
            if let Err(error) = result {
                tracing::debug!(viewer = id, %error, "Socket ended");
            }
        }
        () = read => {
            // A last word (goodbye) may still be on its way out.
            let _ = inbox.send((id, Said::Gone)).await;
            let _ = tokio::time::timeout(Duration::from_secs(2), write).await;
            return;
        }
    }
    let _ = inbox.send((id, Said::Gone)).await;
}
