//! What the service remembers, in SQLite or PostgreSQL. The only crate with SQL.
//!
//! Reads are single statements on the last committed state. Changes go through a [`Tx`], which on SQLite is the only
//! writer. The store never reads the clock: times come in.
#![forbid(unsafe_code)]

mod account;
mod audit;
mod disk;
mod instance;
mod key_pair;
mod migrations;
mod names;
mod operation;
mod person;
mod share;
mod site;
mod snapshot;
mod static_ip;
mod tags;
mod usage;

use std::{borrow::Cow, str::FromStr as _, time::Duration};

use sqlx::{
    Any, AnyPool, Executor as _, Row as _,
    any::{AnyConnectOptions, AnyPoolOptions, AnyRow},
};

pub use account::{AccessKey, Account};
pub use audit::AuditEntry;
pub use disk::{Disk, DiskUse};
pub use instance::{FIRST_INDEX, Instance, LAST_INDEX};
pub use key_pair::{InstanceSsh, KeyPair};
pub use operation::{Claim, NewOperation, Operation, Page};
pub use person::{Person, SignIn};
pub use share::Share;
pub use site::BundleChange;
pub use snapshot::{ExportRecord, Snapshot};
pub use static_ip::{PublicAddress, StaticIp};
pub use tags::{Named, Tagged};
pub use usage::Run;

/// Most connections for reads at once.
const READERS: u32 = 4;
/// How long to wait for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Why the store refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else changed the row since it was read: read again and decide again.
    #[error("the row was changed by somebody else")]
    Conflict,
    /// The names are taken, in the order asked for.
    #[error("names are already in use")]
    NamesTaken(Vec<String>),
    /// No address is free.
    #[error("no address is free")]
    NoAddress,
    /// The operation is driven by somebody else now.
    #[error("the operation's lease was lost")]
    LeaseLost,
    /// A column holds what no program of ours writes.
    #[error("column {column} holds something unknown")]
    Corrupt {
        /// The column.
        column: &'static str,
    },
    /// The database failed.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the database's schema cannot be brought up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error() {
            // Every unique index guards against a concurrent change: whoever comes second reads again.
            Some(database) if database.is_unique_violation() => Self::Conflict,
            // PostgreSQL's serialization failure and deadlock, and SQLite's "database is locked" past its timeout.
            Some(database) if matches!(database.code().as_deref(), Some("40001" | "40P01" | "5" | "517")) => {
                Self::Conflict
            }
            _ => Self::Database(error),
        }
    }
}

/// The store: cheap to clone, closed by [`Store::close`].
#[derive(Clone)]
pub struct Store {
    reads: AnyPool,
    writes: AnyPool,
    begin: &'static str,
}

/// A transaction: all or nothing; dropped without [`Tx::commit`] it never was.
pub struct Tx {
    inner: sqlx::Transaction<'static, Any>,
}

impl Store {
    /// Opens the database, makes it if it is an SQLite file that is not there, and brings its schema up to date.
    ///
    /// `url` is `sqlite://PATH` or `postgres://…`.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let file = url.strip_prefix("sqlite://");
        let sqlite = file.is_some();
        let url = match file {
            Some(path) => Cow::Owned(sqlite_url(path)?),
            None => Cow::Borrowed(url),
        };
        let options = AnyConnectOptions::from_str(&url)?;
        let pool = |most: u32| {
            AnyPoolOptions::new()
                .max_connections(most)
                .min_connections(1)
                .acquire_timeout(CONNECT_LIMIT)
                // A connection is tested by using it: the test would double the cost of each read.
                .test_before_acquire(!sqlite)
                .idle_timeout(None)
                .max_lifetime(None)
                .after_connect(move |connection, _| {
                    Box::pin(async move {
                        if sqlite {
                            connection.execute("PRAGMA journal_mode = WAL").await?;
                            connection.execute("PRAGMA synchronous = FULL").await?;
                            connection.execute("PRAGMA foreign_keys = ON").await?;
                            connection.execute("PRAGMA busy_timeout = 10000").await?;
                        }
                        Ok(())
                    })
                })
        };
        let writes = pool(if sqlite { 1 } else { READERS }).connect_with(options.clone()).await?;
        migrations::migrator().run(&writes).await.map_err(StoreError::Migrate)?;
        let reads = pool(READERS).connect_with(options).await?;
        Ok(Self { reads, writes, begin: if sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" } })
    }

    /// Begins a transaction.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(Tx { inner: self.writes.begin_with(self.begin).await? })
    }

    /// Asks whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.reads).await?;
        Ok(())
    }

    /// Closes all connections; SQLite's log is folded into its file.
    pub async fn close(&self) {
        self.reads.close().await;
        self.writes.close().await;
    }
}

/// Makes the database's file, readable by its owner alone, and the URL by which the driver opens it.
fn sqlite_url(path: &str) -> Result<String, StoreError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let made = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    made.map_err(|error| StoreError::Database(sqlx::Error::Io(error)))?;
    let path = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    Ok(format!("sqlite://{path}"))
}

impl Tx {
    /// Makes the changes last: when this returns they survive a crash.
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.inner.commit().await?)
    }
}

/// Reads a column as what the program makes of its text or number.
fn known<T>(column: &'static str, value: Option<T>) -> Result<T, StoreError> {
    value.ok_or(StoreError::Corrupt { column })
}

fn text(row: &AnyRow, column: &'static str) -> Result<String, StoreError> {
    Ok(row.try_get(column)?)
}

fn number(row: &AnyRow, column: &'static str) -> Result<i64, StoreError> {
    Ok(row.try_get(column)?)
}
