//! The fake's guest agent: HTTP/1.1 over an in-memory pipe, with the replies and the stages of the real one.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base64::Engine;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use porthole_model::guest::{
    AgentError, DisplaySpec, DisplayState, DisplayStatus, Health, MAX_REPLY_BYTES, Metadata, SshHostKey, SshHostKeys,
    Taken, Window, WindowList,
};
use sha1::{Digest, Sha1};
use tokio::{
    io::DuplexStream,
    sync::watch,
    time::{Instant, sleep, timeout_at},
};

use super::{
    Deed, Fault, Shared, When,
    files::{self, Home},
    meter::Used,
};

/// How a display behaves when it is asked to start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DisplayOutcome {
    /// Passes through 10, 40, 70 and 100 percent.
    #[default]
    Starts,
    /// Reaches 40 percent, then fails with this reason.
    Fails(String),
    /// Stays at 40 percent.
    Hangs,
}

/// One display inside the fake agent.
#[derive(Debug, Clone)]
pub(super) struct Display {
    spec: Option<DisplaySpec>,
    begun: Instant,
    stage: Duration,
    outcome: DisplayOutcome,
    viewers: u32,
    /// Changes when the display starts or stops; streams of another value end.
    generation: u64,
}

/// Gives a number that no display had before, in this boot or another.
fn next_generation() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

impl Display {
    fn stages_passed(&self) -> u32 {
        if self.stage.is_zero() {
            return 3;
        }
        (self.begun.elapsed().as_micros() / self.stage.as_micros().max(1)).min(3) as u32
    }

    /// Says when the next stage is reached, if one is to come.
    fn next_change(&self) -> Option<Instant> {
        let last = match self.outcome {
            DisplayOutcome::Starts => 3,
            DisplayOutcome::Fails(_) => 2,
            DisplayOutcome::Hangs => 1,
        };
        let passed = self.stages_passed();
        (self.spec.is_some() && passed < last).then(|| self.begun + self.stage * (passed + 1))
    }

    /// Gives the status as the agent would report it now.
    pub(super) fn status(&self, name: &str) -> DisplayStatus {
        let (state, percent, reason) = match (&self.spec, &self.outcome, self.stages_passed()) {
            (None, _, _) => (DisplayState::Stopped, 0, String::new()),
            (_, _, 0) => (DisplayState::Starting, 10, String::new()),
            (_, _, 1) | (_, DisplayOutcome::Hangs, _) => (DisplayState::Starting, 40, String::new()),
            (_, DisplayOutcome::Fails(why), _) => (DisplayState::Failed, 40, why.clone()),
            (_, DisplayOutcome::Starts, 2) => (DisplayState::Starting, 70, String::new()),
            (_, DisplayOutcome::Starts, _) => (DisplayState::Started, 100, String::new()),
        };
        DisplayStatus {
            name: name.to_owned(),
            state,
            percent,
            reason,
            viewers: self.viewers,
            width_px: self.spec.as_ref().map_or(0, |s| s.width_px),
            height_px: self.spec.as_ref().map_or(0, |s| s.height_px),
        }
    }
}

/// What the agent of one boot holds.
#[derive(Debug)]
pub(super) struct Agent {
    booted: Instant,
    pub(super) displays: BTreeMap<String, Display>,
    pub(super) used: Used,
    /// What its metadata service was last told to say.
    pub(super) metadata: Option<Metadata>,
    pub(super) home: Home,
    /// Counts changes; every long poll and every stream listens to it. Closed when the instance ends.
    changes: watch::Sender<u64>,
}

impl Agent {
    pub(super) fn new(used: Used) -> Self {
        let changes = watch::channel(0).0;
        Self { booted: Instant::now(), displays: BTreeMap::new(), used, metadata: None, home: Home::default(), changes }
    }

    fn changed(&self) {
        self.changes.send_modify(|n| *n += 1);
    }
}

/// Serves one connection of the instance `id` until either side closes it or the instance ends.
pub(super) async fn serve(shared: Arc<Shared>, id: String, stream: DuplexStream, mut boot: watch::Receiver<u64>) {
    let service = service_fn(|request| handle(Arc::clone(&shared), id.clone(), request));
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::select! {
        _ = connection => {}
        () = ended(&mut boot) => {}
    }
}

