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

use cli::verb::Typed;
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
    let typed = match arguments::PROGRAM.read(sys::start::arguments()) {
        Ok(typed) => typed,
        Err(error) => return usage::tell(&error, &report),
    };
    let verb = typed.verb;
    let settings = match Settings::of(&typed.globals, report, ahead) {
        Ok(settings) => settings,
        Err((report, error)) => return failed(verb, &report, error),
    };
    settings.report.debug(|| format!("{verb}, records in {}", settings.root.display()));
    let code = match run(&typed, &settings) {
        Ok(code) => code,
        Err(error) => failed(verb, &settings.report, error),
    };
    settings.report.debug(|| "done".to_owned());
    code
}

fn run(typed: &Typed, settings: &Settings) -> Result<u8> {
    let own = &typed.own;
    match typed.verb {
        "exec" => exec::run(settings, own),
        "list" => list::run(settings, own),
        "ps" => ps::run(settings, own),
        "state" => state::run(settings, own),
        "stats" => stats::run(settings, own),
        "top" => top::run(settings, own),
        "kill" => kill::run(settings, own),
        "pause" => pause::pause(settings, own),
        "unpause" => pause::unpause(settings, own),
        "update" => update::run(settings, own),
        "oom" => oom::run(settings, own),
        "wait" => wait::run(settings, own),
        "delete" => delete::run(settings, own),
        "config" => config::run(settings, own),
        "checkpoint" => checkpoint::run(settings, own),
        "restore" => exec::restore(settings, own),
        "completions" => shells::completions(own),
        "man" => shells::man(own),
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
