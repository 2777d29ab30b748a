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

use cli::verb::Typed;
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
    let typed = match arguments::PROGRAM.read(sys::start::arguments()) {
        Ok(typed) => typed,
        Err(error) => return usage::tell(&error),
    };
    let settings = match Settings::of(&typed.globals, ahead) {
        Ok(settings) => settings,
        Err((log, error)) => {
            log.error(&error);
            return FAILED;
        }
    };
    settings.log.debug(|| format!("{}, records in {}", typed.verb, settings.root.display()));
    run(&typed, &settings).unwrap_or_else(|failure| {
        settings.log.error(&failure.error);
        failure.code
    })
}

/// Carries out a verb; its exit code.
fn run(typed: &Typed, settings: &Settings) -> Outcome<u8> {
    let own = &typed.own;
    let result = match typed.verb {
        "run" => return run::run(settings, own),
        "restore" => return restore::run(settings, own),
        "exec" => return exec::run(settings, own),
        "create" => create::run(settings, own),
        "start" => start::run(settings, own),
        "state" => state::run(settings, own),
        "list" => list::run(settings, own),
        "kill" => kill::run(settings, own),
        "delete" => delete::run(settings, own),
        "pause" => pause::pause(settings, own),
        "resume" => pause::resume(settings, own),
        "ps" => ps::run(settings, own),
        "events" => events::run(settings, own),
        "update" => update::run(settings, own),
        "checkpoint" => checkpoint::run(settings, own),
        "spec" => spec::run(settings, own),
        "features" => features::run(settings, own),
        "completions" => shells::completions(own),
        "man" => shells::man(own),
        // Nothing else is defined.
        _ => Ok(FAILED),
    };
    Ok(result?)
}
