//! A display under test, a viewer that decodes what it is sent, and an X client that draws.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use porthole_display::{
    Abilities, Ack, Decoder, DisplayHello, DisplayMessage, Drawn, Key, Modifiers, Picture, Pointer, Rect, Size,
    ViewerHello, ViewerMessage,
};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    ChangeGCAux, ConnectionExt as _, CreateGCAux, CreateWindowAux, EventMask, ImageFormat, WindowClass,
};
use x11rb::rust_connection::{DefaultStream, RustConnection};

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A display process, killed and forgotten when dropped.
pub(crate) struct Display {
    pub(crate) child: Child,
    /// Part of the command line of everything that belongs to it.
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) number: u32,
    xauthority: String,
    lines: mpsc::Receiver<Value>,
    /// Every line read so far.
    pub(crate) seen: Vec<Value>,
}

impl Display {
    /// Starts a display and waits until its X server answers.
    pub(crate) fn start(args: &[&str], command: &[&str]) -> Self {
        let mut display = Self::spawn(args, command);
        display.address = display.line(|v| v["listening"].as_str().map(str::to_owned));
        let (number, xauthority) =
            display.line(|v| Some((v["display"].as_str()?.to_owned(), v["xauthority"].as_str()?.to_owned())));
        display.number = number[1..].parse().expect("a number");
        display.xauthority = xauthority;
        display
    }

    /// Starts a display.
    pub(crate) fn spawn(args: &[&str], command: &[&str]) -> Self {
        let name = format!("test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut child = Command::new(env!("CARGO_BIN_EXE_porthole-guest"))
            .args(["display", "--listen", "127.0.0.1:0", "--name", &name])
            .args(args)
            .arg("--")
            .args(command)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the display starts");
        let out = child.stdout.take().expect("piped");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if serde_json::from_str(&line).map(|v| sender.send(v)).is_err() {
                    panic!("not JSON: {line}");
                }
            }
        });
        Self { child, name, address: String::new(), number: 0, xauthority: String::new(), lines, seen: Vec::new() }
    }

    /// Waits for a line that `pick` finds something in.
    pub(crate) fn line<T>(&mut self, pick: impl Fn(&Value) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("never said: {:?}", self.seen));
            let found = pick(&line);
            self.seen.push(line);
            if let Some(found) = found {
                return found;
            }
        }
    }

    /// Waits until the display has come so far.
    pub(crate) fn reach(&mut self, percent: u64) {
        if !self.seen.iter().any(|v| v["percent"].as_u64() >= Some(percent)) {
            self.line(|v| (v["percent"].as_u64()? >= percent).then_some(()));
        }
    }

    /// Connects as an X client.
    pub(crate) fn x(&self) -> TestX {
        let cookie = cookie(&std::fs::read(&self.xauthority).expect("an authority file"));
        TestX::connect(self.number, &cookie).expect("the X server lets us in")
    }

    /// Asks it to end and waits for that.
    pub(crate) fn stop(&mut self) -> std::process::ExitStatus {
        self.signal("TERM");
        self.child.wait().expect("it ends")
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Processes that belong to the display, this process's child apart.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<u32>().ok()) else { continue };
            let text = |file: &str| std::fs::read(entry.path().join(file)).unwrap_or_default();
            let all = [text("environ"), text("cmdline")].concat();
            if pid != self.child.id() && String::from_utf8_lossy(&all).contains(&self.name) {
                found.push(pid);
            }
        }
        found
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.signal("TERM");
        let until = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
            std::thread::yield_now();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        for pid in self.processes() {
            signal(pid, "KILL");
        }
    }
}

pub(crate) fn signal(pid: u32, name: &str) {
    let _ = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).stderr(Stdio::null()).status();
}

/// The data of the only entry of an authority file.
fn cookie(bytes: &[u8]) -> Vec<u8> {
    let mut rest = &bytes[2..];
    let mut field = || {
        let n = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
        let value = rest[2..2 + n].to_vec();
        rest = &rest[2 + n..];
        value
    };
    (field(), field(), field(), field()).3
}

/// Waits until `test` yields something.
pub(crate) fn eventually<T>(what: &str, mut test: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = test() {
            return found;
        }
        assert!(Instant::now() < until, "never happened: {what}");
        std::thread::yield_now();
    }
}

/// An X client with a window over the whole screen.
pub(crate) struct TestX {
    pub(crate) conn: RustConnection,
    pub(crate) root: u32,
    pub(crate) window: u32,
    gc: u32,
}

