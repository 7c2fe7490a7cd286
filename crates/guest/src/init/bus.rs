//! The system D-Bus: started where it is installed, started again when it dies.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::process::{Program, Reaper};

/// Wait before the first new start, and at most.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// One that ran so long was well.
const WELL: Duration = Duration::from_secs(30);

/// The system bus and its process.
#[derive(Debug, Clone, Default)]
pub(super) struct SystemBus {
    pid: Rc<Cell<Option<i32>>>,
    /// It is not started again.
    let_go: Rc<Cell<bool>>,
}

impl SystemBus {
    /// The process, while it runs.
    pub(super) fn pid(&self) -> Option<i32> {
        self.pid.get()
    }

    /// Leaves it dead when it dies.
    pub(super) fn let_go(&self) {
        self.let_go.set(true);
    }

    /// Starts it again and again.
    pub(super) async fn keep_running(self, reaper: Reaper) {
        let Some(program) = crate::display::find_program("dbus-daemon") else {
            tracing::warn!("dbus-daemon is not installed; there is no system bus");
            return;
        };
        let mut pause = PAUSE;
        while !self.let_go.get() {
            let begun = tokio::time::Instant::now();
            let path = ("PATH".to_owned(), crate::display::PATH.to_owned());
            let args = ["--system", "--nofork", "--nopidfile"];
            match Program::new(&program).args(args).envs([path]).start() {
                Ok(pid) => {
                    self.pid.set(Some(pid.as_raw_nonzero().get()));
                    let exit = reaper.watch(pid).await;
                    self.pid.set(None);
                    tracing::warn!(?exit, "System bus ended");
                }
                Err(error) => tracing::error!(%error, "System bus cannot be started"),
            }
            pause = if begun.elapsed() >= WELL { PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
            tokio::time::sleep(pause).await;
            // Its socket of before would be in the way.
            let _ = std::fs::remove_file("/run/dbus/system_bus_socket");
        }
    }
}