/// Waits until the agent's boot is over.
pub(super) async fn ended(boot: &mut watch::Receiver<u64>) {
    while boot.changed().await.is_ok() {}
}

type Reply = Result<Response<Full<Bytes>>, std::io::Error>;

async fn handle(shared: Arc<Shared>, id: String, request: Request<Incoming>) -> Reply {
    let path = request.uri().path().to_owned();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let deed = match (request.method(), parts.as_slice()) {
        (&Method::GET, ["v1", "health"]) => Deed::Health,
        (&Method::GET, ["v1", "ssh-host-keys"]) => Deed::SshHostKeys,
        (&Method::PUT, ["v1", "metadata"]) => Deed::PutMetadata,
        (&Method::GET, ["v1", "files"]) => Deed::Files,
        (&Method::PUT, ["v1", "displays", _]) => Deed::PutDisplay,
        (&Method::GET, ["v1", "displays", _]) => Deed::GetDisplay,
        (&Method::DELETE, ["v1", "displays", _]) => Deed::DeleteDisplay,
        (&Method::GET, ["v1", "displays", _, "stream"]) => Deed::Stream,
        (&Method::GET, ["v1", "displays", _, "screenshot" | "windows"]) => Deed::Screenshot,
        _ => return Ok(refuse(StatusCode::NOT_FOUND, "no such path")),
    };
    let name = parts.get(2).copied().unwrap_or_default().to_owned();
    let (latency, fault) = shared.lock().begin(deed, &id);
    sleep(latency).await;
    let fault = match fault {
        Some((When::Before | When::Halfway, fault)) => return struck(fault).await,
        other => other,
    };
    let reply = match deed {
        Deed::Health => health(&shared, &id),
        Deed::SshHostKeys => ssh_host_keys(&id),
        Deed::PutMetadata => put_metadata(&shared, &id, request).await,
        Deed::PutDisplay => put(&shared, &id, &name, request).await,
        Deed::GetDisplay => get(&shared, &id, &name, query(&request, "wait_ms")).await,
        Deed::DeleteDisplay => delete(&shared, &id, &name),
        Deed::Files => files::accept(&shared, &id, request),
        Deed::Stream => stream(&shared, &id, &name, request),
        _ if parts.get(3) == Some(&"windows") => windows(&shared, &id, &name),
        _ => screenshot(&shared, &id, &name, request.uri().query() == Some("small")),
    };
    match fault {
        Some((_, fault)) => struck(fault).await,
        None => Ok(reply),
    }
}

async fn struck(fault: Fault) -> Reply {
    match fault {
        Fault::Retry(_) => Ok(refuse(StatusCode::SERVICE_UNAVAILABLE, "injected fault")),
        Fault::Final(why) => Ok(refuse(StatusCode::INTERNAL_SERVER_ERROR, &why)),
        Fault::Hang => std::future::pending().await,
        Fault::Cut => Err(std::io::ErrorKind::ConnectionReset.into()),
    }
}

pub(super) fn refuse(status: StatusCode, message: &str) -> Response<Full<Bytes>> {
    json(status, &AgentError { message: message.to_owned() })
}

pub(super) fn json<T: serde::Serialize>(status: StatusCode, body: &T) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::new(Bytes::from(serde_json::to_vec(body).unwrap_or_default())));
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    reply
}

fn query(request: &Request<Incoming>, key: &str) -> u64 {
    let pairs = request.uri().query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| *name == key).find_map(|(_, value)| value.parse().ok()).unwrap_or(0)
}

fn health(shared: &Shared, id: &str) -> Response<Full<Bytes>> {
    let world = shared.lock();
    let Some(agent) = world.agent(id) else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "shutting down");
    };
    let displays = agent.displays.iter().map(|(name, display)| display.status(name)).collect();
    let uptime_ms = agent.booted.elapsed().as_millis() as u64;
    json(
        StatusCode::OK,
        &Health { version: env!("CARGO_PKG_VERSION").to_owned(), uptime_ms, displays, requests_without_token: 0 },
    )
}

