//! The displays of an instance: one process each, and what is known of them.
//!
//! ```text
//!            put                   report                 report
//!   Stopped ─────▶ Starting ──────────────────▶ Started
//!      ▲  ▲           │  │        delete           │  │
//!      │  │           │  └────────▶ Stopping ◀─────┘  │ the process ends, or says that it failed
//!      │  └── process ended ────────────┘             ▼
//!      └──────────────── delete ───────────────── Failed ── put ──▶ Starting
//! ```
//! A put while a display is stopping is remembered, and carried out when it has stopped.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read, Seek};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use porthole_model::guest::{DisplaySpec, DisplayState, DisplayStatus};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::supervise::Service;
use crate::control::{self, Control, Order, Product, Report};
use crate::process::{Exit, Program, Reaper, kill_tree};

/// Displays an instance may know.
const MOST_DISPLAYS: usize = 8;
/// Time a display process has beyond its grace before it is killed.
const STOP_TIME: Duration = Duration::from_secs(5);
/// Time writing a picture or a list may take.
const WRITE_TIME: Duration = Duration::from_secs(10);
/// Largest picture.
const WRITTEN_BYTES: u64 = 256 << 20;

/// Why something cannot be done with a display.
#[derive(Debug, thiserror::Error)]
pub(super) enum DisplayError {
    /// There is no such display, or nothing of it runs.
    #[error("There is no display {0} that runs.")]
    Missing(String),
    /// The specification is out of range.
    #[error("{0}")]
    Wrong(&'static str),
    /// The display's process does not answer.
    #[error("The display does not answer.")]
    Silent,
}

/// All displays.
pub(super) struct Displays {
    reaper: Reaper,
    /// Account the commands run under; `None`: our own.
    username: Option<String>,
    all: RefCell<BTreeMap<String, Rc<Entry>>>,
    services: RefCell<Vec<Service>>,
    /// Whether a display is starting.
    starting: watch::Sender<bool>,
    started: Instant,
}

/// One display.
struct Entry {
    status: watch::Sender<DisplayStatus>,
    live: RefCell<Option<Rc<Live>>>,
    /// What to start when it has stopped.
    next: RefCell<Option<DisplaySpec>>,
}

/// A display's running process.
struct Live {
    pid: Pid,
    control: Control,
    stopping: Cell<bool>,
    reason: RefCell<String>,
    writes: RefCell<HashMap<u64, oneshot::Sender<bool>>>,
    next_write: Cell<u64>,
}

fn stopped(name: &str) -> DisplayStatus {
    DisplayStatus {
        name: name.to_owned(),
        state: DisplayState::Stopped,
        percent: 0,
        reason: String::new(),
        viewers: 0,
        width_px: 0,
        height_px: 0,
    }
}

/// Whether a name may be a display's.
pub(super) fn is_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=32).contains(&name.len()) && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(good)
}

impl Displays {
    pub(super) fn new(reaper: Reaper, username: Option<String>) -> Self {
        let (all, services) = (RefCell::default(), RefCell::default());
        let (starting, _) = watch::channel(false);
        Self { reaper, username, all, services, starting, started: Instant::now() }
    }

    /// Tells whether a display is starting, now and later.
    pub(super) fn starting(&self) -> watch::Receiver<bool> {
        self.starting.subscribe()
    }

    fn tell_starting(&self) {
        let starting = self.all.borrow().values().any(|e| e.status.borrow().state == DisplayState::Starting);
        self.starting.send_if_modified(|before| std::mem::replace(before, starting) != starting);
    }

    /// Never ends this, and what was started in it, when cleaning up behind a display.
    pub(super) fn spare(&self, service: Service) {
        self.services.borrow_mut().push(service);
    }

    /// Time since the agent began.
    pub(super) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Every display known since boot.
    pub(super) fn statuses(&self) -> Vec<DisplayStatus> {
        self.all.borrow().values().map(|e| e.status.borrow().clone()).collect()
    }

