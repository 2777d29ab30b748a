//! A command line: a program's flags, a verb, its flags and arguments.
//!
//! They are defined once, by functions that [`Flags`] calls: for clap, which tells mistakes and help
//! and writes completions and man pages, and for a quick reader.

mod agreement;
mod flag;
mod given;
mod quick;

use std::ffi::OsString;

use clap::{ArgMatches, Command};

pub use flag::Flag;
pub use given::{Given, Typed};

/// Tells flags and arguments, always the same.
pub type Define = fn(&mut Flags<'_>);

/// Makes words what clap takes.
pub type Doubled = fn(&Command, Vec<OsString>) -> Vec<OsString>;

/// A program with verbs.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// What it is called.
    pub name: &'static str,
    /// Its own flags.
    pub arguments: Define,
    /// In the order in which help lists them.
    pub verbs: &'static [Verb],
    /// It reads flags as Go programs do: they may have one dash, and what is given twice counts as
    /// it was given last. Gives flags two dashes.
    pub doubled: Option<Doubled>,
}

/// A verb.
#[derive(Debug, Clone, Copy)]
pub struct Verb {
    /// What is typed.
    pub name: &'static str,
    /// One line of help.
    pub about: &'static str,
    /// A second name.
    pub alias: Option<&'static str>,
    /// Its flags and arguments.
    pub arguments: Define,
    /// What else clap is to check.
    pub rules: Option<fn(Command) -> Command>,
}

impl Verb {
    /// A verb with one name, and no rules.
    pub const fn new(name: &'static str, about: &'static str, arguments: Define) -> Self {
        Self { name, about, alias: None, arguments, rules: None }
    }

    /// The same, with a second name.
    #[must_use]
    pub const fn or(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    /// The same, with rules of which only clap knows.
    #[must_use]
    pub const fn with_rules(mut self, rules: fn(Command) -> Command) -> Self {
        self.rules = Some(rules);
        self
    }

    /// For clap, with the program's flags that may follow it; help lists these first.
    fn command(self, globals: &[Flag]) -> Command {
        let command = Command::new(self.name).about(self.about);
        let command = command.args(globals.iter().map(Flag::arg));
        let command = Flags::whole(command, self.arguments);
        let command = self.rules.into_iter().fold(command, |command, rules| rules(command));
        self.alias.into_iter().fold(command, Command::visible_alias)
    }
}

impl Program {
    /// The whole of it for clap.
    pub fn command(&self) -> Command {
        let program = Command::new(self.name)
            .subcommand_required(true)
            .arg_required_else_help(true)
            .args_override_self(self.doubled.is_some())
            .max_term_width(100);
        let program = Flags::whole(program, self.arguments);
        let mut globals = Flags::all(self.arguments);
        globals.retain(|flag| flag.global);
        self.verbs.iter().map(|verb| verb.command(&globals)).fold(program, Command::subcommand)
    }

    /// Reads a command line, which begins with the program's name.
    ///
    /// What the quick reader takes, clap would have taken alike.
    ///
    /// # Errors
    /// What is wrong with the command line, or the help that was asked for.
    pub fn read(&self, typed: &[OsString]) -> Result<Typed, clap::Error> {
        match quick::read(self, typed) {
            Some(typed) => Ok(typed),
            None => self.thorough(&mut self.command(), typed),
        }
    }

    /// What can be understood of a command line, whatever else it says.
    pub fn guess(&self, typed: &[OsString]) -> Typed {
        self.thorough(&mut self.command().ignore_errors(true), typed).unwrap_or_default()
    }

    fn thorough(&self, command: &mut Command, typed: &[OsString]) -> Result<Typed, clap::Error> {
        let words = typed.to_vec();
        let words = match self.doubled {
            Some(doubled) => doubled(command, words),
            None => words,
        };
        let matches = command.try_get_matches_from_mut(words)?;
        let mut typed =
            Typed { globals: Flags::given(self.arguments, &matches), ..Typed::default() };
        if let Some((name, own)) = matches.subcommand()
            && let Some(verb) = self.verbs.iter().find(|verb| verb.name == name)
        {
            typed.verb = verb.name;
            typed.own = Flags::given(verb.arguments, own);
        }
        Ok(typed)
    }
}

/// Whom definitions are told.
#[derive(Debug)]
pub struct Flags<'a>(To<'a>);

#[derive(Debug)]
enum To<'a> {
    /// Clap, all of them.
    Clap(&'a mut Command),
    /// Somebody who wants one of them; how many arguments there were before.
    Search { wanted: Wanted<'a>, turn: usize, found: &'a mut Option<Flag> },
    /// Somebody who collects them.
    List(&'a mut Vec<Flag>),
    /// Somebody who takes down what clap has read.
    Clerk(&'a ArgMatches, &'a mut Given),
}

/// By what a definition is looked for.
#[derive(Debug, Clone, Copy)]
enum Wanted<'a> {
    Name(&'a [u8]),
    Letter(char),
    /// Its place among the arguments.
    Turn(usize),
    Id(&'a str),
}

impl Flags<'_> {
    /// Defines a flag or an argument.
    pub fn add(&mut self, flag: Flag) -> &mut Self {
        match &mut self.0 {
            To::Search { wanted, turn, found } => {
                let is_named = flag.place == flag::Place::Named;
                let is_it = match wanted {
                    Wanted::Name(name) => is_named && flag.name.as_bytes() == *name,
                    Wanted::Letter(letter) => flag.short == Some(*letter),
                    Wanted::Turn(wanted) => !is_named && turn == wanted,
                    Wanted::Id(id) => flag.id == *id,
                };
                *turn += usize::from(!is_named);
                if is_it {
                    **found = Some(flag);
                }
            }
            To::Clap(command) => **command = std::mem::take(*command).arg(flag.arg()),
            To::List(all) => all.push(flag),
            To::Clerk(matches, given) => given.take(&flag, matches),
        }
        self
    }

    /// Shapes the help.
    pub fn help(&mut self, shape: impl FnOnce(Command) -> Command) -> &mut Self {
        if let To::Clap(command) = &mut self.0 {
            **command = shape(std::mem::take(*command));
        }
        self
    }

    fn whole(mut command: Command, define: Define) -> Command {
        define(&mut Flags(To::Clap(&mut command)));
        command
    }

    fn find(define: Define, wanted: Wanted<'_>) -> Option<Flag> {
        let mut found = None;
        define(&mut Flags(To::Search { wanted, turn: 0, found: &mut found }));
        found
    }

    fn all(define: Define) -> Vec<Flag> {
        let mut all = Vec::new();
        define(&mut Flags(To::List(&mut all)));
        all
    }

    fn given(define: Define, matches: &ArgMatches) -> Given {
        let mut given = Given::default();
        define(&mut Flags(To::Clerk(matches, &mut given)));
        given
    }
}

#[cfg(test)]
mod tests;
