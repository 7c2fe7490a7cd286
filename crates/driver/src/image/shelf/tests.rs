use super::*;

const RECIPE: &str = "description = \"A\"\narchitectures = [\"amd64\"]\nsuite = \"bookworm\"\n";

struct Place {
    dir: tempfile::TempDir,
    shelf: Shelf,
}

fn place() -> Place {
    let dir = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(dir.path().join("recipes/a")).expect("a folder");
    fs::write(dir.path().join("recipes/a/recipe.toml"), RECIPE).expect("a file");
    let shelf = Shelf::open(&dir.path().join("images")).expect("a shelf");
    Place { dir, shelf }
}

impl Place {
    fn recipe(&self) -> Recipe {
        Recipe::load(&self.dir.path().join("recipes"), "a").expect("is valid")
    }

    fn change_recipe(&self) {
        fs::write(self.dir.path().join("recipes/a/setup"), "").expect("a file");
    }

    fn publish(&self, content: &str) -> PathBuf {
        let built = self.shelf.fresh_work("a").expect("a folder").join("image");
        fs::write(&built, content).expect("a file");
        self.shelf.publish(&self.recipe(), &built).expect("is published")
    }

    fn files(&self) -> Vec<String> {
        self.shelf.list().expect("a list").into_iter().map(|image| image.file).collect()
    }
}

#[test]
fn an_image_is_missing_then_up_to_date_then_stale() {
    let place = place();
    assert_eq!(place.shelf.status(&place.recipe()), Status::Missing);
    let file = place.publish("one");
    assert_eq!(place.shelf.status(&place.recipe()), Status::UpToDate);
    assert_eq!(place.shelf.current(&place.recipe()), Some(file.clone()));
    place.change_recipe();
    assert_eq!(place.shelf.status(&place.recipe()), Status::Stale);
    fs::remove_file(file).expect("is removed");
    assert_eq!(place.shelf.status(&place.recipe()), Status::Missing);
}

#[test]
fn a_build_never_changes_and_the_link_follows_the_newest() {
    let place = place();
    let (one, two) = (place.publish("one"), place.publish("two"));
    assert_ne!(one, two);
    assert_eq!(fs::read_to_string(&one).expect("is there"), "one");
    assert_eq!(fs::read_to_string(place.shelf.link("a")).expect("is there"), "two");
    assert_eq!(place.publish("two"), two);
    let images = place.shelf.list().expect("a list");
    let current: Vec<bool> = images.iter().map(|image| image.current).collect();
    assert_eq!((current, images[0].name.as_str()), (vec![true, false], "a"));
}

#[test]
fn builds_in_use_are_not_removed() {
    let place = place();
    let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).expect("has a name").to_owned();
    let (one, two) = (name(&place.publish("one")), name(&place.publish("two")));
    let in_use = BTreeSet::from([one.clone()]);
    for target in [&*one, "a"] {
        let error = place.shelf.remove(target, &in_use).expect_err("is in use");
        assert!(matches!(error, ImageError::InUse { file } if file == one));
    }
    assert_eq!(place.files().len(), 2);
    assert_eq!(place.shelf.remove(&one, &BTreeSet::new()).expect("is removed"), [one]);
    assert_eq!(place.shelf.status(&place.recipe()), Status::UpToDate);
    assert_eq!(place.shelf.remove("a", &BTreeSet::new()).expect("is removed"), [two]);
    assert_eq!(place.shelf.status(&place.recipe()), Status::Missing);
    assert!(matches!(place.shelf.remove("a", &BTreeSet::new()), Err(ImageError::NotBuilt { .. })));
}

#[test]
fn what_servers_made_is_in_use_until_they_are_no_more() {
    let place = place();
    let state = |file: &str| {
        let state = tempfile::tempdir().expect("a folder");
        let instance = state.path().join("instances/i");
        fs::create_dir_all(&instance).expect("is made");
        fs::write(instance.join("record.json"), format!(r#"{{"image_file": "{file}"}}"#)).expect("is written");
        state
    };
    let (one, other) = (state("a-1-2.erofs"), state("a-3-4.erofs"));
    let in_use = || place.shelf.in_use(other.path()).expect("a list").into_iter().collect::<Vec<_>>();
    assert_eq!(in_use(), ["a-3-4.erofs"], "one that is not registered counts for itself");
    for _ in 0..2 {
        place.shelf.register("one", one.path()).expect("is registered");
    }
    assert_eq!(in_use(), ["a-1-2.erofs", "a-3-4.erofs"]);
    drop(one);
    place.shelf.living_servers().expect("a list");
    assert_eq!(fs::read_dir(place.shelf.servers()).expect("a folder").count(), 0, "it is forgotten");
    assert_eq!(in_use(), ["a-3-4.erofs"]);
}

#[test]
fn a_build_that_was_cut_off_is_swept_unless_its_builder_lives() {
    let place = place();
    let left = place.shelf.fresh_work("a").expect("a folder");
    fs::write(left.join("root"), "").expect("a file");
    let lock = place.shelf.lock("a", || unreachable!("nobody holds it")).expect("is locked");
    place.shelf.sweep().expect("sweeps");
    assert!(left.exists());
    drop(lock);
    place.shelf.sweep().expect("sweeps");
    assert!(!left.exists());
}

#[test]
fn the_second_builder_waits_for_the_first() {
    let place = place();
    let first = place.shelf.lock("a", || {}).expect("is locked");
    let (told, waits) = std::sync::mpsc::channel();
    let shelf = place.shelf.clone();
    let second = std::thread::spawn(move || shelf.lock("a", || told.send(()).expect("is heard")).map(drop));
    waits.recv_timeout(std::time::Duration::from_secs(10)).expect("says that it waits");
    assert!(!second.is_finished());
    drop(first);
    second.join().expect("ends").expect("is locked");
}
