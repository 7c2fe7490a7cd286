//! The one port: the API at `POST /`, the gateway under `/view`, the console, health and metrics.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Request, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use http_body_util::{BodyExt as _, Limited};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use porthole_api::{Error, protocol};
use tokio::{net::TcpListener, sync::watch};
use tower::ServiceExt as _;

use crate::{app::App, audit, auth, client, console, dispatch, gateway, metrics::RequestLabels};

/// How long a client may take to send a request's head, and how long connections may finish when the server ends.
const HEAD_LIMIT: Duration = Duration::from_secs(20);
const DRAIN_LIMIT: Duration = Duration::from_secs(2);

/// Gives all routes.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", post(api).get(front))
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
        .merge(gateway::routes())
        .merge(console::routes())
        .fallback(async || (StatusCode::NOT_FOUND, "There is nothing at this address.\n"))
        .with_state(app)
}

/// Serves until `shutdown`, then lets requests under way finish for a moment.
pub async fn serve(app: Arc<App>, listener: TcpListener, shutdown: impl Future<Output = ()>) {
    let router = router(Arc::clone(&app));
    let (ending, ended) = watch::channel(false);
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors: the next accept would fail at once as well.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let service = TowerToHyperService::new(tower::service_fn(move |mut request: Request<_>| {
            request.extensions_mut().insert(client::Peer(peer));
            router.clone().oneshot(request)
        }));
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT);
        let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
        let mut ended = ended.clone();
        tokio::spawn(async move {
            tokio::pin!(connection);
            let finished = tokio::select! {
                finished = connection.as_mut() => Some(finished),
                () = over(&mut ended) => None,
            };
            let finished = match finished {
                Some(finished) => finished,
                None => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = finished {
                tracing::debug!(%error, "connection broke");
            }
        });
    }
    drop(ended);
    app.viewers.cut_all();
    app.console.end();
    ending.send_replace(true);
    let _ = tokio::time::timeout(DRAIN_LIMIT, ending.closed()).await;
}

async fn over(ended: &mut watch::Receiver<bool>) {
    // A closed channel means that the server is gone, which is the end as well.
    let _ = ended.wait_for(|ended| *ended).await;
}

/// `GET /healthz`: the server answers and its store too.
async fn health(State(app): State<Arc<App>>) -> Response {
    match app.store.ping().await {
        Ok(()) => "ok\n".into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "The store does not answer.\n").into_response(),
    }
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    app.metrics.viewers.set(i64::try_from(app.viewers.count()).unwrap_or(i64::MAX));
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], app.metrics.text())
        .into_response()
}

/// `GET /`: for a person who opened the endpoint in a browser.
async fn front(headers: HeaderMap) -> Response {
    let wanted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if wanted.is_some_and(|wanted| wanted.contains("text/html")) {
        return Redirect::temporary("/console/").into_response();
    }
    "This is a Porthole server. It speaks the Amazon Lightsail API: aws lightsail get-instances --endpoint-url THIS-ADDRESS\n"
        .into_response()
}

/// `POST /`: one API request.
async fn api(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    let started = std::time::Instant::now();
    let request_id = app.ids.uuid();
    let (action, outcome) = answer(&app, request).await;
    let code = outcome.as_ref().err().map_or("ok", |error| error.code().as_str());
    tracing::debug!(request_id, action, code, "answered");
    app.metrics.requests.get_or_create(&RequestLabels { action, code }).inc();
    app.metrics.request_seconds.observe(started.elapsed().as_secs_f64());
    let reply = outcome.unwrap_or_else(|error| error.to_response());
    let mut response = reply.body.into_response();
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    for (name, value) in reply.headers {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

/// Reads, authenticates, decodes and dispatches; gives the action's name for metrics as well.
async fn answer(app: &App, request: Request<Body>) -> (&'static str, Result<protocol::Response, Error>) {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, protocol::MAX_BODY_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            return ("unknown", Err(Error::request_entity_too_large()));
        }
        Err(_) => return ("unknown", Err(Error::invalid_input("The request's body ended early."))),
    };
    let caller = match auth::authenticate(app, &head, &body).await {
        Ok(caller) => caller,
        Err(error) => return ("unknown", Err(error)),
    };
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let action = match protocol::action(header("x-amz-target")) {
        Ok(action) => action,
        Err(error) => return ("unknown", Err(error)),
    };
    let call = dispatch::Call { action, content_type: header("content-type"), body: &body };
    let outcome = dispatch::dispatch(app, &caller, call).await;
    if audit::is_logged(action) {
        let act = audit::Act {
            actor: caller.actor(),
            account_id: &caller.account_id,
            action: action.name(),
            target: &audit::target(action, &body),
            address: &client::address(app, &head.extensions, &head.headers),
            outcome: outcome.as_ref().err().map_or("ok", |error| error.code().as_str()),
        };
        app.audit.note(app, act);
    }
    (action.name(), outcome)
}
