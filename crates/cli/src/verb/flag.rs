//! What a flag or argument is: told once, for the quick reader and for clap.

use std::path::PathBuf;

use clap::builder::{BoolishValueParser, PossibleValuesParser};
use clap::{Arg, ArgAction, ValueHint, value_parser};

/// A flag, or an argument that is known by its place.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// What its values are asked for by.
    pub(super) id: &'static str,
    /// The long name, without dashes.
    pub(super) name: &'static str,
    pub(super) short: Option<char>,
    pub(super) place: Place,
    pub(super) kind: Kind,
    /// Each time that it is given counts.
    pub(super) repeats: bool,
    /// Its value may begin with a dash.
    pub(super) dashes: bool,
    /// It may not be left out.
    pub(super) required: bool,
    /// It may also follow the verb.
    pub(super) global: bool,
    /// The ids that exclude it.
    pub(super) excluded: &'static [&'static str],
    /// The id that it needs beside it.
    pub(super) needs: Option<&'static str>,
    /// What stands for its value in help; several are divided by a space.
    value: &'static str,
    help: &'static str,
    heading: Option<&'static str>,
    hint: Option<ValueHint>,
}

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Wherever its name does.
    Named,
    /// Its turn among the words that are no flags.
    One,
    /// The same, and as many as there are.
    Many,
    /// From its turn on everything is its own, whatever it looks like.
    Rest,
}

/// What it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// No value.
    Plain,
    /// No value, or `=true`, `=false`, or another word for them.
    Switch,
    /// No value, or `=true` or `=false`.
    Bool,
    /// Any text.
    Text,
    /// Whatever bytes, and at least one.
    Path,
    /// A number in these bounds.
    Number(i64, i64),
    /// One of these.
    Word(&'static [&'static str]),
    /// No value: prints the version.
    Version,
}

impl Flag {
    const fn new(name: &'static str, kind: Kind, value: &'static str, help: &'static str) -> Self {
        Self {
            id: name,
            name,
            short: None,
            place: Place::Named,
            kind,
            repeats: false,
            dashes: false,
            required: false,
            global: false,
            excluded: &[],
            needs: None,
            value,
            help,
            heading: None,
            hint: None,
        }
    }

    /// A flag without a value.
    pub const fn plain(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Plain, "", help)
    }

    /// A switch, as Go programs read it: `--name`, `--name=true` or `--name=false`, and other words
    /// for these two.
    pub const fn switch(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Switch, "BOOL", help)
    }

    /// `--name`, `--name=true` or `--name=false`.
    pub const fn bool(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Bool, "BOOL", help)
    }

    /// A flag with a text.
    pub const fn text(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Text, value, help)
    }

    /// A flag with a path, in whatever bytes.
    pub const fn path(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Path, value, help)
    }

    /// A word that is known by its place, and may be left out.
    pub const fn argument(id: &'static str, value: &'static str, help: &'static str) -> Self {
        let mut flag = Self::new(id, Kind::Text, value, help);
        flag.place = Place::One;
        flag
    }

    /// As many words as there are.
    pub const fn arguments(id: &'static str, value: &'static str, help: &'static str) -> Self {
        let mut flag = Self::argument(id, value, help);
        flag.place = Place::Many;
        flag
    }

    /// The first word that is no flag, and everything after it.
    pub const fn rest(id: &'static str, value: &'static str, help: &'static str) -> Self {
        let mut flag = Self::argument(id, value, help);
        flag.place = Place::Rest;
        flag
    }

    /// Prints the version.
    pub const fn version(help: &'static str) -> Self {
        Self::new("version", Kind::Version, "", help)
    }

    /// With a letter, too.
    #[must_use]
    pub const fn short(mut self, letter: char) -> Self {
        self.short = Some(letter);
        self
    }

    /// Known to the program by another id than its name.
    #[must_use]
    pub const fn known_as(mut self, id: &'static str) -> Self {
        self.id = id;
        self
    }

    /// Each time that it is given counts.
    #[must_use]
    pub const fn repeats(mut self) -> Self {
        self.repeats = true;
        self
    }

    /// Its value may begin with a dash.
    #[must_use]
    pub const fn dashes(mut self) -> Self {
        self.dashes = true;
        self
    }

    /// Takes a whole number in these bounds.
    #[must_use]
    pub const fn number(mut self, least: i64, most: i64) -> Self {
        self.kind = Kind::Number(least, most);
        self
    }

    /// Takes one of these words.
    #[must_use]
    pub const fn one_of(mut self, words: &'static [&'static str]) -> Self {
        self.kind = Kind::Word(words);
        self
    }

    /// May not be left out.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// May also follow the verb.
    #[must_use]
    pub const fn global(mut self) -> Self {
        self.global = true;
        self
    }

    /// Does not go with these, known by their ids.
    #[must_use]
    pub const fn excluded(mut self, ids: &'static [&'static str]) -> Self {
        self.excluded = ids;
        self
    }

    /// Goes with this one only, known by its id.
    #[must_use]
    pub const fn needs(mut self, id: &'static str) -> Self {
        self.needs = Some(id);
        self
    }

    /// Where help lists it.
    #[must_use]
    pub const fn heading(mut self, heading: Option<&'static str>) -> Self {
        self.heading = heading;
        self
    }

    /// What a shell completes it with.
    #[must_use]
    pub const fn hint(mut self, hint: ValueHint) -> Self {
        self.hint = Some(hint);
        self
    }

    /// The same for clap.
    pub(super) fn arg(&self) -> Arg {
        let mut arg = Arg::new(self.id)
            .required(self.required)
            .allow_hyphen_values(self.dashes)
            .global(self.global)
            .conflicts_with_all(self.excluded)
            .help_heading(self.heading);
        if !self.value.is_empty() {
            arg = arg.value_names(self.value.split(' '));
        }
        if !self.help.is_empty() {
            arg = arg.help(self.help);
        }
        if let Some(letter) = self.short {
            arg = arg.short(letter);
        }
        if let Some(id) = self.needs {
            arg = arg.requires(id);
        }
        if let Some(hint) = self.hint {
            arg = arg.value_hint(hint);
        }
        if self.repeats {
            arg = arg.action(ArgAction::Append);
        }
        let least = usize::from(self.required);
        arg = match self.place {
            Place::Named => arg.long(self.name),
            Place::One => arg,
            Place::Many => arg.num_args(least..),
            Place::Rest => arg.num_args(least..).trailing_var_arg(true),
        };
        let optional = |arg: Arg| arg.num_args(0..=1).require_equals(true);
        match self.kind {
            Kind::Plain => arg.action(ArgAction::SetTrue),
            Kind::Version => arg.action(ArgAction::Version),
            Kind::Switch => optional(arg)
                .default_missing_value("true")
                .value_parser(BoolishValueParser::new())
                .hide_possible_values(true),
            Kind::Bool => {
                optional(arg).default_missing_value("true").value_parser(value_parser!(bool))
            }
            Kind::Text => arg,
            Kind::Path => arg.value_parser(value_parser!(PathBuf)),
            Kind::Number(least, most) => arg.value_parser(value_parser!(i64).range(least..=most)),
            // The help of flags has them in its words.
            Kind::Word(words) => arg
                .value_parser(PossibleValuesParser::new(words))
                .hide_possible_values(self.place == Place::Named),
        }
    }
}
