//! A database for one test.

use std::sync::atomic::{AtomicU32, Ordering};

use porthole_store::Store;
use sqlx::{AnyPool, any::install_default_drivers};

/// An empty database, gone after the test.
pub(crate) struct Database {
    /// What `Store::open` takes.
    pub(crate) url: String,
    _folder: Option<tempfile::TempDir>,
}

impl Database {
    /// A file in a folder of its own.
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("porthole.db").display());
        Self { url, _folder: Some(folder) }
    }

    /// A schema of its own. `None`, loudly, when no server was named and none is required.
    pub(crate) async fn postgres() -> Option<Self> {
        let Ok(server) = std::env::var("PORTHOLE_TEST_POSTGRES") else {
            let set = |name: &str, value: &str| std::env::var(name).is_ok_and(|is| is == value);
            assert!(
                !set("CI", "true") && !set("PORTHOLE_REQUIRE_POSTGRES", "1"),
                "PORTHOLE_TEST_POSTGRES must name a PostgreSQL server here; `./test store` starts one"
            );
            eprintln!("NOT RUN on PostgreSQL: PORTHOLE_TEST_POSTGRES is not set; `./test store` sets it");
            return None;
        };
        install_default_drivers();
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let schema = format!("t{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let pool = AnyPool::connect(&server).await.expect("the named PostgreSQL server answers");
        for statement in [format!("DROP SCHEMA IF EXISTS {schema} CASCADE"), format!("CREATE SCHEMA {schema}")] {
            sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&pool).await.unwrap();
        }
        pool.close().await;
        let separator = if server.contains('?') { '&' } else { '?' };
        Some(Self { url: format!("{server}{separator}options=-csearch_path%3D{schema}"), _folder: None })
    }

    /// Opens the store.
    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.url).await.unwrap()
    }
}
