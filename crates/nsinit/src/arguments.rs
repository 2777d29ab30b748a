//! What can be typed: one set of definitions for parsing, help, completions and man pages.

mod create;
mod help;
mod verbs;

use clap::ValueHint;
use cli::verb::{Flag, Flags, Program};

pub use create::{Create, FLAGS, LIMITS};

/// The whole command line.
pub const PROGRAM: Program =
    Program { name: "nsinit", arguments: globals, verbs: verbs::ALL, doubled: None };

fn globals(flags: &mut Flags<'_>) {
    let global = |flag: Flag| flag.global().heading(Some("Global options"));
    flags
        .help(|command| {
            command
                .about("Runs containers straight from a directory")
                .version(env!("CARGO_PKG_VERSION"))
                .after_help(help::EXAMPLES)
                .after_long_help(help::LONG)
                .disable_help_subcommand(true)
        })
        .add(
            global(Flag::text(
                "root",
                "DIR",
                "Keep records here [default: /run/nsinit, or $XDG_RUNTIME_DIR/nsinit]",
            ))
            .hint(ValueHint::DirPath),
        )
        .add(global(Flag::plain(
            "debug",
            "Tell each step with its time, and the chain of causes of an error",
        )))
        .add(
            global(Flag::text(
                "log-file",
                "FILE",
                "Append errors, warnings and what --debug tells to this file too",
            ))
            .hint(ValueHint::FilePath),
        )
        .add(
            global(Flag::text(
                "criu",
                "PATH",
                "Checkpoint and restore with this program [default: criu in PATH]",
            ))
            .hint(ValueHint::ExecutablePath),
        );
}

/// `--id`, which nearly every verb has.
fn id() -> Flag {
    Flag::text("id", "ID", "Which container [default: this directory's]")
}

#[cfg(test)]
mod tests;
