//! `porthole serve`: one process, one port.

use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use clap::Args;
use porthole_driver::{ContainerDriver, Driver, DriverConfig, FakeDriver};
use porthole_store::Store;

use super::Common;
use crate::{
    app::{App, SystemClock, SystemIds},
    auth::KeyCache,
    catalog::Catalog,
    config::{Config, DriverKind},
    gateway::registry::Viewers,
    http,
    metrics::Metrics,
    operation::{Runner, runner::Drives},
    reconcile,
    secret::Seal,
    telemetry,
};

/// Run the server.
#[derive(Args)]
pub(super) struct Serve {
    /// Address and port to listen on; other than loopback needs `allow_plain_http`
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// Guest agent's binary, mounted into every instance
    #[arg(long, value_name = "FILE")]
    guest_binary: Option<PathBuf>,
    /// What to log, in the form of RUST_LOG
    #[arg(long, default_value = "info", value_name = "FILTER")]
    log: String,
}

impl Serve {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let mut config = common.config()?;
        config.listen = self.listen.unwrap_or(config.listen);
        if let Some(binary) = self.guest_binary {
            config.guest_binary = Some(std::path::absolute(binary)?);
        }
        config.check()?;
        telemetry::start(&self.log);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let served = runtime.block_on(serve(config));
        // All that matters has ended; the build of an image, which may take an hour more, ends with this process.
        runtime.shutdown_background();
        served
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    std::fs::create_dir_all(&config.state_dir)
        .with_context(|| format!("cannot make {}", config.state_dir.display()))?;
    let lock = state_lock(&config)?;
    let listener = tokio::net::TcpListener::bind(config.listen).await.with_context(|| {
        format!("cannot listen on {}: is another program there? Choose another with --listen ADDR:PORT", config.listen)
    })?;
    let app = open(config).await?;
    let pid_file = app.config.state_dir.join("porthole.pid");
    std::fs::write(&pid_file, format!("{}\n", std::process::id()))?;
    let runner = Runner::start(&app);
    let reconciler = reconcile::start(&app);
    tracing::info!(url = app.config.base_url(), state = %app.config.state_dir.display(), "Porthole is ready");
    http::serve(Arc::clone(&app), listener, shutdown_signal()?).await;
    app.viewers.cut_all();
    reconciler.stop().await;
    runner.stop().await;
    app.audit.flush(&app).await;
    app.store.close().await;
    std::fs::remove_file(&pid_file)?;
    drop(lock);
    Ok(())
}

/// Opens everything a server needs.
async fn open(config: Config) -> anyhow::Result<Arc<App>> {
    let catalog = Catalog::load(&config)?;
    let ids = SystemIds;
    let seal = Seal::open(&config.state_dir.join("secret.key"), &ids)?;
    let store = Store::open(&config.store_url()).await.context("cannot open the store")?;
    catalog.refresh(&store).await?;
    let driver = driver(&config).await?;
    let console = crate::console::State::load(&config, &ids)?;
    Ok(Arc::new(App {
        config,
        store,
        driver,
        clock: Arc::new(SystemClock),
        ids: Arc::new(ids),
        catalog,
        seal,
        keys: KeyCache::default(),
        viewers: Viewers::default(),
        wake: Arc::new(tokio::sync::Notify::new()),
        drives: Drives::default(),
        metrics: Metrics::default(),
        usage: crate::usage::Usage::default(),
        audit: crate::audit::Audit::default(),
        console,
    }))
}

/// Makes the configured driver.
pub(super) async fn driver(config: &Config) -> anyhow::Result<Arc<dyn Driver>> {
    Ok(match config.driver {
        DriverKind::Fake => Arc::new(FakeDriver::new()),
        DriverKind::Container => Arc::new(ContainerDriver::open(driver_config(config)?).await?),
    })
}

fn driver_config(config: &Config) -> anyhow::Result<DriverConfig> {
    let guest_binary = match &config.guest_binary {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("porthole-guest"),
    };
    if !guest_binary.is_file() {
        bail!(
            "{} is not there; build it with scripts/build-guest, or name it with --guest-binary",
            guest_binary.display()
        );
    }
    Ok(DriverConfig {
        state_dir: config.state_dir.clone(),
        images_dir: config.images_dir.clone(),
        guest_binary,
        network: config.network.cidr.clone(),
        public_interface: config.network.public_interface.clone(),
        ipv6_prefix: config.network.ipv6_prefix.clone(),
        site_networks: config.network.site_cidrs.clone(),
    })
}

/// Holds the state folder for this process: two servers on one SQLite folder would fight over instances.
pub(super) fn state_lock(config: &Config) -> anyhow::Result<File> {
    match try_lock(&config.state_dir)? {
        Some(file) => Ok(file),
        None => bail!("a server already runs on {}; end it with `porthole down`", config.state_dir.display()),
    }
}

/// Says whether no server holds the state folder.
pub(super) fn is_free(state_dir: &Path) -> anyhow::Result<bool> {
    Ok(try_lock(state_dir)?.is_some())
}

fn try_lock(state_dir: &Path) -> anyhow::Result<Option<File>> {
    let path = state_dir.join("porthole.lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

fn shutdown_signal() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
