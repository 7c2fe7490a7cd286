//! Forgets old operations, sessions in the console, shares and audit entries, and counts stuck operations.

use crate::{app::App, operation::runner::STUCK_ATTEMPTS};

/// How long operations that ended are kept.
const KEPT_MS: i64 = 30 * DAY_MS;
const DAY_MS: i64 = 24 * 3_600_000;
/// How long failures to sign in are kept: longer than they make anybody wait.
const FAILURES_KEPT_MS: i64 = 2 * 3_600_000;

/// Runs once.
pub(super) async fn prune(app: &App) -> anyhow::Result<()> {
    let pruned = app.store.prune_operations(app.clock.now_ms() - KEPT_MS).await?;
    if pruned > 0 {
        tracing::info!(pruned, "Old operations forgotten");
    }
    let now_ms = app.clock.now_ms();
    app.store.prune_sign_ins(now_ms, now_ms - FAILURES_KEPT_MS).await?;
    app.store.prune_audit(now_ms - app.config.console.audit_days * DAY_MS).await?;
    app.store.prune_shares(now_ms).await?;
    let stuck =
        app.store.undone_operations().await?.iter().filter(|operation| operation.attempts >= STUCK_ATTEMPTS).count();
    app.metrics.stuck.set(i64::try_from(stuck).unwrap_or(i64::MAX));
    Ok(())
}

/// Writes what waits of the audit log.
pub(super) async fn write_audit(app: &App) -> anyhow::Result<()> {
    app.audit.flush(app).await;
    Ok(())
}

/// Reads how bundles differ from the data file, which another server may have changed.
pub(super) async fn refresh_catalog(app: &App) -> anyhow::Result<()> {
    Ok(app.catalog.refresh(&app.store).await?)
}

/// Writes when access keys last signed.
pub(super) async fn write_uses(app: &App) -> anyhow::Result<()> {
    Ok(app.keys.write_uses(&app.store).await?)
}
