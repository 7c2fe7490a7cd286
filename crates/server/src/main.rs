//! The server and its command line.
#![forbid(unsafe_code)]
// In a binary `pub` says what a module offers to the others.
#![allow(unreachable_pub)]

mod agent;
mod app;
mod audit;
mod auth;
mod catalog;
mod cli;
mod client;
mod config;
mod console;
mod dispatch;
mod gateway;
mod http;
mod metrics;
mod network;
mod operation;
mod policy;
mod reconcile;
mod secret;
mod service;
mod ssh;
mod telemetry;
mod usage;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("porthole: {error:#}");
            ExitCode::FAILURE
        }
    }
}
