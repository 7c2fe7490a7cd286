//! The command line for operators. Each subcommand is a file; all take the same `--config` and `--state-dir`.

mod account;
mod config;
mod doctor;
mod down;
mod idle;
mod image;
mod key;
mod operations;
mod person;
mod serve;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use porthole_store::{Account, Store};

use crate::config::{Config, DriverKind};

/// Virtual computers that people open in a browser, behind the Amazon Lightsail for Research API.
///
/// Begin with `porthole doctor` to see what this machine can do, then `porthole serve`. Accounts and keys can be made
/// while the server runs or not.
#[derive(Parser)]
#[command(name = "porthole", version, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Settings every command needs to find the server's state.
#[derive(Args, Clone)]
pub struct Common {
    /// Configuration file (TOML); see `porthole config print` for all keys and their defaults
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the database, secrets and instances
    #[arg(long, global = true, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Folder of built images
    #[arg(long, global = true, value_name = "DIR")]
    images_dir: Option<PathBuf>,
    /// Folder of image recipes
    #[arg(long, global = true, value_name = "DIR")]
    recipes_dir: Option<PathBuf>,
    /// Back end that makes instances
    #[arg(long, global = true, value_name = "KIND")]
    driver: Option<DriverKind>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server until it is told to end (TERM or Ctrl-C); instances keep running without it
    Serve(serve::Serve),
    /// End the server and every instance of the state folder, and release all they hold on this machine
    Down(down::Down),
    /// Accounts: each has its own computers, names and keys
    #[command(subcommand)]
    Account(account::Account),
    /// People, who use the console
    #[command(subcommand)]
    Person(person::Person),
    /// Access keys, which sign API requests
    #[command(subcommand)]
    Key(key::Key),
    /// Images: the root filesystems blueprints are made of
    #[command(subcommand)]
    Image(image::Image),
    /// Idle instances: why one was stopped, or was not
    #[command(subcommand)]
    Idle(idle::Idle),
    /// Operations: what the server is doing and has done
    #[command(subcommand)]
    Operations(operations::Operations),
    /// Check what this machine has, and say what each missing thing costs and how to get it
    Doctor(doctor::Doctor),
    /// Show or check the configuration
    #[command(subcommand)]
    Config(config::ConfigCommand),
}

impl Cli {
    /// Runs the command; the error is for a person.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Serve(serve) => serve.run(&self.common),
            Command::Down(down) => down.run(&self.common),
            Command::Account(account) => account.run(&self.common),
            Command::Person(person) => person.run(&self.common),
            Command::Key(key) => key.run(&self.common),
            Command::Image(image) => image.run(&self.common),
            Command::Idle(idle) => idle.run(&self.common),
            Command::Operations(operations) => operations.run(&self.common),
            Command::Doctor(doctor) => doctor.run(&self.common),
            Command::Config(config) => config.run(&self.common),
        }
    }
}

impl Common {
    /// Reads the file and lays the flags over it. Does not check.
    fn config(&self) -> anyhow::Result<Config> {
        let mut config = Config::read(self.config.as_deref())?;
        if let Some(dir) = &self.state_dir {
            config.state_dir = std::path::absolute(dir)?;
        }
        if let Some(dir) = &self.images_dir {
            config.images_dir = std::path::absolute(dir)?;
        }
        if let Some(dir) = &self.recipes_dir {
            config.recipes_dir = std::path::absolute(dir)?;
        }
        if let Some(driver) = self.driver {
            config.driver = driver;
        }
        Ok(config)
    }

    /// Reads, lays over, and checks.
    fn checked_config(&self) -> anyhow::Result<Config> {
        let config = self.config()?;
        config.check()?;
        Ok(config)
    }
}

/// Opens the store of a state folder, which may be new; it works beside a running server.
async fn open_store(config: &Config) -> anyhow::Result<Store> {
    std::fs::create_dir_all(&config.state_dir)
        .with_context(|| format!("cannot make {}", config.state_dir.display()))?;
    Store::open(&config.store_url()).await.context("cannot open the store")
}

/// Finds an account by name or id.
async fn find_account(store: &Store, name_or_id: &str) -> anyhow::Result<Account> {
    store.account(name_or_id).await?.with_context(|| format!("there is no account {name_or_id}"))
}

/// Runs a future to its end on a small runtime, for commands that need the store.
fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future)
}

/// Writes one line to standard output.
fn say(line: impl std::fmt::Display) -> anyhow::Result<()> {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}
