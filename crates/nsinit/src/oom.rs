//! `nsinit oom`

use cli::print;
use cli::verb::Given;
use libcontainer::{Container, Error, ErrorKind, Event, Result};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::os::fd::OwnedFd;
use sys::Context;

use crate::settings::Settings;

/// Prints a line each time the container runs out of memory, until it ends.
pub fn run(settings: &Settings, given: &Given) -> Result<u8> {
    let container = settings.container(given)?;
    let mut notifier = container.notify_oom()?;
    let init = init(&container)?;
    loop {
        let ended = {
            let mut fds =
                [PollFd::new(&init, PollFlags::IN), PollFd::new(&notifier, notifier.interest())];
            rustix::io::retry_on_intr(|| poll(&mut fds, None)).sys("poll", || "")?;
            !fds[0].revents().is_empty()
        };
        // What happened before the end is told before the end.
        while let Some(event) = notifier.take()? {
            match event {
                Event::OutOfMemory { killed } => {
                    let id = container.id();
                    print(&format!("{id}: out of memory, {killed} processes killed so far\n"))?;
                }
                Event::Gone => return Ok(0),
                _ => {}
            }
        }
        if ended {
            return Ok(0);
        }
    }
}

/// The container's init.
///
/// # Errors
/// [`ErrorKind::NotRunning`] where it has none.
fn init(container: &Container) -> Result<OwnedFd> {
    let over = || {
        let message = format!("container not running: {:?}", container.id());
        Error::new(ErrorKind::NotRunning, message)
    };
    let pid = Pid::from_raw(container.state()?.init_process_pid).ok_or_else(over)?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).map_err(|_| over())?;
    // If it is still the init now, the number had not been reused then.
    if container.state()?.init_process_pid == pid.as_raw_nonzero().get() {
        return Ok(pidfd);
    }
    Err(over())
}
