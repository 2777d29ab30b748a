//! `nsinit completions` and `nsinit man`.

use cli::verb::Given;
use libcontainer::Result;

use crate::arguments::PROGRAM;

/// Prints completions for a shell.
pub fn completions(given: &Given) -> Result<u8> {
    cli::shells::completions(PROGRAM.command(), given.text("shell").unwrap_or_default())
}

/// Writes nsinit.1 and a page for each verb.
pub fn man(given: &Given) -> Result<u8> {
    cli::shells::man(PROGRAM.command(), given.text("directory").unwrap_or(".").as_ref())
}
