//! The stream of one viewer: checks the cookie, asks the guest agent for the same upgrade, copies bytes both ways and
//! counts them. Never looks inside.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, Request, StatusCode, header},
    response::Response,
};
use hyper_util::rt::TokioIo;
use porthole_driver::AgentStream;
use porthole_model::{guest::DisplayState, session::Status};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::{refusal, registry::Stream, same_origin, trade};
use crate::{agent::Agent, app::App, audit::Act, client, telemetry::chain};

/// Headers of the handshake that both ends must see; all others stay here.
const HANDSHAKE: [&str; 4] =
    ["sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions", "sec-websocket-protocol"];
const BUFFER_BYTES: usize = 64 * 1024;
/// What a viewer sends this long after the last picture, in milliseconds, is a person's input: it acknowledges a picture
/// within a frame and a round trip, and says nothing else by itself.
const INPUT_AFTER_MS: i64 = 300;

/// `GET /view/s/{view_id}/stream`: a WebSocket upgrade that ends at the guest agent's display.
pub async fn stream(State(app): State<Arc<App>>, Path(view_id): Path<String>, mut request: Request<Body>) -> Response {
    let headers = request.headers();
    if !same_origin(&app, headers) {
        return refusal(StatusCode::FORBIDDEN, "invalid", "The stream may be opened only by Porthole's own page.");
    }
    let upgrade = headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if !upgrade || !headers.contains_key("sec-websocket-key") {
        return refusal(StatusCode::UPGRADE_REQUIRED, "invalid", "This address takes only WebSocket connections.");
    }
    let found = match trade::find_view(&app, &view_id, headers).await {
        Ok(found) => found,
        Err(response) => return response,
    };
    if found.status != Status::Started || !found.same_generation {
        let (reason, message) = super::explain(found.status, found.same_generation);
        return refusal(StatusCode::CONFLICT, reason, message);
    }
    // Entered before the last look at the session, so that a stop in between finds the stream and cuts it.
    let view = found.view;
    let key = Stream {
        instance_id: view.instance_id.clone(),
        generation: view.generation,
        id: app.ids.uuid(),
        account_id: found.account_id,
        display: view.display.clone(),
        role: view.role,
        since_ms: app.clock.now_ms(),
        from: client::address(&app, request.extensions(), headers),
        by: view.by.clone(),
        share: view.share.clone(),
    };
    let app_for_task = Arc::clone(&app);
    let client = hyper::upgrade::on(&mut request);
    let (ready, outcome) = tokio::sync::oneshot::channel();
    let handshake = handshake_headers(request.headers(), view.role.as_str());
    let path_display = view.display.clone();
    let revalidate_headers = request.headers().clone();
    tokio::spawn(async move {
        let app = app_for_task;
        let mut registered = app.viewers.register(key.clone());
        let again = trade::find_view(&app, &view_id, &revalidate_headers).await;
        if !again.is_ok_and(|found| found.status == Status::Started && found.same_generation) {
            let _ = ready.send(Err(refusal(StatusCode::CONFLICT, "stopped", "This session was stopped.")));
            return;
        }
        let upgraded = tokio::select! {
            upgraded = upgrade_guest(&app, &key.instance_id, &path_display, handshake) => upgraded,
            () = registered.cut() => return,
        };
        let (guest, reply) = match upgraded {
            Ok(upgraded) => upgraded,
            Err(response) => {
                let _ = ready.send(Err(response));
                return;
            }
        };
        if ready.send(Ok(reply)).is_err() {
            return;
        }
        let Ok(client) = client.await else { return };
        app.metrics.viewers_total.inc();
        note_viewer(&app, &key, &found.instance_name);
        let activity = Activity::new(&app, &key.instance_id);
        tokio::select! {
            (down, up) = copy_both(TokioIo::new(client), guest, &activity) => {
                tracing::debug!(instance = key.instance_id, down, up, "viewer left");
                app.metrics.stream_bytes_down.inc_by(down);
                app.metrics.stream_bytes_up.inc_by(up);
            }
            () = registered.cut() => tracing::debug!(instance = key.instance_id, "viewer cut"),
        }
    });
    match outcome.await {
        Ok(Ok(reply)) => reply,
        Ok(Err(refused)) => refused,
        Err(_) => refusal(StatusCode::CONFLICT, "stopped", "This session was stopped."),
    }
}

fn note_viewer(app: &App, stream: &Stream, instance_name: &str) {
    let target = match stream.share.as_str() {
        "" => format!("{instance_name} {} {}", stream.display, stream.role.as_str()),
        share => format!("{instance_name} {} {} share {share}", stream.display, stream.role.as_str()),
    };
    let act = Act {
        actor: &stream.by,
        account_id: &stream.account_id,
        action: "OpenViewer",
        target: &target,
        address: &stream.from,
        outcome: "ok",
    };
    app.audit.note(app, act);
}

