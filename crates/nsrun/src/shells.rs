//! `nsrun completions` and `nsrun man`: from the definitions that parse the command line.

use clap::ArgMatches;
use clap_complete::{Shell, generate};
use libcontainer::{Result, Step};
use sys::Context;

use crate::arguments::{command, path_of, text};
use crate::output::print;

/// Prints completions for a shell.
pub fn completions(matches: &ArgMatches) -> Result<u8> {
    let shell = match text(matches, "shell") {
        Some("zsh") => Shell::Zsh,
        Some("fish") => Shell::Fish,
        _ => Shell::Bash,
    };
    let mut script = Vec::new();
    generate(shell, &mut command(), "nsrun", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(0)
}

/// Writes nsrun.1 and a page for each verb.
pub fn man(matches: &ArgMatches) -> Result<u8> {
    let directory = path_of(matches, "directory").unwrap_or_else(|| ".".into());
    let name = || directory.display().to_string();
    let step = || format!("writing the man pages into {}", name());
    std::fs::create_dir_all(&directory).sys("mkdir", name).step(step)?;
    clap_mangen::generate_to(command(), &directory).sys("write", name).step(step)?;
    Ok(0)
}