    fn entry(&self, name: &str) -> Option<Rc<Entry>> {
        self.all.borrow().get(name).cloned()
    }

    fn live(&self, name: &str) -> Result<Rc<Live>, DisplayError> {
        let live = self.entry(name).and_then(|e| e.live.borrow().clone());
        live.filter(|l| !l.stopping.get()).ok_or_else(|| DisplayError::Missing(name.to_owned()))
    }

    /// Ensures that a display is starting or started.
    ///
    /// # Errors
    /// When the specification is out of range or there are too many displays.
    pub(super) fn put(self: &Rc<Self>, name: &str, spec: DisplaySpec) -> Result<DisplayStatus, DisplayError> {
        check(&spec)?;
        let entry = match self.entry(name) {
            Some(entry) => entry,
            None if self.all.borrow().len() >= MOST_DISPLAYS => {
                return Err(DisplayError::Wrong("There are too many displays."));
            }
            None => {
                let (status, _) = watch::channel(stopped(name));
                let (live, next) = (RefCell::default(), RefCell::default());
                let entry = Rc::new(Entry { status, live, next });
                self.all.borrow_mut().insert(name.to_owned(), entry.clone());
                entry
            }
        };
        let state = entry.status.borrow().state;
        match state {
            DisplayState::Starting | DisplayState::Started => {}
            DisplayState::Stopping => *entry.next.borrow_mut() = Some(spec),
            // A failed display whose process is still cleaning up must be gone before the next one begins.
            DisplayState::Failed if entry.live.borrow().is_some() => *entry.next.borrow_mut() = Some(spec),
            DisplayState::Stopped | DisplayState::Failed => self.launch(name, &entry, &spec),
        }
        let status = entry.status.borrow().clone();
        Ok(status)
    }

    /// Current state; waits for another state or percentage when asked to.
    ///
    /// # Errors
    /// When the display is unknown.
    pub(super) async fn get(&self, name: &str, wait: Duration) -> Result<DisplayStatus, DisplayError> {
        let entry = self.entry(name).ok_or_else(|| DisplayError::Missing(name.to_owned()))?;
        let mut status = entry.status.subscribe();
        let key = |s: &DisplayStatus| (s.state, s.percent);
        let before = key(&status.borrow_and_update());
        let changed = timeout(wait, status.wait_for(|s| key(s) != before));
        // Both a change and none in time are an answer.
        let _ = changed.await.map(drop);
        let now = entry.status.borrow().clone();
        Ok(now)
    }

    /// Ends a display and waits until nothing of it is left; success when there is none.
    ///
    /// # Errors
    /// When something of it could not be ended in time.
    pub(super) async fn delete(self: &Rc<Self>, name: &str, grace: Duration) -> Result<DisplayStatus, DisplayError> {
        let Some(entry) = self.entry(name) else { return Ok(stopped(name)) };
        entry.next.borrow_mut().take();
        let live = entry.live.borrow().clone();
        let Some(live) = live else {
            entry.status.send_replace(stopped(name));
            return Ok(stopped(name));
        };
        let mut status = entry.status.subscribe();
        if !live.stopping.replace(true) {
            entry.status.send_modify(|s| s.state = DisplayState::Stopping);
            let grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
            // A display whose control socket is broken ends on its own account, or is killed below.
            let _ = live.control.send(&Order::Stop { grace_ms }, None).await;
        }
        for limit in [grace + STOP_TIME, STOP_TIME] {
            let ended = status.wait_for(|s| s.state != DisplayState::Stopping && s.state != DisplayState::Failed);
            match timeout(limit, ended).await {
                Ok(_) => return Ok(stopped(name)),
                Err(_) => drop(kill_process(live.pid, Signal::KILL)),
            }
        }
        Err(DisplayError::Silent)
    }

