//! What can be typed: one set of definitions for parsing, help, completions and man pages.
//!
//! Engines write flags as Go programs read them: a switch may be `--flag=false`, a flag that is
//! given twice counts as it was given last, and an empty text is as good as none. (What else they
//! may write: `dashes`.)

mod dashes;
mod verbs;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{BoolishValueParser, PossibleValuesParser};
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use cli::verb;

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
pub fn command() -> Command {
    verb::whole(program(), verbs::ALL)
}

/// Reads the command line of this process.
///
/// # Errors
/// What is wrong with it, or the help that was asked for.
pub fn typed() -> Result<ArgMatches, clap::Error> {
    let words: Vec<OsString> = sys::start::arguments().collect();
    verb::parse(program, verbs::ALL, &words, dashes::doubled)
}

/// All but the verbs.
fn program() -> Command {
    Command::new("nsrun")
        .about("Runs containers as the Open Container Initiative specifies them")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_version_flag(true)
        .args_override_self(true)
        .max_term_width(100)
        .args(globals())
}

/// Whether a command line will want an init, told before it is understood: by the first word that
/// looks like a verb. A wrong guess costs time, and nothing else.
pub fn likely_wants_init(args: impl Iterator<Item = OsString>) -> bool {
    const OTHERS: [&str; 8] =
        ["start", "state", "list", "kill", "delete", "pause", "resume", "features"];
    let verb =
        |arg: &OsString| ["create", "run", "exec"].iter().chain(&OTHERS).any(|verb| arg == verb);
    args.skip(1).find(verb).is_some_and(|verb| OTHERS.iter().all(|other| verb != *other))
}

fn globals() -> [Arg; 8] {
    [
        path("root", "DIR", "Keep records here [default: /run/nsrun, or $XDG_RUNTIME_DIR/nsrun]")
            .value_hint(ValueHint::DirPath),
        path("log", "FILE", "Append errors, warnings and what --debug tells to this file")
            .value_hint(ValueHint::FilePath),
        value("log-format", "FORMAT", "How that file is written: text or json [default: text]")
            .value_parser(PossibleValuesParser::new(["text", "json"]))
            .hide_possible_values(true),
        switch("debug", "Tell each step"),
        switch("systemd-cgroup", "Let systemd make a unit for each container"),
        value(
            "cgroup-manager",
            "WHO",
            "Who makes control groups: cgroupfs, systemd or delegated [default: cgroupfs]",
        )
        .value_parser(PossibleValuesParser::new(["cgroupfs", "systemd", "delegated"]))
        .hide_possible_values(true),
        value("rootless", "WHEN", "Run without root's rights: true, false or auto [default: auto]")
            .value_parser(PossibleValuesParser::new(["true", "false", "auto"]))
            .hide_possible_values(true),
        Arg::new("version")
            .long("version")
            .short('v')
            .action(ArgAction::Version)
            .help("Print name, version, commit, and version of the specification"),
    ]
}

/// A switch: `--name`, `--name=true` or `--name=false`.
fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("true")
        .value_parser(BoolishValueParser::new())
        .hide_possible_values(true)
        .value_name("BOOL")
        .help(help)
}

/// A flag with a value, which is what follows, whatever it looks like: -1 is "no limit" to many.
fn value(name: &'static str, what: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(what).help(help).allow_hyphen_values(true)
}

/// A flag with a path, in whatever bytes.
fn path(name: &'static str, what: &'static str, help: &'static str) -> Arg {
    value(name, what, help).value_parser(value_parser!(PathBuf)).value_hint(ValueHint::AnyPath)
}

/// Whether a switch is on; that of another verb is off.
pub fn is_on(matches: &ArgMatches, name: &str) -> bool {
    matches.try_get_one::<bool>(name).ok().flatten().copied().unwrap_or(false)
}

/// The text of a flag or argument, unless it is empty.
pub fn text<'a>(matches: &'a ArgMatches, name: &str) -> Option<&'a str> {
    matches.get_one::<String>(name).map(String::as_str).filter(|text| !text.is_empty())
}

/// All texts of a flag or argument.
pub fn texts<'a>(matches: &'a ArgMatches, name: &str) -> impl Iterator<Item = &'a str> {
    matches.get_many::<String>(name).into_iter().flatten().map(String::as_str)
}

/// The path of a flag, unless it is empty, or another verb's.
pub fn path_of(matches: &ArgMatches, name: &str) -> Option<PathBuf> {
    let found = matches.try_get_one::<PathBuf>(name).ok().flatten();
    found.filter(|path| !path.as_os_str().is_empty()).cloned()
}

/// The container's id, which every verb that has one requires.
pub fn id(matches: &ArgMatches) -> &str {
    matches.get_one::<String>("id").map_or("", String::as_str)
}

#[cfg(test)]
mod tests;
