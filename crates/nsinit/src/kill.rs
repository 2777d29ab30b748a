//! `nsinit kill`

use cli::verb::Given;
use libcontainer::config::signal;
use libcontainer::{Error, ErrorKind, Result, Target};

use crate::settings::Settings;

/// SIGTERM (signal(7)).
const DEFAULT: i32 = 15;

/// Sends a signal.
pub fn run(settings: &Settings, given: &Given) -> Result<u8> {
    let named = given.text("signal").or_else(|| given.text("option"));
    let number = named.map_or(Ok(DEFAULT), number)?;
    let target = if given.is_on("all") { Target::All } else { Target::Init };
    settings.container(given)?.signal(number, target)?;
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
