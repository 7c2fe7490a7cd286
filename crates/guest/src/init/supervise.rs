//! A service of the system: started where it is installed, started again when it ends.

use std::cell::Cell;
use std::ffi::OsString;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use crate::process::{Exit, Program, Reaper};

/// Wait before the first new start, and at most.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// One that ran so long was well.
const WELL: Duration = Duration::from_secs(30);

/// A service and its process.
#[derive(Debug, Clone, Default)]
pub(super) struct Service {
    pid: Rc<Cell<Option<i32>>>,
    /// It is not started again.
    let_go: Rc<Cell<bool>>,
}

impl Service {
    /// The process, while it runs.
    pub(super) fn pid(&self) -> Option<i32> {
        self.pid.get()
    }

    /// Leaves it dead when it dies.
    pub(super) fn let_go(&self) {
        self.let_go.set(true);
    }

    /// Runs it once; gives how it ended, where that can be known.
    pub(super) async fn run(&self, reaper: &Reaper, program: Program) -> io::Result<Option<Exit>> {
        let pid = program.start()?;
        self.pid.set(Some(pid.as_raw_nonzero().get()));
        let exit = reaper.watch(pid).await.ok();
        self.pid.set(None);
        Ok(exit)
    }

    /// Starts it again and again; `tidy` takes out what a dead one would leave in the way.
    pub(super) async fn keep_running<S: Into<OsString> + Clone>(
        self,
        reaper: Reaper,
        program: &str,
        args: &[S],
        tidy: fn(),
    ) {
        // A name with a slash is a path, which joining keeps as it is.
        let Some(path) = crate::display::find_program(program) else {
            tracing::warn!(program, "Not installed; there is no such service");
            return;
        };
        let mut pause = PAUSE;
        while !self.let_go.get() {
            let begun = tokio::time::Instant::now();
            let env = ("PATH".to_owned(), crate::display::PATH.to_owned());
            match self.run(&reaper, Program::new(&path).args(args.iter().cloned()).envs([env])).await {
                Ok(exit) => tracing::warn!(program, ?exit, "Service ended"),
                Err(error) => tracing::error!(program, %error, "Service cannot be started"),
            }
            pause = if begun.elapsed() >= WELL { PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
            tokio::time::sleep(pause).await;
            tidy();
        }
    }
}
