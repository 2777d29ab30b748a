//! Somebody who listens for descriptors, as an engine does for terminals.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use crate::{World, until};

/// A listening stream socket.
#[derive(Debug)]
pub struct Receiver {
    /// Where it listens.
    pub path: PathBuf,
    listener: UnixListener,
}

impl World {
    /// A socket that listens in the world's directory.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn receiver(&self) -> Receiver {
        Receiver::at(self.path("socket"))
    }
}

impl Receiver {
    /// A socket that listens there.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn at(path: PathBuf) -> Self {
        let listener = UnixListener::bind(&path).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { path, listener }
    }

    /// The message and the descriptor that come.
    ///
    /// # Panics
    /// If none comes within ten seconds, or more than one.
    #[track_caller]
    pub fn receive(&self) -> (String, OwnedFd) {
        let mut connection = None;
        until("a connection", || {
            connection = self.listener.accept().ok();
            connection.is_some()
        });
        let (stream, _) = connection.unwrap();
        let mut buffer = [0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let parts = &mut [IoSliceMut::new(&mut buffer)];
        let length = recvmsg(&stream, parts, &mut control, RecvFlags::CMSG_CLOEXEC).unwrap().bytes;
        let mut descriptors = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = message {
                descriptors.extend(fds);
            }
        }
        assert_eq!(descriptors.len(), 1);
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        (text, descriptors.remove(0))
    }
}

impl Receiver {
    /// Whether nobody has come.
    pub fn is_left_alone(&self) -> bool {
        self.listener.accept().is_err()
    }
}

impl AsRef<Path> for Receiver {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}