impl TestX {
    pub(crate) fn connect(number: u32, cookie: &[u8]) -> Option<Self> {
        let stream = UnixStream::connect(format!("/tmp/.X11-unix/X{number}")).ok()?;
        let (stream, _) = DefaultStream::from_unix_stream(stream).ok()?;
        let name = b"MIT-MAGIC-COOKIE-1".to_vec();
        let conn = RustConnection::connect_to_stream_with_auth_info(stream, 0, name, cookie.to_vec()).ok()?;
        let root = conn.setup().roots[0].root;
        let (window, gc) = (conn.generate_id().unwrap(), conn.generate_id().unwrap());
        let events = EventMask::KEY_PRESS
            | EventMask::KEY_RELEASE
            | EventMask::BUTTON_PRESS
            | EventMask::BUTTON_RELEASE
            | EventMask::POINTER_MOTION
            | EventMask::PROPERTY_CHANGE
            | EventMask::EXPOSURE;
        let aux = CreateWindowAux::new().event_mask(events).override_redirect(1).background_pixel(0x20_2020);
        let size = Self::size_of(&conn, root);
        conn.create_window(0, window, root, 0, 0, size.width, size.height, 0, WindowClass::INPUT_OUTPUT, 0, &aux)
            .unwrap();
        conn.create_gc(gc, window, &CreateGCAux::new().graphics_exposures(0)).unwrap();
        Some(Self { conn, root, window, gc })
    }

    /// Shows the window and gives it the keyboard.
    pub(crate) fn show(&self) {
        self.conn.map_window(self.window).unwrap();
        self.sync();
        while !matches!(self.event(), Event::Expose(_)) {}
        self.conn
            .set_input_focus(x11rb::protocol::xproto::InputFocus::PARENT, self.window, x11rb::CURRENT_TIME)
            .unwrap();
        self.sync();
    }

    pub(crate) fn sync(&self) {
        self.conn.get_input_focus().unwrap().reply().unwrap();
    }

    /// Waits for an event.
    pub(crate) fn event(&self) -> Event {
        eventually("an X event", || self.conn.poll_for_event().unwrap())
    }

    pub(crate) fn fill(&self, rect: Rect, colour: u32) {
        self.conn.change_gc(self.gc, &ChangeGCAux::new().foreground(colour)).unwrap();
        let r =
            x11rb::protocol::xproto::Rectangle { x: rect.x as i16, y: rect.y as i16, width: rect.w, height: rect.h };
        self.conn.poly_fill_rectangle(self.window, self.gc, &[r]).unwrap();
        self.conn.flush().unwrap();
    }

    /// Puts pixels that look like noise.
    pub(crate) fn noise(&self, rect: Rect, seed: u32) {
        let mut state = seed.wrapping_mul(2_654_435_761) | 1;
        let mut pixels = Vec::new();
        for _ in 0..rect.area() {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            pixels.extend(state.to_le_bytes());
        }
        for (i, rows) in pixels.chunks(4 * usize::from(rect.w) * 16).enumerate() {
            let (y, h) = (rect.y + 16 * i as u16, (rows.len() / 4 / usize::from(rect.w)) as u16);
            let (x, format) = (rect.x as i16, ImageFormat::Z_PIXMAP);
            self.conn.put_image(format, self.window, self.gc, rect.w, h, x, y as i16, 0, 24, rows).unwrap();
        }
        self.conn.flush().unwrap();
    }

    pub(crate) fn copy(&self, from: Rect, x: u16, y: u16) {
        let (fx, fy) = (from.x as i16, from.y as i16);
        self.conn.copy_area(self.window, self.window, self.gc, fx, fy, x as i16, y as i16, from.w, from.h).unwrap();
        self.conn.flush().unwrap();
    }

    pub(crate) fn size(&self) -> Size {
        Self::size_of(&self.conn, self.root)
    }

    fn size_of(conn: &RustConnection, root: u32) -> Size {
        let g = conn.get_geometry(root).unwrap().reply().unwrap();
        Size::new(g.width, g.height)
    }

    /// What the X server itself says is on the screen.
    pub(crate) fn picture(&self) -> Picture {
        let size = self.size();
        let mut picture = Picture::new(size);
        let (format, all) = (ImageFormat::Z_PIXMAP, u32::MAX);
        let image =
            self.conn.get_image(format, self.root, 0, 0, size.width, size.height, all).unwrap().reply().unwrap();
        for (y, row) in image.data.chunks_exact(4 * usize::from(size.width)).enumerate() {
            for (to, from) in picture.row_mut(0, y as u16, size.width).chunks_exact_mut(4).zip(row.chunks_exact(4)) {
                to.copy_from_slice(&[from[2], from[1], from[0], 255]);
            }
        }
        picture
    }
}

/// What a viewer can do in these tests.
pub(crate) const ALL: Abilities = Abilities(0b01_1001);

