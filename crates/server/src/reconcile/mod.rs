//! Periodic repair: each takes no argument and is safe to run at any time, so that there is one path after a crash and in
//! normal running.

mod expiry;
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
    every(&mut tasks, app, &ended, Duration::from_secs(600), |app| Box::pin(prune::prune(app)));
    Reconcilers { ending, tasks }
}

type Run = for<'a> fn(&'a App) -> std::pin::Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send + 'a>>;

fn every(tasks: &mut JoinSet<()>, app: &Arc<App>, ended: &watch::Receiver<bool>, period: Duration, run: Run) {
    let (app, mut ended) = (Arc::clone(app), ended.clone());
    tasks.spawn(async move {
        loop {
            if let Err(error) = run(&app).await {
                tracing::warn!(error = format!("{error:#}"), "a reconciler failed; it will run again");
            }
            tokio::select! {
                () = sleep(period) => {}
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