    /// Ends all displays.
    pub(super) async fn stop_all(self: &Rc<Self>, grace: Duration) {
        let names: Vec<String> = self.all.borrow().keys().cloned().collect();
        let stops = names.iter().map(|name| {
            let (this, name) = (self.clone(), name.clone());
            tokio::task::spawn_local(async move { this.delete(&name, grace).await.is_ok() })
        });
        let stops: Vec<_> = stops.collect();
        let until = Instant::now() + grace + STOP_TIME;
        for stop in stops {
            let _ = timeout_at(until, stop).await;
        }
    }

    /// Hands a viewer's socket to the display.
    ///
    /// # Errors
    /// When the display is gone.
    pub(super) async fn view(
        &self,
        name: &str,
        socket: OwnedFd,
        read: String,
        control: bool,
    ) -> Result<(), DisplayError> {
        let live = self.live(name)?;
        let sent = live.control.send(&Order::Viewer { control, read }, Some(socket.as_fd())).await;
        sent.map_err(|_| DisplayError::Silent)
    }

    /// Whether a display runs.
    ///
    /// # Errors
    /// When it does not.
    pub(super) fn runs(&self, name: &str) -> Result<(), DisplayError> {
        self.live(name).map(drop)
    }

    /// Asks a display for a picture or a list.
    ///
    /// # Errors
    /// When the display is gone or does not answer.
    pub(super) async fn written(&self, name: &str, what: Product) -> Result<Vec<u8>, DisplayError> {
        let live = self.live(name)?;
        let number = live.next_write.replace(live.next_write.get() + 1);
        let (sender, done) = oneshot::channel();
        live.writes.borrow_mut().insert(number, sender);
        let taken = async {
            let file = rustix::fs::memfd_create("written", rustix::fs::MemfdFlags::CLOEXEC)?;
            live.control.send(&Order::Write { number, what }, Some(file.as_fd())).await?;
            match timeout(WRITE_TIME, done).await {
                Ok(Ok(true)) => {}
                Ok(_) | Err(_) => return Err(io::ErrorKind::TimedOut.into()),
            }
            let mut file = std::fs::File::from(file);
            file.rewind()?;
            let mut bytes = Vec::new();
            file.take(WRITTEN_BYTES).read_to_end(&mut bytes)?;
            Ok::<_, io::Error>(bytes)
        };
        let taken = taken.await;
        live.writes.borrow_mut().remove(&number);
        taken.map_err(|_| DisplayError::Silent)
    }

    /// Starts a display's process.
    fn launch(self: &Rc<Self>, name: &str, entry: &Rc<Entry>, spec: &DisplaySpec) {
        let (width_px, height_px) = (spec.width_px, spec.height_px);
        let fresh = DisplayStatus { state: DisplayState::Starting, width_px, height_px, ..stopped(name) };
        entry.status.send_replace(fresh);
        self.tell_starting();
        match self.spawn(name, spec) {
            Ok((live, exit)) => {
                *entry.live.borrow_mut() = Some(live.clone());
                tokio::task::spawn_local(self.clone().follow(name.to_owned(), entry.clone(), live, exit));
            }
            Err(error) => {
                tracing::error!(display = name, %error, "Display cannot be started");
                let reason = format!("The display cannot be started: {error}.");
                entry.status.send_modify(|s| (s.state, s.reason) = (DisplayState::Failed, reason));
                self.tell_starting();
            }
        }
    }

    fn spawn(&self, name: &str, spec: &DisplaySpec) -> io::Result<(Rc<Live>, oneshot::Receiver<Exit>)> {
        let (ours, theirs) = control::pair()?;
        let mut args = vec!["display".to_owned(), "--name".into(), name.into()];
        args.extend(["--size".into(), format!("{}x{}", spec.width_px, spec.height_px)]);
        args.extend(["--control-fd".into(), theirs.as_raw_fd().to_string()]);
        if spec.wait_for_window {
            args.push("--wait-for-window".into());
        }
        if let Some(username) = &self.username {
            args.extend(["--user".into(), username.clone()]);
        }
        args.push("--".into());
        args.extend(spec.command.iter().cloned());
        let keep = ["PATH", "PORTHOLE_LOG"];
        let envs = keep.iter().filter_map(|n| Some(((*n).to_owned(), std::env::var(n).ok()?)));
        let pid = Program::new("/proc/self/exe").args(args).envs(envs).descriptor(theirs).start()?;
        let exit = self.reaper.watch(pid);
        let live = Live {
            pid,
            control: Control::new(ours)?,
            stopping: Cell::new(false),
            reason: RefCell::default(),
            writes: RefCell::default(),
            next_write: Cell::new(1),
        };
        Ok((Rc::new(live), exit))
    }

