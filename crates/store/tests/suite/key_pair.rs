//! Key pairs, and what SSH needs to know of instances.

use porthole_model::AccountId;
use porthole_store::{InstanceSsh, KeyPair, Page, Store, StoreError};

use crate::{
    database::Database,
    given::{self, NOW_MS, REGION},
    on_both,
};

fn pair(account_id: &AccountId, name: &str, created_ms: i64) -> KeyPair {
    KeyPair {
        id: format!("id-of-{name}"),
        account_id: account_id.clone(),
        region: REGION.into(),
        name: name.into(),
        public_key: format!("ssh-rsa {name}"),
        fingerprint: "aa:bb".into(),
        private_key_sealed: vec![0, 255, 7],
        tags: r#"{"team":"bio"}"#.into(),
        generation: 0,
        created_ms,
    }
}

async fn add(store: &Store, pair: &KeyPair) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    let name = (pair.name.clone(), pair.id.clone());
    tx.take_names(&pair.account_id, REGION, "KeyPair", &[name]).await?;
    tx.insert_key_pair(pair).await?;
    tx.commit().await
}

async fn names(store: &Store, account: &AccountId, without: &str, after: &Page, limit: i64) -> Vec<String> {
    let found = store.key_pairs(account, REGION, without, after, limit).await.unwrap();
    found.into_iter().map(|pair| pair.name).collect()
}

async fn a_pair_is_found_listed_changed_and_removed(database: Database) {
    let store = database.open().await;
    let (one, two) = (given::account(&store, '1').await, given::account(&store, '2').await);
    for (number, name) in ["default", "a", "b"].iter().enumerate() {
        add(&store, &pair(&one, name, NOW_MS + number as i64)).await.unwrap();
    }
    assert!(store.key_pair(&one, REGION, "a").await.unwrap() == Some(pair(&one, "a", NOW_MS + 1)));
    assert!(store.key_pair(&two, REGION, "a").await.unwrap().is_none());
    assert!(store.key_pair(&one, "eu-west-1", "a").await.unwrap().is_none());
    assert_eq!(names(&store, &one, "default", &Page::default(), 9).await, ["a", "b"]);
    assert_eq!(names(&store, &one, "", &Page::default(), 2).await, ["default", "a"]);
    let after = Page { created_ms: NOW_MS + 1, id: "id-of-a".into() };
    assert_eq!(names(&store, &one, "", &after, 2).await, ["b"]);

    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.count_key_pairs(&one, REGION, "default").await.unwrap(), 2);
    assert_eq!(tx.count_key_pairs(&two, REGION, "default").await.unwrap(), 0);
    let mut changed = tx.key_pair(&one, REGION, "a").await.unwrap().unwrap();
    let mut late = changed.clone();
    changed.tags = "{}".into();
    tx.update_key_pair(&mut changed).await.unwrap();
    assert!(matches!(tx.update_key_pair(&mut late).await, Err(StoreError::Conflict)));
    tx.delete_key_pair("id-of-b").await.unwrap();
    tx.commit().await.unwrap();
    assert!(store.key_pair(&one, REGION, "a").await.unwrap() == Some(changed));
    assert_eq!(names(&store, &one, "", &Page::default(), 9).await, ["default", "a"]);
    assert_eq!(store.names(&one, REGION, "", 9).await.unwrap(), ["a", "default"]);
}

async fn a_name_exists_once_in_an_account_and_region(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let mut tx = store.begin().await.unwrap();
    tx.insert_key_pair(&pair(&account, "default", NOW_MS)).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    let again = KeyPair { id: "other".into(), ..pair(&account, "default", NOW_MS) };
    assert!(matches!(tx.insert_key_pair(&again).await, Err(StoreError::Conflict)));
    drop(tx);

    // A pair without a name of the namespace does not keep an account.
    let mut tx = store.begin().await.unwrap();
    tx.delete_account(&account).await.unwrap();
    tx.commit().await.unwrap();
    assert!(store.key_pair(&account, REGION, "default").await.unwrap().is_none());
}

async fn host_keys_are_recorded_once_until_they_are_forgotten(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let instance = given::add(&store, given::new_instance(&account, "lab", NOW_MS)).await.unwrap();
    assert_eq!(store.instance_ssh(&instance.id).await.unwrap(), None);

    let mut tx = store.begin().await.unwrap();
    let ssh = InstanceSsh { public_key: "ssh-rsa A".into(), host_keys: String::new() };
    tx.put_instance_ssh(&instance.id, &ssh).await.unwrap();
    assert!(tx.witness_host_keys(&instance.id, "[1]").await.unwrap());
    assert!(!tx.witness_host_keys(&instance.id, "[2]").await.unwrap());
    tx.commit().await.unwrap();
    let seen = InstanceSsh { host_keys: "[1]".into(), ..ssh };
    assert_eq!(store.instance_ssh(&instance.id).await.unwrap().as_ref(), Some(&seen));

    let mut tx = store.begin().await.unwrap();
    tx.forget_host_keys(&instance.id).await.unwrap();
    assert!(tx.witness_host_keys(&instance.id, "[3]").await.unwrap());
    tx.commit().await.unwrap();
    let seen = InstanceSsh { host_keys: "[3]".into(), ..seen };
    assert_eq!(store.instance_ssh(&instance.id).await.unwrap(), Some(seen));

    let mut tx = store.begin().await.unwrap();
    tx.delete_instance(&instance.id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.instance_ssh(&instance.id).await.unwrap(), None);
}

on_both!(
    a_pair_is_found_listed_changed_and_removed,
    a_name_exists_once_in_an_account_and_region,
    host_keys_are_recorded_once_until_they_are_forgotten
);
