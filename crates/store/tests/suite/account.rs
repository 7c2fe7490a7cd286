//! Accounts and access keys.

use porthole_store::{AccessKey, Account, StoreError};

use crate::{database::Database, given, on_both};

fn key(account: &Account, id: &str, created_ms: i64) -> AccessKey {
    AccessKey {
        id: id.into(),
        account_id: account.id.clone(),
        secret_sealed: vec![0, 255, 7, 0],
        active: true,
        policy: "permit(principal, action, resource);".into(),
        created_ms,
        description: "For the laptop".into(),
        created_by: "person".into(),
        last_used_ms: 7,
    }
}

async fn accounts_and_keys_come_back_as_written(database: Database) {
    let store = database.open().await;
    given::account(&store, '2').await;
    given::account(&store, '1').await;
    let accounts = store.accounts().await.unwrap();
    assert_eq!(accounts.iter().map(|account| account.name.as_str()).collect::<Vec<_>>(), ["account 1", "account 2"]);
    let one = &accounts[0];
    assert_eq!(store.account("account 1").await.unwrap().as_ref(), Some(one), "by name");
    assert_eq!(store.account("111111111111").await.unwrap().as_ref(), Some(one), "by id");
    assert_eq!(store.account("111").await.unwrap(), None);

    let mut tx = store.begin().await.unwrap();
    for (id, at) in [("AKIB", 2), ("AKIA", 2), ("AKIZ", 1)] {
        tx.insert_access_key(&key(one, id, at)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let keys = store.access_keys(&one.id).await.unwrap();
    assert_eq!(keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>(), ["AKIZ", "AKIA", "AKIB"]);
    assert!(store.access_key("AKIA").await.unwrap().unwrap() == key(one, "AKIA", 2));
    assert!(store.access_key("akia").await.unwrap().is_none());
    assert!(store.access_keys(&accounts[1].id).await.unwrap().is_empty());
}

async fn a_revoked_key_stays_revoked(database: Database) {
    let store = database.open().await;
    given::account(&store, '1').await;
    let account = store.account("account 1").await.unwrap().unwrap();
    let mut tx = store.begin().await.unwrap();
    tx.insert_access_key(&key(&account, "AKIA", 1)).await.unwrap();
    assert!(tx.revoke_access_key("AKIA").await.unwrap());
    assert!(!tx.revoke_access_key("AKIA").await.unwrap());
    assert!(!tx.revoke_access_key("AKIB").await.unwrap());
    tx.commit().await.unwrap();
    assert!(!store.access_key("AKIA").await.unwrap().unwrap().active);
}

async fn a_policy_is_set_on_keys_in_use_only(database: Database) {
    let store = database.open().await;
    given::account(&store, '1').await;
    let account = store.account("account 1").await.unwrap().unwrap();
    let mut tx = store.begin().await.unwrap();
    for id in ["AKIA", "AKIB"] {
        tx.insert_access_key(&key(&account, id, 1)).await.unwrap();
    }
    assert!(tx.set_policy("AKIA", "").await.unwrap());
    assert!(!tx.set_policy("AKIC", "").await.unwrap());
    tx.revoke_access_key("AKIB").await.unwrap();
    assert!(!tx.set_policy("AKIB", "").await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(store.access_key("AKIA").await.unwrap().unwrap().policy, "");
    assert!(!store.access_key("AKIB").await.unwrap().unwrap().policy.is_empty());
}

async fn names_and_ids_of_accounts_are_unique(database: Database) {
    let store = database.open().await;
    given::account(&store, '1').await;
    let taken = store.account("account 1").await.unwrap().unwrap();
    for account in [
        Account { name: "other".into(), ..taken.clone() },
        Account { id: porthole_model::AccountId::new("9"), ..taken },
    ] {
        let mut tx = store.begin().await.unwrap();
        let error = tx.insert_account(&account).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict), "{error:?}");
    }
    assert_eq!(store.accounts().await.unwrap().len(), 1);
}

async fn an_account_goes_only_when_it_owns_nothing(database: Database) {
    let store = database.open().await;
    let id = given::account(&store, '1').await;
    let account = store.account("account 1").await.unwrap().unwrap();
    let mut tx = store.begin().await.unwrap();
    tx.insert_access_key(&key(&account, "AKIA", 1)).await.unwrap();
    tx.commit().await.unwrap();
    let instance = given::add(&store, given::new_instance(&id, "lab", 1)).await.unwrap();
    let mut done = given::new_operation(&id, "op", porthole_model::operation::Kind::CreateInstance, "lab", 1);
    done.done = true;
    given::begin(&store, done).await.unwrap();

    let mut tx = store.begin().await.unwrap();
    assert!(matches!(tx.delete_account(&id).await, Err(StoreError::Conflict)));
    drop(tx);
    let mut tx = store.begin().await.unwrap();
    tx.delete_instance(&instance.id).await.unwrap();
    tx.delete_account(&id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.accounts().await.unwrap(), []);
    assert!(store.access_key("AKIA").await.unwrap().is_none());
    assert_eq!(store.operation(&id, given::REGION, "op").await.unwrap(), None);
}

on_both!(
    accounts_and_keys_come_back_as_written,
    a_revoked_key_stays_revoked,
    a_policy_is_set_on_keys_in_use_only,
    names_and_ids_of_accounts_are_unique,
    an_account_goes_only_when_it_owns_nothing,
);
