//! An agent as config-linux.md describes it: gets the listener of a process's filter, and answers
//! for the calls that are left to it.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use serde_json::Value;
use sys::notify::{Answer, Notification, answer, receive};

/// Listens until it is dropped.
pub struct Agent {
    path: PathBuf,
    states: Receiver<Value>,
}

impl Agent {
    /// Answers every call as `decide` says; `None` is that the agent gives up the listener.
    pub fn new(
        path: &Path,
        decide: impl Fn(&Notification) -> Option<Answer> + Send + Clone + 'static,
    ) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let (sender, states) = channel();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let (state, fds) = taken(&connection.unwrap());
                let ended = sender.send(state).is_err();
                if ended {
                    return;
                }
                let decide = decide.clone();
                for fd in fds {
                    let decide = decide.clone();
                    std::thread::spawn(move || serve(&fd, decide));
                }
            }
        });
        Self { path: path.to_owned(), states }
    }

    /// What came by the next connection.
    #[track_caller]
    pub fn state(&self) -> Value {
        self.states.recv_timeout(Duration::from_secs(20)).expect("the agent was not told")
    }

    /// Whether everything that came has been asked for.
    pub fn is_idle(&self) -> bool {
        self.states.try_recv().is_err()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// All of a connection until its end: exactly one state, and its descriptors with the first bytes.
fn taken(connection: &UnixStream) -> (Value, Vec<OwnedFd>) {
    let (mut text, mut fds) = (Vec::new(), Vec::new());
    loop {
        let mut bytes = [0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let parts = &mut [IoSliceMut::new(&mut bytes)];
        let got = recvmsg(connection, parts, &mut control, RecvFlags::CMSG_CLOEXEC).unwrap();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(came) = message {
                assert!(text.is_empty(), "descriptors after the first bytes");
                fds.extend(came);
            }
        }
        if got.bytes == 0 {
            return (serde_json::from_slice(&text).unwrap(), fds);
        }
        text.extend_from_slice(&bytes[..got.bytes]);
    }
}

fn serve(listener: &OwnedFd, decide: impl Fn(&Notification) -> Option<Answer>) {
    loop {
        let mut fds = [PollFd::new(listener, PollFlags::IN)];
        poll(&mut fds, None).unwrap();
        if !fds[0].revents().contains(PollFlags::IN) {
            return; // Nobody has the filter any more.
        }
        // The caller may have been killed in between.
        let Ok(call) = receive(listener.as_fd()) else { continue };
        match decide(&call) {
            Some(decision) => drop(answer(listener.as_fd(), call.id, decision)),
            None => return,
        }
    }
}
