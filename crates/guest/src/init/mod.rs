//! PID 1 of an instance: sets the system up, keeps it alive, serves the agent's API, and ends everything in order.
//!
//! ```text
//!   set up ──▶ serve ── TERM ──▶ stop displays ──▶ TERM to all ──▶ KILL to all ──▶ exit
//! ```
//! It never ends by itself: what fails is logged and left as it is, so that the server can still see and stop the
//! instance.

mod api;
mod boot;
mod bus;
mod displays;
mod first_boot;
mod metadata;
mod services;
mod ssh;
mod supervise;
mod transfers;

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, bail};
use porthole_model::guest::BootConfig;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::process::{Reaper, adopt_orphans, end_tree};
use displays::Displays;
use supervise::Service;
use transfers::Transfers;

pub(crate) use services::{ServicesArgs, run as run_services};

/// Sets the system up, keeps it running, and serves the agent's API.
#[derive(Debug, clap::Args)]
pub(crate) struct InitArgs {
    /// What to set up, JSON.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Serve the API on `unix:PATH` instead of the socket inherited as descriptor 3.
    #[arg(long, value_name = "unix:PATH")]
    listen: Option<String>,
}

/// Number of the inherited listening socket, by the convention of LISTEN_FDS.
const INHERITED: i32 = 3;
/// Time displays have to end when the instance stops.
const DISPLAY_GRACE: Duration = Duration::from_millis(500);
/// Time everything else has then.
const SYSTEM_GRACE: Duration = Duration::from_millis(500);

/// Runs until TERM.
///
/// # Errors
/// Only when there is no socket to serve on, or, not as PID 1, when the configuration cannot be read.
pub(crate) fn run(args: InitArgs) -> anyhow::Result<()> {
    let first = rustix::process::getpid().is_init();
    let config = match (boot::read_config(&args.config), first) {
        (Ok(config), _) => config,
        (Err(error), true) => {
            tracing::error!(%error, "Configuration cannot be read; going on without");
            let username = "lightsail-user".into();
            BootConfig { hostname: "instance".into(), username, ..BootConfig::default() }
        }
        (Err(error), false) => bail!(error),
    };
    adopt_orphans()?;
    if first {
        boot::set_up(Path::new("/"), &config);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    let metadata = metadata::Service::new(config.metadata, config.authorized_keys);
    local.block_on(&runtime, live(args, first.then_some(config.username), metadata))
}

async fn live(args: InitArgs, username: Option<String>, metadata: metadata::Service) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let reaper = Reaper::start()?;
    let listener = listener(args.listen.as_deref())?;
    let displays = Rc::new(Displays::new(reaper.clone(), username.clone()));
    let transfers = Rc::new(Transfers::new(&displays, reaper.clone(), username.clone()));
    let bus = Service::default();
    let mut ssh = None;
    if username.is_some() {
        tokio::task::spawn_local(bus::keep_running(bus.clone(), reaper.clone()));
        displays.spare(bus.clone());
        ssh = Some(ssh::start(&displays, reaper.clone(), args.config));
        tokio::task::spawn_local(metadata.clone().run());
    }
    let (host_keys, services) = ssh.unzip();
    tokio::task::spawn_local(api::accept(listener, displays.clone(), transfers, host_keys, metadata));
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "Agent serves");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("Instance stops");
    bus.let_go();
    services.iter().for_each(Service::let_go);
    displays.stop_all(DISPLAY_GRACE).await;
    let last: Vec<i32> = bus.pid().into_iter().collect();
    end_tree(&reaper, SYSTEM_GRACE, &last, &Vec::new).await;
    Ok(())
}

/// The socket to serve on.
fn listener(listen: Option<&str>) -> anyhow::Result<UnixListener> {
    let listener = match listen {
        Some(address) => {
            let path = address.strip_prefix("unix:").context("--listen wants unix:PATH")?;
            // One left over from an earlier run would be refused.
            let _ = std::fs::remove_file(path);
            std::os::unix::net::UnixListener::bind(path).with_context(|| format!("cannot listen on {path}"))?
        }
        None => {
            let count = std::env::var("LISTEN_FDS").ok().and_then(|n| n.parse::<u32>().ok()).unwrap_or(0);
            if count != 1 {
                bail!("no listening socket was handed over (LISTEN_FDS is not 1), and none was asked for by --listen");
            }
            crate::fd::inherited(INHERITED).context("descriptor 3 is not open")?.into()
        }
    };
    listener.set_nonblocking(true)?;
    Ok(UnixListener::from_std(listener)?)
}
