//! What init and a display process say to each other: JSON datagrams on a socket pair, some with a descriptor.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// What init tells a display.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "camelCase")]
pub(crate) enum Order {
    /// Serve a viewer on the WebSocket that comes along; the handshake is done.
    Viewer {
        /// It may act, not only look.
        control: bool,
        /// Bytes of the WebSocket that were read already, base64.
        read: String,
    },
    /// Write something into the file that comes along, then report it.
    Write {
        /// Comes back in the report.
        number: u64,
        /// What.
        what: Product,
    },
    /// End everything.
    Stop {
        /// Time the applications have to end by themselves.
        grace_ms: u64,
    },
}

/// What a display can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Product {
    /// The picture, as PNG.
    Picture,
    /// A small picture, as JPEG.
    SmallPicture,
    /// The windows, as JSON of `porthole_model::guest::WindowList`.
    Windows,
}

/// What a display tells init.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "camelCase")]
pub(crate) enum Report {
    /// How far it is. Sent at every change.
    Status {
        /// 10 processes started, 40 X server answers, 70 command runs, 100 drawn.
        percent: u8,
        /// Connected viewers.
        viewers: u32,
        /// Size in pixels.
        width_px: u16,
        /// Size in pixels.
        height_px: u16,
    },
    /// It cannot go on; everything is being ended.
    Failed {
        /// A sentence for a person.
        reason: String,
    },
    /// What an order asked for is written, or could not be.
    Written {
        /// The order's number.
        number: u64,
        /// Whether it is there.
        done: bool,
    },
}

/// Longest datagram.
const DATAGRAM_BYTES: usize = 128 << 10;

/// One end of the socket pair.
pub(crate) struct Control {
    fd: AsyncFd<OwnedFd>,
}

/// Makes a pair of ends; each becomes a [`Control`] in its own process.
///
/// # Errors
/// When the kernel refuses.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

impl Control {
    /// Takes an end over; must be called inside a runtime.
    ///
    /// # Errors
    /// When it cannot be watched.
    pub(crate) fn new(fd: OwnedFd) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&fd, true)?;
        rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)?;
        Ok(Self { fd: crate::fd::watch(fd, Interest::READABLE | Interest::WRITABLE)? })
    }

    /// Sends a message, with a descriptor or without.
    ///
    /// # Errors
    /// When the other end is gone.
    pub(crate) async fn send<T: Serialize>(&self, message: &T, fd: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let bytes = serde_json::to_vec(message)?;
        if bytes.len() > DATAGRAM_BYTES {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let sent = |socket: &OwnedFd| {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            let fds = fd.as_ref().map(std::slice::from_ref);
            if let Some(fds) = fds {
                ancillary.push(SendAncillaryMessage::ScmRights(fds));
            }
            sendmsg(socket, &[IoSlice::new(&bytes)], &mut ancillary, SendFlags::NOSIGNAL)
                .map(drop)
                .map_err(io::Error::from)
        };
        self.fd.async_io(Interest::WRITABLE, sent).await
    }

    /// Waits for a message; `None` when the other end is gone.
    ///
    /// # Errors
    /// When what came is no message.
    pub(crate) async fn receive<T: DeserializeOwned>(&self) -> io::Result<Option<(T, Option<OwnedFd>)>> {
        let mut bytes = vec![0; DATAGRAM_BYTES];
        let (n, fd) = self.fd.async_io(Interest::READABLE, |socket| receive_one(socket.as_fd(), &mut bytes)).await?;
        if n == 0 {
            return Ok(None);
        }
        Ok(Some((serde_json::from_slice(&bytes[..n])?, fd)))
    }
}

fn receive_one(socket: BorrowedFd<'_>, bytes: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let got = match recvmsg(socket, &mut [IoSliceMut::new(bytes)], &mut ancillary, flags) {
        Ok(got) => got,
        // A peer that was killed resets the connection; for us that is its end.
        Err(rustix::io::Errno::CONNRESET) => return Ok((0, None)),
        Err(e) => return Err(e.into()),
    };
    let mut fd = None;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            fd = fds.last();
        }
    }
    Ok((got.bytes, fd))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[tokio::test(flavor = "current_thread")]
    async fn messages_and_descriptors_arrive() {
        let (a, b) = pair().expect("pair");
        let (a, b) = (Control::new(a).expect("end"), Control::new(b).expect("end"));
        let (mut reader, mut writer) = std::io::pipe().expect("pipe");
        a.send(&Order::Write { number: 7, what: Product::Picture }, Some(writer.as_fd())).await.expect("send");
        a.send(&Order::Stop { grace_ms: 5 }, None).await.expect("send");
        let (order, fd) = b.receive::<Order>().await.expect("read").expect("a message");
        assert!(matches!(order, Order::Write { number: 7, what: Product::Picture }));
        let mut file = std::fs::File::from(fd.expect("a descriptor"));
        file.write_all(b"over").expect("write");
        drop(file);
        writer.write_all(b" there").expect("write");
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("read");
        assert_eq!(text, "over there");
        let (order, fd) = b.receive::<Order>().await.expect("read").expect("a message");
        assert!(matches!(order, Order::Stop { grace_ms: 5 }) && fd.is_none());
        drop(a);
        assert!(b.receive::<Order>().await.expect("an end").is_none());
    }
}
