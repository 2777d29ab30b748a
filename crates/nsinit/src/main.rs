//! nsinit: runs containers straight from a directory.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), no_main)]

mod arguments;
mod change;
mod checkpoint;
mod config;
mod delete;
mod exec;
mod kill;
mod list;
mod name;
mod note;
mod oom;
mod pause;
mod people;
mod place;
mod ps;
mod report;
mod settings;
mod shells;
mod source;
mod state;
mod stats;
mod table;
mod top;
mod update;
mod usage;
mod wait;

use std::time::Instant;

use clap::ArgMatches;
use libcontainer::{Error, Prepared, Result};

use report::Report;
use settings::Settings;

#[global_allocator]
static HEAP: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

sys::main!(begin);

fn begin() -> u8 {
    libcontainer::init();
    let report = Report::new(Instant::now());
    // It starts up while we find out what is wanted; a failure shows when it is.
    let ahead = exec::is_likely(sys::start::arguments()).then(Prepared::spawn).and_then(Result::ok);
    let matches = match arguments::typed() {
        Ok(matches) => matches,
        Err(error) => return usage::tell(&error, &report),
    };
    let Some((verb, typed)) = matches.subcommand() else { return usage::MISTAKE };
    let settings = match Settings::of(typed, report, ahead) {
        Ok(settings) => settings,
        Err((report, error)) => return failed(verb, &report, error),
    };
    settings.report.debug(|| format!("{verb}, records in {}", settings.root.display()));
    let code = match run(verb, &settings, typed) {
        Ok(code) => code,
        Err(error) => failed(verb, &settings.report, error),
    };
    settings.report.debug(|| "done".to_owned());
    code
}

fn run(verb: &str, settings: &Settings, typed: &ArgMatches) -> Result<u8> {
    match verb {
        "exec" => exec::run(settings, typed),
        "list" => list::run(settings, typed),
        "ps" => ps::run(settings, typed),
        "state" => state::run(settings, typed),
        "stats" => stats::run(settings, typed),
        "top" => top::run(settings, typed),
        "kill" => kill::run(settings, typed),
        "pause" => pause::pause(settings, typed),
        "unpause" => pause::unpause(settings, typed),
        "update" => update::run(settings, typed),
        "oom" => oom::run(settings, typed),
        "wait" => wait::run(settings, typed),
        "delete" => delete::run(settings, typed),
        "config" => config::run(settings, typed),
        "checkpoint" => checkpoint::run(settings, typed),
        "restore" => exec::restore(settings, typed),
        "completions" => shells::completions(typed),
        "man" => shells::man(typed),
        // Nothing else is defined.
        _ => Ok(usage::MISTAKE),
    }
}

/// Tells an error, and its exit code (docs/errors.md).
fn failed(verb: &str, report: &Report, error: Error) -> u8 {
    let error = usage::advise(error);
    report.error(&error);
    if verb == "exec" { exec::code(&error) } else { 1 }
}
