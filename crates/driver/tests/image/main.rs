//! Real builds of small images. Needs root, mmdebstrap and erofs-utils, and the way to Debian's packages.

#![allow(clippy::unwrap_used)]

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use porthole_driver::image::{self, BuildOptions, Folders, ImageError, Stage, Status};

const BASE: &str = "description = \"Base\"\narchitectures = [\"amd64\", \"arm64\"]\nsuite = \"bookworm\"\napt = []\n\
                    leave_out = [\"/usr/share/doc/*\", \"/usr/share/man/*\"]\n";
const LAYER: &str = "description = \"Layer\"\narchitectures = [\"amd64\", \"arm64\"]\nbase = \"small\"\napt = [\"less\"]\n\
                     leave_out = [\"/usr/share/doc/*\", \"/usr/share/man/*\"]\n";
/// Names the folder of recipes to a process that builds on behalf of a test, and is killed.
const CHILD: &str = "PORTHOLE_TEST_BUILDER";
const PATIENCE: Duration = Duration::from_secs(120);

/// Recipes of a test's own, and images whose common base is built once for all tests.
struct Place {
    recipes: tempfile::TempDir,
    layer: &'static str,
}

impl Place {
    fn new(layer: &'static str, setup: &str) -> Self {
        let place = Self { recipes: tempfile::tempdir().unwrap(), layer };
        place.write("small/recipe.toml", BASE);
        place.write("small/files/etc/small", "from the base\n");
        place.write(&format!("{layer}/recipe.toml"), LAYER);
        place.write(&format!("{layer}/files/etc/layer"), "from the layer\n");
        place.setup(setup);
        place
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.recipes.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn setup(&self, script: &str) {
        self.write(&format!("{}/setup", self.layer), &format!("#!/bin/sh\nset -eu\n{script}\n"));
    }

    fn folders(&self) -> Folders {
        Folders { recipes: self.recipes.path().to_owned(), images: images() }
    }

    fn options(&self) -> BuildOptions {
        BuildOptions { folders: self.folders(), name: self.layer.to_owned(), rebuild: false }
    }

    fn status(&self) -> Status {
        image::status(&self.folders(), self.layer).unwrap()
    }

    fn work(&self) -> PathBuf {
        images().join(".work").join(self.layer)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A test that failed half-way has no image to remove. There is no server here, so that any folder does.
        let _ = image::remove(&images(), self.layer, self.recipes.path());
    }
}

fn images() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("built-images")
}

/// Runs a script with the image mounted at `$1`, where nobody else sees the mount.
fn look(image: &Path, script: &str) -> String {
    let script =
        format!("mount -t tmpfs tmpfs /mnt && mkdir /mnt/i && mount -o ro,loop \"$0\" /mnt/i && cd /mnt/i && {script}");
    let output = Command::new("unshare").args(["--mount", "sh", "-euc", &script]).arg(image).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Names of loop devices' files that lie in the folder of images.
fn attached() -> Vec<String> {
    let devices = fs::read_dir("/sys/block").unwrap().flatten();
    let files = devices.filter_map(|device| fs::read_to_string(device.path().join("loop/backing_file")).ok());
    files.filter(|file| file.starts_with(images().to_str().unwrap())).collect()
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} has not come about");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_image_is_built_once_and_holds_what_its_recipe_says() {
    let place = Place::new("whole", "stat -c '%u %a' /etc/layer > /etc/setup-ran");
    assert_eq!(place.status(), Status::Missing);
    let mut stages = Vec::new();
    let file =
        image::build(&place.options(), &mut |progress| stages.push((progress.image.clone(), progress.stage))).unwrap();
    stages.retain(|(image, _)| image == "whole");
    stages.dedup();
    let stages: Vec<Stage> = stages.into_iter().map(|(_, stage)| stage).collect();
    assert_eq!(stages, [Stage::Bootstrap, Stage::Packages, Stage::Setup, Stage::Pack, Stage::Done]);
    assert_eq!(place.status(), Status::UpToDate);

    assert_eq!(look(&file, "cat etc/small etc/layer etc/setup-ran"), "from the base\nfrom the layer\n0 644\n");
    assert!(look(&file, "usr/bin/less --version").starts_with("less "));
    assert!(look(&file, "cat usr/share/porthole/packages").lines().any(|line| line.starts_with("less ")));
    assert_eq!(
        look(
            &file,
            "find usr/share/man usr/share/doc etc/resolv.conf etc/machine-id usr/sbin/policy-rc.d -type f 2> /dev/null || true"
        ),
        ""
    );
    assert_eq!(look(&file, "ls var/lib/apt/lists etc/apt/apt.conf.d run tmp dev proc sys | grep porthole || true"), "");
    let times = look(&file, "find . -printf '%T@\\n' | sort -n | tail -n 1; date +%s");
    let times: Vec<f64> = times.lines().map(|line| line.parse().unwrap()).collect();
    assert!(times[0] + 3600.0 < times[1], "the image holds the time of its build: {times:?}");

    let again = image::build(&place.options(), &mut |progress| panic!("builds again: {progress:?}")).unwrap();
    assert_eq!(again, file);
    assert!(!place.work().exists());
    assert!(image::list(&images()).unwrap().iter().any(|image| image.current && file.ends_with(&image.file)));
}

#[test]
fn a_build_that_fails_says_where_and_leaves_nothing() {
    let place = Place::new("broken", "echo 'this cannot be' >&2\nexit 3");
    let error = image::build(&place.options(), &mut |_| {}).unwrap_err();
    let ImageError::Failed { stage, how, tail, log, .. } = error else { panic!("another error: {error}") };
    assert_eq!((stage, how.as_str()), (Stage::Setup, "status 3"));
    assert!(tail.ends_with("this cannot be"), "{tail}");
    assert!(fs::read_to_string(log).unwrap().contains("::packages"));
    assert_eq!(place.status(), Status::Missing);
    assert!(!place.work().exists());
}

#[test]
fn a_builder_that_is_killed_leaves_nothing_and_the_next_one_builds() {
    const NAME: &str = "a_builder_that_is_killed_leaves_nothing_and_the_next_one_builds";
    if let Some(recipes) = std::env::var_os(CHILD) {
        let folders = Folders { recipes: recipes.into(), images: images() };
        let built = image::build(&BuildOptions { folders, name: "cut".into(), rebuild: false }, &mut |_| {});
        panic!("was not killed: {built:?}");
    }
    let place = Place::new("cut", "touch /tmp/reached\nsleep 600");
    let log = images().join(".cache/cut.log");
    let _ = fs::remove_file(&log);
    let mut builder = Command::new(std::env::current_exe().unwrap())
        .args([NAME, "--exact", "--nocapture"])
        .env(CHILD, place.recipes.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("the setup script", || fs::read_to_string(&log).is_ok_and(|text| text.lines().any(|line| line == "::setup")));
    assert!(!attached().is_empty(), "the base is mounted");
    builder.kill().unwrap();
    builder.wait().unwrap();

    // Everything that was started for a build holds its lock.
    let lock = images().join(".cache/cut.lock");
    until("the end of the build's processes", || File::open(&lock).unwrap().try_lock().is_ok());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(place.work().to_str().unwrap()), "{mounts}");
    assert_eq!(place.status(), Status::Missing);

    place.setup("true");
    let file = image::build(&place.options(), &mut |_| {}).unwrap();
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o644);
    assert!(!place.work().exists());
}
