//! Hands a connection over to a process with the person's rights (`crate::files`), which from then on has it for itself.
//!
//! A display that ends leaves these processes alone: the server closes their connection, at which they end by themselves
//! and take out what they had half written.

use std::cell::RefCell;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, Request, StatusCode};
use hyper::body::Incoming;
use porthole_model::files::{FileProblem, FileRefusal, PROTOCOL};
use tokio::net::UnixStream;

use super::displays::Displays;
use super::supervise::Service;
use crate::account;
use crate::http::{Reply, error, json, upgraded};
use crate::process::{Program, Reaper};

/// Lists, downloads and uploads at once.
const MOST_AT_ONCE: usize = 16;

/// All that is on its way.
pub(super) struct Transfers {
    reaper: Reaper,
    /// Whose files; `None`: our own account's.
    username: Option<String>,
    /// Places for processes.
    free: RefCell<Vec<Service>>,
}

impl Transfers {
    /// Begins with nothing on its way.
    pub(super) fn new(displays: &Displays, reaper: Reaper, username: Option<String>) -> Self {
        let free: Vec<Service> = (0..MOST_AT_ONCE).map(|_| Service::default()).collect();
        free.iter().for_each(|place| displays.spare(place.clone()));
        Self { reaper, username, free: RefCell::new(free) }
    }

    /// Accepts an upgrade, and starts the process that gets the connection.
    pub(super) fn accept(self: &Rc<Self>, request: &mut Request<Incoming>) -> Reply {
        if request.headers().get(UPGRADE).map(HeaderValue::as_bytes) != Some(PROTOCOL.as_bytes()) {
            return error(StatusCode::UPGRADE_REQUIRED, &format!("This path speaks {PROTOCOL} only."));
        }
        let Some(place) = self.free.borrow_mut().pop() else { return refused(FileProblem::Busy) };
        let upgrade = hyper::upgrade::on(request);
        let this = self.clone();
        tokio::task::spawn_local(async move {
            if let Some((socket, read)) = upgraded::<UnixStream>(upgrade).await
                // Who sends before the answer has come does not keep to the contract.
                && read.is_empty()
                && let Ok(socket) = socket.into_std()
            {
                this.run(&place, socket.into()).await;
            }
            this.free.borrow_mut().push(place);
        });
        let mut reply = Reply::default();
        *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        reply.headers_mut().insert(UPGRADE, HeaderValue::from_static(PROTOCOL));
        reply
    }

    async fn run(&self, place: &Service, socket: OwnedFd) {
        let account = match &self.username {
            Some(name) => account::find(Path::new("/"), name),
            None => Some(account::own()),
        };
        let Some(account) = account else {
            tracing::error!("The person's account is missing; no files are served");
            return;
        };
        let args = ["files".into(), "--socket-fd".into(), socket.as_raw_fd().to_string(), "--home".into()];
        let log = std::env::var("PORTHOLE_LOG").ok().map(|value| ("PORTHOLE_LOG".to_owned(), value));
        let program = Program::new("/proc/self/exe")
            .args(args)
            .args([account.home])
            .envs(log)
            .identity(self.username.is_some().then_some(account.identity))
            .descriptor(socket)
            .dies_with_us();
        if let Err(error) = place.run(&self.reaper, program).await {
            tracing::error!(%error, "Files cannot be served");
        }
    }
}

fn refused(problem: FileProblem) -> Reply {
    let mut reply = json(&FileRefusal { problem });
    *reply.status_mut() = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    reply
}
