//! `nsrun delete`

use cli::verb::Given;
use libcontainer::{Container, Error, ErrorKind, Result, Status};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;
use sys::Context;

use crate::arguments::id;
use crate::settings::Settings;

/// Removes all that is left of a container.
pub fn run(settings: &Settings, given: &Given) -> Result<u8> {
    let (id, force) = (id(given), given.is_on("force"));
    match settings.factory.load(id) {
        Err(error) if force && *error.kind() == ErrorKind::NotFound => {}
        Err(error) if force && is_broken(&error) => {
            settings.factory.forget(id)?;
            settings.log.warning(&format!("{error}; its control group, if it had one, stays"));
        }
        loaded => remove(settings, &loaded?, force)?,
    }
    Ok(0)
}

fn remove(settings: &Settings, container: &Container, force: bool) -> Result<()> {
    match container.status()? {
        Status::Stopped | Status::Checkpointed => {}
        // Engines take back so what they do not start.
        Status::Created => container.kill()?,
        _ if force => container.kill()?,
        Status::Running if ends_soon(container)? => {}
        status => {
            let message = format!(
                "cannot delete container {:?} that is not stopped: {}",
                container.id(),
                status.name()
            );
            return Err(Error::new(ErrorKind::NotStopped, message)
                .with_hint("nsrun kill ends it, or delete --force"));
        }
    }
    let warnings = container.destroy()?;
    warnings.iter().for_each(|warning| settings.log.warning(warning));
    Ok(())
}

/// Whether its first process ends at this moment, as after a kill: that takes the kernel a little.
fn ends_soon(container: &Container) -> Result<bool> {
    const SOON: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    let Some((_, process)) = container.init()? else { return Ok(true) };
    let mut fds = [PollFd::new(&process, PollFlags::IN)];
    Ok(rustix::io::retry_on_intr(|| poll(&mut fds, Some(&SOON))).sys("poll", || "")? > 0)
}

/// Whether a record is there that says nothing, as no system call has failed.
fn is_broken(error: &Error) -> bool {
    *error.kind() == ErrorKind::System && error.errno().is_none()
}