/// A viewer without a window.
pub(crate) struct TestViewer {
    socket: WebSocketStream<TcpStream>,
    pub(crate) hello: DisplayHello,
    decoder: Decoder,
    pub(crate) exact: bool,
    /// Whether frames are acknowledged.
    pub(crate) acks: bool,
    /// Bytes of frames received.
    pub(crate) frame_bytes: usize,
    pub(crate) frames: u32,
}

impl TestViewer {
    /// Connects and exchanges hellos. `query` may choose the role.
    pub(crate) async fn connect(display: &Display, query: &str, abilities: Abilities, size: Option<Size>) -> Self {
        let mut socket = Self::socket(display, query).await;
        let size = size.unwrap_or(Size::new(0, 0));
        let hello = ViewerMessage::Hello(ViewerHello {
            version: 1,
            abilities,
            width_px: size.width,
            height_px: size.height,
            pixel_ratio_256: 256,
            window_log: 22,
        });
        socket.send(Message::Binary(hello.encode().into())).await.unwrap();
        let bytes = Self::receive(&mut socket).await.expect("an answer");
        let hello = match DisplayMessage::decode(&bytes, Size::new(1, 1)) {
            Ok(DisplayMessage::Hello(hello)) => hello,
            other => panic!("no hello: {other:?}"),
        };
        // Garbage stands for JPEG: what is lossy must be made exact whatever it looked like.
        let decoder = Decoder::new(hello.size, hello.window_log, |_, size| Some(vec![77; 4 * size.area()]));
        Self { socket, hello, decoder, exact: false, acks: true, frame_bytes: 0, frames: 0 }
    }

    pub(crate) async fn socket(display: &Display, query: &str) -> WebSocketStream<TcpStream> {
        let stream = TcpStream::connect(&display.address).await.expect("connects");
        stream.set_nodelay(true).unwrap();
        let request = format!("ws://{}/stream{query}", display.address).into_client_request().unwrap();
        tokio_tungstenite::client_async(request, stream).await.expect("a WebSocket").0
    }

    pub(crate) async fn receive(socket: &mut WebSocketStream<TcpStream>) -> Option<Vec<u8>> {
        let next = tokio::time::timeout(PATIENCE, socket.next()).await.expect("a message in time");
        match next {
            Some(Ok(Message::Binary(bytes))) => Some(bytes.into()),
            _ => None,
        }
    }

    pub(crate) async fn send(&mut self, message: ViewerMessage) {
        self.socket.send(Message::Binary(message.encode().into())).await.unwrap();
    }

    /// Carries out the next message; `None` when the display has closed the socket.
    pub(crate) async fn next(&mut self) -> Option<Drawn> {
        let bytes = Self::receive(&mut self.socket).await?;
        let drawn = self.decoder.message(&bytes).expect("the display keeps to the protocol");
        match drawn {
            Drawn::Frame { number, exact, .. } => {
                self.exact = exact;
                self.frames += 1;
                self.frame_bytes += bytes.len();
                if self.acks {
                    self.send(ViewerMessage::Ack(Ack { frame: number, decode_us: 100, wait_us: 200 })).await;
                }
            }
            Drawn::Resized(_) => self.exact = false,
            Drawn::Other(_) => {}
        }
        Some(drawn)
    }

    /// Waits for a message that `pick` finds something in.
    pub(crate) async fn until<T>(&mut self, pick: impl Fn(&Drawn) -> Option<T>) -> T {
        loop {
            let drawn = self.next().await.expect("the display still talks");
            if let Some(found) = pick(&drawn) {
                return found;
            }
        }
    }

    pub(crate) fn picture(&self) -> &Picture {
        self.decoder.picture()
    }

    /// Waits until the picture is exactly the X server's.
    pub(crate) async fn settle(&mut self, x: &TestX) {
        x.sync();
        let until = Instant::now() + PATIENCE;
        while !(self.exact && *self.picture() == x.picture()) {
            assert!(Instant::now() < until, "the picture never becomes exact");
            self.next().await.expect("the display still talks");
        }
    }

    pub(crate) async fn key(&mut self, down: bool, scancode: u16, keysym: u32, modifiers: Modifiers) {
        self.send(ViewerMessage::Key(Key { down, repeat: false, modifiers, scancode, keysym })).await;
    }

    /// Presses and releases a key.
    pub(crate) async fn tap(&mut self, scancode: u16, keysym: u32, modifiers: Modifiers) {
        self.key(true, scancode, keysym, modifiers).await;
        self.key(false, scancode, keysym, modifiers).await;
    }

    pub(crate) async fn point(&mut self, x: u16, y: u16, buttons: u16, wheel_y: i16) {
        self.send(ViewerMessage::Pointer(Pointer { x, y, buttons, wheel_x: 0, wheel_y })).await;
    }
}