fn handshake_headers(from: &HeaderMap, role: &str) -> HeaderMap {
    let mut headers: HeaderMap =
        HANDSHAKE.iter().filter_map(|name| Some((name.parse().ok()?, from.get(*name)?.clone()))).collect();
    headers.insert(header::HOST, HeaderValue::from_static("guest"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert("x-porthole-role", HeaderValue::from_str(role).expect("a role is a plain word"));
    headers
}

/// Asks the agent for the display's stream; brings a display back whose X server or application ended by itself.
async fn upgrade_guest(
    app: &App,
    instance_id: &str,
    display: &str,
    headers: HeaderMap,
) -> Result<(Box<dyn AgentStream>, Response), Response> {
    let agent = Agent::new(&*app.driver, instance_id);
    let name = display;
    let unavailable = |error: &dyn std::error::Error| {
        tracing::warn!(instance = instance_id, name, error = chain(error), "display cannot be reached");
        refusal(StatusCode::SERVICE_UNAVAILABLE, "starting", "The display cannot be reached just now.")
    };
    let status = agent.wait_display(display, 0).await;
    let dead =
        status.as_ref().map_or(true, |status| !matches!(status.state, DisplayState::Started | DisplayState::Starting));
    if dead {
        let spec = crate::service::session::display_spec(app, instance_id, display).await;
        let Some(spec) = spec else {
            return Err(refusal(StatusCode::CONFLICT, "gone", "The computer no longer has this display."));
        };
        agent.ensure_display(display, &spec).await.map_err(|error| unavailable(&error))?;
    }
    let connected = tokio::time::timeout(Duration::from_secs(10), upgrade_once(&agent, display, headers)).await;
    match connected {
        Ok(Ok(upgraded)) => Ok(upgraded),
        Ok(Err(error)) => Err(unavailable(&*error)),
        Err(late) => Err(unavailable(&late)),
    }
}

type Boxed = Box<dyn std::error::Error + Send + Sync>;

async fn upgrade_once(
    agent: &Agent<'_>,
    display: &str,
    headers: HeaderMap,
) -> Result<(Box<dyn AgentStream>, Response), Boxed> {
    let stream = agent.connect().await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection.with_upgrades());
    let mut request =
        Request::get(format!("/v1/displays/{display}/stream")).body(http_body_util::Empty::<bytes::Bytes>::new())?;
    *request.headers_mut() = headers;
    let mut reply = match sender.send_request(request).await {
        Ok(reply) => reply,
        Err(error) => {
            connection.abort();
            return Err(error.into());
        }
    };
    if reply.status() != StatusCode::SWITCHING_PROTOCOLS {
        connection.abort();
        return Err(format!("the agent answered {}", reply.status()).into());
    }
    let mut response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
    for name in ["sec-websocket-accept", "sec-websocket-extensions", "sec-websocket-protocol"] {
        if let Some(value) = reply.headers().get(name) {
            response = response.header(name, value);
        }
    }
    let response =
        response.header(header::CONNECTION, "upgrade").header(header::UPGRADE, "websocket").body(Body::empty())?;
    let upgraded = hyper::upgrade::on(&mut reply).await?;
    Ok((Box::new(TokioIo::new(upgraded)), response))
}

/// Copies until either side ends; gives bytes towards the viewer and from it. Counts are right even if one side breaks.
async fn copy_both(
    client: impl AsyncRead + AsyncWrite,
    guest: Box<dyn AgentStream>,
    activity: &Activity<'_>,
) -> (u64, u64) {
    let (mut client_read, mut client_write) = tokio::io::split(client);
    let (mut guest_read, mut guest_write) = tokio::io::split(guest);
    let (mut down, mut up) = (0, 0);
    tokio::select! {
        () = pump(&mut guest_read, &mut client_write, &mut down, || activity.picture()) => {}
        () = pump(&mut client_read, &mut guest_write, &mut up, || activity.sent()) => {}
    }
    (down, up)
}

/// Tells a person's input from acknowledgements by time alone, without a look inside.
struct Activity<'a> {
    app: &'a App,
    instance_id: &'a str,
    picture_ms: AtomicI64,
}

impl<'a> Activity<'a> {
    fn new(app: &'a App, instance_id: &'a str) -> Self {
        Self { app, instance_id, picture_ms: AtomicI64::new(0) }
    }

    fn picture(&self) {
        self.picture_ms.store(self.app.clock.now_ms(), Ordering::Relaxed);
    }

    fn sent(&self) {
        let now_ms = self.app.clock.now_ms();
        if now_ms - self.picture_ms.load(Ordering::Relaxed) > INPUT_AFTER_MS {
            self.app.viewers.note_input(self.instance_id, now_ms);
        }
    }
}

async fn pump(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    count: &mut u64,
    seen: impl Fn(),
) {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(length) => {
                seen();
                if to.write_all(&buffer[..length]).await.is_err() || to.flush().await.is_err() {
                    return;
                }
                *count += length as u64;
            }
        }
    }
}
