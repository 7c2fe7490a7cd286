//! Carries one request about files to the guest agent and back (`porthole_model::files`). What comes back is hostile:
//! only its length, its limited JSON and the word of a problem are looked at.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::{
    body::Incoming,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use porthole_model::files::{FileProblem, FileRefusal, MOST_LIST_BYTES, PROTOCOL};
use tokio::{task::JoinHandle, time::timeout};

use crate::{agent::Agent, telemetry::chain};

/// How long the agent may take until it is ready for the request.
const READY_LIMIT: Duration = Duration::from_secs(10);
/// Largest reply that is no list and no file.
const SHORT_REPLY_BYTES: usize = 4 << 10;

/// Why nothing came of a request.
#[derive(Debug)]
pub(super) enum Failure {
    /// The agent says why.
    Refused(FileProblem),
    /// The agent cannot be reached, or does not keep to the contract; the log says more.
    Broken,
}

/// A connection to what serves the files of an instance. Dropping it closes it, which ends what is on its way.
pub(super) struct Courier {
    sender: SendRequest<Body>,
    _connections: [Task; 2],
}

/// A task that ends with its owner.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

type Boxed = Box<dyn std::error::Error + Send + Sync>;

impl Courier {
    /// Connects.
    pub(super) async fn open(agent: &Agent<'_>, instance_id: &str) -> Result<Self, Failure> {
        match timeout(READY_LIMIT, Self::try_open(agent)).await {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => Err(broken(instance_id, &*error)),
            Err(late) => Err(broken(instance_id, &late)),
        }
    }

    async fn try_open(agent: &Agent<'_>) -> Result<Result<Self, Failure>, Boxed> {
        let (mut asker, connection) = handshake::<_, Body>(TokioIo::new(agent.connect().await?)).await?;
        let outer = Task(tokio::spawn(async move { drop(connection.with_upgrades().await) }));
        let request = Request::get("/v1/files")
            .header(header::HOST, "agent")
            .header(header::CONNECTION, "upgrade")
            .header(header::UPGRADE, PROTOCOL)
            .body(Body::empty())?;
        let reply = asker.send_request(request).await?;
        if reply.status() != StatusCode::SWITCHING_PROTOCOLS {
            let status = reply.status();
            return match refused(reply).await {
                Some(problem) => Ok(Err(Failure::Refused(problem))),
                None => Err(format!("the agent answered {status}").into()),
            };
        }
        let stream = hyper::upgrade::on(reply).await?;
        let (sender, connection) = handshake(stream).await?;
        let inner = Task(tokio::spawn(async move { drop(connection.await) }));
        Ok(Ok(Self { sender, _connections: [inner, outer] }))
    }

    /// Sends the request and gives the reply of one that was granted.
    pub(super) async fn ask(
        &mut self,
        instance_id: &str,
        method: Method,
        path: &str,
        body: Body,
        length: Option<HeaderValue>,
    ) -> Result<Response<Incoming>, Failure> {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "agent");
        if let Some(length) = length {
            request = request.header(header::CONTENT_LENGTH, length);
        }
        let request = request.body(body).map_err(|error| broken(instance_id, &error))?;
        let reply = self.sender.send_request(request).await.map_err(|error| broken(instance_id, &error))?;
        let status = reply.status();
        if status == StatusCode::OK {
            return Ok(reply);
        }
        match refused(reply).await {
            Some(problem) => Err(Failure::Refused(problem)),
            None => Err(broken(instance_id, &*Boxed::from(format!("the agent answered {status}")))),
        }
    }
}

/// Reads a JSON reply of at most so many bytes.
pub(super) async fn json<T: serde::de::DeserializeOwned>(
    instance_id: &str,
    reply: Response<Incoming>,
    most: Most,
) -> Result<T, Failure> {
    let most_bytes = match most {
        Most::List => MOST_LIST_BYTES,
        Most::Short => SHORT_REPLY_BYTES,
    };
    let body = Limited::new(reply.into_body(), most_bytes).collect().await;
    let bytes: Bytes = body.map_err(|error| broken(instance_id, &*error))?.to_bytes();
    serde_json::from_slice(&bytes).map_err(|error| broken(instance_id, &error))
}

/// How long a JSON reply may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Most {
    /// A folder's list.
    List,
    /// Anything else.
    Short,
}

async fn refused(reply: Response<Incoming>) -> Option<FileProblem> {
    let body = timeout(READY_LIMIT, Limited::new(reply.into_body(), SHORT_REPLY_BYTES).collect()).await.ok()?.ok()?;
    Some(serde_json::from_slice::<FileRefusal>(&body.to_bytes()).ok()?.problem)
}

fn broken(instance_id: &str, error: &dyn std::error::Error) -> Failure {
    tracing::warn!(instance = instance_id, error = chain(error), "files cannot be reached");
    Failure::Broken
}
