//! Tags, by the name of whatever has some.

use porthole_store::{Named, StoreError, Tagged};

use crate::{
    database::Database,
    given::{self, NOW_MS, REGION},
    on_both,
};

async fn tags_are_found_by_name_and_guard_the_row(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let mut lab = given::add(&store, given::new_instance(&account, "lab", NOW_MS)).await.unwrap();
    let named = Named { resource_type: "Instance".into(), id: "id-of-lab".into() };
    assert_eq!(store.resource_named(&account, REGION, "lab").await.unwrap(), Some(named.clone()));
    assert_eq!(store.resource_named(&account, REGION, "nobody").await.unwrap(), None);
    let tagged = Tagged { tags: r#"{"team":"bio"}"#.into(), zone: "us-east-2a".into() };
    assert_eq!(store.tags_of(&named).await.unwrap(), Some(tagged));

    let mut tx = store.begin().await.unwrap();
    tx.set_tags(&named, r#"{"team":"chem"}"#).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.tags_of(&named).await.unwrap().unwrap().tags, r#"{"team":"chem"}"#);
    // Whoever read the row before does not write the old tags back.
    let mut tx = store.begin().await.unwrap();
    assert!(matches!(tx.update_instance(&mut lab).await, Err(StoreError::Conflict)));
}

async fn what_has_no_tags_says_so(database: Database) {
    let store = database.open().await;
    for named in [
        Named { resource_type: "Instance".into(), id: "gone".into() },
        Named { resource_type: "ExportSnapshotRecord".into(), id: "x".into() },
    ] {
        assert_eq!(store.tags_of(&named).await.unwrap(), None);
        let mut tx = store.begin().await.unwrap();
        assert!(matches!(tx.set_tags(&named, "{}").await, Err(StoreError::Conflict)));
    }
}

on_both!(tags_are_found_by_name_and_guard_the_row, what_has_no_tags_says_so);
