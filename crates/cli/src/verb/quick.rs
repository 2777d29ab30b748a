//! A reader for command lines as they mostly are, which knows neither mistakes nor help.
//!
//! Clap's definitions take longer to make than a line takes to read. This reader makes none: it
//! asks for each flag that was typed.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::flag::{Flag, Kind, Place};
use super::given::{Given, Typed};
use super::{Define, Flags, Program, Wanted};

/// Reads a command line; nothing where that takes more than this reader knows.
pub(super) fn read(program: &Program, typed: &[OsString]) -> Option<Typed> {
    let mut reader = Reader { program, words: typed.iter().skip(1), globals: Given::default() };
    let verb = loop {
        let word = reader.words.next()?;
        if !is_flag(word) {
            break program.verbs.iter().find(|verb| word == verb.name)?;
        }
        reader.flag(word, None)?;
    };
    if verb.rules.is_some() {
        return None;
    }
    let own = reader.verb(verb.arguments)?;
    let globals = reader.globals;
    let agree = agree(program.arguments, &globals) && agree(verb.arguments, &own);
    agree.then_some(Typed { verb: verb.name, globals, own })
}

struct Reader<'a, Words> {
    program: &'a Program,
    words: Words,
    globals: Given,
}

impl<'a, Words: Iterator<Item = &'a OsString>> Reader<'a, Words> {
    /// What follows a verb.
    fn verb(&mut self, define: Define) -> Option<Given> {
        let mut own = Given::default();
        let mut turn = 0;
        let mut only_arguments = false;
        while let Some(word) = self.words.next() {
            if !only_arguments && is_flag(word) {
                only_arguments = word == "--";
                if !only_arguments {
                    self.flag(word, Some((define, &mut own)))?;
                }
                continue;
            }
            let flag = Flags::find(define, Wanted::Turn(turn))?;
            own.push(flag.id, valid(&flag, word)?);
            turn += usize::from(flag.place == Place::One);
            only_arguments |= flag.place == Place::Rest;
        }
        let missing = |flag: Flag| flag.required && !own.has(flag.id);
        (!Flags::find(define, Wanted::Turn(turn)).is_some_and(missing)).then_some(own)
    }

    /// A flag: of the verb, if there is one already, or of the program.
    fn flag(&mut self, word: &OsStr, verb: Option<(Define, &mut Given)>) -> Option<()> {
        let like_go = self.program.doubled.is_some();
        let (wanted, attached) = named(word, like_go)?;
        let has_verb = verb.is_some();
        let own = verb.and_then(|(define, own)| Some((Flags::find(define, wanted)?, own)));
        let (flag, given) = match own {
            Some(own) => own,
            None => {
                let flag = Flags::find(self.program.arguments, wanted)?;
                (!has_verb || flag.global).then_some((flag, &mut self.globals))?
            }
        };
        let value = match (flag.kind, attached) {
            (Kind::Plain | Kind::Switch | Kind::Bool, None) => OsString::from("true"),
            (_, Some(value)) => valid(&flag, value)?,
            (_, None) => {
                let next = self.words.next().filter(|next| flag.dashes || !is_flag(next))?;
                valid(&flag, next)?
            }
        };
        if !flag.repeats && given.has(flag.id) {
            // To Go, the last counts; else it is a mistake.
            like_go.then(|| given.remove(flag.id))?;
        }
        given.push(flag.id, value);
        Some(())
    }
}

fn is_flag(word: &OsStr) -> bool {
    word.len() > 1 && word.as_bytes().starts_with(b"-")
}

/// What a flag goes by, and the value that is attached to it.
fn named(word: &OsStr, like_go: bool) -> Option<(Wanted<'_>, Option<&OsStr>)> {
    let word = word.as_bytes();
    let bare = match word {
        [b'-', b'-', bare @ ..] => bare,
        [b'-', letter] => return Some((Wanted::Letter(char::from(*letter)), None)),
        // Several letters, or a letter and its value, if it is no name.
        [b'-', bare @ ..] if like_go => bare,
        _ => return None,
    };
    match bare.iter().position(|byte| *byte == b'=') {
        Some(at) => Some((Wanted::Name(&bare[..at]), Some(OsStr::from_bytes(&bare[at + 1..])))),
        None => Some((Wanted::Name(bare), None)),
    }
}

/// The value, if it is of the flag's kind.
fn valid(flag: &Flag, value: &OsStr) -> Option<OsString> {
    let text = || value.to_str();
    let is_valid = match flag.kind {
        Kind::Plain | Kind::Version => false,
        Kind::Switch | Kind::Bool => value == "true" || value == "false",
        Kind::Text => text().is_some(),
        Kind::Path => !value.is_empty(),
        Kind::Number(least, most) => (least..=most).contains(&text()?.parse().ok()?),
        Kind::Word(words) => words.iter().any(|word| value == *word),
    };
    is_valid.then(|| value.to_owned())
}

/// Whether what was given goes together.
fn agree(define: Define, given: &Given) -> bool {
    given.ids().all(|id| {
        Flags::find(define, Wanted::Id(id)).is_some_and(|flag| {
            !flag.excluded.iter().any(|other| given.has(other))
                && flag.needs.is_none_or(|other| given.has(other))
        })
    })
}
