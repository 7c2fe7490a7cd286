//! Periodic repair: each takes no argument and is safe to run at any time, so that there is one path after a crash and in
//! normal running.

pub(crate) mod auto_snapshot;
pub(crate) mod disks;
mod expiry;
mod meter;
mod network;
mod observe;
mod prune;

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet, time::sleep};

use crate::app::App;

/// Handle of the running reconcilers.
pub struct Reconcilers {
    ending: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

/// Starts all reconcilers.
pub fn start(app: &Arc<App>) -> Reconcilers {
    let (ending, ended) = watch::channel(false);
    let mut tasks = JoinSet::new();
    every(&mut tasks, app, &ended, Duration::from_millis(500), |app| Box::pin(expiry::expire(app)));
    every(&mut tasks, app, &ended, Duration::from_secs(5), |app| Box::pin(observe::observe(app)));
    every(&mut tasks, app, &ended, Duration::from_secs(60), |app| Box::pin(disks::release(app)));
    every(&mut tasks, app, &ended, Duration::from_secs(5), |app| Box::pin(network::network(app)));
    every(&mut tasks, app, &ended, Duration::from_secs(600), |app| Box::pin(prune::prune(app)));
    every(&mut tasks, app, &ended, Duration::from_millis(250), |app| Box::pin(prune::write_audit(app)));
    every(&mut tasks, app, &ended, Duration::from_secs(60), |app| Box::pin(prune::write_uses(app)));
    every(&mut tasks, app, &ended, Duration::from_secs(5), |app| Box::pin(prune::refresh_catalog(app)));
    every(&mut tasks, app, &ended, Duration::from_secs(600), |app| Box::pin(meter::roll_up(app)));
    aligned(&mut tasks, app, &ended, app.config.metrics.period_ms, |app| Box::pin(meter::measure(app)));
    every(&mut tasks, app, &ended, Duration::from_secs(60), |app| Box::pin(auto_snapshot::run(app)));
    Reconcilers { ending, tasks }
}

type Run = for<'a> fn(&'a App) -> std::pin::Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send + 'a>>;

/// Runs at the start, and then whenever the clock is at a multiple of the period.
fn aligned(tasks: &mut JoinSet<()>, app: &Arc<App>, ended: &watch::Receiver<bool>, period_ms: i64, run: Run) {
    let clock = Arc::clone(&app.clock);
    repeated(tasks, app, ended, run, move || {
        let left_ms = period_ms - clock.now_ms().rem_euclid(period_ms);
        Duration::from_millis(u64::try_from(left_ms).unwrap_or(0))
    });
}

fn every(tasks: &mut JoinSet<()>, app: &Arc<App>, ended: &watch::Receiver<bool>, period: Duration, run: Run) {
    repeated(tasks, app, ended, run, move || period);
}

fn repeated(
    tasks: &mut JoinSet<()>,
    app: &Arc<App>,
    ended: &watch::Receiver<bool>,
    run: Run,
    pause: impl Fn() -> Duration + Send + 'static,
) {
    let (app, mut ended) = (Arc::clone(app), ended.clone());
    tasks.spawn(async move {
        loop {
            if let Err(error) = run(&app).await {
                tracing::warn!(error = format!("{error:#}"), "a reconciler failed; it will run again");
            }
            tokio::select! {
                () = sleep(pause()) => {}
                _ = ended.wait_for(|ended| *ended) => return,
            }
        }
    });
}

impl Reconcilers {
    /// Lets those under way finish for a moment and ends all.
    pub async fn stop(mut self) {
        self.ending.send_replace(true);
        let finish = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(Duration::from_secs(3), finish).await;
    }
}