    /// Keeps a display's status up to date until its process has ended, then cleans up behind it.
    async fn follow(self: Rc<Self>, name: String, entry: Rc<Entry>, live: Rc<Live>, exit: oneshot::Receiver<Exit>) {
        tokio::pin!(exit);
        let exit = loop {
            tokio::select! {
                biased;
                report = live.control.receive::<Report>() => match report {
                    Ok(Some((report, _))) => {
                        heard(&entry, &live, report);
                        self.tell_starting();
                    }
                    Ok(None) | Err(_) => break exit.await,
                },
                exit = &mut exit => break exit,
            }
        };
        // What it said last may still wait in the socket.
        while let Ok(Ok(Some((report, _)))) = timeout(Duration::from_millis(50), live.control.receive::<Report>()).await
        {
            heard(&entry, &live, report);
        }
        // A display that was killed leaves its processes to us.
        kill_tree(&self.reaper, &|| self.spared()).await;
        *entry.live.borrow_mut() = None;
        let next = entry.next.borrow_mut().take();
        if live.stopping.get() || next.is_some() {
            entry.status.send_replace(stopped(&name));
        } else {
            let ended = exit.map_or_else(|_| "for an unknown reason".to_owned(), |exit| exit.to_string());
            let said = live.reason.borrow().clone();
            let reason = if said.is_empty() { format!("The display's process ended ({ended}).") } else { said };
            tracing::warn!(display = name, reason, "Display failed");
            entry.status.send_replace(DisplayStatus { state: DisplayState::Failed, reason, ..stopped(&name) });
        }
        self.tell_starting();
        if let Some(spec) = next {
            self.launch(&name, &entry, &spec);
        }
    }

    /// Processes that are nobody's leftovers.
    fn spared(&self) -> Vec<i32> {
        let all = self.all.borrow();
        let own = |entry: &Rc<Entry>| entry.live.borrow().as_ref().map(|live| live.pid.as_raw_nonzero().get());
        let mut spared: Vec<i32> = all.values().filter_map(own).collect();
        spared.extend(self.services.borrow().iter().filter_map(Service::pid));
        spared
    }
}

/// Takes note of what a display reports.
fn heard(entry: &Entry, live: &Live, report: Report) {
    match report {
        Report::Status { percent, viewers, width_px, height_px } => entry.status.send_modify(|s| {
            (s.percent, s.viewers, s.width_px, s.height_px) = (percent.min(100), viewers, width_px, height_px);
            if s.state == DisplayState::Starting && percent >= 100 {
                s.state = DisplayState::Started;
            }
        }),
        Report::Failed { reason } => *live.reason.borrow_mut() = reason,
        Report::Written { number, done } => {
            if let Some(waiter) = live.writes.borrow_mut().remove(&number) {
                let _ = waiter.send(done);
            }
        }
    }
}

fn check(spec: &DisplaySpec) -> Result<(), DisplayError> {
    let wrong = |sentence| Err(DisplayError::Wrong(sentence));
    if !(320..=8192).contains(&spec.width_px) || !(200..=8192).contains(&spec.height_px) {
        return wrong("The size must be from 320x200 to 8192x8192.");
    }
    if spec.command.first().is_none_or(String::is_empty) || spec.command.len() > 256 {
        return wrong("The command must have 1 to 256 words.");
    }
    if spec.command.iter().any(|word| word.contains('\0')) {
        return wrong("The command must not hold a zero byte.");
    }
    Ok(())
}
