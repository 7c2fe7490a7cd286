//! `porthole-guest`: the agent inside an instance. PID 1 of a container (`init`), and a display each (`display`).

mod account;
mod control;
mod display;
#[allow(unsafe_code)]
mod fd;
mod files;
mod http;
mod init;
mod process;
mod screen;

use clap::Parser;
use tracing_subscriber::EnvFilter;

/// The agent inside a virtual computer.
#[derive(Debug, Parser)]
#[command(name = "porthole-guest", version, disable_help_subcommand = true)]
enum Command {
    /// Sets the system up, keeps it running, and serves the agent's API; PID 1 of a container.
    Init(init::InitArgs),
    /// Runs the SSH server and the owner's script; started by `init`.
    Services(init::ServicesArgs),
    /// Runs one display: an X server, an application, and the stream for viewers.
    Display(display::DisplayArgs),
    /// Lists, reads or writes the person's files; started by `init` with the person's rights.
    Files(files::FilesArgs),
}

fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_env("PORTHOLE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi).init();
    match Command::parse() {
        Command::Init(args) => init::run(args),
        Command::Services(args) => init::run_services(args),
        Command::Display(args) => display::run(args),
        Command::Files(args) => files::run(args),
    }
}

/// An error with everything that caused it, as one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
