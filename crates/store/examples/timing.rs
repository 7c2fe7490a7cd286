//! How long the store's usual deeds take: `cargo run --release -p porthole-store --example timing -- [URL]`.
//!
//! Without a URL it measures SQLite in a new folder below the working folder, which is removed afterwards; give
//! `postgres://…` for a scratch PostgreSQL database. Prints medians and rates.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::{Duration, Instant};

use porthole_model::{
    AccountId, OperationId,
    operation::{Kind, Progress},
};
use porthole_store::{Account, Claim, NewOperation, Store};

const REGION: &str = "us-east-2";
const ROUNDS: usize = 2_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let folder = tempfile::tempdir_in(".").unwrap();
    let sqlite = format!("sqlite://{}", folder.path().join("timing.db").display());
    let store = Store::open(&std::env::args().nth(1).unwrap_or(sqlite)).await.unwrap();
    let account = AccountId::new(format!("{:012}", std::process::id()));
    let mut tx = store.begin().await.unwrap();
    tx.insert_account(&Account { id: account.clone(), name: account.to_string(), created_ms: 0 }).await.unwrap();
    tx.commit().await.unwrap();

    let mut inserted = 0;
    let insert = measure(ROUNDS / 10, async || {
        inserted += 1;
        insert(&store, &account, &format!("op-{account}-{inserted}")).await;
    })
    .await;
    report("insert an operation, committed", &insert);

    let id = format!("op-{account}-1");
    let read = measure(ROUNDS, async || assert!(store.operation(&account, REGION, &id).await.unwrap().is_some())).await;
    report("read an operation, one at a time", &read);

    for crowd in [2, 16, 64] {
        let began = Instant::now();
        let mut readers = tokio::task::JoinSet::new();
        for _ in 0..crowd {
            let (store, account, id) = (store.clone(), account.clone(), id.clone());
            readers.spawn(async move {
                for _ in 0..ROUNDS * 4 / crowd {
                    assert!(store.operation(&account, REGION, &id).await.unwrap().is_some());
                }
            });
        }
        readers.join_all().await;
        let rate = (ROUNDS * 4) as f64 / began.elapsed().as_secs_f64();
        println!("{:<44} {rate:>9.0} a second", format!("read an operation, {crowd} at once"));
    }

    let mut claimed = store.claim("timing", 1, 60_000, Claim::All, 10_000).await.unwrap();
    let idle =
        measure(ROUNDS, async || assert!(store.claim("timing", 1, 60_000, Claim::All, 16).await.unwrap().is_empty()))
            .await;
    report("claim when nothing is due", &idle);
    let record = measure(claimed.len() - 1, async || {
        let mut operation = claimed.pop().unwrap();
        operation.progress = Progress::Forward(1);
        store.record(&operation, "timing", false).await.unwrap();
    })
    .await;
    report("record a step, committed", &record);
    store.close().await;
}

async fn insert(store: &Store, account: &AccountId, id: &str) {
    let mut tx = store.begin().await.unwrap();
    tx.insert_operation(NewOperation {
        id: OperationId::new(id),
        kind: Kind::StopSession,
        version: 1,
        account_id: account,
        region: REGION,
        zone: "us-east-2a",
        resource_name: id,
        resource_type: "Instance",
        resource_id: id,
        details: "",
        state: "{}".into(),
        created_ms: 1,
        deadline_ms: 60_000,
        done: false,
        leader: None,
    })
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

async fn measure(rounds: usize, mut deed: impl AsyncFnMut()) -> Vec<Duration> {
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let began = Instant::now();
        deed().await;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    times
}

fn report(what: &str, times: &[Duration]) {
    let at = |part: usize| times[(times.len() - 1) * part / 100].as_micros();
    println!("{what:<44} {:>6} µs median {:>6} µs p95", at(50), at(95));
}
