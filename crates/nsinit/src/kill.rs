//! `nsinit kill`

use clap::ArgMatches;
use libcontainer::config::signal;
use libcontainer::{Error, ErrorKind, Result, Target};

use crate::settings::{Settings, text};

/// SIGTERM (signal(7)).
const DEFAULT: i32 = 15;

/// Sends a signal.
pub fn run(settings: &Settings, matches: &ArgMatches) -> Result<u8> {
    let named = text(matches, "signal").or_else(|| text(matches, "option"));
    let number = named.map_or(Ok(DEFAULT), number)?;
    let target = if matches.get_flag("all") { Target::All } else { Target::Init };
    settings.container(matches)?.signal(number, target)?;
    Ok(0)
}

/// A signal's number, whichever way it was typed.
fn number(text: &str) -> Result<i32> {
    signal::number(text.strip_prefix('-').unwrap_or(text)).ok_or_else(|| {
        let message = format!("unknown signal {text:?}");
        Error::new(ErrorKind::InvalidConfig { field: String::new() }, message)
            .with_hint("a name like TERM or SIGRTMIN+3, or a number from 1 to 64")
    })
}

#[cfg(test)]
mod tests;
