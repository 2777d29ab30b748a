//! Flags with one dash. To the flag reader of Go, `-detach` is `--detach`; and engines write such:
//! containerd's shim restores with `-no-subreaper`.

use std::ffi::OsString;

use clap::Command;

/// The words of a command line as clap takes them: long flags have two dashes.
pub fn doubled(command: &Command, mut words: Vec<OsString>) -> Vec<OsString> {
    if !words.iter().skip(1).any(|word| is_single(word.as_encoded_bytes())) {
        return words;
    }
    let Some(verb) = double(&mut words, 1, &built(command)) else { return words };
    let found = words.get(verb).and_then(|name| command.find_subcommand(name));
    if let Some(found) = found {
        // What follows exec's id is somebody else's.
        let built = built(found);
        let trailing = built.get_positionals().any(clap::Arg::is_trailing_var_arg_set);
        let mut next = Some(verb + 1);
        while let Some(at) = next {
            let positional = double(&mut words, at, &built);
            next = positional.filter(|_| !trailing).map(|at| at + 1);
        }
    }
    words
}

/// With its arguments, which are only made when somebody asks.
fn built(command: &Command) -> Command {
    let mut built = command.clone();
    built.build();
    built
}

/// Doubles the dashes from this word on; stops before the first word that is no flag: where.
fn double(words: &mut [OsString], from: usize, command: &Command) -> Option<usize> {
    let mut at = from;
    while at < words.len() {
        let word = words[at].as_encoded_bytes();
        if word == b"--" || !word.starts_with(b"-") || word == b"-" {
            return (word != b"--").then_some(at);
        }
        let flag = Flag::of(word, command);
        if let (Some(true), true) = (flag.as_ref().map(|flag| flag.is_long), is_single(word)) {
            let mut doubled = OsString::from("-");
            doubled.push(&words[at]);
            words[at] = doubled;
        }
        at += if flag.is_some_and(|flag| flag.takes_next) { 2 } else { 1 };
    }
    None
}

/// Whether this could be such a flag.
fn is_single(word: &[u8]) -> bool {
    matches!(word, [b'-', first, _, ..] if *first != b'-')
}

struct Flag {
    is_long: bool,
    /// Whether its value is the next word.
    takes_next: bool,
}

impl Flag {
    fn of(word: &[u8], command: &Command) -> Option<Self> {
        let text = std::str::from_utf8(word).ok()?;
        let bare = text.trim_start_matches('-');
        let (name, has_value) =
            bare.split_once('=').map_or((bare, false), |(name, _)| (name, true));
        let is_long = |arg: &&clap::Arg| arg.get_long() == Some(name);
        let is_short =
            |arg: &&clap::Arg| arg.get_short().is_some_and(|one| name == one.to_string());
        let long = command.get_arguments().find(is_long);
        let arg = long.or_else(|| command.get_arguments().find(is_short))?;
        let takes = arg.get_action().takes_values() && !arg.is_require_equals_set();
        Some(Self { is_long: long.is_some(), takes_next: takes && !has_value })
    }
}

#[cfg(test)]
mod tests;
