//! Builds images: runs `build.sh` apart from the rest of the machine, watches it, and puts its result in place.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{self, BufRead, BufReader, Write},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::fs::statvfs;

use super::{
    BuildOptions, ImageError, Progress, Stage, npm,
    progress::Meter,
    recipe::{Recipe, Root},
    shelf::{self, Shelf},
    sources,
};

/// What is run in the build's own namespaces.
pub(super) const SCRIPT: &str = concat!(include_str!("inside.sh"), include_str!("build.sh"));
/// Free space a build needs: the unpacked root, its image, and the downloads.
const NEEDED_BYTES: u64 = 4 << 30;
/// Lines of output an error repeats.
const TAIL_LINES: usize = 12;
/// Programs a build runs on the host, and the packages they are in.
const PROGRAMS: [(&str, &str); 4] =
    [("mmdebstrap", "mmdebstrap"), ("mkfs.erofs", "erofs-utils"), ("unshare", "util-linux"), ("setpriv", "util-linux")];

/// See [`super::build`].
pub(super) fn build(options: &BuildOptions, progress: &mut dyn FnMut(&Progress)) -> Result<PathBuf, ImageError> {
    let recipe = Recipe::load(&options.folders.recipes, &options.name)?;
    let shelf = Shelf::open(&options.folders.images)?;
    ensure(&recipe, &shelf, options.rebuild, progress)
}

/// Builds a recipe's base where that is not up to date, then the recipe.
fn ensure(
    recipe: &Recipe,
    shelf: &Shelf,
    rebuild: bool,
    progress: &mut dyn FnMut(&Progress),
) -> Result<PathBuf, ImageError> {
    let base = match &recipe.root {
        Root::Suite(_) => None,
        Root::Base(base) => Some(ensure(base, shelf, false, progress)?),
    };
    let mut report = |stage, percent, line: &str| {
        progress(&Progress { image: recipe.name.clone(), stage, percent, line: line.into() })
    };
    let lock = shelf.lock(&recipe.name, || report(Stage::Waiting, 0, "another build of this image is running"))?;
    if let Some(file) = shelf.current(recipe).filter(|_| !rebuild) {
        return Ok(file);
    }
    check_host(recipe, shelf)?;
    let work = shelf.fresh_work(&recipe.name)?;
    let log = shelf.log(&recipe.name);
    let staged = match &recipe.npm {
        None => Ok(recipe.clone()),
        Some(npm) => {
            report(Stage::Waiting, 0, "getting packages of npm");
            npm::stage(recipe, npm, &work, &shelf.cache())
        }
    };
    let result = staged.and_then(|recipe| run(&recipe, base.as_deref(), shelf, &work, &lock, &log, &mut report));
    let result = result.and_then(|()| shelf.publish(recipe, &work.join("image")));
    let cleared = shelf::clear(&work);
    let file = result?;
    cleared?;
    report(Stage::Done, 100, "done");
    Ok(file)
}

/// Checks what can be known to be missing before an hour is spent.
fn check_host(recipe: &Recipe, shelf: &Shelf) -> Result<(), ImageError> {
    if !rustix::process::geteuid().is_root() {
        return Err(ImageError::NotRoot);
    }
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    if !recipe.architectures.iter().any(|known| known == architecture) {
        return Err(ImageError::Architecture { image: recipe.name.clone(), architecture: architecture.into() });
    }
    let npm = recipe.npm.as_ref().map(|_| ("npm", "npm"));
    for (program, package) in PROGRAMS.into_iter().chain(npm) {
        if crate::process::find_program(program).is_none() {
            return Err(ImageError::Program { program, package });
        }
    }
    let disk = statvfs(shelf.folder())
        .map_err(|error| ImageError::io("read the free space of", shelf.folder(), error.into()))?;
    let free_bytes = disk.f_bavail * disk.f_frsize;
    if free_bytes < NEEDED_BYTES {
        return Err(ImageError::Space { folder: shelf.folder().to_owned(), needed_bytes: NEEDED_BYTES, free_bytes });
    }
    Ok(())
}

