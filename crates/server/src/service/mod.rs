//! What each action does: one file a resource, one function an action.
//! The only place where wire types and model types meet.

pub mod access;
pub mod add_on;
pub mod catalog;
pub mod cost;
pub mod disk;
pub mod health;
pub mod instance;
pub mod key_pair;
pub mod metric;
pub mod names;
pub mod network;
pub mod operation;
pub mod ports;
pub mod quota;
pub mod restore;
pub mod session;
pub mod snapshot;
pub mod static_ip;
pub mod tags;

use porthole_api::{Error, page_token, types::Operation};
use porthole_model::{
    AccountId, OperationId,
    operation::{Kind, Meeting, meet},
};
use porthole_store::{Instance, NewOperation, Page, StoreError, Tx};

use crate::{
    app::App,
    dispatch::Request,
    operation::{Learnt, terms},
    telemetry::chain,
};

/// Most rows a page has (model documentation of GetOperations).
pub const PAGE_ROWS: usize = 200;
/// How often a transaction is tried that others were faster than.
const TRIES: usize = 20;

/// What is to come of a request on an instance.
pub enum Deed {
    /// The instance was changed as needed; its operation is to be driven.
    Begin,
    /// All is as asked, perhaps after a change of the row; the operation has succeeded.
    Done,
}

/// Answers a request on one instance in one transaction: finds it, decides, and inserts the operation.
///
/// # Errors
/// NotFoundException for an unknown name; whatever `decide` says; InvalidInputException when another operation is under
/// way that this one may not supersede.
pub async fn act(
    cx: Request<'_>,
    name: &str,
    kind: Kind,
    decide: impl Fn(&mut Instance) -> Result<Deed, Error>,
) -> Result<Vec<Operation>, Error> {
    act_saying(cx, name, kind, "", decide).await
}

/// The same, with the operation's details.
///
/// # Errors
/// As [`act`].
pub async fn act_saying(
    cx: Request<'_>,
    name: &str,
    kind: Kind,
    details: &str,
    decide: impl Fn(&mut Instance) -> Result<Deed, Error>,
) -> Result<Vec<Operation>, Error> {
    for _ in 0..TRIES {
        match act_once(cx, name, kind, details, &decide).await {
            Ok(outcome) => return outcome.map(|operations| operations.iter().map(operation::wire).collect()),
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(unavailable(&error)),
        }
    }
    Err(Error::service_unavailable("The instance is being changed by many requests at once. Try again."))
}

async fn act_once(
    cx: Request<'_>,
    name: &str,
    kind: Kind,
    details: &str,
    decide: &impl Fn(&mut Instance) -> Result<Deed, Error>,
) -> Result<Result<Vec<porthole_store::Operation>, Error>, StoreError> {
    let (app, account) = (cx.app, AccountId::new(cx.caller.account_id.as_str()));
    let mut tx = app.store.begin().await?;
    let Some(mut instance) = tx.instance_by_name(&account, &app.config.region, name).await? else {
        return Ok(Err(Error::does_not_exist("Instance", name)));
    };
    let now_ms = app.clock.now_ms();
    instance.session = instance.session.at(now_ms);
    let before = instance.clone();
    let deed = match decide(&mut instance) {
        Ok(deed) => deed,
        Err(error) => return Ok(Err(error)),
    };
    let mut superseded = None;
    if matches!(deed, Deed::Begin)
        && let Some(live) = tx.live_operation(instance.id.as_str()).await?
    {
        match meet(live.kind, kind) {
            Meeting::Same => return Ok(Ok(vec![live])),
            Meeting::Refused => return Ok(Err(under_way(live.kind, name))),
            Meeting::Supersedes => {
                let driven = live.driven();
                tx.supersede(&driven).await?;
                superseded = Some(driven);
            }
        }
    }
    if instance != before {
        tx.update_instance(&mut instance).await?;
    }
    if instance.bundle_id != before.bundle_id
        && let Some(over) = quota::instances(cx, &mut tx).await?
    {
        return Ok(Err(over));
    }
    let operation = insert_operation(
        cx,
        &mut tx,
        NewDeed {
            kind,
            subject: Subject::instance(&instance),
            details,
            state: Learnt::begin(instance.id.as_str()),
            leader: None,
            done: matches!(deed, Deed::Done),
        },
    )
    .await?;
    let mut operations = Vec::new();
    if kind == Kind::DeleteInstance {
        operations = disk::detach_all(cx, &mut tx, &instance, &operation).await?;
    }
    operations.push(operation);
    tx.commit().await?;
    if before.session.generation != instance.session.generation {
        // At once, before any step runs: access ends with the answer.
        app.viewers.cut(instance.id.as_str(), |stream| stream.generation < instance.session.generation);
    }
    if let Some(id) = superseded {
        app.drives.interrupt(id.as_str());
    }
    if matches!(deed, Deed::Begin) {
        app.wake.notify_one();
    }
    Ok(Ok(operations))
}

