//! `nsrun exec`

mod wanted;

use cli::verb::Given;
use libcontainer::foreground::{self, Signals};
use libcontainer::{Child, Container, Process, Result};

use crate::failure::{Failure, Outcome};
use crate::process::{Inherited, Outlets, callers_size};
use crate::settings::Settings;
use wanted::Wanted;

/// Runs a further process in a container; in the foreground, the exit code is its own.
pub fn run(settings: &Settings, given: &Given) -> Outcome<u8> {
    let wanted = Wanted::of(given)?;
    if given.is_on("detach") {
        let child = start(settings, given, &wanted, true).map_err(Failure::not_started)?;
        // It goes on without this program, which is over: nobody need begin to wait for it.
        std::mem::forget(child);
        return Ok(0);
    }
    // What comes from now on is for the process.
    let signals = Signals::take()?;
    let child = start(settings, given, &wanted, false).map_err(Failure::not_started)?;
    Ok(foreground::exit_code(foreground::attend(child, &signals)?))
}

fn start(settings: &Settings, given: &Given, wanted: &Wanted<'_>, detached: bool) -> Result<Child> {
    // It starts up while we read the record; a failure shows when it is wanted.
    let _ = settings.factory.prepare();
    let container = settings.factory.load(wanted.id)?;
    let process = process(settings, given, wanted, &container)?;
    let outlets = Outlets::of(given, process.spec.terminal, detached)?;
    let mut child = container.exec(process)?;
    settings.log.debug(|| format!("the process has pid {}", child.pid()));
    child.warnings.iter().for_each(|warning| settings.log.warning(warning));
    if let Err(error) = outlets.serve(&mut child) {
        // Nobody would look after it.
        let _ = child.signal(rustix::process::Signal::KILL.as_raw());
        let _ = child.wait();
        return Err(error);
    }
    Ok(child)
}

fn process(
    settings: &Settings,
    given: &Given,
    wanted: &Wanted<'_>,
    container: &Container,
) -> Result<Process> {
    let mut spec =
        container.look_at_config(|config| wanted.process(settings, &config.process))??;
    if spec.terminal && spec.console_size.is_none() && !given.is_on("detach") {
        spec.console_size = callers_size();
    }
    let inherited = Inherited::of(given, false)?;
    Ok(Process {
        spec,
        extra_fds: inherited.descriptors,
        cgroups: wanted.cgroups()?,
        ignore_paused: given.is_on("ignore-paused"),
        ..Process::default()
    })
}
