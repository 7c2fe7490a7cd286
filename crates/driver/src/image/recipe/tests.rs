use std::error::Error as _;

use super::*;

const BASE: &str = "description = \"Base\"\narchitectures = [\"amd64\"]\nsuite = \"bookworm\"\napt = [\"less\"]\n";

fn folder(recipes: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for (name, text) in recipes {
        fs::create_dir(dir.path().join(name)).expect("a folder");
        fs::write(dir.path().join(name).join(FILE), text).expect("a file");
    }
    dir
}

fn fault(text: &str) -> String {
    let dir = folder(&[("a", text)]);
    let error = Recipe::load(dir.path(), "a").expect_err("is refused");
    let text = match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    text.replace(&format!("{}/", dir.path().display()), "")
}

#[test]
fn faults_name_the_file_and_the_field() {
    for (from, to, wanted) in [
        ("suite = \"bookworm\"", "", "a/recipe.toml: suite or base must be given, and not both"),
        ("suite = \"bookworm\"", "suite = \"book worm\"", "a/recipe.toml: suite must be a code name, such as bookworm"),
        ("suite = \"bookworm\"", "base = \"a\"", "a/recipe.toml: base leads back to itself"),
        ("suite = \"bookworm\"", "base = \"b\"", "there is no recipe b: b/recipe.toml is missing"),
        ("\"Base\"", "\" \"", "a/recipe.toml: description must not be empty"),
        ("[\"amd64\"]", "[]", "a/recipe.toml: architectures must name at least one, such as amd64"),
        ("\"less\"", "\"-o\"", "a/recipe.toml: apt holds \"-o\", which is not a package's name"),
        ("\"less\"", "\"less\", \"less\"", "a/recipe.toml: apt holds less twice"),
        ("apt", "keep = [\"usr\"]\napt", "a/recipe.toml: keep must hold absolute paths or patterns"),
    ] {
        assert_eq!(fault(&BASE.replace(from, to)), wanted);
    }
    assert!(fault(&BASE.replace("apt", "aptt")).starts_with("a/recipe.toml is not a valid recipe: TOML parse error"));
    let python = |venv: &str, file: &str| format!("{BASE}[python]\nvenv = \"{venv}\"\nrequirements = \"{file}\"\n");
    assert_eq!(
        fault(&python("/opt/../x", "r.txt")),
        "a/recipe.toml: python.venv must be an absolute path of plain letters"
    );
    let wanted = "a/recipe.toml: python.requirements must be the name of a file in the recipe's folder";
    assert_eq!(fault(&python("/opt/x", "../r.txt")), wanted);
    assert!(fault(&python("/opt/x", "r.txt")).starts_with("cannot read a/r.txt"));
    let npm = |folder: &str| format!("{BASE}[npm]\nfolder = \"{folder}\"\n");
    assert_eq!(fault(&npm("opt")), "a/recipe.toml: npm.folder must be an absolute path of plain letters");
    assert!(fault(&npm("/opt/x")).starts_with("cannot read a/package-lock.json"));
}

#[test]
fn names_that_are_paths_lead_nowhere() {
    let dir = folder(&[("a", BASE)]);
    for name in ["", "..", "a/../a", "A", "/etc"] {
        assert!(matches!(Recipe::load(dir.path(), name), Err(RecipeError::Missing { .. })), "{name}");
    }
}

#[test]
fn requirements_are_pinned_and_hashed() {
    assert_eq!(check_pinned("# by a tool\nsix==1.16.0 \\\n    --hash=sha256:00\n"), Ok(()));
    assert_eq!(check_pinned("six>=1\n"), Err("six>=1 must be pinned with ==".into()));
    assert_eq!(check_pinned("six==1.16.0\n"), Err("six==1.16.0 must have a hash".into()));
}

#[test]
fn packages_of_npm_have_hashes() {
    let lock = |more: &str| format!(r#"{{"packages": {{"": {{}}, "node_modules/a": {{"version": "1.0.0"{more}}}}}}}"#);
    assert_eq!(check_locked(&lock(r#", "integrity": "sha512-AA==""#)), Ok(()));
    assert_eq!(check_locked(&lock(r#", "inBundle": true"#)), Ok(()));
    assert_eq!(check_locked(&lock("")), Err("hold node_modules/a, which must have an integrity".into()));
    assert!(check_locked("{}").is_err_and(|rule| rule.starts_with("are not a lock of npm")));
}

#[test]
fn the_key_follows_whatever_decides_the_image() {
    let above = "description = \"A\"\narchitectures = [\"amd64\"]\nbase = \"base\"\n";
    let dir = folder(&[("base", BASE), ("a", above)]);
    let keys = || {
        let recipe = Recipe::load(dir.path(), "a").expect("is valid");
        (recipe.base().expect("has a base").key.clone(), recipe.key)
    };
    let first = keys();
    assert_eq!(first, keys());
    assert_eq!(first.0.len(), 12);

    let setup = dir.path().join("a/setup");
    fs::write(&setup, "true\n").expect("a file");
    let with_script = keys();
    assert!(with_script.0 == first.0 && with_script.1 != first.1);
    fs::set_permissions(&setup, fs::Permissions::from_mode(0o755)).expect("a mode");
    assert_ne!(keys().1, with_script.1);

    fs::create_dir(dir.path().join("base/files")).expect("a folder");
    fs::write(dir.path().join("base/files/x"), "").expect("a file");
    let below = keys();
    assert!(below.0 != first.0 && below.1 != first.1);
}

#[test]
fn shipped_recipes_are_valid() {
    let recipes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../images");
    let recipe = Recipe::load(&recipes, "jupyterlab").expect("is valid");
    assert_eq!(recipe.base().map(|base| base.name.as_str()), Some("debian_12"));
}
