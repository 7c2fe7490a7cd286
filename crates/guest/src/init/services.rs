//! The process under which everything runs that belongs to no display: the SSH server, who logged in there and what they
//! left running, and the owner's script.
//!
//! It adopts orphans, so that nothing of it is ever taken for what a display left behind.

use std::path::{Path, PathBuf};

use tokio::signal::unix::{SignalKind, signal};

use super::{boot, first_boot, supervise::Service};
use crate::process::{Reaper, adopt_orphans};

/// Runs the SSH server and the owner's script; started by `init`.
#[derive(Debug, clap::Args)]
pub(crate) struct ServicesArgs {
    /// What `init` was given.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Runs until TERM.
///
/// # Errors
/// When the kernel refuses, or the configuration cannot be read.
pub(crate) fn run(args: ServicesArgs) -> anyhow::Result<()> {
    let config = boot::read_config(&args.config)?;
    adopt_orphans()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let mut terminate = signal(SignalKind::terminate())?;
        let reaper = Reaper::start()?;
        let sshd = Service::default();
        tokio::task::spawn_local(sshd.keep_running(reaper.clone(), "sshd", &["-D", "-e"], || {}));
        tokio::task::spawn_local(async move { first_boot::run_script(Path::new("/"), &config, &reaper).await });
        terminate.recv().await;
        Ok(())
    })
}
