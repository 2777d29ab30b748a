//! Whether both readers agree: what the tests of a program ask for, with lines that are made from
//! its definitions.

use std::ffi::OsString;

use super::flag::{Flag, Kind, Place};
use super::given::{Given, Typed};
use super::{Flags, Program, Verb, quick};

/// A part of a line.
type Words = Vec<String>;

impl Program {
    /// Compares what the quick reader takes of many lines with what clap says of them: every flag
    /// of every verb in every spelling, and `mixed` lines for each verb that are put together by
    /// chance, always the same. How many lines the quick reader took, or the line on which they
    /// differ.
    ///
    /// # Errors
    /// The line, and what the two make of it.
    pub fn compare(&self, mixed: usize) -> Result<usize, String> {
        let mut clap = self.command();
        clap.build();
        let mut taken = 0;
        for verb in self.verbs {
            for line in self.lines(verb, mixed) {
                let typed: Vec<OsString> = line.iter().map(OsString::from).collect();
                let Some(quick) = quick::read(self, &typed) else { continue };
                let thorough = self.thorough(&mut clap, &typed).map(in_order);
                if thorough.as_ref().ok() != Some(&in_order(quick.clone())) {
                    return Err(format!("{line:?}: {quick:?}, and by clap {thorough:?}"));
                }
                taken += 1;
            }
        }
        Ok(taken)
    }

    /// Whether the quick reader takes a line, which begins with the program's name.
    pub fn is_usual(&self, line: &str) -> bool {
        quick::read(self, &line.split(' ').map(OsString::from).collect::<Vec<_>>()).is_some()
    }

    fn lines(&self, verb: &Verb, mixed: usize) -> Vec<Words> {
        let name = || vec![verb.name.to_owned()];
        let globals: Vec<Words> = Flags::all(self.arguments).iter().flat_map(spellings).collect();
        let own = Flags::all(verb.arguments);
        let arguments: Vec<String> = own
            .iter()
            .filter(|flag| flag.place != Place::Named)
            .flat_map(|flag| match flag.kind {
                Kind::Word(words) => vec![words[0].to_owned()],
                _ => vec![flag.id.to_owned()],
            })
            .collect();
        let own: Vec<Words> = own.iter().flat_map(spellings).collect();
        let mut lines = vec![name(), [name(), arguments.clone()].concat()];
        for flag in globals.iter().chain(&own) {
            lines.push([flag.clone(), name(), arguments.clone()].concat());
            lines.push([name(), flag.clone(), arguments.clone()].concat());
            lines.push([name(), arguments.clone(), flag.clone()].concat());
            lines.push([name(), flag.clone(), flag.clone(), arguments.clone()].concat());
        }
        let odd =
            ["--", "-", "", "help", "--help", "-h", "--unknown", "-9", "-xyz", verb.name, "a"];
        let odd: Vec<Words> = odd.iter().map(|word| vec![(*word).to_owned()]).collect();
        let mut chance = Chance(1);
        for _ in 0..mixed {
            let before = (0..chance.below(3)).map(|_| chance.one(&globals)).collect::<Vec<_>>();
            let after = (0..chance.below(6)).map(|_| match chance.below(8) {
                0 => chance.one(&globals),
                1 => chance.one(&odd),
                2 | 3 => arguments.clone(),
                _ => chance.one(if own.is_empty() { &odd } else { &own }),
            });
            let after = after.collect::<Vec<_>>().concat();
            lines.push([before.concat(), name(), after].concat());
        }
        let program = self.name.to_owned();
        lines.into_iter().map(|line| [vec![program.clone()], line].concat()).collect()
    }
}

/// Where the order of flags means nothing.
fn in_order(typed: Typed) -> Typed {
    let sorted = |given: Given| {
        let mut ids: Vec<_> = given.ids().collect();
        ids.sort_unstable();
        ids.dedup();
        let mut sorted = Given::default();
        for id in ids {
            given.all(id).for_each(|value| sorted.push(id, value.to_owned()));
        }
        sorted
    };
    Typed { verb: typed.verb, globals: sorted(typed.globals), own: sorted(typed.own) }
}

/// A flag as it may be typed, well and badly.
fn spellings(flag: &Flag) -> Vec<Words> {
    if flag.place != Place::Named {
        return Vec::new();
    }
    let values = match flag.kind {
        Kind::Switch | Kind::Bool | Kind::Plain | Kind::Version => {
            &["true", "false", "yes", "0", "", "-"][..]
        }
        Kind::Number(..) => &["1", "0", "-1", "+1", "5000000000", "x", "", "--"],
        Kind::Word(words) => &[words[0], words[words.len() - 1], "x", "", "--"],
        Kind::Text | Kind::Path => &["v", "a=b", "", "-", "-v", "--v", "--", "run", "exec"],
    };
    let name = flag.name;
    let mut names = vec![format!("--{name}"), format!("-{name}"), format!("---{name}")];
    names.extend(
        flag.short.into_iter().flat_map(|letter| [format!("-{letter}"), format!("--{letter}")]),
    );
    let mut spellings: Vec<Words> = names.iter().map(|name| vec![name.clone()]).collect();
    for value in values {
        for name in &names {
            spellings.push(vec![name.clone(), (*value).to_owned()]);
            spellings.push(vec![format!("{name}={value}")]);
        }
        if let Some(letter) = flag.short {
            spellings.push(vec![format!("-{letter}{value}")]);
        }
    }
    spellings
}

/// Numbers that look like chance.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound
    }

    fn one(&mut self, from: &[Words]) -> Words {
        from[self.below(from.len())].clone()
    }
}
