//! The agent with a real X server and real viewers. Each test makes a display of its own.
//!
//! Needs Xvfb, dbus-daemon, xterm; the tests of `init` also need the rights to make namespaces.
#![allow(clippy::unwrap_used, missing_docs)]

mod files;
mod init;
mod input;
mod lifecycle;
mod picture;
mod selections;
mod support;