/// A key that is the instance's for all its life, and nobody else's.
fn ssh_host_keys(id: &str) -> Response<Full<Bytes>> {
    let algorithm = "ssh-ed25519";
    let mut blob = Vec::new();
    // Twice twenty bytes are more than the thirty-two of a key.
    let key: Vec<u8> = ["a", "b"].iter().flat_map(|half| Sha1::digest(format!("{id}{half}"))).take(32).collect();
    for part in [algorithm.as_bytes(), &key] {
        blob.extend_from_slice(&(part.len() as u32).to_be_bytes());
        blob.extend_from_slice(part);
    }
    let public_key = base64::engine::general_purpose::STANDARD.encode(blob);
    json(StatusCode::OK, &SshHostKeys { keys: vec![SshHostKey { algorithm: algorithm.to_owned(), public_key }] })
}

async fn put_metadata(shared: &Shared, id: &str, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let Ok(body) = Limited::new(request.into_body(), MAX_REPLY_BYTES).collect().await else {
        return refuse(StatusCode::BAD_REQUEST, "the body could not be read");
    };
    let metadata: Metadata = match serde_json::from_slice(&body.to_bytes()) {
        Ok(metadata) => metadata,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let mut world = shared.lock();
    let Some(agent) = world.agent_mut(id) else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "shutting down");
    };
    agent.metadata = Some(metadata);
    json(StatusCode::OK, &Taken {})
}

async fn put(shared: &Shared, id: &str, name: &str, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let Ok(body) = Limited::new(request.into_body(), MAX_REPLY_BYTES).collect().await else {
        return refuse(StatusCode::BAD_REQUEST, "the body could not be read");
    };
    let spec: DisplaySpec = match serde_json::from_slice(&body.to_bytes()) {
        Ok(spec) => spec,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let known = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let sized = (320..=8192).contains(&spec.width_px) && (200..=8192).contains(&spec.height_px);
    if !known || !sized || spec.command.is_empty() {
        return refuse(StatusCode::BAD_REQUEST, "a display has a name, a size within limits and a command");
    }
    let mut world = shared.lock();
    let (stage, outcome) = world.display_plan(name);
    let Some(agent) = world.agent_mut(id) else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "shutting down");
    };
    let fresh =
        Display { spec: Some(spec), begun: Instant::now(), stage, outcome, viewers: 0, generation: next_generation() };
    let display = agent.displays.entry(name.to_owned()).or_insert_with(|| Display { spec: None, ..fresh.clone() });
    if matches!(display.status(name).state, DisplayState::Stopped | DisplayState::Failed) {
        *display = fresh;
    }
    let status = display.status(name);
    agent.changed();
    json(StatusCode::OK, &status)
}

async fn get(shared: &Shared, id: &str, name: &str, wait_ms: u64) -> Response<Full<Bytes>> {
    let deadline = Instant::now() + Duration::from_millis(wait_ms.min(30_000));
    let mut first: Option<DisplayStatus> = None;
    loop {
        let (status, next, mut changes) = {
            let world = shared.lock();
            let Some(agent) = world.agent(id) else {
                return refuse(StatusCode::SERVICE_UNAVAILABLE, "shutting down");
            };
            let Some(display) = agent.displays.get(name) else {
                return refuse(StatusCode::NOT_FOUND, "no such display");
            };
            (display.status(name), display.next_change(), agent.changes.subscribe())
        };
        let before = first.get_or_insert_with(|| status.clone());
        let moved = before.state != status.state || before.percent != status.percent;
        if moved || Instant::now() >= deadline {
            return json(StatusCode::OK, &status);
        }
        let wake = next.map_or(deadline, |at| at.min(deadline));
        // Either way the loop looks again.
        let _ = timeout_at(wake, changes.changed()).await;
    }
}

fn delete(shared: &Shared, id: &str, name: &str) -> Response<Full<Bytes>> {
    let mut world = shared.lock();
    let Some(agent) = world.agent_mut(id) else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "shutting down");
    };
    if let Some(display) = agent.displays.get_mut(name) {
        display.spec = None;
        display.viewers = 0;
        display.generation = next_generation();
    }
    agent.changed();
    let stopped = DisplayStatus {
        name: name.to_owned(),
        state: DisplayState::Stopped,
        percent: 0,
        reason: String::new(),
        viewers: 0,
        width_px: 0,
        height_px: 0,
    };
    json(StatusCode::OK, &stopped)
}

