//! What is true of SQLite's file alone.

use std::os::unix::fs::PermissionsExt as _;

use porthole_store::{Store, StoreError};

use crate::given;

#[tokio::test]
async fn any_path_will_do_and_others_cannot_read_it() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["plain.db", "with space.db", "100%41.db", "what?mode=ro.db", "a#b.db", "ünïcode.db"] {
        let path = folder.path().join(name);
        let store = Store::open(&format!("sqlite://{}", path.display())).await.unwrap();
        given::account(&store, '1').await;
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let mode = file.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{name}");
        }
        store.close().await;
        assert!(path.is_file(), "{name}");
        std::fs::remove_file(path).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{name}: closing folds the log into the file");
    }
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_an_error_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let opened = Store::open(&format!("sqlite://{}/none/porthole.db", folder.path().display())).await;
    let Err(StoreError::Database(error)) = opened else { panic!("it opened") };
    assert!(error.to_string().contains("No such file"), "{error}");
}
