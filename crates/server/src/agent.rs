//! Talks to a guest agent over the driver's byte stream. The guest is hostile: every reply is limited in size and time,
//! and must be JSON of the expected shape.

use std::time::Duration;

use http::{Method, StatusCode};
use porthole_driver::{
    AgentStream, Driver, DriverError,
    agent::{AgentRequestError, request},
};
use porthole_model::guest::{
    AgentError, DisplaySpec, DisplayStatus, Health, MOST_WINDOW_TEXT, MOST_WINDOWS, Metadata, SshHostKeys, Taken,
    Window, WindowList,
};
use serde::de::DeserializeOwned;

/// First bytes of a JPEG image.
const JPEG: &[u8] = &[0xff, 0xd8, 0xff];
/// Largest small picture.
const MOST_PICTURE_BYTES: usize = 256 << 10;

/// Why a request to an agent failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The agent could not be reached.
    #[error("cannot reach the guest agent")]
    Connect(#[source] DriverError),
    /// The connection broke, or the reply was not HTTP, too long or too late.
    #[error(transparent)]
    Broken(#[from] AgentRequestError),
    /// The reply is not the JSON it should be.
    #[error("the guest agent's reply has another shape")]
    Meaning(#[source] serde_json::Error),
    /// The agent refused.
    #[error("the guest agent refused with status {status}")]
    Refused {
        /// HTTP status.
        status: StatusCode,
        /// The agent's own sentence, at most 300 characters; never shown to callers.
        message: String,
    },
}

/// One instance's agent.
pub struct Agent<'a> {
    driver: &'a dyn Driver,
    instance_id: &'a str,
}

impl<'a> Agent<'a> {
    /// Names the agent; connects at each request.
    pub fn new(driver: &'a dyn Driver, instance_id: &'a str) -> Self {
        Self { driver, instance_id }
    }

    /// Asks whether the agent answers and what it holds.
    pub async fn health(&self) -> Result<Health, Error> {
        self.json(Method::GET, "/v1/health", None, Duration::from_secs(5)).await
    }

    /// Ensures that a display is starting or started.
    pub async fn ensure_display(&self, name: &str, spec: &DisplaySpec) -> Result<DisplayStatus, Error> {
        let body = serde_json::to_vec(spec).expect("a display's description is plain data");
        self.json(Method::PUT, &format!("/v1/displays/{name}"), Some(body), Duration::from_secs(10)).await
    }

    /// Waits up to `wait_ms` for the display's state or percentage to change.
    pub async fn wait_display(&self, name: &str, wait_ms: u32) -> Result<DisplayStatus, Error> {
        let limit = Duration::from_millis(u64::from(wait_ms) + 5_000);
        self.json(Method::GET, &format!("/v1/displays/{name}?wait_ms={wait_ms}"), None, limit).await
    }

    /// Ends every process of the display.
    pub async fn stop_display(&self, name: &str, grace_ms: u32) -> Result<DisplayStatus, Error> {
        let limit = Duration::from_millis(u64::from(grace_ms) + 10_000);
        self.json(Method::DELETE, &format!("/v1/displays/{name}?grace_ms={grace_ms}"), None, limit).await
    }

    /// Reads the SSH server's public keys, and waits up to `wait_ms` for them to be made.
    pub async fn ssh_host_keys(&self, wait_ms: u32) -> Result<SshHostKeys, Error> {
        let limit = Duration::from_millis(u64::from(wait_ms) + 5_000);
        self.json(Method::GET, &format!("/v1/ssh-host-keys?wait_ms={wait_ms}"), None, limit).await
    }

    /// Says what the metadata service shall say from now on.
    pub async fn set_metadata(&self, metadata: &Metadata) -> Result<Taken, Error> {
        let body = serde_json::to_vec(metadata).expect("metadata is plain data");
        self.json(Method::PUT, "/v1/metadata", Some(body), Duration::from_secs(5)).await
    }

    /// Names the windows open on a display: printable, short, not too many, whatever the guest says.
    pub async fn windows(&self, display: &str) -> Result<Vec<Window>, Error> {
        let path = format!("/v1/displays/{display}/windows");
        let list: WindowList = self.json(Method::GET, &path, None, Duration::from_secs(5)).await?;
        let plain = |text: &str| text.chars().filter(|c| !c.is_control()).take(MOST_WINDOW_TEXT).collect();
        let windows = list.windows.iter().take(MOST_WINDOWS);
        Ok(windows
            .map(|window| Window { title: plain(&window.title), application: plain(&window.application) })
            .collect())
    }

    /// Takes a small picture of a display: what begins like a JPEG image and is not large, whatever the guest says.
    pub async fn small_picture(&self, display: &str) -> Result<bytes::Bytes, Error> {
        let stream = self.connect().await?;
        let path = format!("/v1/displays/{display}/screenshot?small");
        let reply = request(stream, Method::GET, &path, Vec::new(), Duration::from_secs(10)).await?;
        let picture = reply.body();
        if !reply.status().is_success() || !picture.starts_with(JPEG) || picture.len() > MOST_PICTURE_BYTES {
            return Err(Error::Refused { status: reply.status(), message: String::new() });
        }
        Ok(reply.into_body())
    }

    /// Opens a raw stream for an upgrade.
    pub async fn connect(&self) -> Result<Box<dyn AgentStream>, Error> {
        self.driver.connect(self.instance_id).await.map_err(Error::Connect)
    }

    async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        limit: Duration,
    ) -> Result<T, Error> {
        let stream = self.connect().await?;
        let reply = request(stream, method, path, body.unwrap_or_default(), limit).await?;
        if !reply.status().is_success() {
            let refused = serde_json::from_slice::<AgentError>(reply.body());
            let message = refused.map(|error| error.message).unwrap_or_default();
            let message = message.chars().take(300).collect();
            return Err(Error::Refused { status: reply.status(), message });
        }
        serde_json::from_slice(reply.body()).map_err(Error::Meaning)
    }
}
