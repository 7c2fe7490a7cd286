//! Removes files of data disks that nobody owns.

use std::collections::HashSet;

use crate::app::App;

/// Runs once.
pub(crate) async fn release(app: &App) -> anyhow::Result<()> {
    // Files first: a disk has its row before it has its file.
    let found = app.driver.disks().await?;
    if found.is_empty() {
        return Ok(());
    }
    let known: HashSet<String> = app.store.all_disks().await?.into_iter().map(|disk| disk.id.to_string()).collect();
    for id in found.iter().filter(|id| !known.contains(*id)) {
        tracing::warn!(disk = id, "removing a disk's file that nobody owns");
        app.driver.delete_disk(id).await?;
    }
    Ok(())
}
