//! Completions and man pages, from the definitions that parse the command line.

use std::path::Path;

use clap::{Command, ValueHint};
use clap_complete::{Shell, generate};
use libcontainer::{Result, Step};
use sys::Context;

use crate::verb::{Flag, Verb};

/// The verb `completions SHELL`.
pub const COMPLETIONS: Verb = Verb::new("completions", "Print completions for a shell", |flags| {
    flags.add(Flag::argument("shell", "SHELL", "").one_of(&["bash", "zsh", "fish"]).required());
});

/// The verb `man DIR`.
pub const MAN: Verb = Verb::new("man", "Write the man pages into a directory", |flags| {
    let directory = Flag::argument("directory", "DIR", "Made where it is missing");
    flags.add(directory.required().hint(ValueHint::DirPath));
});

/// Prints the completions of `command` for a shell: `bash`, `zsh` or `fish`.
pub fn completions(mut command: Command, shell: &str) -> Result<u8> {
    let shell = match shell {
        "zsh" => Shell::Zsh,
        "fish" => Shell::Fish,
        _ => Shell::Bash,
    };
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    generate(shell, &mut command, name, &mut script);
    crate::print(&String::from_utf8_lossy(&script))?;
    Ok(0)
}

/// Writes the man page of `command`, and one for each of its verbs.
pub fn man(command: Command, directory: &Path) -> Result<u8> {
    let name = || directory.display().to_string();
    let step = || format!("writing the man pages into {}", name());
    std::fs::create_dir_all(directory).sys("mkdir", name).step(step)?;
    clap_mangen::generate_to(command, directory).sys("write", name).step(step)?;
    Ok(0)
}
