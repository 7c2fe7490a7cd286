//! Forgets old operations and counts stuck ones.

use crate::{app::App, operation::runner::STUCK_ATTEMPTS};

/// How long operations that ended are kept.
const KEPT_MS: i64 = 30 * 24 * 3_600_000;

/// Runs once.
pub(super) async fn prune(app: &App) -> anyhow::Result<()> {
    let pruned = app.store.prune_operations(app.clock.now_ms() - KEPT_MS).await?;
    if pruned > 0 {
        tracing::info!(pruned, "Old operations forgotten");
    }
    let stuck =
        app.store.undone_operations().await?.iter().filter(|operation| operation.attempts >= STUCK_ATTEMPTS).count();
    app.metrics.stuck.set(i64::try_from(stuck).unwrap_or(i64::MAX));
    Ok(())
}
