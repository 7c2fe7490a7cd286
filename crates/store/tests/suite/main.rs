//! The same tests on SQLite and on PostgreSQL, each in a database of its own.
//!
//! `PORTHOLE_TEST_POSTGRES` names a PostgreSQL server whose user may make schemas, for example
//! `postgres://porthole@127.0.0.1:5433/postgres`; `./test store` starts one. Without it the PostgreSQL half says that it was
//! not run, and fails where it must run: with `CI=true` or `PORTHOLE_REQUIRE_POSTGRES=1`.
#![allow(clippy::unwrap_used)]

mod account;
mod audit;
mod concurrency;
mod crash;
mod database;
mod disk;
mod file;
mod given;
mod instance;
mod key_pair;
mod names;
mod operation;
mod person;
mod site;
mod snapshot;
mod static_ip;
mod tags;
mod usage;

/// Makes of each `async fn(Database)` named a test on either database.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::database::Database::sqlite()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(database) = crate::database::Database::postgres().await {
                    super::$name(database).await;
                }
            })+
        }
    };
}
pub(crate) use on_both;
