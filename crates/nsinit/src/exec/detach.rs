//! `nsinit exec --detach`: the command in the background, looked after by a process of ours that
//! has nothing to do with the caller's.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use cli::print;
use libcontainer::foreground::{self, Signals};
use libcontainer::{Error, ErrorKind, Result};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{chdir, setsid};
use sys::Context;
use sys::fork::{Birth, Fork, fork};

use super::start::{self, Started};
use super::wanted::Wanted;
use crate::settings::Settings;

/// What the monitor tells once.
type Told = std::result::Result<(), Error>;

/// Starts the command, prints the container's id, and leaves it to itself.
pub fn run(settings: &Settings, wanted: &Wanted) -> Result<u8> {
    // Ahead of a monitor nobody can make an init for it.
    settings.factory.dismiss();
    let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC).sys("pipe", || "")?;
    match fork(&Birth::default())? {
        Fork::Child => {
            drop(ours);
            // Whatever was to be said has been said, or nobody is there to hear it.
            std::process::exit(i32::from(monitor(settings, wanted, theirs).is_err()));
        }
        Fork::Parent { .. } => {
            drop(theirs);
            let mut text = Vec::new();
            File::from(ours).read_to_end(&mut text).sys("read", || "from the monitor")?;
            let told: Option<Told> = serde_json::from_slice(&text).ok();
            told.unwrap_or_else(|| {
                Err(Error::new(ErrorKind::System, "the monitor of the container ended early"))
            })?;
            print(&format!("{}\n", wanted.id))?;
            Ok(0)
        }
    }
}

fn monitor(settings: &Settings, wanted: &Wanted, caller: OwnedFd) -> Result<()> {
    let started = begin(settings, wanted);
    let told: Told = match &started {
        Ok(_) => Ok(()),
        Err(error) => Err(error.clone()),
    };
    let left = leave_caller();
    tell(caller, &told)?;
    let (Started { container, child, first }, signals) = started?;
    left?;
    // What joined a container belongs to that, and its end is nobody's business.
    let Some(first) = first else {
        std::mem::forget(child);
        return Ok(());
    };
    let status = foreground::attend(child, &signals);
    first.finish(settings, &container, status.ok().map(foreground::exit_code));
    Ok(())
}

fn begin(settings: &Settings, wanted: &Wanted) -> Result<(Started, Signals)> {
    setsid().sys("setsid", || "")?;
    let signals = Signals::take()?;
    let _ = settings.factory.prepare();
    let started = start::start(settings, wanted, &signals)?;
    if let Some(first) = &started.first {
        first.tell_people(settings, &started.container);
    }
    Ok((started, signals))
}

/// Lets go of all that is the caller's: streams, other descriptors, the directory.
fn leave_caller() -> Result<()> {
    let null = openat(CWD, "/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
        .sys("open", || "/dev/null")?;
    for number in 0..3 {
        // The standard streams have no owner that would close them.
        std::mem::forget(sys::close::duplicate_to(null.as_fd(), number)?);
    }
    sys::inherited::close()?;
    Ok(chdir("/").sys("chdir", || "/")?)
}

fn tell(caller: OwnedFd, told: &Told) -> Result<()> {
    let text = serde_json::to_vec(told)
        .map_err(|error| Error::new(ErrorKind::System, format!("writing JSON: {error}")))?;
    // The caller may have been killed: then the command runs all the same.
    let _ = File::from(caller).write_all(&text);
    Ok(())
}
