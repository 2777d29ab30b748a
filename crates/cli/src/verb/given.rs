//! What a command line says.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::flag::{Flag, Kind};

/// The flags and arguments that were given, with their values, as texts that their definitions
/// take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given(Vec<(&'static str, OsString)>);

impl Given {
    /// The values in whatever bytes, in their order.
    pub fn all(&self, id: &str) -> impl Iterator<Item = &OsStr> {
        self.0.iter().filter(move |(given, _)| *given == id).map(|(_, value)| value.as_os_str())
    }

    /// The texts, in their order.
    pub fn texts(&self, id: &str) -> impl Iterator<Item = &str> {
        self.all(id).filter_map(OsStr::to_str)
    }

    /// The text.
    pub fn text(&self, id: &str) -> Option<&str> {
        self.texts(id).next()
    }

    /// The path.
    pub fn path(&self, id: &str) -> Option<PathBuf> {
        self.all(id).next().map(PathBuf::from)
    }

    /// The number.
    pub fn number<T: TryFrom<i64>>(&self, id: &str) -> Option<T> {
        self.numbers(id).next()
    }

    /// The numbers, in their order.
    pub fn numbers<T: TryFrom<i64>>(&self, id: &str) -> impl Iterator<Item = T> {
        self.texts(id).filter_map(|text| T::try_from(text.parse::<i64>().ok()?).ok())
    }

    /// What a switch says, where it was given.
    pub fn switch(&self, id: &str) -> Option<bool> {
        self.all(id).next().map(|value| value == "true")
    }

    /// Whether a switch is on, or a flag without a value was given.
    pub fn is_on(&self, id: &str) -> bool {
        self.switch(id) == Some(true)
    }

    /// Whether it was given.
    pub fn has(&self, id: &str) -> bool {
        self.all(id).next().is_some()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(id, _)| *id)
    }

    pub(super) fn push(&mut self, id: &'static str, value: OsString) {
        self.0.push((id, value));
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.0.retain(|(given, _)| *given != id);
    }

    /// What clap found of a flag.
    pub(super) fn take(&mut self, flag: &Flag, matches: &ArgMatches) {
        if matches.value_source(flag.id) != Some(ValueSource::CommandLine) {
            return;
        }
        if let Kind::Switch | Kind::Bool = flag.kind {
            let is_on = matches.get_one::<bool>(flag.id).is_some_and(|is_on| *is_on);
            return self.push(flag.id, is_on.to_string().into());
        }
        for value in matches.get_raw(flag.id).into_iter().flatten() {
            self.push(flag.id, value.to_owned());
        }
    }
}

/// What a command line says as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed {
    /// The verb; nothing where there is none, and mistakes are passed over.
    pub verb: &'static str,
    /// The program's own flags.
    pub globals: Given,
    /// The verb's flags and arguments.
    pub own: Given,
}
