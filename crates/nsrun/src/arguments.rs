//! What can be typed: one set of definitions for parsing, help, completions and man pages.
//!
//! Engines write flags as Go programs read them: a switch may be `--flag=false`, a flag that is
//! given twice counts as it was given last, and an empty text is as good as none. (What else they
//! may write: `dashes`.)

mod dashes;
mod verbs;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ValueHint;
use cli::verb::{Flag, Flags, Given, Program};

/// The version of the runtime specification that is implemented.
pub const SPEC: &str = "1.3.0";

/// The commit that this is built from, as the build was told.
pub const COMMIT: &str = match option_env!("NSRUN_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};

/// What `--version` prints: engines read these lines.
pub fn version() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!("nsrun version {version}\ncommit: {COMMIT}\nspec: {SPEC}\n")
}

/// The whole command line.
pub const PROGRAM: Program = Program {
    name: "nsrun",
    arguments: globals,
    verbs: verbs::ALL,
    doubled: Some(dashes::doubled),
};

/// Whether a command line will want an init, told before it is understood: by the first word that
/// looks like a verb. A wrong guess costs time, and nothing else.
pub fn likely_wants_init(args: &[OsString]) -> bool {
    const OTHERS: [&str; 8] =
        ["start", "state", "list", "kill", "delete", "pause", "resume", "features"];
    let verb =
        |arg: &&OsString| ["create", "run", "exec"].iter().chain(&OTHERS).any(|verb| *arg == verb);
    args.iter().skip(1).find(verb).is_some_and(|verb| OTHERS.iter().all(|other| verb != *other))
}

fn globals(flags: &mut Flags<'_>) {
    flags
        .help(|command| {
            command
                .about("Runs containers as the Open Container Initiative specifies them")
                .version(env!("CARGO_PKG_VERSION"))
                .disable_version_flag(true)
        })
        .add(
            path(
                "root",
                "DIR",
                "Keep records here [default: /run/nsrun, or $XDG_RUNTIME_DIR/nsrun]",
            )
            .hint(ValueHint::DirPath),
        )
        .add(
            path("log", "FILE", "Append errors, warnings and what --debug tells to this file")
                .hint(ValueHint::FilePath),
        )
        .add(
            value("log-format", "FORMAT", "How that file is written: text or json [default: text]")
                .one_of(&["text", "json"]),
        )
        .add(Flag::switch("debug", "Tell each step"))
        .add(Flag::switch("systemd-cgroup", "Let systemd make a unit for each container"))
        .add(
            value(
                "cgroup-manager",
                "WHO",
                "Who makes control groups: cgroupfs, systemd or delegated [default: cgroupfs]",
            )
            .one_of(&["cgroupfs", "systemd", "delegated"]),
        )
        .add(
            value(
                "rootless",
                "WHEN",
                "Run without root's rights: true, false or auto [default: auto]",
            )
            .one_of(&["true", "false", "auto"]),
        )
        .add(
            Flag::version("Print name, version, commit, and version of the specification")
                .short('v'),
        );
}

/// A flag with a value, which is what follows, whatever it looks like: -1 is "no limit" to many.
fn value(name: &'static str, what: &'static str, help: &'static str) -> Flag {
    Flag::text(name, what, help).dashes()
}

/// A flag with a path, in whatever bytes.
fn path(name: &'static str, what: &'static str, help: &'static str) -> Flag {
    Flag::path(name, what, help).dashes().hint(ValueHint::AnyPath)
}

/// The text of a flag or argument, unless it is empty.
pub fn text<'a>(given: &'a Given, id: &str) -> Option<&'a str> {
    given.text(id).filter(|text| !text.is_empty())
}

/// The path of a flag, unless it is empty.
pub fn path_of(given: &Given, id: &str) -> Option<PathBuf> {
    given.path(id).filter(|path| !path.as_os_str().is_empty())
}

/// The container's id, which every verb that has one requires.
pub fn id(given: &Given) -> &str {
    given.text("id").unwrap_or_default()
}

#[cfg(test)]
mod tests;
