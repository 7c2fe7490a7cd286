//! `porthole down`: ends the server and every instance, and releases what they hold on this machine.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, bail};
use clap::Args;
use porthole_driver::image;

use super::{Common, block_on, serve};
use crate::config::{Config, DriverKind};

/// How long the server has to end after TERM.
const END_LIMIT: Duration = Duration::from_secs(20);

/// End the server and every instance.
#[derive(Args)]
pub(super) struct Down {
    /// Delete the state folder as well: accounts, keys, disks, everything
    #[arg(long)]
    purge: bool,
    /// Guest agent's binary, as for `serve`
    #[arg(long, value_name = "FILE")]
    guest_binary: Option<std::path::PathBuf>,
}

impl Down {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let mut config = common.config()?;
        if self.guest_binary.is_some() {
            config.guest_binary = self.guest_binary;
        }
        if !config.state_dir.exists() {
            return Ok(());
        }
        block_on(async {
            end_server(&config.state_dir).await?;
            // Held from here on, so that no server starts in between.
            let _lock = serve::state_lock(&config)?;
            if config.driver == DriverKind::Container && config.state_dir.join("instances").exists() {
                release(&config, self.purge).await?;
            }
            if self.purge {
                std::fs::remove_dir_all(&config.state_dir)
                    .with_context(|| format!("cannot delete {}", config.state_dir.display()))?;
                if config.driver == DriverKind::Container {
                    image::forget_servers(&config.images_dir)?;
                }
            }
            Ok(())
        })
    }
}

/// Ends the server that holds the folder, if one does.
async fn end_server(state_dir: &Path) -> anyhow::Result<()> {
    let Ok(text) = std::fs::read_to_string(state_dir.join("porthole.pid")) else { return Ok(()) };
    let pid = text.trim().parse::<i32>().ok().and_then(rustix::process::Pid::from_raw);
    let pid = pid.with_context(|| format!("{} holds no process id", state_dir.join("porthole.pid").display()))?;
    // The file of a server that was killed names a process that is gone, or is another's by now: the lock tells.
    if serve::is_free(state_dir)? {
        return Ok(());
    }
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).context("cannot end the server")?;
    let deadline = tokio::time::Instant::now() + END_LIMIT;
    while !serve::is_free(state_dir)? {
        if tokio::time::Instant::now() >= deadline {
            bail!("the server (process {pid}) has not ended after {} s", END_LIMIT.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn release(config: &Config, purge: bool) -> anyhow::Result<()> {
    let driver = serve::driver(config).await?;
    let observed = driver.observe().await?;
    let ends = observed.iter().map(|found| async {
        if purge { driver.delete(&found.id).await } else { driver.stop(&found.id, Duration::from_secs(3)).await }
    });
    for ended in futures_util::future::join_all(ends).await {
        ended?;
    }
    driver.release_host().await?;
    Ok(())
}
