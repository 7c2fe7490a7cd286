//! The system D-Bus.

use super::supervise::Service;
use crate::process::Reaper;

/// Keeps the system bus running.
pub(super) async fn keep_running(bus: Service, reaper: Reaper) {
    let args = ["--system", "--nofork", "--nopidfile"];
    // Its socket of before would be in the way.
    let tidy = || drop(std::fs::remove_file("/run/dbus/system_bus_socket"));
    bus.keep_running(reaper, "dbus-daemon", &args, tidy).await;
}
