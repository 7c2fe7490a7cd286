//! Public addresses and peering.

use porthole_model::AccountId;
use porthole_store::{Page, PublicAddress, StaticIp, Store, StoreError};

use crate::{
    database::Database,
    given,
    given::{NOW_MS, REGION},
    on_both,
};

fn new(account: &AccountId, name: &str, address: &str) -> StaticIp {
    StaticIp {
        id: format!("id-of-{name}"),
        account_id: account.clone(),
        region: REGION.into(),
        name: name.into(),
        address: address.into(),
        instance_id: String::new(),
        tags: "{}".into(),
        generation: 0,
        created_ms: NOW_MS,
    }
}

async fn add(store: &Store, ip: &StaticIp) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    tx.take_names(&ip.account_id, REGION, "StaticIp", &[(ip.name.clone(), ip.id.clone())]).await?;
    tx.insert_static_ip(ip).await?;
    tx.commit().await
}

async fn an_address_belongs_to_one(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let one = new(&account, "one", "198.51.100.1");
    add(&store, &one).await.unwrap();
    let same = add(&store, &new(&account, "two", "198.51.100.1")).await;
    assert!(matches!(same, Err(StoreError::Conflict)), "{same:?}");
    add(&store, &new(&account, "two", "198.51.100.2")).await.unwrap();
    assert_eq!(store.static_ip_by_name(&account, REGION, "one").await.unwrap(), Some(one.clone()));
    let page = store.static_ips(&account, REGION, &Page::default(), 10).await.unwrap();
    assert_eq!(page.iter().map(|ip| ip.name.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    let after = Page { created_ms: NOW_MS, id: one.id.clone() };
    assert_eq!(store.static_ips(&account, REGION, &after, 10).await.unwrap().len(), 1);
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.count_static_ips(&account, REGION).await.unwrap(), 2);
    assert_eq!(tx.leased_addresses().await.unwrap().len(), 2);
    tx.delete_static_ip(&one.id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.names(&account, REGION, "", 10).await.unwrap(), ["two"]);
}

async fn a_static_address_outlives_its_instance(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let instance = given::add(&store, given::new_instance(&account, "lab", NOW_MS)).await.unwrap();
    let mut ip = new(&account, "ip", "198.51.100.1");
    add(&store, &ip).await.unwrap();
    let mut stale = ip.clone();
    let mut tx = store.begin().await.unwrap();
    tx.insert_dynamic_ip(&instance.id, "198.51.100.9").await.unwrap();
    ip.instance_id = instance.id.to_string();
    tx.update_static_ip(&mut ip).await.unwrap();
    tx.commit().await.unwrap();
    let public = |address: &str, is_static| PublicAddress {
        instance_id: instance.id.to_string(),
        address: address.into(),
        is_static,
    };
    let found = store.public_addresses().await.unwrap();
    assert_eq!(found, [public("198.51.100.1", true), public("198.51.100.9", false)]);

    let mut tx = store.begin().await.unwrap();
    assert!(matches!(tx.update_static_ip(&mut stale).await, Err(StoreError::Conflict)));
    drop(tx);
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.static_ip_of(&instance.id).await.unwrap(), Some(ip));
    tx.delete_instance(&instance.id).await.unwrap();
    tx.commit().await.unwrap();
    assert!(store.public_addresses().await.unwrap().is_empty());
    let left = store.static_ip_by_name(&account, REGION, "ip").await.unwrap().unwrap();
    assert_eq!((left.instance_id.as_str(), left.generation), ("", 2));
}

async fn peering_is_an_accounts_own(database: Database) {
    let store = database.open().await;
    let (one, _two) = (given::account(&store, '1').await, given::account(&store, '2').await);
    let mut tx = store.begin().await.unwrap();
    assert!(tx.set_peered(&one, true).await.unwrap());
    assert!(!tx.set_peered(&one, true).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(store.peered_accounts().await.unwrap(), [one.clone()].into());
    let mut tx = store.begin().await.unwrap();
    assert!(tx.set_peered(&one, false).await.unwrap());
    tx.commit().await.unwrap();
    assert!(store.peered_accounts().await.unwrap().is_empty());
}

on_both!(an_address_belongs_to_one, a_static_address_outlives_its_instance, peering_is_an_accounts_own);
