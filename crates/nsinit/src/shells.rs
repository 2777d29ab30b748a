//! `nsinit completions` and `nsinit man`.

use clap::ArgMatches;
use libcontainer::Result;

use crate::arguments::command;
use crate::settings::text;

/// Prints completions for a shell.
pub fn completions(matches: &ArgMatches) -> Result<u8> {
    cli::shells::completions(command(), text(matches, "shell").unwrap_or_default())
}

/// Writes nsinit.1 and a page for each verb.
pub fn man(matches: &ArgMatches) -> Result<u8> {
    cli::shells::man(command(), text(matches, "directory").unwrap_or(".").as_ref())
}
