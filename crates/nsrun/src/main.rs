//! nsrun: the OCI runtime, with the command line that engines drive.
#![forbid(unsafe_code)]

mod arguments;
mod checkpoint;
mod create;
mod delete;
mod events;
mod exec;
mod features;
mod kill;
mod list;
mod log;
mod output;
mod pause;
mod ps;
mod run;
mod settings;
mod shells;
mod spec;
mod start;
mod state;
mod time;
mod update;
mod usage;

use std::process::ExitCode;

use clap::ArgMatches;
use libcontainer::Result;

use settings::Settings;

/// The exit code of a failure of ours.
pub const FAILED: u8 = 1;

fn main() -> ExitCode {
    libcontainer::init();
    let matches = match arguments::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return ExitCode::from(usage::tell(&error)),
    };
    let Some((verb, typed)) = matches.subcommand() else { return ExitCode::from(FAILED) };
    let settings = match Settings::of(&matches) {
        Ok(settings) => settings,
        Err((log, error)) => {
            log.error(&error);
            return ExitCode::from(FAILED);
        }
    };
    ExitCode::from(run(verb, &settings, typed).unwrap_or_else(|error| {
        let (code, error) = usage::judge(verb, error);
        settings.log.error(&error);
        code
    }))
}

/// Carries out a verb; its exit code.
fn run(verb: &str, settings: &Settings, typed: &ArgMatches) -> Result<u8> {
    match verb {
        "create" => create::run(settings, typed),
        "start" => start::run(settings, typed),
        "run" => run::run(settings, typed),
        "exec" => exec::run(settings, typed),
        "state" => state::run(settings, typed),
        "list" => list::run(settings, typed),
        "kill" => kill::run(settings, typed),
        "delete" => delete::run(settings, typed),
        "pause" => pause::pause(settings, typed),
        "resume" => pause::resume(settings, typed),
        "ps" => ps::run(settings, typed),
        "events" => events::run(settings, typed),
        "update" => update::run(settings, typed),
        "checkpoint" | "restore" => checkpoint::run(verb),
        "spec" => spec::run(settings, typed),
        "features" => features::run(settings, typed),
        "completions" => shells::completions(typed),
        "man" => shells::man(typed),
        // Nothing else is defined.
        _ => Ok(FAILED),
    }
}
