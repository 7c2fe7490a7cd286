//! A display without init: serves the viewer page and the stream by itself, and speaks JSON lines on standard output.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, LOCATION, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use porthole_display::Role;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};

use super::xserver::XServer;
use crate::control::Report;
use crate::http::{Reply, content, error, json, serve, upgraded, websocket};
use crate::screen::{Ask, Socket};

/// Connections at once.
const MOST_CONNECTIONS: usize = 64;

/// Begins to serve; the bound address goes to standard output.
pub(super) async fn listen(
    address: SocketAddr,
    web: Option<PathBuf>,
    ask: mpsc::UnboundedSender<Ask>,
) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("Nothing can be served on {address}: {e}.");
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    line(&serde_json::json!({ "listening": bound.to_string() }));
    let web = web.map(Rc::from);
    tokio::task::spawn_local(accept(listener, web, ask));
    Ok(())
}

/// Says how to reach the X server.
pub(super) fn announce(x: &XServer) {
    line(&serde_json::json!({
        "display": format!(":{}", x.number),
        "xauthority": x.authority,
        "xserverPid": x.pid.as_raw_nonzero().get(),
    }));
}

/// Says what init would be told.
pub(super) fn say(report: &Report) {
    if let Ok(value) = serde_json::to_value(report) {
        line(&value);
    }
}

fn line(value: &serde_json::Value) {
    let mut out = std::io::stdout().lock();
    // A reader that has gone does not matter to the display.
    let _ = writeln!(out, "{value}").and_then(|()| out.flush());
}

async fn accept(listener: TcpListener, web: Option<Rc<Path>>, ask: mpsc::UnboundedSender<Ask>) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "Connection not accepted");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        let (web, ask) = (web.clone(), ask.clone());
        tokio::task::spawn_local(async move {
            let _ = stream.set_nodelay(true);
            serve(stream, |request| answer(request, web.clone(), ask.clone())).await;
            drop(permit);
        });
    }
}

/// The one view of a display by itself, and the one that only looks: what the gateway of a server makes for each URL.
const VIEW: &str = "local";
const WATCH: &str = "watch";

async fn answer(mut request: Request<Incoming>, web: Option<Rc<Path>>, ask: mpsc::UnboundedSender<Ask>) -> Reply {
    let path = request.uri().path().to_owned();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let view = |id: &str| [VIEW, WATCH].contains(&id);
    let mut reply = match (request.method(), &parts[..]) {
        (&Method::GET, ["stream"]) => {
            let watch = request.uri().query().is_some_and(|q| q.split('&').any(|p| p == "role=view"));
            return stream(&mut request, ask, watch);
        }
        (&Method::GET, ["view", "s", id, "stream"]) if view(id) => {
            let watch = *id == WATCH;
            return stream(&mut request, ask, watch);
        }
        (&Method::GET, ["view", "s", id, "status"]) if view(id) => json(&status(id)),
        (&Method::POST, ["view", "api", "trade"]) => json(&status(VIEW)),
        (&Method::GET, [""] | ["view"]) => to_view(VIEW),
        (&Method::GET, ["watch"]) => to_view(WATCH),
        (&Method::GET, ["view", "v", id]) if view(id) => file(web.as_deref(), &["index.html"]),
        (&Method::GET, ["view", rest @ ..]) => file(web.as_deref(), rest),
        (&Method::GET, _) => error(StatusCode::NOT_FOUND, "There is no such page."),
        _ => error(StatusCode::METHOD_NOT_ALLOWED, "This path does not take this method."),
    };
    for (name, value) in headers() {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    reply
}

fn to_view(id: &str) -> Reply {
    let mut reply = content("text/plain", "");
    *reply.status_mut() = StatusCode::FOUND;
    if let Ok(place) = HeaderValue::from_str(&format!("/view/v/{id}")) {
        reply.headers_mut().insert(LOCATION, place);
    }
    reply
}

/// What the page asks a gateway: the session is on, as long as anybody answers.
fn status(id: &str) -> serde_json::Value {
    serde_json::json!({
        "viewId": id,
        "state": "started",
        "message": "",
        "instanceName": "",
        "display": "",
        "role": if id == WATCH { "view" } else { "control" },
        "expiresAtMs": 0,
        "streamPath": format!("/view/s/{id}/stream"),
        "statusPath": format!("/view/s/{id}/status"),
    })
}

/// What makes the page cross-origin isolated and keeps foreign code out of it.
fn headers() -> [(HeaderName, &'static str); 7] {
    [
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; \
             img-src 'self' blob: data:; worker-src 'self' blob:; connect-src 'self' ws: wss:",
        ),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-cache"),
    ]
}

fn stream(request: &mut Request<Incoming>, ask: mpsc::UnboundedSender<Ask>, watch: bool) -> Reply {
    if !same_origin(request) {
        return error(StatusCode::FORBIDDEN, "The page that asks is not from here.");
    }
    let role = if watch { Role::View } else { Role::Control };
    match websocket(request) {
        Err(refusal) => *refusal,
        Ok((reply, upgrade)) => {
            tokio::task::spawn_local(async move {
                let Some((stream, read)) = upgraded::<TcpStream>(upgrade).await else { return };
                // The screen lives on another runtime, to which the socket must move.
                let Ok(stream) = stream.into_std() else { return };
                let _ = ask.send(Ask::Viewer { socket: Socket::Tcp(stream), read, role });
            });
            reply
        }
    }
}

/// Whether a page of this very server asks, or no page at all.
fn same_origin(request: &Request<Incoming>) -> bool {
    let text = |name: HeaderName| request.headers().get(name).and_then(|v| v.to_str().ok());
    match (text(ORIGIN), text(HOST)) {
        (None, _) => true,
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, o)| o.eq_ignore_ascii_case(host)),
        (Some(_), None) => false,
    }
}

fn file(web: Option<&Path>, parts: &[&str]) -> Reply {
    let relative: PathBuf = parts.iter().collect();
    if !relative.components().all(|c| matches!(c, Component::Normal(_))) {
        return error(StatusCode::NOT_FOUND, "There is no such file.");
    }
    let bytes = match web {
        Some(folder) => std::fs::read(folder.join(&relative)).ok(),
        None => embedded(&relative),
    };
    match bytes {
        Some(bytes) => content(kind(&relative), bytes),
        None => error(StatusCode::NOT_FOUND, "There is no such file; --web names the folder of the viewer page."),
    }
}

/// A file of the page this binary carries.
#[cfg(feature = "page")]
fn embedded(path: &Path) -> Option<Vec<u8>> {
    #[derive(rust_embed::RustEmbed)]
    #[folder = "$CARGO_MANIFEST_DIR/../../web/dist/viewer"]
    struct Page;
    Page::get(path.to_str()?).map(|file| file.data.into_owned())
}

/// A file of the page this binary carries: none without the feature `page`.
#[cfg(not(feature = "page"))]
fn embedded(_: &Path) -> Option<Vec<u8>> {
    None
}

fn kind(path: &Path) -> &'static str {
    match path.extension().and_then(|e| e.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    }
}
