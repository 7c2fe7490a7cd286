//! The agent's HTTP API (`porthole_model::guest`).

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use porthole_model::guest::{DisplaySpec, Health, Metadata, SshHostKeys, Taken};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::displays::{DisplayError, Displays, is_name};
use super::metadata::Service;
use super::ssh::HostKeys;
use super::transfers::Transfers;
use crate::control::Product;
use crate::http::{Refusal, Reply, content, error, json, json_body, serve, upgraded, websocket};

/// Connections at once; viewers' do not count once they were handed to their display.
const MOST_CONNECTIONS: usize = 64;
/// Longest wait a caller may ask for.
const LONGEST_WAIT_MS: u64 = 30_000;
/// Longest grace a caller may ask for.
const LONGEST_GRACE_MS: u64 = 60_000;
/// Bytes of a WebSocket that may come before its display has it.
const READ_AHEAD_BYTES: usize = 64 << 10;

/// Serves connections for ever.
pub(super) async fn accept(
    listener: UnixListener,
    displays: Rc<Displays>,
    transfers: Rc<Transfers>,
    host_keys: Option<HostKeys>,
    metadata: Service,
) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, say: going on at once would only burn the processor.
                tracing::warn!(%error, "Connection not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (displays, transfers) = (displays.clone(), transfers.clone());
        let (host_keys, metadata) = (host_keys.clone(), metadata.clone());
        tokio::task::spawn_local(async move {
            let handle =
                |request| answer(request, displays.clone(), transfers.clone(), host_keys.clone(), metadata.clone());
            serve(stream, handle).await;
            drop(permit);
        });
    }
}

/// What a request is about.
enum Route<'a> {
    Health,
    SshHostKeys,
    Metadata,
    Files,
    Display(&'a str),
    Stream(&'a str),
    Screenshot(&'a str),
    Windows(&'a str),
}

fn route(path: &str) -> Option<Route<'_>> {
    let rest = path.strip_prefix("/v1/")?;
    if rest == "health" {
        return Some(Route::Health);
    }
    if rest == "ssh-host-keys" {
        return Some(Route::SshHostKeys);
    }
    if rest == "metadata" {
        return Some(Route::Metadata);
    }
    if rest == "files" {
        return Some(Route::Files);
    }
    let rest = rest.strip_prefix("displays/")?;
    let (name, what) = rest.split_once('/').map_or((rest, None), |(name, what)| (name, Some(what)));
    if !is_name(name) {
        return None;
    }
    match what {
        None => Some(Route::Display(name)),
        Some("stream") => Some(Route::Stream(name)),
        Some("screenshot") => Some(Route::Screenshot(name)),
        Some("windows") => Some(Route::Windows(name)),
        Some(_) => None,
    }
}

async fn answer(
    mut request: Request<Incoming>,
    displays: Rc<Displays>,
    transfers: Rc<Transfers>,
    host_keys: Option<HostKeys>,
    metadata: Service,
) -> Reply {
    let path = request.uri().path().to_owned();
    let Some(route) = route(&path) else { return error(StatusCode::NOT_FOUND, "There is no such path.") };
    let number = |name: &str, most: u64| -> Result<Duration, Refusal> {
        let query = request.uri().query().unwrap_or_default();
        let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        match value.map_or(Ok(0), str::parse::<u64>) {
            Ok(ms) if ms <= most => Ok(Duration::from_millis(ms)),
            _ => {
                let message = format!("{name} must be a number from 0 to {most}.");
                Err(Box::new(error(StatusCode::BAD_REQUEST, &message)))
            }
        }
    };
    match (request.method().clone(), route) {
        (Method::GET, Route::Health) => json(&Health {
            version: env!("CARGO_PKG_VERSION").into(),
            uptime_ms: u64::try_from(displays.uptime().as_millis()).unwrap_or(u64::MAX),
            displays: displays.statuses(),
            requests_without_token: metadata.requests_without_token(),
        }),
        (Method::GET, Route::SshHostKeys) => match (number("wait_ms", LONGEST_WAIT_MS), host_keys) {
            (Ok(wait), Some(keys)) => json(&keys.read(wait).await),
            (Ok(_), None) => json(&SshHostKeys::default()),
            (Err(refusal), _) => *refusal,
        },
        (Method::PUT, Route::Metadata) => match json_body::<Metadata>(request).await {
            Ok(said) => {
                metadata.set(said);
                json(&Taken {})
            }
            Err(refusal) => *refusal,
        },
        (Method::GET, Route::Files) => transfers.accept(&mut request),
        (Method::GET, Route::Display(name)) => match number("wait_ms", LONGEST_WAIT_MS) {
            Ok(wait) => finish(displays.get(name, wait).await),
            Err(refusal) => *refusal,
        },
        (Method::DELETE, Route::Display(name)) => match number("grace_ms", LONGEST_GRACE_MS) {
            Ok(grace) => finish(displays.delete(name, grace).await),
            Err(refusal) => *refusal,
        },
        (Method::PUT, Route::Display(name)) => match json_body::<DisplaySpec>(request).await {
            Ok(spec) => finish(displays.put(name, spec)),
            Err(refusal) => *refusal,
        },
        (Method::GET, Route::Stream(name)) => stream(&mut request, name, displays),
        (Method::GET, Route::Screenshot(name)) => {
            let small = request.uri().query() == Some("small");
            let (kind, what) =
                if small { ("image/jpeg", Product::SmallPicture) } else { ("image/png", Product::Picture) };
            displays.written(name, what).await.map_or_else(|problem| failed(&problem), |image| content(kind, image))
        }
        (Method::GET, Route::Windows(name)) => {
            let list = displays.written(name, Product::Windows).await;
            list.map_or_else(|problem| failed(&problem), |list| content("application/json", list))
        }
        _ => error(StatusCode::METHOD_NOT_ALLOWED, "This path does not take this method."),
    }
}

fn finish<T: serde::Serialize>(result: Result<T, DisplayError>) -> Reply {
    result.map_or_else(|problem| failed(&problem), |value| json(&value))
}

fn failed(problem: &DisplayError) -> Reply {
    let status = match problem {
        DisplayError::Missing(_) => StatusCode::NOT_FOUND,
        DisplayError::Wrong(_) => StatusCode::BAD_REQUEST,
        DisplayError::Silent => StatusCode::GATEWAY_TIMEOUT,
    };
    error(status, &problem.to_string())
}

/// Accepts a WebSocket and hands its socket to the display's process, which from then on has it for itself.
fn stream(request: &mut Request<Incoming>, name: &str, displays: Rc<Displays>) -> Reply {
    let control = match request.headers().get("x-porthole-role").map(|v| v.as_bytes()) {
        Some(b"control") => true,
        Some(b"view") => false,
        _ => return error(StatusCode::BAD_REQUEST, "The header x-porthole-role must be control or view."),
    };
    if let Err(problem) = displays.runs(name) {
        return failed(&problem);
    }
    let (reply, upgrade) = match websocket(request) {
        Ok(accepted) => accepted,
        Err(refusal) => return *refusal,
    };
    let name = name.to_owned();
    tokio::task::spawn_local(async move {
        let Some((socket, read)) = upgraded::<UnixStream>(upgrade).await else { return };
        let Ok(socket) = socket.into_std() else { return };
        if read.len() > READ_AHEAD_BYTES {
            return;
        }
        let read = base64::prelude::BASE64_STANDARD.encode(read);
        if let Err(problem) = displays.view(&name, socket.into(), read, control).await {
            tracing::debug!(display = name, %problem, "Viewer not handed over");
        }
    });
    reply
}
