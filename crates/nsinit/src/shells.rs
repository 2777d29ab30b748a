//! `nsinit completions` and `nsinit man`: from the definitions that parse the command line.

use clap::ArgMatches;
use clap_complete::{Shell, generate};
use libcontainer::{Result, Step};
use sys::Context;

use crate::arguments::command;
use crate::report::print;
use crate::settings::text;

/// Prints completions for a shell.
pub fn completions(matches: &ArgMatches) -> Result<u8> {
    let shell = match text(matches, "shell") {
        Some("zsh") => Shell::Zsh,
        Some("fish") => Shell::Fish,
        _ => Shell::Bash,
    };
    let mut script = Vec::new();
    generate(shell, &mut command(), "nsinit", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(0)
}

/// Writes nsinit.1 and a page for each verb.
pub fn man(matches: &ArgMatches) -> Result<u8> {
    let directory = text(matches, "directory").unwrap_or(".");
    let step = || format!("writing the man pages into {directory}");
    std::fs::create_dir_all(directory).sys("mkdir", || directory).step(step)?;
    clap_mangen::generate_to(command(), directory).sys("write", || directory).step(step)?;
    Ok(0)
}
