//! Several stores over one database, as several servers have.

use std::collections::HashMap;

use porthole_model::{instance::State, operation::Kind};
use porthole_store::{Claim, StoreError};
use tokio::task::JoinSet;

use crate::{database::Database, given, on_both};

/// How many at once.
const CROWD: usize = 8;

async fn an_operation_has_one_driver(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    for number in 0..60 {
        let (id, resource) = (format!("op-{number}"), format!("lab-{number}"));
        given::begin(&store, given::new_operation(&account, &id, Kind::StartSession, &resource, number)).await.unwrap();
    }
    let mut servers = JoinSet::new();
    for server in 0..CROWD {
        let store = database.open().await;
        servers.spawn(async move {
            let owner = format!("server-{server}");
            let mut mine = Vec::new();
            loop {
                let claimed = store.claim(&owner, 1_000, 2_000, Claim::All, 3).await.unwrap();
                if claimed.is_empty() {
                    return mine;
                }
                mine.extend(claimed.into_iter().map(|operation| operation.id.to_string()));
            }
        });
    }
    let mut times: HashMap<String, u32> = HashMap::new();
    while let Some(mine) = servers.join_next().await {
        mine.unwrap().into_iter().for_each(|id| *times.entry(id).or_default() += 1);
    }
    // A server that lost a race for all it saw went away early; what is left is claimed by whoever looks next.
    for operation in store.claim("last", 1_000, 2_000, Claim::All, 100).await.unwrap() {
        *times.entry(operation.id.to_string()).or_default() += 1;
    }
    assert_eq!(times.len(), 60);
    assert!(times.values().all(|times| *times == 1), "{times:?}");
}

async fn one_of_many_changes_wins(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let read = given::add(&store, given::new_instance(&account, "lab", 1)).await.unwrap();
    let mut callers = JoinSet::new();
    for caller in 0..CROWD {
        let (store, mut changed) = (store.clone(), read.clone());
        callers.spawn(async move {
            changed.state = State::Running;
            changed.bundle_id = format!("bundle_{caller}");
            let mut tx = store.begin().await?;
            tx.update_instance(&mut changed).await?;
            tx.commit().await
        });
    }
    let ended = callers.join_all().await;
    assert_eq!(ended.iter().filter(|ended| ended.is_ok()).count(), 1);
    assert!(ended.iter().all(|ended| matches!(ended, Ok(()) | Err(StoreError::Conflict))), "{ended:?}");
}

async fn a_name_and_an_address_have_one_owner(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let mut callers = JoinSet::new();
    for caller in 0..CROWD {
        // Half of them want the same name; all want the lowest address.
        let (store, account) = (store.clone(), account.clone());
        callers.spawn(async move {
            let mut new =
                given::new_instance(&account, &if caller % 2 == 0 { "lab".into() } else { format!("lab-{caller}") }, 1);
            new.id = porthole_model::InstanceId::new(format!("id-{caller}"));
            // A conflict is another caller's faster choice of the address: decide again, as services do.
            loop {
                match given::add(&store, new.clone()).await {
                    Err(StoreError::Conflict) => {}
                    ended => return ended,
                }
            }
        });
    }
    let (mut addresses, mut refused) = (Vec::new(), 0);
    for ended in callers.join_all().await {
        match ended {
            Ok(instance) => addresses.push(instance.address_index),
            Err(StoreError::NamesTaken(names)) if names == ["lab"] => refused += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    addresses.sort_unstable();
    assert_eq!(refused, CROWD / 2 - 1);
    assert_eq!(addresses, [2, 3, 4, 5, 6]);
}

async fn reads_go_on_while_a_change_is_under_way(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let mut tx = store.begin().await.unwrap();
    tx.insert_operation(given::new_operation(&account, "1", Kind::StartSession, "lab", 5)).await.unwrap();
    assert_eq!(store.operation(&account, given::REGION, "1").await.unwrap(), None);
    tx.commit().await.unwrap();
    assert!(store.operation(&account, given::REGION, "1").await.unwrap().is_some());
}

on_both!(
    an_operation_has_one_driver,
    one_of_many_changes_wins,
    a_name_and_an_address_have_one_owner,
    reads_go_on_while_a_change_is_under_way,
);
