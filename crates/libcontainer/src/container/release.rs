//! How an init that is held before its program is let go.

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::Signal;

use crate::container::agent::Asker;
use crate::container::child;
use crate::container::handle::Container;
use crate::error::Step;
use crate::parent::tell;
use crate::wire::{FromInit, Received, Socket, ToInit};
use crate::{Error, ErrorKind, Result};

impl Container {
    /// Lets a held init execute its program, and returns when it does.
    ///
    /// # Errors
    /// [`ErrorKind::NotRunning`] when it has ended; [`ErrorKind::Paused`]; the program's own failure, as
    /// [`ErrorKind::ProcessNotExecuted`]; [`ErrorKind::NotStopped`] when it has been let go before;
    /// [`ErrorKind::InvalidConfig`] when it was created without a program, and then it stays;
    /// [`ErrorKind::HookFailed`], and then the container is destroyed.
    pub fn release(&self) -> Result<()> {
        let step = || format!("starting container {:?}", self.id);
        let released = self.try_release().and_then(|()| self.poststart());
        released
            .map_err(|error| match error.kind() {
                ErrorKind::HookFailed => self.end_after_hook(error),
                _ => error,
            })
            .step(step)
    }

    fn try_release(&self) -> Result<()> {
        match self.progress()? {
            status if status.can_release() => {}
            crate::Status::Stopped | crate::Status::Checkpointed => {
                let message = "cannot start a container that has stopped";
                return Err(Error::new(ErrorKind::NotRunning, message));
            }
            crate::Status::Creating => {
                let message = "cannot start a container that is still being created";
                return Err(Error::new(ErrorKind::NotRunning, message));
            }
            _ => {
                let message = "cannot start an already running container";
                return Err(Error::new(ErrorKind::NotStopped, message));
            }
        }
        if self.record()?.init.is_some_and(|init| init.idle) {
            let message = "is required to start a container, and this one was created without";
            return Err(Error::invalid("process", message));
        }
        if self.is_paused()? {
            // It would go on when it is resumed, and whoever starts it wait as long.
            let error = Error::new(ErrorKind::Paused, "cannot start a paused container");
            return Err(error.with_hint("resume it first"));
        }
        let socket = self.entry.connect_start_socket().map_err(|error| {
            // Somebody else was faster, and his start has not come to the program.
            match error.errno().map(Errno::from_raw_os_error) {
                Some(Errno::NOENT) => {
                    let message = "cannot start an already running container";
                    Error::new(ErrorKind::NotStopped, message).with_hint("it is being started")
                }
                _ => error,
            }
        })?;
        let mut executing = false;
        loop {
            match socket.receive()? {
                Received::Message(FromInit::Executing(_), _) => executing = true,
                Received::Message(FromInit::Failed(error), _) => return Err(error),
                Received::Message(FromInit::Listener, fds) => self.tell_of_held(&socket, fds)?,
                Received::Message(..) => {}
                Received::End if executing => return Ok(()),
                Received::End => {
                    let message = "container not running: its init ended before the program";
                    return Err(Error::new(ErrorKind::NotRunning, message));
                }
            }
        }
    }

    /// Hands the listener of the init that is being let go to its agent. Where that fails, the init
    /// ends: it cannot have been told to go on.
    fn tell_of_held(&self, socket: &Socket, listener: Vec<OwnedFd>) -> Result<()> {
        let gone = || Error::new(ErrorKind::NotRunning, "container not running");
        let (pid, pidfd) = self.init()?.ok_or_else(gone)?;
        let told = listener.into_iter().next().ok_or_else(gone).and_then(|listener| {
            let asker = Asker { pid, init: pid, status: "created" };
            self.tell_agent(&asker, listener)
        });
        match told {
            Ok(()) => tell(socket, &ToInit::HandedOver, &[]),
            Err(error) => {
                // It may be waiting in a call that nobody answers any more.
                let _ = child::send(pidfd.as_fd(), Signal::KILL.as_raw());
                Err(error)
            }
        }
    }
}
