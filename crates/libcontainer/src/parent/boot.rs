//! A sealed init that waits for its plan.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use rustix::thread::gettid;
use sys::Context;

use crate::Result;
use crate::parent::{Sealed, lasting};
use crate::plan::Ahead;
use crate::wire::{Socket, ToInit};

/// A spawned init without a plan. It holds nothing of the host's, and goes when this is dropped;
/// when the plan has been carried out, nothing is left to go.
#[derive(Debug)]
pub(crate) struct Boot {
    socket: Option<Socket>,
    pid: Pid,
    pidfd: OwnedFd,
    /// Who spawned it: it ends with that thread (PR_SET_PDEATHSIG).
    thread: Pid,
    /// It was spawned by a thread that lasts as long as the process.
    lasting: bool,
    /// It has been told what to make ahead.
    ahead: bool,
}

impl Boot {
    /// Spawns one; `lasting` asks for a thread that lasts as long as the process to be its
    /// parent, so that a death signal means the process.
    pub(crate) fn spawn(program: &Sealed, lasting: bool) -> Result<Self> {
        let (ours, theirs) = Socket::pair()?;
        let number = theirs.as_fd().as_raw_fd().to_string();
        let args = [CString::from(crate::init::ARG0), CString::new(number).unwrap_or_default()];
        let main = sys::thread::is_main();
        let spawned = if lasting && !main {
            let program = program.as_fd().try_clone_to_owned().sys("fcntl", || "F_DUPFD")?;
            lasting::spawn_lasting(program, args.to_vec(), theirs.into_fd())?
        } else {
            sys::spawn::spawn(program.as_fd(), &args, &[], theirs.as_fd())?
        };
        Ok(Self {
            socket: Some(ours),
            pid: spawned.pid,
            pidfd: spawned.pidfd,
            thread: gettid(),
            lasting: lasting || main,
            ahead: false,
        })
    }

    /// Lets it do this before it knows its plan, once: it idles meanwhile.
    pub(crate) fn ahead(&mut self, ahead: Option<Ahead>) {
        if let (Some(ahead), Some(socket), false) = (ahead, &self.socket, self.ahead) {
            // What does not come of it, the birth does.
            self.ahead = socket.send(&ToInit::Ahead(ahead), &[]).is_ok();
        }
    }

    /// Whether it can carry out a plan of the calling thread's.
    pub(crate) fn fits(&self, lasting: bool) -> bool {
        (self.lasting || !lasting)
            && self.thread == gettid()
            && self.socket.as_ref().is_some_and(|socket| !socket.is_hung_up())
    }

    /// The socket to it, once.
    pub(super) fn take_socket(&mut self) -> Option<Socket> {
        self.socket.take()
    }

    /// Its id, in this process's PID namespace.
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// The process itself.
    pub(super) fn pidfd(&self) -> &OwnedFd {
        &self.pidfd
    }
}

impl Drop for Boot {
    fn drop(&mut self) {
        self.socket = None;
        // It has ended, or is about to: other code of this process may have waited for it.
        let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
        let _ = rustix::io::retry_on_intr(|| {
            waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED)
        });
    }
}
