//! Verbs, of which a start makes only the one that was typed.

use std::ffi::OsString;

use clap::{ArgMatches, Command};

/// A verb, before clap knows of it.
#[derive(Debug, Clone, Copy)]
pub struct Verb {
    /// What is typed.
    pub name: &'static str,
    /// One line of help.
    pub about: &'static str,
    /// A second name.
    pub alias: Option<&'static str>,
    /// Adds its arguments, once it is known to be the one.
    pub arguments: fn(Command) -> Command,
}

impl Verb {
    /// A verb without a second name.
    pub const fn new(
        name: &'static str,
        about: &'static str,
        arguments: fn(Command) -> Command,
    ) -> Self {
        Self { name, about, alias: None, arguments }
    }

    /// The same, with a second name.
    #[must_use]
    pub const fn or(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    fn command(self) -> Command {
        let command = Command::new(self.name).about(self.about).defer(self.arguments);
        match self.alias {
            Some(alias) => command.visible_alias(alias),
            None => command,
        }
    }
}

/// `program` with all these verbs.
pub fn whole(program: Command, verbs: &[Verb]) -> Command {
    verbs.iter().map(|verb| verb.command()).fold(program, Command::subcommand)
}

/// Reads a command line.
///
/// Definitions take longer to make than a line takes to read: the first word that is a verb's name
/// is tried alone. What such a reader takes, all of them together would have taken alike, since no
/// other word than a verb may stand where a verb stands; a mistake, and help, are told by the
/// whole. `adapt` makes the words what clap takes.
///
/// # Errors
/// What is wrong with the command line, or the help that was asked for.
pub fn parse(
    program: fn() -> Command,
    verbs: &[Verb],
    typed: &[OsString],
    adapt: fn(&Command, Vec<OsString>) -> Vec<OsString>,
) -> Result<ArgMatches, clap::Error> {
    let read = |command: Command| {
        let words = adapt(&command, typed.to_vec());
        command.try_get_matches_from(words)
    };
    let is = |word: &OsString| verbs.iter().find(|verb| word == verb.name);
    let found = typed.iter().skip(1).find_map(is);
    match found.map(|verb| read(program().subcommand(verb.command()))) {
        Some(Ok(matches)) => Ok(matches),
        _ => read(whole(program(), verbs)),
    }
}

#[cfg(test)]
mod tests;
