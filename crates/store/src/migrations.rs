//! The steps that brought the schema to what it is.

use std::borrow::Cow;

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Number, name and statements of each, in order, as the files in `migrations/` have them. What has once been in a release
/// is never changed: databases know the sum of each that they have seen.
const MIGRATIONS: [(i64, &str, &str); 8] = [
    (1, "start", include_str!("../migrations/0001_start.sql")),
    (2, "resources", include_str!("../migrations/0002_resources.sql")),
    (4, "snapshots", include_str!("../migrations/0004_snapshots.sql")),
    (5, "key pair", include_str!("../migrations/0005_key_pair.sql")),
    (6, "networking", include_str!("../migrations/0006_networking.sql")),
    (7, "usage", include_str!("../migrations/0007_usage.sql")),
    (8, "policy", include_str!("../migrations/0008_policy.sql")),
    (10, "console", include_str!("../migrations/0010_console.sql")),
];

/// Brings a schema up to date.
pub(crate) fn migrator() -> Migrator {
    Migrator::with_migrations(Vec::from(MIGRATIONS.map(|(version, name, statements)| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, statements.into_sql_str(), false)
    })))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[tokio::test]
    async fn they_are_those_of_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let there = Migrator::new(folder).await.expect("migrations");
        let told = |migrator: &Migrator| -> Vec<String> {
            migrator
                .iter()
                .map(|m| format!("{} {} {:?} {:?} {}", m.version, m.description, m.migration_type, m.checksum, m.no_tx))
                .collect()
        };
        assert!(there.iter().count() > 0);
        assert_eq!(told(&migrator()), told(&there));
    }
}
