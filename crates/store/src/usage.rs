//! What instances use: their runs, their measured points, and decisions about being idle. All goes with the instance.

use std::collections::HashSet;

use porthole_model::{
    InstanceId,
    metric::{Row, Step},
};
use sqlx::{Row as _, any::AnyRow};

use crate::{Instance, Store, StoreError, Tx, known, number, text};

/// A time in which an instance ran, at one price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its size then.
    pub bundle_id: String,
    /// Millionths of a USD an hour, as it was then.
    pub price_micros: i64,
    /// Milliseconds since the epoch.
    pub began_ms: i64,
    /// Milliseconds since the epoch; 0: it runs.
    pub ended_ms: i64,
}

fn run(row: &AnyRow) -> Result<Run, StoreError> {
    Ok(Run {
        bundle_id: text(row, "bundle_id")?,
        price_micros: number(row, "price_micros")?,
        began_ms: number(row, "began_ms")?,
        ended_ms: number(row, "ended_ms")?,
    })
}

fn points(step: Step, row: &AnyRow) -> Result<Row, StoreError> {
    known("metric.points", Row::read(step, number(row, "began_s")?, row.try_get("points")?))
}

const DECISIONS: &str = "SELECT decisions FROM idle WHERE instance_id = $1";

impl Store {
    /// Lists an instance's runs that overlap a time, oldest first.
    pub async fn runs(&self, id: &InstanceId, start_ms: i64, end_ms: i64) -> Result<Vec<Run>, StoreError> {
        let rows = sqlx::query(
            "SELECT bundle_id, price_micros, began_ms, ended_ms FROM run \
             WHERE instance_id = $1 AND began_ms < $2 AND (ended_ms = 0 OR ended_ms > $3) ORDER BY began_ms",
        )
        .bind(id.as_str())
        .bind(end_ms)
        .bind(start_ms)
        .fetch_all(&self.reads)
        .await?;
        rows.iter().map(run).collect()
    }

    /// Says since when each instance that runs has been running: pairs of id and milliseconds since the epoch.
    pub async fn open_runs(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let rows =
            sqlx::query("SELECT instance_id, began_ms FROM run WHERE ended_ms = 0").fetch_all(&self.reads).await?;
        rows.iter().map(|row| Ok((text(row, "instance_id")?, number(row, "began_ms")?))).collect()
    }

    /// Lists rows of points that begin in `[from, to)`, oldest first.
    pub async fn metrics(&self, id: &InstanceId, step: Step, from_s: i64, to_s: i64) -> Result<Vec<Row>, StoreError> {
        let rows = sqlx::query(
            "SELECT began_s, points FROM metric WHERE instance_id = $1 AND step_s = $2 AND began_s >= $3 AND began_s < $4 \
             ORDER BY began_s",
        )
        .bind(id.as_str())
        .bind(step.seconds())
        .bind(from_s)
        .bind(to_s)
        .fetch_all(&self.reads)
        .await?;
        rows.iter().map(|row| points(step, row)).collect()
    }

    /// Makes an instance's points coarser whose time is over, and forgets the oldest. May be cut off and called again.
    pub async fn roll_up_metrics(&self, id: &InstanceId, now_s: i64) -> Result<(), StoreError> {
        for step in Step::ALL {
            let before_s = now_s - step.kept_seconds() - step.row_seconds();
            for row in self.metrics(id, step, 0, before_s).await? {
                let mut tx = self.begin().await?;
                if let Some(coarser) = step.coarser() {
                    let empty = Row::empty(coarser, row.began_s);
                    let mut sum = tx.metric(id, coarser, empty.began_s).await?.unwrap_or(empty);
                    sum.take(&row);
                    tx.put_metric(id, &sum).await?;
                }
                tx.delete_metric(id, step, row.began_s).await?;
                tx.commit().await?;
            }
        }
        Ok(())
    }

    /// Gives the newest decisions about stopping an instance for being idle, as JSON; empty when there are none.
    pub async fn idle_decisions(&self, id: &InstanceId) -> Result<String, StoreError> {
        let row = sqlx::query(DECISIONS).bind(id.as_str()).fetch_optional(&self.reads).await?;
        row.as_ref().map_or_else(|| Ok(String::new()), |row| text(row, "decisions"))
    }
}

impl Tx {
    /// Records that an instance runs from now at a price; a run that was open ends now, as at a reboot.
    pub async fn begin_run(&mut self, instance: &Instance, price_micros: i64, now_ms: i64) -> Result<(), StoreError> {
        self.end_run(&instance.id, now_ms).await?;
        sqlx::query(
            "INSERT INTO run (instance_id, bundle_id, price_micros, began_ms, ended_ms) VALUES ($1, $2, $3, $4, 0)",
        )
        .bind(instance.id.as_str())
        .bind(instance.bundle_id.as_str())
        .bind(price_micros)
        .bind(now_ms)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Records that an instance no longer runs; nothing where it did not.
    pub async fn end_run(&mut self, id: &InstanceId, now_ms: i64) -> Result<(), StoreError> {
        // A clock that was set back must not make a run of less than nothing.
        sqlx::query(
            "UPDATE run SET ended_ms = CASE WHEN began_ms > $1 THEN began_ms ELSE $1 END \
             WHERE instance_id = $2 AND ended_ms = 0",
        )
        .bind(now_ms)
        .bind(id.as_str())
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Lists the ids of every instance.
    pub async fn instance_ids(&mut self) -> Result<HashSet<String>, StoreError> {
        let rows = sqlx::query("SELECT id FROM instance").fetch_all(&mut *self.inner).await?;
        rows.iter().map(|row| text(row, "id")).collect()
    }

    /// Finds one row of points.
    pub async fn metric(&mut self, id: &InstanceId, step: Step, began_s: i64) -> Result<Option<Row>, StoreError> {
        let row =
            sqlx::query("SELECT began_s, points FROM metric WHERE instance_id = $1 AND step_s = $2 AND began_s = $3")
                .bind(id.as_str())
                .bind(step.seconds())
                .bind(began_s)
                .fetch_optional(&mut *self.inner)
                .await?;
        row.as_ref().map(|row| points(step, row)).transpose()
    }

    /// Writes a row of points in the place of one of the same time.
    pub async fn put_metric(&mut self, id: &InstanceId, row: &Row) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO metric (instance_id, step_s, began_s, points) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (instance_id, step_s, began_s) DO UPDATE SET points = excluded.points",
        )
        .bind(id.as_str())
        .bind(row.step.seconds())
        .bind(row.began_s)
        .bind(row.bytes())
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Removes a row of points.
    pub async fn delete_metric(&mut self, id: &InstanceId, step: Step, began_s: i64) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM metric WHERE instance_id = $1 AND step_s = $2 AND began_s = $3")
            .bind(id.as_str())
            .bind(step.seconds())
            .bind(began_s)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Gives the newest decisions about stopping an instance for being idle, as JSON; empty when there are none.
    pub async fn idle_decisions(&mut self, id: &InstanceId) -> Result<String, StoreError> {
        let row = sqlx::query(DECISIONS).bind(id.as_str()).fetch_optional(&mut *self.inner).await?;
        row.as_ref().map_or_else(|| Ok(String::new()), |row| text(row, "decisions"))
    }

    /// Keeps the newest decisions about stopping an instance for being idle, as JSON.
    pub async fn put_idle_decisions(&mut self, id: &InstanceId, decisions: &str) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO idle (instance_id, decisions) VALUES ($1, $2) \
             ON CONFLICT (instance_id) DO UPDATE SET decisions = excluded.decisions",
        )
        .bind(id.as_str())
        .bind(decisions)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}