/// What an operation works on.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Its name.
    pub name: &'a str,
    /// Model shape ResourceType.
    pub resource_type: &'a str,
    /// Its id: one live operation each.
    pub id: &'a str,
    /// Availability zone, or `all`.
    pub zone: &'a str,
}

impl<'a> Subject<'a> {
    /// An instance.
    pub fn instance(instance: &'a Instance) -> Self {
        Self { name: &instance.name, resource_type: "Instance", id: instance.id.as_str(), zone: &instance.zone }
    }
}

/// An operation to be inserted.
pub struct NewDeed<'a> {
    /// What it does.
    pub kind: Kind,
    /// What it works on.
    pub subject: Subject<'a>,
    /// Shown as operationDetails.
    pub details: &'a str,
    /// What its plan's steps begin with, JSON; nothing reads it of one without a plan.
    pub state: String,
    /// The operation it follows, inserted before in the same transaction.
    pub leader: Option<&'a OperationId>,
    /// It has succeeded already.
    pub done: bool,
}

/// Inserts an operation of the caller. The runner must be woken after the commit.
pub async fn insert_operation(
    cx: Request<'_>,
    tx: &mut Tx,
    new: NewDeed<'_>,
) -> Result<porthole_store::Operation, StoreError> {
    let now_ms = cx.app.clock.now_ms();
    let (version, deadline_ms) = terms(new.kind);
    tx.insert_operation(NewOperation {
        id: OperationId::new(cx.app.ids.uuid()),
        kind: new.kind,
        version,
        account_id: &account(cx),
        region: region(cx.app),
        zone: new.subject.zone,
        resource_name: new.subject.name,
        resource_type: new.subject.resource_type,
        resource_id: new.subject.id,
        details: new.details,
        state: new.state,
        created_ms: now_ms,
        deadline_ms: now_ms + deadline_ms,
        done: new.done,
        leader: new.leader,
    })
    .await
}

/// The refusal while another operation is under way; Terraform tries again at this wording.
fn under_way(kind: Kind, name: &str) -> Error {
    Error::invalid_input(format!(
        "The {} operation on {name} is under way. Please wait for it to complete before trying again.",
        kind.name()
    ))
}

/// Makes the public answer of a store's failure and logs the failure itself.
pub fn unavailable(error: &StoreError) -> Error {
    tracing::error!(error = chain(error), "the store failed");
    Error::service_unavailable("The service cannot be reached just now. Try again.")
}

/// Where a page of rows in the order of creation begins.
fn page_start(cx: Request<'_>, action: &str, token: Option<&str>) -> Result<Page, Error> {
    let Some(token) = token else { return Ok(Page::default()) };
    let position = page_token::decode(&cx.app.page_key(), &page_context(cx, action), token)?;
    let parsed =
        position.split_once('/').and_then(|(ms, id)| Some(Page { created_ms: ms.parse().ok()?, id: id.to_owned() }));
    parsed.ok_or_else(|| Error::invalid_input("pageToken is not one that this action gave out."))
}

/// Cuts a list that was asked for with one row too many; gives the token of the next page if there is one.
fn page_end<T>(cx: Request<'_>, action: &str, rows: &mut Vec<T>, place: impl Fn(&T) -> (i64, &str)) -> Option<String> {
    if rows.len() <= PAGE_ROWS {
        return None;
    }
    rows.truncate(PAGE_ROWS);
    let (created_ms, id) = place(rows.last()?);
    Some(page_token::encode(&cx.app.page_key(), &page_context(cx, action), &format!("{created_ms}/{id}")))
}

fn page_context(cx: Request<'_>, action: &str) -> String {
    format!("{}/{action}", cx.caller.account_id)
}

/// Rows to ask for: one more than a page, to know whether there is a next one.
fn page_limit() -> i64 {
    PAGE_ROWS as i64 + 1
}

fn account(cx: Request<'_>) -> AccountId {
    AccountId::new(cx.caller.account_id.as_str())
}

fn region(app: &App) -> &str {
    &app.config.region
}
