//! Shares, quotas, bundles that were changed, and the fingerprint of an account.

use porthole_model::operation::Kind;
use porthole_store::{BundleChange, Share, Store};

use crate::{
    database::Database,
    given::{self, NOW_MS, REGION},
    on_both,
};

fn share(instance_id: &porthole_model::InstanceId, id: &str, generation: i64, expires_ms: i64) -> Share {
    Share {
        id: id.into(),
        instance_id: instance_id.clone(),
        generation,
        display: "desktop".into(),
        role: "view".into(),
        created_by: "ada".into(),
        created_ms: expires_ms - 1_000,
        expires_ms,
    }
}

async fn add(store: &Store, share: &Share) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_share(share).await.unwrap();
    tx.commit().await.unwrap();
}

async fn shares_go_with_their_time_their_session_and_their_instance(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let lab = given::add(&store, given::new_instance(&account, "lab", 1)).await.unwrap();
    let now = lab.session.generation;
    let (good, late, old) =
        (share(&lab.id, "good", now, 200), share(&lab.id, "late", now, 100), share(&lab.id, "old", now - 1, 300));
    for share in [&good, &late, &old] {
        add(&store, share).await;
    }
    assert_eq!(store.share("good").await.unwrap(), Some(good.clone()));
    assert_eq!(store.shares(&lab.id).await.unwrap(), [late, good.clone(), old]);
    assert_eq!(store.prune_shares(100).await.unwrap(), 2);
    assert_eq!(store.shares(&lab.id).await.unwrap(), [good]);
    let mut tx = store.begin().await.unwrap();
    assert!(tx.delete_share("good").await.unwrap() && !tx.delete_share("good").await.unwrap());
    tx.commit().await.unwrap();
    add(&store, &share(&lab.id, "last", now, 200)).await;
    let mut tx = store.begin().await.unwrap();
    tx.delete_instance(&lab.id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.share("last").await.unwrap(), None);
}

async fn quotas_are_an_accounts_own(database: Database) {
    let store = database.open().await;
    let (one, two) = (given::account(&store, '1').await, given::account(&store, '2').await);
    let mut tx = store.begin().await.unwrap();
    tx.set_quota(&one, "vcpus", Some(4)).await.unwrap();
    tx.set_quota(&one, "disks", Some(0)).await.unwrap();
    tx.set_quota(&one, "vcpus", Some(5)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.quotas(&one).await.unwrap(), [("disks".to_owned(), 0), ("vcpus".to_owned(), 5)]);
    assert_eq!(store.quotas(&two).await.unwrap(), []);
    let mut tx = store.begin().await.unwrap();
    tx.set_quota(&one, "vcpus", None).await.unwrap();
    tx.delete_account(&one).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.quotas(&one).await.unwrap(), []);
}

async fn bundles_differ_until_they_are_put_back(database: Database) {
    let store = database.open().await;
    let change =
        |id: &str| BundleChange { bundle_id: id.into(), hour_micros: Some(0), month_micros: None, active: Some(false) };
    let mut tx = store.begin().await.unwrap();
    tx.set_bundle_change(&BundleChange { active: None, ..change("b") }).await.unwrap();
    tx.set_bundle_change(&change("b")).await.unwrap();
    tx.set_bundle_change(&change("a")).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.bundle_changes().await.unwrap(), [change("a"), change("b")]);
    let mut tx = store.begin().await.unwrap();
    tx.delete_bundle_change("a").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.bundle_changes().await.unwrap(), [change("b")]);
}

async fn whatever_changes_in_an_account_changes_its_fingerprint(database: Database) {
    let store = database.open().await;
    let (one, two) = (given::account(&store, '1').await, given::account(&store, '2').await);
    let mut seen = vec![store.fingerprint(&one, REGION).await.unwrap()];
    let other = store.fingerprint(&two, REGION).await.unwrap();
    let mut lab = given::add(&store, given::new_instance(&one, "lab", NOW_MS)).await.unwrap();
    seen.push(store.fingerprint(&one, REGION).await.unwrap());
    let mut tx = store.begin().await.unwrap();
    lab.tags = "{}".into();
    tx.update_instance(&mut lab).await.unwrap();
    tx.commit().await.unwrap();
    seen.push(store.fingerprint(&one, REGION).await.unwrap());
    given::begin(&store, given::new_operation(&one, "op", Kind::StopInstance, lab.id.as_str(), NOW_MS)).await.unwrap();
    seen.push(store.fingerprint(&one, REGION).await.unwrap());
    add(&store, &share(&lab.id, "s", 7, NOW_MS)).await;
    seen.push(store.fingerprint(&one, REGION).await.unwrap());
    for (n, fingerprint) in seen.iter().enumerate() {
        assert!(!seen[..n].contains(fingerprint), "{n}: {seen:?}");
    }
    assert_eq!(store.fingerprint(&one, REGION).await.unwrap(), seen[4], "nothing has changed");
    assert_eq!(store.fingerprint(&one, "eu-west-1").await.unwrap(), other);
    assert_eq!(store.fingerprint(&two, REGION).await.unwrap(), other);
}

async fn an_operation_that_waits_is_hurried(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let leader = given::begin(&store, given::new_operation(&account, "a", Kind::AttachDisk, "disk", 1)).await.unwrap();
    let follower = porthole_store::NewOperation {
        leader: Some(&leader.id),
        ..given::new_operation(&account, "b", Kind::AttachDisk, "lab", 1)
    };
    given::begin(&store, follower).await.unwrap();
    for id in ["a", "b"] {
        let mut tx = store.begin().await.unwrap();
        let hurried = tx.hurry_operation(id, 77).await.unwrap().unwrap();
        assert_eq!((hurried.id.as_str(), hurried.next_try_ms), ("a", 77), "{id}");
    }
    let mut done = given::new_operation(&account, "done", Kind::CreateDisk, "other", 1);
    done.done = true;
    given::begin(&store, done).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.hurry_operation("done", 77).await.unwrap(), None);
    assert_eq!(tx.hurry_operation("none", 77).await.unwrap(), None);
}

on_both!(
    shares_go_with_their_time_their_session_and_their_instance,
    quotas_are_an_accounts_own,
    bundles_differ_until_they_are_put_back,
    whatever_changes_in_an_account_changes_its_fingerprint,
    an_operation_that_waits_is_hurried,
);
