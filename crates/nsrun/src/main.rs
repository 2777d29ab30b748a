//! nsrun: the OCI runtime, with the command line that engines drive.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), no_main)]

mod arguments;
mod bundle;
mod checkpoint;
mod create;
mod delete;
mod events;
mod exec;
mod failure;
mod features;
mod kill;
mod list;
mod log;
mod make;
mod notify;
mod output;
mod pause;
mod process;
mod ps;
mod restore;
mod run;
mod settings;
mod shells;
mod spec;
mod start;
mod state;
mod time;
mod update;
mod usage;

use clap::ArgMatches;
use libcontainer::{Prepared, Result};

use failure::{FAILED, Outcome};
use settings::Settings;

#[global_allocator]
static HEAP: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

sys::main!(begin);

fn begin() -> u8 {
    libcontainer::init();
    // It starts up while we find out what is wanted; a failure shows when it is.
    let likely = arguments::likely_wants_init(sys::start::arguments());
    let ahead = likely.then(Prepared::spawn).and_then(Result::ok);
    let matches = match arguments::typed() {
        Ok(matches) => matches,
        Err(error) => return usage::tell(&error),
    };
    let Some((verb, typed)) = matches.subcommand() else { return FAILED };
    let settings = match Settings::of(&matches, ahead) {
        Ok(settings) => settings,
        Err((log, error)) => {
            log.error(&error);
            return FAILED;
        }
    };
    settings.log.debug(|| format!("{verb}, records in {}", settings.root.display()));
    run(verb, &settings, typed).unwrap_or_else(|failure| {
        settings.log.error(&failure.error);
        failure.code
    })
}

/// Carries out a verb; its exit code.
fn run(verb: &str, settings: &Settings, typed: &ArgMatches) -> Outcome<u8> {
    let result = match verb {
        "run" => return run::run(settings, typed),
        "restore" => return restore::run(settings, typed),
        "exec" => return exec::run(settings, typed),
        "create" => create::run(settings, typed),
        "start" => start::run(settings, typed),
        "state" => state::run(settings, typed),
        "list" => list::run(settings, typed),
        "kill" => kill::run(settings, typed),
        "delete" => delete::run(settings, typed),
        "pause" => pause::pause(settings, typed),
        "resume" => pause::resume(settings, typed),
        "ps" => ps::run(settings, typed),
        "events" => events::run(settings, typed),
        "update" => update::run(settings, typed),
        "checkpoint" => checkpoint::run(settings, typed),
        "spec" => spec::run(settings, typed),
        "features" => features::run(settings, typed),
        "completions" => shells::completions(typed),
        "man" => shells::man(typed),
        // Nothing else is defined.
        _ => Ok(FAILED),
    };
    Ok(result?)
}
