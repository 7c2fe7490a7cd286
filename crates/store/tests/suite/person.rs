//! People, their sessions, one-time links, failures to sign in.

use porthole_model::{
    AccountId,
    person::{Counted, Role},
};
use porthole_store::{Person, SignIn, Store, StoreError};

use crate::{
    database::Database,
    given::{self, NOW_MS},
    on_both,
};

fn person(account_id: &AccountId, name: &str) -> Person {
    Person {
        id: format!("id-of-{name}"),
        name: name.into(),
        account_id: account_id.clone(),
        role: Role::Operator,
        password: "$argon2id$it's".into(),
        subject: String::new(),
        disabled: false,
        created_ms: 1,
        signed_in_ms: 0,
    }
}

fn sign_in(person: &Person, id: &str, expires_ms: i64) -> SignIn {
    SignIn {
        id: id.into(),
        token_hash: format!("hash-of-{id}"),
        person_id: person.id.clone(),
        by_link: true,
        created_ms: 2,
        expires_ms,
    }
}

async fn add(store: &Store, person: &Person) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    tx.insert_person(person).await?;
    tx.commit().await
}

async fn begin(store: &Store, sign_in: &SignIn) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_sign_in(sign_in).await.unwrap();
    tx.commit().await.unwrap();
}

async fn people_come_back_as_written(database: Database) {
    let store = database.open().await;
    let (one, two) = (given::account(&store, '1').await, given::account(&store, '2').await);
    let ada = person(&one, "ada");
    let bob =
        Person { role: Role::Researcher, subject: "https://id bob".into(), disabled: true, ..person(&two, "bob") };
    add(&store, &bob).await.unwrap();
    add(&store, &ada).await.unwrap();
    assert!(store.people().await.unwrap() == [ada.clone(), bob.clone()]);
    assert!(store.person("ada").await.unwrap().as_ref() == Some(&ada), "by name");
    assert!(store.person(&bob.id).await.unwrap().as_ref() == Some(&bob), "by id");
    assert!(store.person_of_subject("https://id bob").await.unwrap().as_ref() == Some(&bob));
    assert!(store.person_of_subject("").await.unwrap().is_none(), "nobody is known by nothing");
    let taken = [Person { id: "other".into(), ..ada.clone() }, Person { name: "new".into(), id: "new".into(), ..bob }];
    for other in taken {
        assert!(matches!(add(&store, &other).await, Err(StoreError::Conflict)));
    }
    // Many may have no subject.
    add(&store, &person(&one, "eve")).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    assert!(matches!(tx.delete_account(&one).await, Err(StoreError::Conflict)), "an account with people stays");
}

async fn changes_of_a_person_last(database: Database) {
    let store = database.open().await;
    let (one, two) = (given::account(&store, '1').await, given::account(&store, '2').await);
    let ada = person(&one, "ada");
    add(&store, &ada).await.unwrap();
    add(&store, &person(&one, "eve")).await.unwrap();
    let after = Person {
        account_id: two,
        role: Role::Researcher,
        password: String::new(),
        disabled: true,
        signed_in_ms: 9,
        ..ada.clone()
    };
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.operators().await.unwrap(), 2);
    tx.update_person(&after).await.unwrap();
    assert_eq!(tx.operators().await.unwrap(), 1);
    assert!(tx.person(&ada.id).await.unwrap().as_ref() == Some(&after));
    let nobody = Person { id: "none".into(), ..ada };
    assert!(matches!(tx.update_person(&nobody).await, Err(StoreError::Conflict)));
    assert!(!tx.delete_person("none").await.unwrap());
    tx.commit().await.unwrap();
    assert!(store.person("ada").await.unwrap() == Some(after));
}

