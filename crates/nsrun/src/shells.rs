//! `nsrun completions` and `nsrun man`.

use std::path::Path;

use cli::verb::Given;
use libcontainer::Result;

use crate::arguments::{PROGRAM, text};

/// Prints completions for a shell.
pub fn completions(given: &Given) -> Result<u8> {
    cli::shells::completions(PROGRAM.command(), text(given, "shell").unwrap_or_default())
}

/// Writes nsrun.1 and a page for each verb.
pub fn man(given: &Given) -> Result<u8> {
    cli::shells::man(PROGRAM.command(), Path::new(text(given, "directory").unwrap_or_default()))
}
