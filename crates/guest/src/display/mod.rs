//! One display: an X server, a D-Bus session, a command, a screen, all started and ended together.
//!
//! ```text
//!   starting ── processes started 10 ── X server answers 40 ── command runs 70 ── drawn 100 ──▶ started
//!      │                 a process ends by itself, or a step fails                                │
//!      └──────────────────────────────▶ failed ◀─────────────────────────────────────────────────┤
//!                                          │                          stop, TERM, owner gone      │
//!                                          └──────────▶ ending: every descendant gone ◀───────────┘
//! ```
//! The process adopts its orphans, so everything that was ever started in the display is below it.

mod session;
mod standalone;
mod xserver;

use std::cell::RefCell;
use std::io::{self, Write as _};
use std::os::fd::{OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use porthole_display::{GoodbyeReason, Picture, Role, Size};
use porthole_model::guest::SMALL_PICTURE_PX;
use rustix::process::Pid;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use crate::account;
use crate::control::{Control, Order, Product, Report};
use crate::process::{Exit, Reaper, adopt_orphans, end_tree};
use crate::screen::{self, Ask, ScreenHandle, ScreenSpec, Socket, Told};
use xserver::{Folders, XServer};

pub(crate) use xserver::find_program;

/// Where programs are looked for.
pub(crate) const PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/games:/usr/games";

/// Runs one display until it is stopped: for init, or by itself with `--listen`.
#[derive(Debug, clap::Args)]
pub(crate) struct DisplayArgs {
    /// Name of the display, shown to viewers.
    #[arg(long, default_value = "desktop")]
    name: String,
    /// First size in pixels; viewers may change it.
    #[arg(long, value_name = "WxH", default_value = "1920x1080", value_parser = parse_size)]
    size: Size,
    /// Serve the viewer page at / and its stream at /stream on this address.
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<std::net::SocketAddr>,
    /// Number of the X display; the first free one otherwise.
    #[arg(long, value_name = ":N", value_parser = parse_number)]
    display: Option<u32>,
    /// Folder with the viewer page.
    #[arg(long, value_name = "DIR")]
    web: Option<PathBuf>,
    /// Count the display as started only when a window of at least a quarter of the screen is drawn.
    #[arg(long)]
    wait_for_window: bool,
    /// Account the command runs under; the caller's own otherwise.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Socket to init.
    #[arg(long, hide = true, value_name = "FD")]
    control_fd: Option<RawFd>,
    /// The application and its arguments; only the X server otherwise.
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Reads `1920x1080`.
fn parse_size(text: &str) -> Result<Size, String> {
    let sides = text.split_once('x').and_then(|(w, h)| Some((w.parse::<u16>().ok()?, h.parse::<u16>().ok()?)));
    let good = |n: u16, low: u16| (low..=porthole_display::limits::SCREEN_PX).contains(&n);
    let (low_w, low_h) = porthole_display::limits::SMALLEST_SCREEN_PX;
    match sides {
        Some((w, h)) if good(w, low_w) && good(h, low_h) => Ok(Size::new(w, h)),
        _ => Err(format!("not a size from {low_w}x{low_h} to 8192x8192")),
    }
}

/// Reads `:7`.
fn parse_number(text: &str) -> Result<u32, String> {
    text.strip_prefix(':').and_then(|n| n.parse().ok()).ok_or_else(|| "not a display like :7".to_owned())
}

/// Time applications have to end by themselves when nobody says otherwise.
const GRACE: Duration = Duration::from_millis(50);

/// Runs the display to its end.
///
/// # Errors
/// When it could not start or failed; everything it started has ended then, too.
pub(crate) fn run(args: DisplayArgs) -> anyhow::Result<()> {
    adopt_orphans()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, live(args)).map_err(anyhow::Error::msg)
}

/// Why the display ends.
enum End {
    /// It was asked to, with this grace.
    Asked(Duration),
    /// It cannot go on; a sentence says why.
    Failed(String),
}

/// What the outside is told, and how.
#[derive(Clone)]
struct Reporter {
    last: Rc<RefCell<Report>>,
    out: mpsc::UnboundedSender<Report>,
}

impl Reporter {
    /// Changes the status and sends it when it is another then.
    fn status(&self, change: impl FnOnce(&mut u8, &mut u32, &mut Size)) {
        let mut last = self.last.borrow_mut();
        let Report::Status { percent, viewers, width_px, height_px } = &mut *last else { return };
        let before = (*percent, *viewers, *width_px, *height_px);
        let mut size = Size::new(*width_px, *height_px);
        change(percent, viewers, &mut size);
        (*width_px, *height_px) = (size.width, size.height);
        if before != (*percent, *viewers, *width_px, *height_px) {
            let _ = self.out.send(last.clone());
        }
    }

    fn percent(&self, reached: u8) {
        self.status(|percent, _, _| *percent = reached.max(*percent));
    }

    fn send(&self, report: Report) {
        let _ = self.out.send(report);
    }
}

/// What runs, as far as it runs yet.
#[derive(Default)]
struct Running {
    folders: Option<Folders>,
    /// X servers' sockets that were there before ours was started.
    sockets: Option<Vec<PathBuf>>,
    x: Option<XServer>,
    /// X server and D-Bus: they end last.
    last: Vec<i32>,
    x_exit: Option<oneshot::Receiver<Exit>>,
    command_exit: Option<oneshot::Receiver<Exit>>,
    screen: Option<ScreenHandle>,
}

async fn live(args: DisplayArgs) -> Result<(), String> {
    let reaper = Reaper::start().map_err(|e| e.to_string())?;
    let (out, reports) = mpsc::unbounded_channel();
    let status = Report::Status { percent: 0, viewers: 0, width_px: args.size.width, height_px: args.size.height };
    let reporter = Reporter { last: Rc::new(RefCell::new(status)), out };
    let (ask, asks) = mpsc::unbounded_channel();
    let (orders, mut ordered) = mpsc::unbounded_channel();
    let control = match args.control_fd {
        Some(fd) => Some(Rc::new(open_control(fd).map_err(|e| format!("no control socket: {e}"))?)),
        None => None,
    };
    let reports_done = tokio::task::spawn_local(write_reports(control.clone(), reports));
    if let Some(control) = control.clone() {
        tokio::task::spawn_local(read_orders(control, orders.clone()));
    }
    if let Some(address) = args.listen {
        standalone::listen(address, args.web.clone(), ask.clone()).await?;
    }
    let mut terminate = signal(SignalKind::terminate()).map_err(|e| e.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|e| e.to_string())?;

    let mut running = Running::default();
    let end = {
        let work = work(&args, &reaper, &reporter, &mut running, asks);
        tokio::pin!(work);
        loop {
            tokio::select! {
                reason = &mut work => break End::Failed(reason),
                _ = terminate.recv() => break End::Asked(GRACE),
                _ = interrupt.recv() => break End::Asked(GRACE),
                order = ordered.recv() => match order {
                    Some((Order::Stop { grace_ms }, _)) => break End::Asked(Duration::from_millis(grace_ms)),
                    Some((order, fd)) => obey(order, fd, &ask, &reporter),
                    // `orders` lives as long as this function.
                    None => break End::Asked(GRACE),
                },
            }
        }
    };
    drop(orders);
    let result = finish(end, running, &reaper, &reporter).await;
    drop(reporter);
    drop(ask);
    // Init must have heard the last report before the process is gone.
    let _ = tokio::time::timeout(Duration::from_secs(1), reports_done).await;
    result
}

/// Starts everything, then watches it; returns only when the display cannot go on, with the reason.
async fn work(
    args: &DisplayArgs,
    reaper: &Reaper,
    reporter: &Reporter,
    running: &mut Running,
    mut asks: mpsc::UnboundedReceiver<Ask>,
) -> String {
    if let Err(reason) = start(args, reaper, reporter, running).await {
        return reason;
    }
    let Running { x_exit, command_exit, screen: Some(screen), .. } = running else {
        return "The display is incomplete.".into();
    };
    loop {
        tokio::select! {
            exit = ended(x_exit) => return format!("The X server ended by itself ({exit})."),
            exit = ended(command_exit) => return format!("The application ended by itself ({exit})."),
            told = screen.told.recv() => match told {
                Some(Told::Drawn) => reporter.percent(100),
                Some(Told::Resized(new) | Told::Ready(new)) => reporter.status(|_, _, size| *size = new),
                Some(Told::Viewers(n)) => reporter.status(|_, viewers, _| *viewers = n),
                Some(Told::Lost(why)) => return format!("The screen is lost: {why}."),
                None => return "The screen is lost.".into(),
            },
            Some(asked) = asks.recv() => {
                // A screen that has just ended says so itself.
                let _ = screen.ask.send(asked);
            }
        }
    }
}

/// Waits for a process that was started; for ever for one that was not.
async fn ended(exit: &mut Option<oneshot::Receiver<Exit>>) -> Exit {
    match exit {
        Some(receiver) => receiver.await.unwrap_or(Exit::Code(-1)),
        None => std::future::pending().await,
    }
}

async fn start(args: &DisplayArgs, reaper: &Reaper, reporter: &Reporter, running: &mut Running) -> Result<(), String> {
    let account = match &args.user {
        Some(name) => account::find(Path::new("/"), name).ok_or_else(|| format!("There is no account {name}."))?,
        None => account::own(),
    };
    let folders = Folders::make(&args.name, &account);
    let folders = &*running.folders.insert(folders.map_err(|e| format!("The display's folders cannot be made: {e}."))?);
    running.sockets = Some(xserver::sockets());
    let last = RefCell::new(&mut running.last);
    let x_exit = &mut running.x_exit;
    let note = |pid: Pid| last.borrow_mut().push(pid.as_raw_nonzero().get());
    let x = xserver::start(folders, &account, args.size, args.display, |pid| {
        *x_exit = Some(reaper.watch(pid));
        note(pid);
        reporter.percent(10);
    });
    let bus =
        async { if args.command.is_empty() { Ok(None) } else { session::start_bus(folders, &account, note).await } };
    let (x, bus) = tokio::try_join!(x, bus)?;
    let x = &*running.x.insert(x);
    let spec = ScreenSpec {
        name: args.name.clone(),
        socket: x.socket.clone(),
        cookie: x.cookie.to_vec(),
        framebuffer: x.framebuffer.clone(),
        size: args.size,
        wait_for_window: args.wait_for_window,
    };
    let screen = screen::start(spec).map_err(|e| format!("The screen cannot be started: {e}."))?;
    let screen = running.screen.insert(screen);
    match screen.told.recv().await {
        Some(Told::Ready(size)) => reporter.status(|_, _, now| *now = size),
        Some(Told::Lost(why)) => return Err(format!("The screen cannot be shown: {why}.")),
        Some(_) | None => return Err("The screen cannot be shown.".into()),
    }
    reporter.percent(40);
    if args.listen.is_some() {
        standalone::announce(x);
    }
    if !args.command.is_empty() {
        let pid = session::start_command(&args.command, &args.name, x, bus.as_deref(), &account, &folders.runtime)?;
        running.command_exit = Some(reaper.watch(pid));
    }
    reporter.percent(if args.wait_for_window { 70 } else { 100 });
    Ok(())
}

/// Ends everything, in the order that takes least time.
async fn finish(end: End, running: Running, reaper: &Reaper, reporter: &Reporter) -> Result<(), String> {
    if let Some(screen) = &running.screen {
        let _ = screen.ask.send(Ask::Close(GoodbyeReason::DisplayEnded, "The display has ended."));
    }
    let grace = match &end {
        End::Asked(grace) => *grace,
        End::Failed(_) => Duration::ZERO,
    };
    end_tree(reaper, grace, &running.last, &Vec::new).await;
    match &running.x {
        Some(x) => xserver::clean_up(x),
        None => running.sockets.iter().for_each(|before| xserver::clean_up_unknown(before)),
    }
    drop(running.folders);
    match end {
        End::Asked(_) => Ok(()),
        End::Failed(reason) => {
            reporter.send(Report::Failed { reason: reason.clone() });
            Err(reason)
        }
    }
}

fn open_control(fd: RawFd) -> io::Result<Control> {
    Control::new(crate::fd::inherited(fd)?)
}

/// Passes reports on: to init, or to standard output.
async fn write_reports(control: Option<Rc<Control>>, mut reports: mpsc::UnboundedReceiver<Report>) {
    while let Some(report) = reports.recv().await {
        match &control {
            Some(control) => {
                if control.send(&report, None).await.is_err() {
                    return;
                }
            }
            None => standalone::say(&report),
        }
    }
}

/// Passes init's orders on; init's end is an order to stop.
async fn read_orders(control: Rc<Control>, orders: mpsc::UnboundedSender<(Order, Option<OwnedFd>)>) {
    while let Ok(Some(order)) = control.receive::<Order>().await {
        if orders.send(order).is_err() {
            return;
        }
    }
    let _ = orders.send((Order::Stop { grace_ms: 0 }, None));
}

/// Carries out an order that does not end the display.
fn obey(order: Order, fd: Option<OwnedFd>, ask: &mpsc::UnboundedSender<Ask>, reporter: &Reporter) {
    let Some(fd) = fd else { return };
    match order {
        Order::Viewer { control, read } => {
            let socket = std::os::unix::net::UnixStream::from(fd);
            let (Ok(read), Ok(())) = (base64::prelude::BASE64_STANDARD.decode(read), socket.set_nonblocking(true))
            else {
                return;
            };
            let role = if control { Role::Control } else { Role::View };
            let _ = ask.send(Ask::Viewer { socket: Socket::Unix(socket), read: read.into(), role });
        }
        Order::Write { number, what } => {
            let (reporter, ask) = (reporter.clone(), ask.clone());
            tokio::task::spawn_local(async move {
                let done = write(what, fd.into(), &ask).await.is_ok();
                reporter.send(Report::Written { number, done });
            });
        }
        Order::Stop { .. } => {}
    }
}

/// Writes what was ordered into its file.
async fn write(what: Product, mut file: std::fs::File, ask: &mpsc::UnboundedSender<Ask>) -> io::Result<()> {
    let gone = |_| io::Error::other("the screen has ended");
    if what == Product::Windows {
        let (reply, windows) = oneshot::channel();
        let _ = ask.send(Ask::Windows(reply));
        return file.write_all(&serde_json::to_vec(&windows.await.map_err(gone)?)?);
    }
    let (reply, picture) = oneshot::channel();
    let _ = ask.send(Ask::Picture(reply));
    let picture = picture.await.map_err(gone)?;
    if what == Product::Picture {
        return write_png(picture, file).await;
    }
    let (width, height) = SMALL_PICTURE_PX;
    let work = move || {
        let image = picture.thumbnail(Size::new(width, height)).ok_or_else(|| io::Error::other("not encoded"))?;
        file.write_all(&image)
    };
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Writes a picture as PNG, on a thread of its own: it takes long enough to be felt.
async fn write_png(picture: Picture, file: std::fs::File) -> io::Result<()> {
    let work = move || {
        let size = picture.size();
        let out = std::io::BufWriter::new(file);
        let mut encoder = png::Encoder::new(out, size.width.into(), size.height.into());
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header().map_err(io::Error::other)?;
        writer.write_image_data(&picture.to_bytes()).map_err(io::Error::other)?;
        writer.finish().map_err(io::Error::other)
    };
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_numbers_are_read() {
        assert_eq!(parse_size("1920x1080"), Ok(Size::new(1920, 1080)));
        for bad in ["1920", "0x100", "9000x1000", "320x199", "ax b", "-1x5"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_number(":7"), Ok(7));
        assert!(parse_number("7").is_err());
    }
}
