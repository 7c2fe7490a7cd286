//! Hears of every child's end, adopted orphans included, and tells who waits for it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::rc::Rc;

use rustix::process::{Pid, WaitOptions};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "exit code {code}"),
            Exit::Signal(number) => write!(f, "signal {number}"),
        }
    }
}

struct Shared {
    waiting: HashMap<i32, oneshot::Sender<Exit>>,
    /// Ends of children nobody has asked about yet.
    unclaimed: HashMap<i32, Exit>,
    /// Counts up whenever a child ends.
    ended: watch::Sender<u64>,
}

/// Reaps children. One a process, on the thread that starts them; clones share it.
#[derive(Clone)]
pub(crate) struct Reaper {
    shared: Rc<RefCell<Shared>>,
}

/// Ends kept for children nobody asked about; adopted orphans are never asked about.
const UNCLAIMED_MAX: usize = 64;

impl Reaper {
    /// Begins to listen; must be called before the first child is started, inside a `LocalSet`.
    ///
    /// # Errors
    /// When the signal cannot be listened to.
    pub(crate) fn start() -> io::Result<Self> {
        let (ended, _) = watch::channel(0);
        let shared = Shared { waiting: HashMap::new(), unclaimed: HashMap::new(), ended };
        let reaper = Self { shared: Rc::new(RefCell::new(shared)) };
        let children = signal(SignalKind::child())?;
        tokio::task::spawn_local(reaper.clone().run(children));
        Ok(reaper)
    }

    async fn run(self, mut children: Signal) {
        loop {
            self.reap();
            if children.recv().await.is_none() {
                return;
            }
        }
    }

    /// Collects every child that has ended; returns whether there may be others. As orphans are adopted, a process
    /// without children has no descendants.
    pub(crate) fn reap(&self) -> bool {
        loop {
            let (pid, exit) = match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => {
                    let code = status.exit_status().map(Exit::Code);
                    (pid, code.unwrap_or_else(|| Exit::Signal(status.terminating_signal().unwrap_or(0))))
                }
                Ok(None) => return true,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return error != rustix::io::Errno::CHILD,
            };
            let mut shared = self.shared.borrow_mut();
            let number = pid.as_raw_nonzero().get();
            match shared.waiting.remove(&number) {
                Some(waiter) => drop(waiter.send(exit)),
                None => {
                    if shared.unclaimed.len() >= UNCLAIMED_MAX {
                        shared.unclaimed.clear();
                    }
                    shared.unclaimed.insert(number, exit);
                }
            }
            shared.ended.send_modify(|n| *n += 1);
        }
    }

    /// Waits for a child's end. Call it right after the start, on the same thread and before any `await`.
    pub(crate) fn watch(&self, pid: Pid) -> oneshot::Receiver<Exit> {
        let (sender, receiver) = oneshot::channel();
        let mut shared = self.shared.borrow_mut();
        let number = pid.as_raw_nonzero().get();
        match shared.unclaimed.remove(&number) {
            Some(exit) => drop(sender.send(exit)),
            None => drop(shared.waiting.insert(number, sender)),
        }
        receiver
    }

    /// Changes whenever any child ends.
    pub(crate) fn ends(&self) -> watch::Receiver<u64> {
        self.shared.borrow().ended.subscribe()
    }
}
