//! Makes the automatic snapshots that are due, and removes those that are too many or whose source is gone.

use std::collections::{BTreeMap, HashSet};

use porthole_model::{
    add_on::{AddOn, parse},
    disk, instance,
    operation::Kind,
    snapshot::{State, last_due_ms, superfluous},
};
use porthole_store::Snapshot;

use crate::{app::App, auth::Caller, dispatch::Request, service::snapshot};

/// What can have automatic snapshots.
struct Source {
    id: String,
    name: String,
    account_id: String,
    is_disk: bool,
    created_ms: i64,
    minute_of_day: Option<u16>,
}

/// Runs once.
pub(crate) async fn run(app: &App) -> anyhow::Result<()> {
    let mut autos: BTreeMap<String, Vec<Snapshot>> = BTreeMap::new();
    for snapshot in app.store.all_snapshots().await? {
        if !snapshot.auto_date.is_empty() {
            autos.entry(snapshot.source_id.clone()).or_default().push(snapshot);
        }
    }
    // Sources after snapshots: one that is made meanwhile has no snapshot in the list.
    let sources = sources(app).await?;
    for source in &sources {
        let have = autos.get(&source.id).map_or(&[][..], Vec::as_slice);
        make_due(app, source, have).await?;
        drop_superfluous(app, source, have).await?;
    }
    let known: HashSet<&str> = sources.iter().map(|source| source.id.as_str()).collect();
    let orphans = autos.iter().filter(|(id, _)| !known.contains(id.as_str())).flat_map(|(_, autos)| autos);
    for orphan in orphans {
        delete(app, orphan).await;
    }
    Ok(())
}

async fn sources(app: &App) -> anyhow::Result<Vec<Source>> {
    let due = |add_ons: &str| {
        parse(add_ons).into_iter().find_map(|add_on| match add_on {
            AddOn::AutoSnapshot { minute_of_day } => Some(minute_of_day),
            _ => None,
        })
    };
    let mut found = Vec::new();
    for instance in app.store.all_instances().await? {
        let ready = matches!(instance.state, instance::State::Running | instance::State::Stopped);
        found.push(Source {
            minute_of_day: due(&instance.add_ons).filter(|_| ready),
            id: instance.id.to_string(),
            name: instance.name,
            account_id: instance.account_id.to_string(),
            is_disk: false,
            created_ms: instance.created_ms,
        });
    }
    for disk in app.store.all_disks().await? {
        let ready = matches!(disk.state, disk::State::Available | disk::State::InUse);
        found.push(Source {
            minute_of_day: due(&disk.add_ons).filter(|_| ready),
            id: disk.id.to_string(),
            name: disk.name,
            account_id: disk.account_id.to_string(),
            is_disk: true,
            created_ms: disk.created_ms,
        });
    }
    Ok(found)
}

async fn make_due(app: &App, source: &Source, have: &[Snapshot]) -> anyhow::Result<()> {
    let Some(minute_of_day) = source.minute_of_day else { return Ok(()) };
    let due_ms = last_due_ms(app.clock.now_ms(), minute_of_day);
    let date = day(due_ms)?;
    // What was due before the source was there is not made up for.
    if due_ms < source.created_ms {
        return Ok(());
    }
    if let Some(auto) = have.iter().find(|auto| auto.auto_date == date) {
        // One that failed makes room, so that the day has another chance.
        if auto.state == State::Error {
            delete(app, auto).await;
        }
        return Ok(());
    }
    let caller = caller(&source.account_id);
    let cx = Request { app, caller: &caller };
    if let Err(error) = snapshot::create_auto(cx, &source.name, source.is_disk, &date).await {
        tracing::warn!(source = source.name, date, %error, "an automatic snapshot could not be begun");
    }
    Ok(())
}

async fn drop_superfluous(app: &App, source: &Source, have: &[Snapshot]) -> anyhow::Result<()> {
    let mut sorted: Vec<(&str, State)> = have.iter().map(|auto| (auto.auto_date.as_str(), auto.state)).collect();
    sorted.sort_unstable_by_key(|(date, _)| *date);
    let going = superfluous(&sorted);
    for auto in have.iter().filter(|auto| going.contains(&auto.auto_date.as_str())) {
        tracing::info!(source = source.name, date = auto.auto_date, "An old automatic snapshot goes");
        delete(app, auto).await;
    }
    Ok(())
}

async fn delete(app: &App, auto: &Snapshot) {
    let caller = caller(auto.account_id.as_str());
    // A refusal means that it is being made: it is tried again.
    if let Err(error) = snapshot::delete(Request { app, caller: &caller }, auto, Kind::DeleteAutoSnapshot).await {
        tracing::info!(snapshot = %auto.id, %error, "An automatic snapshot could not be deleted yet");
    }
}

fn caller(account_id: &str) -> Caller {
    Caller { account_id: account_id.to_owned(), access_key_id: String::new(), policy: None, person: None }
}

/// The UTC day of a time, `YYYY-MM-DD`.
fn day(ms: i64) -> anyhow::Result<String> {
    // 2026-01-31T…
    let text = jiff::Timestamp::from_millisecond(ms)?.to_string();
    Ok(text.chars().take_while(|c| *c != 'T').collect())
}
