//! One list, download or upload of the person's files (`porthole_model::files`): a process of its own with the person's
//! rights, so that the kernel decides what may be read and written, and `init` never touches a path of theirs.
//!
//! It has one connection and answers one request. All its reading and writing blocks: there is nothing else it could do
//! meanwhile, and the connection is what paces it.

mod home;
mod part;

use std::fs::File;
use std::io::Read;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use http_body_util::{Either, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use porthole_model::files::{FileKept, FileProblem, FileRefusal, query_value};
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};

use crate::http::serve;
use home::Home;
use part::Part;

/// Lists, reads or writes the person's files; started by `init` for each request.
#[derive(Debug, clap::Args)]
pub(crate) struct FilesArgs {
    /// The connection, inherited under this number.
    #[arg(long)]
    socket_fd: RawFd,
    /// Folder that all paths begin in.
    #[arg(long)]
    home: PathBuf,
}

/// Bytes read of a file at once.
const READ_BYTES: usize = 256 << 10;
/// A sender that sends nothing for so long is gone.
const STALL_TIME: Duration = Duration::from_secs(120);
/// One that was refused may send on for so long.
const LINGER_TIME: Duration = Duration::from_secs(30);
/// What a display does comes first. The kernel derives the priority of reading and writing from it, too.
const NICE: i32 = 10;

/// What is answered: something short, or a file.
type Answer = Response<Either<Full<Bytes>, Content>>;

/// Serves the connection until it ends, or until TERM.
///
/// # Errors
/// When there is no connection.
pub(crate) fn run(args: FilesArgs) -> anyhow::Result<()> {
    let socket: std::os::unix::net::UnixStream = crate::fd::inherited(args.socket_fd)?.into();
    socket.set_nonblocking(true)?;
    rustix::process::setpriority_process(None, NICE)?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let handle = |request| answer(request, args.home.clone());
        // Leaving either way drops a part of a file, which removes it.
        tokio::select! {
            () = serve(UnixStream::from_std(socket)?, handle) => {}
            _ = terminate.recv() => {}
        }
        Ok(())
    })
}

async fn answer(request: Request<Incoming>, home: PathBuf) -> Answer {
    let (head, mut body) = request.into_parts();
    match act(&head, &mut body, &home).await {
        Ok(reply) => reply,
        Err(problem) => {
            // Who still sends reads the answer only while somebody takes what is sent.
            let taken = async move { while let Some(Ok(_)) = body.frame().await {} };
            tokio::spawn(tokio::time::timeout(LINGER_TIME, taken));
            let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            short(status, &FileRefusal { problem })
        }
    }
}

async fn act(head: &Parts, body: &mut Incoming, home: &Path) -> Result<Answer, FileProblem> {
    let query = head.uri.query().unwrap_or_default().to_owned();
    let path = query_value(&query, "path").ok_or(FileProblem::Path)??;
    let home = Home::open(home)?;
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/list") => Ok(short(StatusCode::OK, &home.list(&path)?)),
        (&Method::GET, "/content") => {
            let (file, left) = home.read(&path)?;
            Ok(Response::new(Either::Right(Content { file, left })))
        }
        (&Method::PUT, "/content") => {
            let name = query_value(&query, "name").ok_or(FileProblem::Name)?.map_err(|_| FileProblem::Name)?;
            let make = query_value(&query, "make").is_some();
            let length = head.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
            let kept = keep(body, Part::begin(home.folder(&path, make)?, &name, length)?).await?;
            Ok(short(StatusCode::OK, &kept))
        }
        _ => Err(FileProblem::Failed),
    }
}

/// Takes a file in.
async fn keep(body: &mut Incoming, mut part: Part) -> Result<FileKept, FileProblem> {
    loop {
        match tokio::time::timeout(STALL_TIME, body.frame()).await {
            Ok(Some(Ok(frame))) => part.write(frame.data_ref().map(Bytes::as_ref).unwrap_or_default())?,
            Ok(Some(Err(_))) | Err(_) => return Err(FileProblem::Cut),
            Ok(None) => return part.keep(),
        }
    }
}

fn short<T: serde::Serialize>(status: StatusCode, value: &T) -> Answer {
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    let mut reply = Response::new(Either::Left(Full::new(Bytes::from(bytes))));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

/// A file on its way out: as many bytes as it had when it was opened.
struct Content {
    file: File,
    left: u64,
}

impl Body for Content {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(READ_BYTES);
        if most == 0 {
            return Poll::Ready(None);
        }
        let mut bytes = vec![0; most];
        let read = match self.file.read(&mut bytes) {
            // It was made shorter meanwhile: the reader must not take what came for all of it.
            Ok(0) => Err(std::io::ErrorKind::UnexpectedEof.into()),
            other => other,
        };
        Poll::Ready(Some(read.map(|length| {
            bytes.truncate(length);
            self.left -= length as u64;
            Frame::data(Bytes::from(bytes))
        })))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
