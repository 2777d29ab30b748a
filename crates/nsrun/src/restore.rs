//! `nsrun restore`

use std::time::Instant;

use clap::ArgMatches;
use libcontainer::foreground::{self, Signals};
use libcontainer::{Process, RestoreOptions, Result};

use crate::arguments::{id, is_on, text};
use crate::bundle;
use crate::checkpoint::{cgroups, criu, empty_network, is_json, wrong};
use crate::failure::Outcome;
use crate::process::Outlets;
use crate::run::leave;
use crate::settings::Settings;

/// Brings a container back; in the foreground, the exit code is its program's.
pub fn run(settings: &Settings, matches: &ArgMatches) -> Outcome<u8> {
    let detached = is_on(matches, "detach");
    let signals = match (detached, is_on(matches, "no-subreaper")) {
        (true, _) => None,
        // What comes from now on is for the container.
        (false, true) => Some(Signals::take()?),
        (false, false) => Some(Signals::take_with_orphans()?),
    };
    if is_json(matches) && !detached {
        return Err(wrong("--format json needs --detach: else its program writes there").into());
    }
    let begin = Instant::now();
    let config = bundle::read(settings, matches)?;
    let options = options(matches, &config)?;
    let outlets = Outlets::of(matches, config.process.terminal, detached)?;
    let restored = settings.factory.restore(id(matches), config, Process::configured(), &options);
    let (container, mut child) = restored?;
    child.warnings.iter().for_each(|warning| settings.log.warning(warning));
    settings.log.debug(|| format!("its first process has pid {}", child.pid()));
    if let Err(error) = outlets.serve(&mut child) {
        // Nobody would look after it.
        let _ = container.kill().and_then(|()| container.destroy());
        return Err(error.into());
    }
    if is_json(matches) {
        cli::checkpoint::tell_restored(&container, &options.criu, begin)?;
    }
    let Some(signals) = signals else { return Ok(0) };
    let code = foreground::attend(child, &signals).map(foreground::exit_code);
    leave(settings, &container, code.as_ref().ok());
    Ok(code?)
}

fn options(matches: &ArgMatches, config: &libcontainer::Config) -> Result<RestoreOptions> {
    if is_on(matches, "no-pivot") {
        return Err(wrong("--no-pivot: CRIU knows no other way into a root than pivot_root(2)"));
    }
    let profile = text(matches, "lsm-profile");
    if profile.is_some_and(|profile| {
        !matches!(profile.split_once(':'), Some(("apparmor" | "selinux", label)) if !label.is_empty())
    }) {
        return Err(wrong("--lsm-profile: apparmor:NAME or selinux:LABEL"));
    }
    Ok(RestoreOptions {
        criu: criu(matches, &config.annotations)?,
        tcp_established: is_on(matches, "tcp-established"),
        external_unix_sockets: is_on(matches, "ext-unix-sk"),
        shell_job: is_on(matches, "shell-job"),
        file_locks: is_on(matches, "file-locks"),
        lazy_pages: is_on(matches, "lazy-pages"),
        auto_dedup: is_on(matches, "auto-dedup"),
        cgroups: cgroups(matches)?,
        empty_network: empty_network(matches)?,
        lsm_profile: profile.map(str::to_owned),
        lsm_mount_context: text(matches, "lsm-mount-context").map(str::to_owned),
    })
}
