//! `nsrun restore`

use std::time::Instant;

use cli::verb::Given;
use libcontainer::foreground::{self, Signals};
use libcontainer::{Process, RestoreOptions, Result};

use crate::arguments::{id, text};
use crate::bundle;
use crate::checkpoint::{cgroups, criu, empty_network, is_json, wrong};
use crate::failure::Outcome;
use crate::process::Outlets;
use crate::run::leave;
use crate::settings::Settings;

/// Brings a container back; in the foreground, the exit code is its program's.
pub fn run(settings: &Settings, given: &Given) -> Outcome<u8> {
    let detached = given.is_on("detach");
    let signals = match (detached, given.is_on("no-subreaper")) {
        (true, _) => None,
        // What comes from now on is for the container.
        (false, true) => Some(Signals::take()?),
        (false, false) => Some(Signals::take_with_orphans()?),
    };
    if is_json(given) && !detached {
        return Err(wrong("--format json needs --detach: else its program writes there").into());
    }
    let begin = Instant::now();
    let config = bundle::read(settings, given)?;
    let options = options(given, &config)?;
    let outlets = Outlets::of(given, config.process.terminal, detached)?;
    let restored = settings.factory.restore(id(given), config, Process::configured(), &options);
    let (container, mut child) = restored?;
    child.warnings.iter().for_each(|warning| settings.log.warning(warning));
    settings.log.debug(|| format!("its first process has pid {}", child.pid()));
    if let Err(error) = outlets.serve(&mut child) {
        // Nobody would look after it.
        let _ = container.kill().and_then(|()| container.destroy());
        return Err(error.into());
    }
    if is_json(given) {
        cli::checkpoint::tell_restored(&container, &options.criu, begin)?;
    }
    let Some(signals) = signals else { return Ok(0) };
    let code = foreground::attend(child, &signals).map(foreground::exit_code);
    leave(settings, &container, code.as_ref().ok());
    Ok(code?)
}

fn options(given: &Given, config: &libcontainer::Config) -> Result<RestoreOptions> {
    if given.is_on("no-pivot") {
        return Err(wrong("--no-pivot: CRIU knows no other way into a root than pivot_root(2)"));
    }
    let profile = text(given, "lsm-profile");
    if profile.is_some_and(|profile| {
        !matches!(profile.split_once(':'), Some(("apparmor" | "selinux", label)) if !label.is_empty())
    }) {
        return Err(wrong("--lsm-profile: apparmor:NAME or selinux:LABEL"));
    }
    Ok(RestoreOptions {
        criu: criu(given, &config.annotations)?,
        tcp_established: given.is_on("tcp-established"),
        external_unix_sockets: given.is_on("ext-unix-sk"),
        shell_job: given.is_on("shell-job"),
        file_locks: given.is_on("file-locks"),
        lazy_pages: given.is_on("lazy-pages"),
        auto_dedup: given.is_on("auto-dedup"),
        cgroups: cgroups(given)?,
        empty_network: empty_network(given)?,
        lsm_profile: profile.map(str::to_owned),
        lsm_mount_context: text(given, "lsm-mount-context").map(str::to_owned),
    })
}
