//! `porthole doctor`: what this machine has, what each missing thing costs, and how to get it.

use anyhow::bail;
use clap::Args;
use porthole_driver::doctor::{Check, Level, checks};

use super::{Common, say};

/// Check what this machine has.
#[derive(Args)]
pub(super) struct Doctor {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let config = common.config()?;
        let found = checks(&config.state_dir, &config.images_dir);
        if self.json {
            say(serde_json::Value::from(found.iter().map(describe).collect::<Vec<_>>()))?;
        } else {
            found.iter().try_for_each(show)?;
        }
        let missing: Vec<_> =
            found.iter().filter(|check| check.level == Level::Missing).map(|check| check.name).collect();
        if !missing.is_empty() {
            bail!("this machine cannot run instances yet: {}", missing.join(", "));
        }
        Ok(())
    }
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Ok => "ok",
        Level::Warning => "warning",
        Level::Missing => "missing",
    }
}

fn show(check: &Check) -> anyhow::Result<()> {
    say(format!("{:<8} {:<20} {}", word(check.level), check.name, check.found))?;
    if check.level != Level::Ok {
        say(format!("{:<29} costs: {}", "", check.cost))?;
        say(format!("{:<29} mend:  {}", "", check.mend))?;
    }
    Ok(())
}

fn describe(check: &Check) -> serde_json::Value {
    serde_json::json!({
        "name": check.name,
        "level": word(check.level),
        "found": check.found,
        "cost": check.cost,
        "mend": check.mend,
    })
}
