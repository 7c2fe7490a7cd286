//! The person's files in the viewer: listed, downloaded, uploaded. Authorised as the stream is, and only for who has a
//! link of their own: a share gives the screen and nothing else.
//!
//! Bytes are copied piece by piece between the browser's connection and one of its own to the guest agent, so that no
//! file is ever in memory and the display's stream knows nothing of it.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    body::{Body, BodyDataStream},
    extract::{Path, RawQuery, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use porthole_model::{
    files::{FileKept, FileKind, FileList, FileProblem, MOST_ENTRIES, check_name, check_path, encoded, query_value},
    session::Status,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{
    courier::{Courier, Failure, Most, json},
    explain, refusal,
    registry::Stream,
    same_origin,
    token::{Role, ViewToken},
    trade::{self, Found},
};
use crate::{agent::Agent, app::App, audit::Act, client};

/// Pieces of a file that wait between the two connections.
const PIECES: usize = 2;
/// How long a folder's list may take.
const LIST_LIMIT: Duration = Duration::from_secs(30);
/// How long a browser whose upload was refused may go on sending it: one that is cut off at once never reads why.
const LINGER_LIMIT: Duration = Duration::from_secs(20);
/// Largest whole number that every browser reads right.
const MOST_WHOLE: u64 = 1 << 53;

/// A file is never shown, whatever is in it: it is kept, under the name that comes with it.
const DOWNLOAD_HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// Says whether a view may use the files of its instance.
pub fn allowed(app: &App, view: &ViewToken) -> bool {
    app.config.viewer.files && view.share.is_empty() && view.role == Role::Control
}

/// `GET /view/s/{view_id}/files?path=P`: what a folder of the home holds.
pub async fn list(
    State(app): State<Arc<App>>,
    Path(view_id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let looked = async {
        let found = admitted(&app, &view_id, &headers).await?;
        let path = path_of(query.as_deref().unwrap_or_default()).map_err(problem)?;
        let id = &found.view.instance_id;
        let asked = async {
            let mut courier = Courier::open(&Agent::new(&*app.driver, id), id).await?;
            let at = format!("/list?path={}", encoded(&path));
            let reply = courier.ask(id, Method::GET, &at, Body::empty(), None).await?;
            json::<FileList>(id, reply, Most::List).await
        };
        let asked = timeout(LIST_LIMIT, asked).await.unwrap_or(Err(Failure::Broken));
        asked.map(|list| Json(told(&list)).into_response()).map_err(failed)
    };
    let mut response: Response = looked.await.unwrap_or_else(|refused| refused);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// `GET /view/s/{view_id}/files/content?path=P`: a file; with `check` only whether it could be had (204).
pub async fn download(
    State(app): State<Arc<App>>,
    Path(view_id): Path<String>,
    RawQuery(query): RawQuery,
    request: Request<Body>,
) -> Response {
    let (head, _) = request.into_parts();
    let query = query.unwrap_or_default();
    let begun = async {
        let found = admitted(&app, &view_id, &head.headers).await?;
        let path = path_of(&query).map_err(problem)?;
        let key = transfer(&app, &found, client::address(&app, &head.extensions, &head.headers));
        let (ready, outcome) = oneshot::channel();
        let check = query_value(&query, "check").is_some();
        let fetch = Fetch { app: app.clone(), view_id, headers: head.headers.clone(), found, key, path, check };
        tokio::spawn(fetch.run(ready));
        match outcome.await {
            Ok(outcome) => outcome,
            Err(_) => Err(stopped()),
        }
    };
    begun.await.unwrap_or_else(|refused| refused)
}

/// `PUT /view/s/{view_id}/files/content?path=P&name=N[&make]`: keeps the body as a new file in the folder P.
pub async fn upload(
    State(app): State<Arc<App>>,
    Path(view_id): Path<String>,
    RawQuery(query): RawQuery,
    request: Request<Body>,
) -> Response {
    let (head, body) = request.into_parts();
    let begun = async {
        if !same_origin(&app, &head.headers) {
            return Err(refusal(StatusCode::FORBIDDEN, "invalid", "Only Porthole's own page may upload files."));
        }
        let found = admitted(&app, &view_id, &head.headers).await?;
        let query = query.unwrap_or_default();
        let path = path_of(&query).map_err(problem)?;
        let name = query_value(&query, "name").and_then(Result::ok).unwrap_or_default();
        check_name(&name).map_err(problem)?;
        if length_of(&head.headers).is_some_and(|length| length > app.config.viewer.largest_file_bytes) {
            return Err(too_large(&app));
        }
        Ok((found, path, name, query_value(&query, "make").is_some()))
    };
    let (found, path, name, make) = match begun.await {
        Ok(begun) => begun,
        Err(refused) => {
            tokio::spawn(timeout(LINGER_LIMIT, drained(body.into_data_stream())));
            return refused;
        }
    };
    let key = transfer(&app, &found, client::address(&app, &head.extensions, &head.headers));
    let keep = Keep { app, view_id, headers: head.headers, found, key, path, name, make };
    // In a task of its own, which outlives a browser that leaves and notes how it ended.
    tokio::spawn(keep.run(body)).await.unwrap_or_else(|_| failed(Failure::Broken))
}

/// One upload.
struct Keep {
    app: Arc<App>,
    view_id: String,
    headers: HeaderMap,
    found: Found,
    key: Stream,
    path: String,
    name: String,
    make: bool,
}

impl Keep {
    async fn run(self, body: Body) -> Response {
        let mut registered = self.app.viewers.register_transfer(self.key.clone());
        let (pieces, fed) = feed(&self.app, &self.key, body);
        let outcome = tokio::select! {
            biased;
            () = registered.cut() => Err(stopped()),
            // Whole or not, the agent has the last word, unless the bytes for it ended.
            Err(why) = async { fed.await.unwrap_or(Ok(())) } => Err(match why {
                Unfed::TooLarge => too_large(&self.app),
                Unfed::Broken => problem(FileProblem::Cut),
            }),
            outcome = self.hand_over(pieces) => outcome,
        };
        let target = place(&self.found.instance_name, &self.path, &self.name);
        note(&self.app, &self.key, "UploadFile", &target, outcome.as_ref().map_or_else(code, |_| "ok"));
        outcome.map_or_else(
            |refused| refused,
            |kept| {
                let size_bytes = kept.size_bytes.min(MOST_WHOLE);
                Json(serde_json::json!({"name": kept.name, "sizeBytes": size_bytes})).into_response()
            },
        )
    }

    async fn hand_over(&self, pieces: Body) -> Result<FileKept, Response> {
        again(&self.app, &self.view_id, &self.headers).await?;
        let id = &self.key.instance_id;
        let mut courier = Courier::open(&Agent::new(&*self.app.driver, id), id).await.map_err(failed)?;
        let make = if self.make { "&make" } else { "" };
        let at = format!("/content?path={}&name={}{make}", encoded(&self.path), encoded(&self.name));
        let length = self.headers.get(header::CONTENT_LENGTH).cloned();
        let reply = courier.ask(id, Method::PUT, &at, pieces, length).await.map_err(failed)?;
        let kept: FileKept = json(id, reply, Most::Short).await.map_err(failed)?;
        check_name(&kept.name).map_err(|_| failed(Failure::Broken))?;
        Ok(kept)
    }
}

/// One download.
struct Fetch {
    app: Arc<App>,
    view_id: String,
    headers: HeaderMap,
    found: Found,
    key: Stream,
    path: String,
    check: bool,
}

impl Fetch {
    /// Answers through `ready`, then copies until the end, or until either side or the session ends.
    async fn run(self, mut ready: oneshot::Sender<Result<Response, Response>>) {
        let mut registered = self.app.viewers.register_transfer(self.key.clone());
        let begun = tokio::select! {
            biased;
            () = registered.cut() => Err(stopped()),
            () = ready.closed() => return,
            begun = self.begin() => begun,
        };
        let (_courier, mut body, length) = match begun {
            Ok(begun) => begun,
            Err(refused) => {
                self.note(code(&refused));
                let _ = ready.send(Err(refused));
                return;
            }
        };
        if self.check {
            let _ = ready.send(Ok(StatusCode::NO_CONTENT.into_response()));
            return;
        }
        let (pieces, waiting) = mpsc::channel(PIECES);
        if ready.send(Ok(attachment(&self.path, length, body_of(waiting)))).is_err() {
            return;
        }
        let copied = tokio::select! {
            biased;
            () = registered.cut() => Err(()),
            copied = copy(&self.app, &self.key, &mut body, &pieces) => copied,
        };
        if copied.is_err() {
            // Not the end of the file, and the browser must not take it for that.
            let _ = pieces.try_send(Err(std::io::ErrorKind::ConnectionAborted.into()));
        }
        self.note(if copied.is_ok() { "ok" } else { "cut" });
    }

    async fn begin(&self) -> Result<(Courier, Incoming, u64), Response> {
        again(&self.app, &self.view_id, &self.headers).await?;
        let id = &self.key.instance_id;
        let mut courier = Courier::open(&Agent::new(&*self.app.driver, id), id).await.map_err(failed)?;
        let at = format!("/content?path={}", encoded(&self.path));
        let reply = courier.ask(id, Method::GET, &at, Body::empty(), None).await.map_err(failed)?;
        let length = length_of(reply.headers()).ok_or_else(|| failed(Failure::Broken))?;
        Ok((courier, reply.into_body(), length))
    }

    fn note(&self, outcome: &str) {
        if !self.check {
            let target = place(&self.found.instance_name, &self.path, "");
            note(&self.app, &self.key, "DownloadFile", &target, outcome);
        }
    }
}

type Piece = Result<Bytes, std::io::Error>;

/// Copies a download; an error when it did not come to its end.
async fn copy(app: &App, key: &Stream, from: &mut Incoming, to: &mpsc::Sender<Piece>) -> Result<(), ()> {
    while let Some(frame) = from.frame().await {
        let Ok(bytes) = frame.map_err(|_| ())?.into_data() else { continue };
        app.viewers.note_input(&key.instance_id, app.clock.now_ms());
        to.send(Ok(bytes)).await.map_err(|_| ())?;
    }
    Ok(())
}

/// Why an upload did not come whole.
#[derive(Debug)]
enum Unfed {
    TooLarge,
    Broken,
}

/// Copies an upload towards the agent; what the agent no longer takes is read for a moment and dropped.
fn feed(app: &Arc<App>, key: &Stream, body: Body) -> (Body, oneshot::Receiver<Result<(), Unfed>>) {
    let (pieces, waiting) = mpsc::channel::<Piece>(PIECES);
    let (said, fed) = oneshot::channel();
    let (app, instance_id) = (Arc::clone(app), key.instance_id.clone());
    tokio::spawn(async move {
        let mut body = body.into_data_stream();
        let mut left = app.config.viewer.largest_file_bytes;
        let mut outcome = Ok(());
        while let Some(piece) = body.next().await {
            let Ok(bytes) = piece else {
                outcome = Err(Unfed::Broken);
                break;
            };
            let Some(after) = left.checked_sub(bytes.len() as u64) else {
                outcome = Err(Unfed::TooLarge);
                break;
            };
            left = after;
            app.viewers.note_input(&instance_id, app.clock.now_ms());
            if pieces.send(Ok(bytes)).await.is_err() {
                break;
            }
        }
        if outcome.is_err() {
            let _ = pieces.send(Err(std::io::ErrorKind::UnexpectedEof.into())).await;
        }
        drop(pieces);
        let _ = said.send(outcome);
        let _ = timeout(LINGER_LIMIT, drained(body)).await;
    });
    (body_of(waiting), fed)
}

async fn drained(mut body: BodyDataStream) {
    while let Some(Ok(_)) = body.next().await {}
}

fn body_of(waiting: mpsc::Receiver<Piece>) -> Body {
    Body::from_stream(futures_util::stream::unfold(waiting, async |mut waiting| Some((waiting.recv().await?, waiting))))
}

/// Finds the view and says whether it may use files.
async fn admitted(app: &App, view_id: &str, headers: &HeaderMap) -> Result<Found, Response> {
    let found = trade::find_view(app, view_id, headers).await?;
    if found.status != Status::Started || !found.same_generation {
        let (reason, message) = explain(found.status, found.same_generation);
        return Err(refusal(StatusCode::CONFLICT, reason, message));
    }
    if !app.config.viewer.files {
        return Err(refusal(StatusCode::FORBIDDEN, "denied", "Uploads and downloads are switched off on this server."));
    }
    if !allowed(app, &found.view) {
        let message = "A shared link shows the screen only. Files are for the person whose computer it is.";
        return Err(refusal(StatusCode::FORBIDDEN, "denied", message));
    }
    Ok(found)
}

/// Looks a second time, once the transfer is registered: a stop in between has found nothing to cut.
async fn again(app: &App, view_id: &str, headers: &HeaderMap) -> Result<(), Response> {
    let found = trade::find_view(app, view_id, headers).await;
    let good = found.is_ok_and(|found| found.status == Status::Started && found.same_generation);
    if good { Ok(()) } else { Err(stopped()) }
}

fn transfer(app: &App, found: &Found, from: String) -> Stream {
    let view = &found.view;
    Stream {
        instance_id: view.instance_id.clone(),
        generation: view.generation,
        id: app.ids.uuid(),
        account_id: found.account_id.clone(),
        display: view.display.clone(),
        role: view.role,
        since_ms: app.clock.now_ms(),
        from,
        by: view.by.clone(),
        share: view.share.clone(),
    }
}

fn path_of(query: &str) -> Result<String, FileProblem> {
    let path = query_value(query, "path").unwrap_or_else(|| Ok(String::new()))?;
    check_path(&path)?;
    Ok(path)
}

fn length_of(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A folder as the page reads it: no more entries than were agreed on, and none with a name that cannot be one.
fn told(list: &FileList) -> serde_json::Value {
    let entry = |entry: &porthole_model::files::FileEntry| {
        serde_json::json!({
            "name": entry.name,
            "kind": match entry.kind {
                FileKind::Folder => "folder",
                FileKind::File => "file",
                FileKind::Other => "other",
            },
            "sizeBytes": entry.size_bytes.min(MOST_WHOLE),
            "modifiedMs": entry.modified_ms.clamp(-(1 << 53), 1 << 53),
        })
    };
    let good = list.entries.iter().filter(|entry| check_name(&entry.name).is_ok()).take(MOST_ENTRIES);
    serde_json::json!({
        "entries": good.map(entry).collect::<Vec<_>>(),
        "more": list.more,
        "freeBytes": list.free_bytes.min(MOST_WHOLE),
    })
}

fn attachment(path: &str, length: u64, body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().extend(DOWNLOAD_HEADERS);
    response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    if let Ok(value) = HeaderValue::from_str(&disposition(path)) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

/// Names the file in both spellings: plain for old readers, and exact.
fn disposition(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    let keeps = |c: char| c.is_ascii_alphanumeric() || " -_.()+,=@~".contains(c);
    let plain: String = name.chars().map(|c| if keeps(c) { c } else { '_' }).collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", encoded(name))
}

fn problem(problem: FileProblem) -> Response {
    let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    refusal(status, problem.as_str(), &problem.to_string())
}

fn failed(failure: Failure) -> Response {
    match failure {
        Failure::Refused(why) => problem(why),
        Failure::Broken => {
            refusal(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The computer's files cannot be reached just now.")
        }
    }
}

fn stopped() -> Response {
    refusal(StatusCode::CONFLICT, "stopped", "The session ended, and what was on its way with it.")
}

fn too_large(app: &App) -> Response {
    let most = app.config.viewer.largest_file_bytes;
    let message = format!("The file is larger than the {most} bytes that this server takes.");
    refusal(StatusCode::PAYLOAD_TOO_LARGE, "large", &message)
}

fn code(refused: &Response) -> &'static str {
    match refused.status() {
        StatusCode::FORBIDDEN => "denied",
        StatusCode::NOT_FOUND => "missing",
        StatusCode::CONFLICT => "conflict",
        StatusCode::PAYLOAD_TOO_LARGE => "large",
        StatusCode::INSUFFICIENT_STORAGE => "full",
        StatusCode::BAD_REQUEST => "cut",
        _ => "failed",
    }
}

/// What the audit log says was on its way: names, never what is in a file.
fn place(instance_name: &str, path: &str, name: &str) -> String {
    let slash = if path.is_empty() || name.is_empty() { "" } else { "/" };
    format!("{instance_name} {path}{slash}{name}")
}

fn note(app: &App, key: &Stream, action: &str, target: &str, outcome: &str) {
    let act = Act { actor: &key.by, account_id: &key.account_id, action, target, address: &key.from, outcome };
    app.audit.note(app, act);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_is_named_in_both_spellings() {
        assert_eq!(
            disposition("a/b/Grüße \"1\"\r\n.txt"),
            "attachment; filename=\"Gr__e _1___.txt\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%221%22%0D%0A.txt"
        );
    }

    #[test]
    fn what_an_agent_lists_is_bounded() {
        let entry = |name: &str| porthole_model::files::FileEntry {
            name: name.into(),
            kind: FileKind::File,
            size_bytes: u64::MAX,
            modified_ms: i64::MAX,
        };
        let mut list = FileList { entries: vec![entry("../x"), entry("a")], more: false, free_bytes: u64::MAX };
        let said = told(&list);
        assert_eq!(said["entries"].as_array().map(Vec::len), Some(1));
        assert_eq!(said["entries"][0]["sizeBytes"], MOST_WHOLE);
        list.entries = vec![entry("a"); MOST_ENTRIES + 7];
        assert_eq!(told(&list)["entries"].as_array().map(Vec::len), Some(MOST_ENTRIES));
    }
}