fn stream(shared: &Arc<Shared>, id: &str, name: &str, mut request: Request<Incoming>) -> Response<Full<Bytes>> {
    let Some(key) = request.headers().get(header::SEC_WEBSOCKET_KEY).cloned() else {
        return refuse(StatusCode::BAD_REQUEST, "not a WebSocket upgrade");
    };
    let mut world = shared.lock();
    let Some(agent) = world.agent_mut(id) else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "shutting down");
    };
    let changes = agent.changes.subscribe();
    let Some(display) = agent.displays.get_mut(name).filter(|display| display.spec.is_some()) else {
        return refuse(StatusCode::NOT_FOUND, "no such display");
    };
    display.viewers += 1;
    let generation = display.generation;
    drop(world);
    let upgrade = hyper::upgrade::on(&mut request);
    let (shared, id, name) = (Arc::clone(shared), id.to_owned(), name.to_owned());
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            let (mut from, mut to) = tokio::io::split(TokioIo::new(upgraded));
            tokio::select! {
                _ = tokio::io::copy(&mut from, &mut to) => {}
                () = display_ended(&shared, &id, &name, generation, changes) => {}
            }
        }
        let mut world = shared.lock();
        if let Some(display) = world.agent_mut(&id).and_then(|agent| agent.displays.get_mut(&name))
            && display.generation == generation
        {
            display.viewers = display.viewers.saturating_sub(1);
        }
    });
    let mut digest = Sha1::new();
    digest.update(key.as_bytes());
    digest.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let accept = base64::engine::general_purpose::STANDARD.encode(digest.finalize());
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = reply.headers_mut();
    headers.insert(header::CONNECTION, header::HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, header::HeaderValue::from_static("websocket"));
    if let Ok(accept) = header::HeaderValue::from_str(&accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    reply
}

/// Waits until the display is stopped or its instance ends.
async fn display_ended(shared: &Shared, id: &str, name: &str, generation: u64, mut changes: watch::Receiver<u64>) {
    loop {
        let lives =
            shared.lock().agent(id).and_then(|a| a.displays.get(name)).map(|d| d.generation) == Some(generation);
        if !lives || changes.changed().await.is_err() {
            return;
        }
    }
}

/// A valid picture of a few grey pixels.
const JPEG: &[u8] = include_bytes!("small.jpg");
/// A valid picture of one grey pixel.
const PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 0,
    0, 0, 0, 0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0, 10, b'I', b'D', b'A', b'T', 0x78, 0x9c, 0x63, 0x68, 0, 0, 0, 0x82, 0,
    0x81, 0x77, 0xcd, 0x72, 0xb6, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

fn is_running(shared: &Shared, id: &str, name: &str) -> bool {
    let world = shared.lock();
    world.agent(id).and_then(|agent| agent.displays.get(name)).is_some_and(|display| display.spec.is_some())
}

fn screenshot(shared: &Shared, id: &str, name: &str, small: bool) -> Response<Full<Bytes>> {
    if !is_running(shared, id, name) {
        return refuse(StatusCode::NOT_FOUND, "no such display");
    }
    let (kind, picture) = if small { ("image/jpeg", JPEG) } else { ("image/png", PNG) };
    let mut reply = Response::new(Full::new(Bytes::from_static(picture)));
    reply.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    reply
}

/// One window, of the program the display was told to run.
fn windows(shared: &Shared, id: &str, name: &str) -> Response<Full<Bytes>> {
    let world = shared.lock();
    let display = world.agent(id).and_then(|agent| agent.displays.get(name));
    let Some(command) = display.and_then(|display| display.spec.as_ref()?.command.first()) else {
        return refuse(StatusCode::NOT_FOUND, "no such display");
    };
    let application = command.rsplit('/').next().unwrap_or_default().to_owned();
    let window = Window { title: format!("{application} \u{2014} unsaved\u{7}"), application };
    json(StatusCode::OK, &WindowList { windows: vec![window] })
}

/// Subscribes to the end of the agent's boot.
pub(super) fn boot_of(agent: &Agent) -> watch::Receiver<u64> {
    agent.changes.subscribe()
}
