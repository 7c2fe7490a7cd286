//! How far a build is, told from its output.

use super::Stage;

/// Follows a build's output.
#[derive(Debug, Default)]
pub(super) struct Meter {
    stage: Stage,
    /// Steps of the stage done, and how many there are; 0 while unknown.
    done: u32,
    total: u32,
}

impl Meter {
    /// Takes one line of output.
    pub(super) fn take(&mut self, line: &str) {
        if let Some(stage) = line.strip_prefix("::").and_then(Stage::from_script) {
            *self = Self { stage, done: 0, total: 0 };
        } else if let Some(count) = newly_installed(line) {
            // Each package is downloaded or found, unpacked and set up; the last two make up the time.
            (self.done, self.total) = (0, count * 2);
        } else if line.starts_with("Unpacking ") || line.starts_with("Setting up ") {
            self.done += 1;
        }
    }

    /// Gives the stage that runs.
    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    /// Gives the part done of the whole build in percent, 0–99.
    pub(super) fn percent(&self) -> u8 {
        let (from, to) = match self.stage {
            Stage::Waiting => (0, 0),
            Stage::Bootstrap => (0, 15),
            Stage::Packages => (15, 70),
            Stage::Python => (70, 90),
            Stage::Setup => (90, 93),
            Stage::Pack => (93, 99),
            Stage::Done => (99, 99),
        };
        let part = (self.done.min(self.total) * (to - from)).checked_div(self.total).unwrap_or(0);
        u8::try_from(from + part).unwrap_or(99)
    }
}

/// Reads apt's count of new packages.
fn newly_installed(line: &str) -> Option<u32> {
    let (before, _) = line.split_once(" newly installed")?;
    before.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_percentage_follows_the_output_and_never_falls() {
        let mut meter = Meter::default();
        let mut last = 0;
        for (line, wanted) in [
            ("::bootstrap", 0),
            ("I: extracting archives...", 0),
            ("::packages", 15),
            ("0 upgraded, 2 newly installed, 0 to remove and 0 not upgraded.", 15),
            ("Unpacking less (590) ...", 28),
            ("Unpacking nano (7.2) ...", 42),
            ("Setting up less (590) ...", 56),
            ("Setting up nano (7.2) ...", 70),
            ("Setting up what was not counted", 70),
            ("::python", 70),
            ("::setup", 90),
            ("::pack", 93),
        ] {
            meter.take(line);
            assert_eq!(u32::from(meter.percent()), wanted, "{line}");
            assert!(meter.percent() >= last);
            last = meter.percent();
        }
    }
}
