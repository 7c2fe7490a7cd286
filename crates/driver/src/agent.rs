//! One request to a guest agent over a fresh stream. The reply is hostile input: its size and the time it takes are limited.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use porthole_model::guest::{Health, MAX_REPLY_BYTES};
use tokio::time::timeout;

use crate::AgentStream;

/// Why an agent gave no usable reply.
#[derive(Debug, thiserror::Error)]
pub enum AgentRequestError {
    /// The stream broke or the agent does not speak HTTP.
    #[error("talk to the guest agent")]
    Http(#[from] hyper::Error),
    /// The reply did not come in time.
    #[error("the guest agent did not answer within {0:?}")]
    Late(Duration),
    /// The reply's body was too long or broke off.
    #[error("read the guest agent's reply")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The reply was not what it should be.
    #[error("understand the guest agent's reply: {0}")]
    Meaning(String),
}

/// Sends one request (`body` empty or JSON) and reads the whole reply, at most [`MAX_REPLY_BYTES`].
pub async fn request(
    stream: Box<dyn AgentStream>,
    method: Method,
    path: &str,
    body: Vec<u8>,
    limit: Duration,
) -> Result<Response<Bytes>, AgentRequestError> {
    timeout(limit, exchange(stream, method, path, body)).await.unwrap_or(Err(AgentRequestError::Late(limit)))
}

async fn exchange(
    stream: Box<dyn AgentStream>,
    method: Method,
    path: &str,
    body: Vec<u8>,
) -> Result<Response<Bytes>, AgentRequestError> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let talk = async move {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "agent")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| AgentRequestError::Meaning(error.to_string()))?;
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, MAX_REPLY_BYTES).collect().await.map_err(AgentRequestError::Body)?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    };
    let mut connection = std::pin::pin!(connection);
    let mut talk = std::pin::pin!(talk);
    tokio::select! {
        reply = &mut talk => reply,
        ended = &mut connection => {
            ended?;
            talk.await
        }
    }
}

/// Asks for the agent's health.
pub async fn health(stream: Box<dyn AgentStream>, limit: Duration) -> Result<Health, AgentRequestError> {
    let reply = request(stream, Method::GET, "/v1/health", Vec::new(), limit).await?;
    if !reply.status().is_success() {
        return Err(AgentRequestError::Meaning(format!("status {}", reply.status().as_u16())));
    }
    serde_json::from_slice(reply.body()).map_err(|error| AgentRequestError::Meaning(error.to_string()))
}