async fn sessions_are_found_and_end(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let (ada, bob) = (person(&account, "ada"), person(&account, "bob"));
    add(&store, &ada).await.unwrap();
    add(&store, &bob).await.unwrap();
    let first = sign_in(&ada, "first", 100);
    for session in [&first, &sign_in(&ada, "second", 200), &sign_in(&ada, "third", 200), &sign_in(&bob, "bobs", 200)] {
        begin(&store, session).await;
    }
    assert!(store.sign_in("first").await.unwrap() == Some((first.clone(), ada.clone())));
    assert!(store.sign_in_of_token("hash-of-first").await.unwrap() == Some((first, ada.clone())));
    assert!(store.sign_in_of_token("hash").await.unwrap().is_none());
    assert_eq!(store.prune_sign_ins(100, 0).await.unwrap(), 1);
    assert!(store.sign_in("first").await.unwrap().is_none());
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.delete_sign_ins(&ada.id, "second").await.unwrap(), 1);
    tx.commit().await.unwrap();
    assert!(store.sign_in("second").await.unwrap().is_some() && store.sign_in("third").await.unwrap().is_none());
    let mut tx = store.begin().await.unwrap();
    tx.delete_sign_in("second").await.unwrap();
    assert!(tx.delete_person(&bob.id).await.unwrap(), "with the sessions");
    tx.commit().await.unwrap();
    assert!(store.sign_in("second").await.unwrap().is_none() && store.sign_in("bobs").await.unwrap().is_none());
}

async fn a_link_is_taken_once_and_in_time(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    let ada = person(&account, "ada");
    add(&store, &ada).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    tx.put_link(&ada.id, "old", 100).await.unwrap();
    tx.put_link(&ada.id, "new", 100).await.unwrap();
    assert!(tx.take_link("old", 1).await.unwrap().is_none(), "a new link ends the one before");
    assert!(tx.take_link("new", 100).await.unwrap().is_none(), "its time is over");
    assert!(tx.take_link("new", 99).await.unwrap().as_ref() == Some(&ada));
    assert!(tx.take_link("new", 99).await.unwrap().is_none(), "once");
    tx.put_link(&ada.id, "next", 100).await.unwrap();
    tx.delete_sign_ins(&ada.id, "").await.unwrap();
    assert!(tx.take_link("next", 1).await.unwrap().is_none(), "ends with all sessions");
    tx.put_link(&ada.id, "last", 100).await.unwrap();
    tx.commit().await.unwrap();
    let (one, two) = tokio::join!(take(&store, "last"), take(&store, "last"));
    assert_eq!(u8::from(one) + u8::from(two), 1, "of two at once one succeeds");
}

async fn take(store: &Store, token: &str) -> bool {
    let mut tx = store.begin().await.unwrap();
    let taken = tx.take_link(token, 1).await.unwrap().is_some();
    tx.commit().await.unwrap();
    taken
}

async fn attempt(store: &Store, counted: Counted, subject: &str, now_ms: i64) -> i64 {
    let mut tx = store.begin().await.unwrap();
    let wait_ms = tx.count_attempt(counted, subject, now_ms).await.unwrap();
    tx.commit().await.unwrap();
    wait_ms
}

async fn attempts_are_counted_one_by_one(database: Database) {
    let store = database.open().await;
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = store.clone();
        tries.spawn(async move { attempt(&store, Counted::Name, "ada", NOW_MS).await });
    }
    let waits = tries.join_all().await;
    assert_eq!(waits.iter().filter(|wait_ms| **wait_ms == 0).count(), 5, "{waits:?}");
    assert_eq!(waits.iter().filter(|wait_ms| **wait_ms == 1_000).count(), 3, "{waits:?}");
    assert_eq!(attempt(&store, Counted::Address, "ada", NOW_MS).await, 0, "an address of that text is another thing");
    assert_eq!(attempt(&store, Counted::Name, "ada", NOW_MS + 1_000).await, 0, "after the wait");
    assert_eq!(attempt(&store, Counted::Name, "ada", NOW_MS + 1_001).await, 1_999, "and then twice as long");

    let mut tx = store.begin().await.unwrap();
    tx.forgive_attempt(Counted::Name, "ada").await.unwrap();
    tx.forgive_attempt(Counted::Address, "never seen").await.unwrap();
    tx.commit().await.unwrap();
    for _ in 0..5 {
        assert_eq!(attempt(&store, Counted::Name, "ada", NOW_MS).await, 0);
    }
    assert_eq!(attempt(&store, Counted::Name, "ada", NOW_MS).await, 1_000);
    store.prune_sign_ins(NOW_MS + 5_000, NOW_MS + 1).await.unwrap();
    assert_eq!(attempt(&store, Counted::Name, "ada", NOW_MS).await, 0, "forgotten");
}

on_both!(
    people_come_back_as_written,
    changes_of_a_person_last,
    sessions_are_found_and_end,
    a_link_is_taken_once_and_in_time,
    attempts_are_counted_one_by_one,
);