fn run(
    recipe: &Recipe,
    base: Option<&Path>,
    shelf: &Shelf,
    work: &Path,
    lock: &File,
    log: &Path,
    report: &mut dyn FnMut(Stage, u8, &str),
) -> Result<(), ImageError> {
    let failed = |what: &str, error: io::Error| ImageError::io(what, work, error);
    let apt_conf = sources::download_settings().map_err(|error| failed("read apt's settings for", error))?;
    fs::write(work.join("apt.conf"), apt_conf).map_err(|error| failed("write apt.conf in", error))?;
    fs::write(work.join("dpkg.conf"), dpkg_conf(recipe)).map_err(|error| failed("write dpkg.conf in", error))?;
    let sources = match &recipe.root {
        Root::Suite(suite) => sources::host_sources(Path::new("/etc/apt"), suite),
        Root::Base(_) => None,
    };
    let sources_file = sources.as_ref().map(|found| (work.join("debian.sources"), &found.text));
    if let Some((path, text)) = &sources_file {
        fs::write(path, text).map_err(|error| failed("write the package sources in", error))?;
    }
    let mut log_file = File::create(log).map_err(|error| ImageError::io("write", log, error))?;
    let (output, writer) = io::pipe().map_err(|error| failed("make a pipe for", error))?;
    let start = |error| failed("start the build in", error);
    let mut command = Command::new("setpriv");
    command
        // The build ends with this process, even when that is killed.
        .args(["--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .args(["bash", "-c", SCRIPT, "build.sh"])
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| is_lent(&name.to_string_lossy())))
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("WORK", work)
        .env("BASE", base.unwrap_or(Path::new("")))
        .env("SUITE", if let Root::Suite(suite) = &recipe.root { suite } else { "" })
        .env("SOURCES", sources_file.as_ref().map_or(Path::new(""), |(path, _)| path))
        .env("KEYS", sources.as_ref().map_or(String::new(), |found| found.keys.join(" ")))
        .env("RECIPE", fs::canonicalize(&recipe.folder).map_err(start)?)
        .env("NAME", &recipe.name)
        .env("PACKAGES", recipe.apt.join(" "))
        .env("VENV", recipe.python.as_ref().map_or("", |python| &python.venv))
        .env("REQUIREMENTS", recipe.python.as_ref().map_or("", |python| &python.requirements))
        .env("CACHE", shelf.cache())
        .stdin(Stdio::from(lock.try_clone().map_err(start)?))
        .stdout(writer.try_clone().map_err(start)?)
        .stderr(writer);
    let mut child = command.spawn().map_err(start)?;
    // It holds the pipe's other end, which would keep the loop below from ending.
    drop(command);
    let mut meter = Meter::default();
    let mut tail = VecDeque::new();
    for line in BufReader::new(output).split(b'\n') {
        let line = line.map_err(|error| failed("read the output of the build in", error))?;
        let line = String::from_utf8_lossy(&line);
        let line = line.rsplit('\r').next().unwrap_or_default().trim_end();
        writeln!(log_file, "{line}").map_err(|error| ImageError::io("write", log, error))?;
        if tail.len() == TAIL_LINES {
            tail.pop_front();
        }
        tail.push_back(line.to_owned());
        meter.take(line);
        report(meter.stage(), meter.percent(), line);
    }
    let status = child.wait().map_err(|error| failed("wait for the build in", error))?;
    if status.success() {
        return Ok(());
    }
    let how = status
        .code()
        .map_or_else(|| format!("signal {}", status.signal().unwrap_or(0)), |code| format!("status {code}"));
    let tail = Vec::from(tail).join("\n");
    Err(ImageError::Failed { image: recipe.name.clone(), stage: meter.stage(), how, log: log.to_owned(), tail })
}

/// Says whether a build sees a variable of the environment: the way to the network and to Python's packages.
fn is_lent(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    name.starts_with("PIP_") || ["http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"].contains(&&*lower)
}

fn dpkg_conf(recipe: &Recipe) -> String {
    let leave_out = recipe.leave_out.iter().map(|pattern| format!("path-exclude={pattern}\n"));
    leave_out.chain(recipe.keep.iter().map(|pattern| format!("path-include={pattern}\n"))).collect()
}
