//! What can be typed: one set of definitions for parsing, help, completions and man pages.

mod create;
mod help;
mod verbs;

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};
use cli::verb;

pub use create::{FLAGS, Flag, LIMITS};

/// The whole command line.
pub fn command() -> Command {
    verb::whole(program(), verbs::ALL)
}

/// Reads the command line of this process.
///
/// # Errors
/// What is wrong with it, or the help that was asked for.
pub fn typed() -> Result<ArgMatches, clap::Error> {
    let words: Vec<OsString> = sys::start::arguments().collect();
    verb::parse(program, verbs::ALL, &words, |_, words| words)
}

/// All but the verbs.
fn program() -> Command {
    Command::new("nsinit")
        .about("Runs containers straight from a directory")
        .version(env!("CARGO_PKG_VERSION"))
        .after_help(help::EXAMPLES)
        .after_long_help(help::LONG)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .max_term_width(100)
        .args(globals())
}

fn globals() -> [Arg; 4] {
    [
        Arg::new("root")
            .long("root")
            .value_name("DIR")
            .global(true)
            .value_hint(ValueHint::DirPath)
            .help("Keep records here [default: /run/nsinit, or $XDG_RUNTIME_DIR/nsinit]")
            .help_heading("Global options"),
        Arg::new("debug")
            .long("debug")
            .global(true)
            .action(ArgAction::SetTrue)
            .help("Tell each step with its time, and the chain of causes of an error")
            .help_heading("Global options"),
        Arg::new("log-file")
            .long("log-file")
            .value_name("FILE")
            .global(true)
            .value_hint(ValueHint::FilePath)
            .help("Append errors, warnings and what --debug tells to this file too")
            .help_heading("Global options"),
        Arg::new("criu")
            .long("criu")
            .value_name("PATH")
            .global(true)
            .value_hint(ValueHint::ExecutablePath)
            .help("Checkpoint and restore with this program [default: criu in PATH]")
            .help_heading("Global options"),
    ]
}

/// `--id`, which nearly every verb has.
fn id() -> Arg {
    Arg::new("id").long("id").value_name("ID").help("Which container [default: this directory's]")
}

#[cfg(test)]
mod tests;
