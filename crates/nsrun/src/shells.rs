//! `nsrun completions` and `nsrun man`.

use std::path::Path;

use clap::ArgMatches;
use libcontainer::Result;

use crate::arguments::{command, text};

/// Prints completions for a shell.
pub fn completions(matches: &ArgMatches) -> Result<u8> {
    cli::shells::completions(command(), text(matches, "shell").unwrap_or_default())
}

/// Writes nsrun.1 and a page for each verb.
pub fn man(matches: &ArgMatches) -> Result<u8> {
    cli::shells::man(command(), Path::new(text(matches, "directory").unwrap_or_default()))
}
