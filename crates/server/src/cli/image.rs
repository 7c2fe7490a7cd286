//! `porthole image`: the root filesystems that blueprints are made of.

use std::{
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
};

use clap::Subcommand;
use porthole_driver::image::{self, BuildOptions, Folders, Progress, Status};

use super::{Common, say};
use crate::config::Config;

/// Images.
#[derive(Subcommand)]
pub(super) enum Image {
    /// Build images from their recipes, and those they stand on; does nothing where the recipe has not changed
    Build {
        /// Names of folders of recipes
        #[arg(required = true)]
        names: Vec<String>,
        /// Build again, with the packages of today
        #[arg(long)]
        rebuild: bool,
    },
    /// List built images
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove an image with all its builds, or one build by the name of its file; refused while an instance needs it
    Remove {
        /// Name of an image or of a build's file
        target: String,
    },
}

impl Image {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let config = common.config()?;
        match self {
            Self::Build { names, rebuild } => names.iter().try_for_each(|name| build(&config, name, rebuild)),
            Self::List { json } => list(&config, json),
            Self::Remove { target } => {
                for file in image::remove(&config.images_dir, &target, &config.state_dir)? {
                    say(format!("removed {file}"))?;
                }
                Ok(())
            }
        }
    }
}

fn folders(config: &Config) -> Folders {
    Folders { recipes: config.recipes_dir.clone(), images: config.images_dir.clone() }
}

fn build(config: &Config, name: &str, rebuild: bool) -> anyhow::Result<()> {
    let options = BuildOptions { folders: folders(config), name: name.to_owned(), rebuild };
    if !rebuild && image::status(&options.folders, name)? == Status::UpToDate {
        return say(format!("{name} is up to date"));
    }
    let mut display = Display::default();
    let built: PathBuf = image::build(&options, &mut |progress| display.show(progress))?;
    display.end();
    say(format!("{name} is built: {}", built.display()))
}

/// One line that moves on a terminal, one line a stage elsewhere.
#[derive(Default)]
struct Display {
    last: String,
    moved: bool,
}

impl Display {
    fn show(&mut self, progress: &Progress) {
        let mut out = std::io::stderr();
        let stage = format!("{}: {}", progress.image, progress.stage);
        // A display that cannot be written is no reason to end a build.
        if out.is_terminal() {
            let line: String = progress.line.chars().filter(|c| !c.is_control()).take(60).collect();
            let _ = write!(out, "\r\x1b[K{:>3} % {stage}  {line}", progress.percent);
            let _ = out.flush();
            self.moved = true;
        } else if stage != self.last {
            let _ = writeln!(out, "{:>3} % {stage}", progress.percent);
            self.last = stage;
        }
    }

    fn end(&mut self) {
        if self.moved {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn list(config: &Config, json: bool) -> anyhow::Result<()> {
    let images = image::list(&config.images_dir)?;
    if json {
        let describe = |image: &image::Image| serde_json::json!({"name": image.name, "file": image.file, "sizeBytes": image.size_bytes, "current": image.current});
        return say(serde_json::Value::from(images.iter().map(describe).collect::<Vec<_>>()));
    }
    for image in &images {
        let mark = if image.current { "*" } else { " " };
        say(format!("{mark} {:<16} {:>6} MiB  {}", image.name, image.size_bytes >> 20, image.file))?;
    }
    Ok(())
}
