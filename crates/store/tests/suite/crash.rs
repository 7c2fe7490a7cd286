//! What was acknowledged is there after the process was killed at any instant.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
};

use porthole_model::{AccountId, operation::Kind};
use porthole_store::Store;

use crate::{database::Database, given, on_both};

/// Names the database to a child process.
const CHILD: &str = "PORTHOLE_STORE_CRASH_CHILD";
/// How often a child is killed.
const ROUNDS: usize = 4;

async fn acknowledged_operations_survive_a_kill(database: Database) {
    let store = database.open().await;
    let account = given::account(&store, '1').await;
    store.close().await;
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        acknowledged.extend(kill_after(&database.url, round, 20 + 13 * round));
        let store = database.open().await;
        for id in &acknowledged {
            assert!(
                store.operation(&account, given::REGION, id).await.unwrap().is_some(),
                "{id} was acknowledged and is lost"
            );
        }
        // The next round's rows must fit too: what was cut off left nothing half done.
        let undone = store.undone_operations().await.unwrap();
        assert!(
            undone.len() <= acknowledged.len() + round + 1,
            "at most one a round was written and not yet acknowledged"
        );
        store.close().await;
    }
}

/// Lets a child write until it has acknowledged `count` operations, kills it, and gives all it acknowledged.
fn kill_after(url: &str, round: usize, count: usize) -> Vec<String> {
    let mut child: Child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child::writes_until_it_is_killed", "--nocapture"])
        .env(CHILD, format!("{round} {url}"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged: Vec<String> = Vec::new();
    for line in lines {
        if let Some(id) = line.unwrap().strip_prefix("acknowledged ") {
            acknowledged.push(id.to_owned());
            if acknowledged.len() == count {
                child.kill().unwrap();
            }
        }
    }
    assert!(!child.wait().unwrap().success(), "the child was killed, it did not end");
    assert!(acknowledged.len() >= count);
    acknowledged
}

mod child {
    use super::*;

    /// In a process of its own, started by the test above; by itself it has nothing to write and only checks that.
    #[tokio::test]
    async fn writes_until_it_is_killed() {
        let Ok(job) = std::env::var(CHILD) else { return };
        let (round, url) = job.split_once(' ').unwrap();
        let store = Store::open(url).await.unwrap();
        let account = AccountId::new("1".repeat(12));
        for number in 0.. {
            let (id, resource) = (format!("{round}-{number}"), format!("lab-{round}-{number}"));
            given::begin(&store, given::new_operation(&account, &id, Kind::StopSession, &resource, 1)).await.unwrap();
            println!("acknowledged {id}");
            std::io::stdout().flush().unwrap();
        }
    }
}

on_both!(acknowledged_operations_survive_a_kill);
