//! A sealed init that becomes CRIU.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::parent::{Boot, tell};
use crate::plan::CriuPlan;
use crate::wire::{FromInit, Received, ToInit};
use crate::{Error, ErrorKind, Result, reap};

/// A CRIU that runs.
#[derive(Debug)]
pub(crate) struct RunningCriu(Boot);

impl RunningCriu {
    /// Returns when it is executed, with its socket; `descriptors` are those of the plan.
    pub(crate) fn launch(
        mut boot: Boot,
        plan: CriuPlan,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(Self, OwnedFd)> {
        let Some(socket) = boot.take_socket() else {
            return Err(Error::new(ErrorKind::System, "an init cannot be used twice"));
        };
        tell(&socket, &ToInit::Criu(Box::new(plan)), descriptors)?;
        let mut conversation = None;
        loop {
            match (socket.receive()?, conversation.take()) {
                (Received::Message(FromInit::Criu, fds), None) => {
                    conversation = fds.into_iter().next();
                }
                (Received::Message(FromInit::Failed(error), _), _) => return Err(error),
                (Received::End, Some(conversation)) => return Ok((Self(boot), conversation)),
                _ => {
                    let message = "an init spoke that should be CRIU";
                    return Err(Error::new(ErrorKind::System, message));
                }
            }
        }
    }

    /// Waits for its end, which comes when nobody talks to it any more. It is not killed: what it
    /// holds would be lost.
    pub(crate) fn finish(self) {
        let _ = reap::collect(self.0.pidfd().as_fd());
    }
}

/// The host's /dev/null, in place of the streams.
pub(crate) fn null() -> Result<OwnedFd> {
    use rustix::fs::{Mode, OFlags, open};
    use sys::Context;
    Ok(open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
        .sys("open", || "/dev/null")?)
}
