//! The fake's files (`porthole_model::files`): a home in memory, with little room, for as long as the boot lasts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use porthole_model::files::{
    FileEntry, FileKept, FileKind, FileList, FileProblem, FileRefusal, PROTOCOL, check_name, check_path, numbered,
    query_value,
};

use super::{
    Shared,
    agent::{boot_of, ended, json, refuse},
};

/// Room for one file.
const ROOM_BYTES: u64 = 16 << 20;

/// What is in a home, by path; folders are there for as long as something is in them, or they were made.
#[derive(Debug, Default)]
pub(super) struct Home {
    files: BTreeMap<String, Bytes>,
    folders: BTreeSet<String>,
}

impl Home {
    fn is_folder(&self, path: &str) -> bool {
        path.is_empty() || self.folders.contains(path)
    }

    fn list(&self, path: &str) -> Result<FileList, FileProblem> {
        check_path(path)?;
        if !self.is_folder(path) {
            return Err(if self.files.contains_key(path) { FileProblem::Folder } else { FileProblem::Missing });
        }
        let inside = |whole: &str| {
            let name = if path.is_empty() { Some(whole) } else { whole.strip_prefix(path)?.strip_prefix('/') };
            name.filter(|name| !name.contains('/')).map(str::to_owned)
        };
        let entry = |name, kind, size_bytes| FileEntry { name, kind, size_bytes, modified_ms: 1_700_000_000_000 };
        let files = self
            .files
            .iter()
            .filter_map(|(whole, bytes)| inside(whole).map(|name| entry(name, FileKind::File, bytes.len() as u64)));
        let folders =
            self.folders.iter().filter_map(|whole| inside(whole).map(|name| entry(name, FileKind::Folder, 0)));
        Ok(FileList { entries: files.chain(folders).collect(), more: false, free_bytes: ROOM_BYTES })
    }

    fn read(&self, path: &str) -> Result<Bytes, FileProblem> {
        check_path(path)?;
        match self.files.get(path) {
            Some(bytes) => Ok(bytes.clone()),
            None => Err(if self.is_folder(path) { FileProblem::File } else { FileProblem::Missing }),
        }
    }

    fn keep(&mut self, path: &str, name: &str, make: bool, bytes: Bytes) -> Result<FileKept, FileProblem> {
        if make && !self.files.contains_key(path) {
            self.folders.insert(path.to_owned());
        }
        if !self.is_folder(path) {
            return Err(FileProblem::Missing);
        }
        let place = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        let free = |name: &String| !self.files.contains_key(&place(name)) && !self.folders.contains(&place(name));
        let name = (0..1_000).map(|number| numbered(name, number)).find(free).ok_or(FileProblem::Taken)?;
        let size_bytes = bytes.len() as u64;
        self.files.insert(place(&name), bytes);
        Ok(FileKept { name, size_bytes })
    }
}

/// Accepts the upgrade and serves what is asked on the connection until the instance ends.
pub(super) fn accept(shared: &Arc<Shared>, id: &str, mut request: Request<Incoming>) -> Response<Full<Bytes>> {
    if request.headers().get(header::UPGRADE).map(|value| value.as_bytes()) != Some(PROTOCOL.as_bytes()) {
        return refuse(StatusCode::UPGRADE_REQUIRED, "another protocol was expected");
    }
    let Some(mut boot) = shared.lock().agent(id).map(boot_of) else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "shutting down");
    };
    let upgrade = hyper::upgrade::on(&mut request);
    let (shared, id) = (Arc::clone(shared), id.to_owned());
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let service = service_fn(|request| answer(&shared, &id, request));
        tokio::select! {
            _ = hyper::server::conn::http1::Builder::new().serve_connection(upgraded, service) => {}
            () = ended(&mut boot) => {}
        }
    });
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    reply.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("Upgrade"));
    reply.headers_mut().insert(header::UPGRADE, header::HeaderValue::from_static(PROTOCOL));
    reply
}

async fn answer(
    shared: &Shared,
    id: &str,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    let (head, mut body) = request.into_parts();
    Ok(act(shared, id, &head, &mut body).await.unwrap_or_else(|problem| {
        // As the real one: who still sends reads the answer only while somebody takes what is sent.
        tokio::spawn(async move { while let Some(Ok(_)) = body.frame().await {} });
        let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        json(status, &FileRefusal { problem })
    }))
}

async fn act(
    shared: &Shared,
    id: &str,
    head: &Parts,
    body: &mut Incoming,
) -> Result<Response<Full<Bytes>>, FileProblem> {
    let query = head.uri.query().unwrap_or_default().to_owned();
    let path = query_value(&query, "path").ok_or(FileProblem::Path)??;
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/list") => {
            let world = shared.lock();
            Ok(json(StatusCode::OK, &world.agent(id).ok_or(FileProblem::Failed)?.home.list(&path)?))
        }
        (&Method::GET, "/content") => {
            let world = shared.lock();
            Ok(Response::new(Full::new(world.agent(id).ok_or(FileProblem::Failed)?.home.read(&path)?)))
        }
        (&Method::PUT, "/content") => {
            check_path(&path)?;
            let name = query_value(&query, "name").ok_or(FileProblem::Name)?.map_err(|_| FileProblem::Name)?;
            check_name(&name)?;
            let length = head.headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
            if length.is_some_and(|length: u64| length > ROOM_BYTES) {
                return Err(FileProblem::Full);
            }
            let mut bytes = Vec::new();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|_| FileProblem::Cut)?;
                bytes.extend_from_slice(frame.data_ref().map(Bytes::as_ref).unwrap_or_default());
                if bytes.len() as u64 > ROOM_BYTES {
                    return Err(FileProblem::Full);
                }
            }
            let mut world = shared.lock();
            let home = &mut world.agent_mut(id).ok_or(FileProblem::Failed)?.home;
            let kept = home.keep(&path, &name, query_value(&query, "make").is_some(), bytes.into())?;
            Ok(json(StatusCode::OK, &kept))
        }
        _ => Err(FileProblem::Failed),
    }
}
