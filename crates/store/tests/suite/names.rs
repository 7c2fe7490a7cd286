//! The namespace.

use porthole_store::StoreError;

use crate::{database::Database, given, given::REGION, on_both};

fn pairs(names: &[&str]) -> Vec<(String, String)> {
    names.iter().map(|name| ((*name).to_owned(), format!("id-{name}"))).collect()
}

async fn names_are_taken_all_or_none(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let mut tx = store.begin().await.unwrap();
    tx.take_names(&account, REGION, "Instance", &pairs(&["b", "d"])).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = store.begin().await.unwrap();
    let refused = tx.take_names(&account, REGION, "Disk", &pairs(&["d", "c", "b", "a"])).await;
    assert!(
        matches!(refused, Err(StoreError::NamesTaken(names)) if names == ["d", "b"]),
        "across resource types, in order"
    );
    drop(tx);
    assert_eq!(store.names(&account, REGION, "", 10).await.unwrap(), ["b", "d"]);

    let mut tx = store.begin().await.unwrap();
    let refused = tx.take_names(&account, REGION, "Disk", &pairs(&["x", "x"])).await;
    assert!(matches!(refused, Err(StoreError::NamesTaken(names)) if names == ["x"]), "twice in one request");
}

async fn each_account_and_region_has_its_own_names(database: Database) {
    let store = database.open().await;
    let (one, two) = (given::account(&store, '1').await, given::account(&store, '2').await);
    let mut tx = store.begin().await.unwrap();
    tx.take_names(&one, REGION, "Instance", &[("lab".into(), "1".into())]).await.unwrap();
    tx.take_names(&one, "eu-west-1", "Instance", &[("lab".into(), "2".into())]).await.unwrap();
    tx.take_names(&two, REGION, "Instance", &[("lab".into(), "3".into())]).await.unwrap();
    tx.free_name("1").await.unwrap();
    tx.commit().await.unwrap();
    assert!(store.names(&one, REGION, "", 10).await.unwrap().is_empty());
    assert_eq!(store.names(&one, "eu-west-1", "", 10).await.unwrap(), ["lab"]);
    assert_eq!(store.names(&two, REGION, "", 10).await.unwrap(), ["lab"]);
}

async fn pages_of_names_join_without_gap_or_overlap(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    // Punctuation and case sort differently by locale; pages must join all the same.
    let all = ["A", "B.1", "a", "a-1", "a.1", "a1", "a_1", "b", "z"];
    let mut tx = store.begin().await.unwrap();
    tx.take_names(&account, REGION, "Instance", &pairs(&all)).await.unwrap();
    tx.commit().await.unwrap();
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = store.names(&account, REGION, &after, 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after.clone_from(last);
        seen.extend(page);
    }
    seen.sort_unstable();
    assert_eq!(seen, all);
}

on_both!(
    names_are_taken_all_or_none,
    each_account_and_region_has_its_own_names,
    pages_of_names_join_without_gap_or_overlap
);
