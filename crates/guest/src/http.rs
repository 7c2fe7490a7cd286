//! The HTTP/1.1 server under the agent's API and the standalone display: limits, replies, WebSocket upgrades.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use porthole_model::guest::AgentError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// A whole reply in memory.
pub(crate) type Reply = Response<Full<Bytes>>;

/// A reply that refuses; boxed, as it comes where mostly something small does.
pub(crate) type Refusal = Box<Reply>;

/// Largest request body.
pub(crate) const BODY_BYTES: usize = 64 << 10;
/// Largest request head.
const HEAD_BYTES: usize = 32 << 10;
/// Time a caller has for its request head.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// Time a caller has for its body.
const BODY_TIME: Duration = Duration::from_secs(10);

/// Serves one connection until it ends or is upgraded.
pub(crate) async fn serve<S, H, F, B>(stream: S, handler: H)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Response<B>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let service = service_fn(|request| {
        let reply = handler(request);
        async { Ok::<_, Infallible>(reply.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = connection.await {
        tracing::debug!(%error, "Connection ended early");
    }
}

/// Reads a JSON body.
///
/// # Errors
/// A finished 400 reply.
pub(crate) async fn json_body<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Refusal> {
    let body = Limited::new(request.into_body(), BODY_BYTES).collect();
    let bytes = match tokio::time::timeout(BODY_TIME, body).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(_)) => return Err(Box::new(error(StatusCode::BAD_REQUEST, "The body is too long or was cut off."))),
        Err(_) => return Err(Box::new(error(StatusCode::BAD_REQUEST, "The body did not come in time."))),
    };
    serde_json::from_slice(&bytes)
        .map_err(|e| Box::new(error(StatusCode::BAD_REQUEST, &format!("The body is wrong: {e}."))))
}

/// A 200 reply with a JSON body.
pub(crate) fn json<T: Serialize>(value: &T) -> Reply {
    match serde_json::to_vec(value) {
        Ok(bytes) => content("application/json", bytes),
        Err(e) => error(StatusCode::INTERNAL_SERVER_ERROR, &format!("The reply cannot be written: {e}.")),
    }
}

/// A 200 reply with any body.
pub(crate) fn content(kind: &'static str, bytes: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(bytes.into()));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}

/// A reply that says what went wrong.
pub(crate) fn error(status: StatusCode, message: &str) -> Reply {
    let body = serde_json::to_vec(&AgentError { message: message.to_owned() }).unwrap_or_default();
    let mut reply = content("application/json", body);
    *reply.status_mut() = status;
    reply
}

/// Accepts a WebSocket: the reply to send, and what becomes the raw stream after it.
///
/// # Errors
/// A finished 400 or 426 reply when the request asks for none.
pub(crate) fn websocket(request: &mut Request<Incoming>) -> Result<(Reply, OnUpgrade), Refusal> {
    let has = |name: HeaderName, token: &str| {
        request
            .headers()
            .get_all(name)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
    };
    if !has(CONNECTION, "upgrade") || !has(UPGRADE, "websocket") {
        return Err(Box::new(error(StatusCode::UPGRADE_REQUIRED, "This path speaks WebSocket only.")));
    }
    let Some(key) = request.headers().get(SEC_WEBSOCKET_KEY).cloned() else {
        return Err(Box::new(error(StatusCode::BAD_REQUEST, "The WebSocket key is missing.")));
    };
    let upgrade = hyper::upgrade::on(request);
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = reply.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    Ok((reply, upgrade))
}

/// Takes the raw stream of an accepted WebSocket, with what of it was read already.
pub(crate) async fn upgraded<S>(upgrade: OnUpgrade) -> Option<(S, Bytes)>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let upgraded = upgrade.await.ok()?;
    let parts = upgraded.downcast::<TokioIo<S>>().ok()?;
    Some((parts.io.into_inner(), parts.read_buf))
}
