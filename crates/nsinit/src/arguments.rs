//! What can be typed: one set of definitions for parsing, help, completions and man pages.

mod create;
mod help;
mod verbs;

use clap::{Arg, ArgAction, Command, ValueHint};

pub use create::{FLAGS, Flag, LIMITS};

/// The whole command line.
///
/// A verb's arguments are only made when it is the one that was typed.
pub fn command() -> Command {
    let command = Command::new("nsinit")
        .about("Runs containers straight from a directory")
        .version(env!("CARGO_PKG_VERSION"))
        .after_help(help::EXAMPLES)
        .after_long_help(help::LONG)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .max_term_width(100)
        .args(globals());
    verbs::all().into_iter().chain(cli::shells::verbs()).fold(command, Command::subcommand)
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
