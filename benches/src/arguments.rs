//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

use crate::Result;
use crate::layout::Layout;

pub const USAGE: &str = "\
usage: bench VERB [OPTION]...      (make bench builds what it needs and calls it)
  measure     measures, prints tables and keeps them in the results directory
  curves      the same for how cost grows
  write       docs/benchmarks.md, docs/curves.md and their charts, from what is kept
  check       a short run that fails where a start, an exec or a state costs more than it may

  --nsinit PATH, --nsrun PATH   what is measured
  --tools DIR       where floor, spawn and library-loop are
  --image DIR       the root file system (a copy of it is used)
  --peers DIR       other OCI runtimes to measure, each file of it
  --results DIR     where tables are kept
  --docs DIR        where the reports are written
  --counts FILE     the system calls that check expects (--renew writes them anew)
  --uncounted       check judges no system calls, and times by other limits: the programs are not
                    built for musl
  --only KEY        only these measurements (run, exec, ...); may be repeated
  --layout v2|host  only this cgroup layout; may be repeated
  --rounds N        starts of each candidate back to back (default 150);
                    a quarter as many with 100 ms between
  --no-save         prints the tables only
";

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Help,
    Measure,
    Curves,
    Write,
    Check,
}

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct Arguments {
    pub verb: Verb,
    pub nsinit: PathBuf,
    pub nsrun: PathBuf,
    pub tools: PathBuf,
    pub image: PathBuf,
    pub peers: PathBuf,
    pub results: PathBuf,
    pub docs: PathBuf,
    pub counts: PathBuf,
    pub renew: bool,
    pub uncounted: bool,
    pub only: Vec<String>,
    pub layouts: Vec<Layout>,
    pub rounds: u32,
    pub save: bool,
    /// Set in the process that measures one layout.
    pub inside: Option<Layout>,
}

impl Arguments {
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self> {
        let verb = match args.next().as_deref() {
            Some("measure") => Verb::Measure,
            Some("curves") => Verb::Curves,
            Some("write") => Verb::Write,
            Some("check") => Verb::Check,
            None | Some("--help" | "-h" | "help") => Verb::Help,
            Some(other) => return Err(format!("unknown verb {other}; see --help")),
        };
        let mut parsed = Self {
            verb,
            nsinit: PathBuf::from("target/release/nsinit"),
            nsrun: PathBuf::from("target/release/nsrun"),
            tools: PathBuf::from("target/bench"),
            image: PathBuf::from(".cache/images/busybox"),
            peers: PathBuf::from(".cache/peers/bin"),
            results: PathBuf::from("target/bench/results"),
            docs: PathBuf::from("docs"),
            counts: PathBuf::from("benches/syscalls.txt"),
            renew: false,
            uncounted: false,
            only: Vec::new(),
            layouts: Vec::new(),
            rounds: 150,
            save: true,
            inside: None,
        };
        while let Some(flag) = args.next() {
            parsed.take(&flag, &mut args)?;
        }
        Ok(parsed)
    }

    fn take(&mut self, flag: &str, args: &mut impl Iterator<Item = String>) -> Result<()> {
        let mut value = || args.next().ok_or_else(|| format!("{flag} needs a value"));
        match flag {
            "--nsinit" => self.nsinit = value()?.into(),
            "--nsrun" => self.nsrun = value()?.into(),
            "--tools" => self.tools = value()?.into(),
            "--image" => self.image = value()?.into(),
            "--peers" => self.peers = value()?.into(),
            "--results" => self.results = value()?.into(),
            "--docs" => self.docs = value()?.into(),
            "--counts" => self.counts = value()?.into(),
            "--renew" => self.renew = true,
            "--uncounted" => self.uncounted = true,
            "--only" => self.only.push(value()?),
            "--layout" => self.layouts.push(value()?.parse()?),
            "--rounds" => self.rounds = number(flag, &value()?)?,
            "--no-save" => self.save = false,
            "--inside" => self.inside = Some(value()?.parse()?),
            _ => return Err(format!("unknown option {flag}; see --help")),
        }
        Ok(())
    }

    /// Whether a measurement is wanted.
    pub fn wants(&self, key: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == key)
    }

    /// The name of the file that keeps the tables of a layout.
    pub fn file_of(&self, layout: Layout) -> String {
        let what = if self.verb == Verb::Curves { "curves-" } else { "" };
        format!("{what}{layout}.json")
    }
}

fn number<T: FromStr>(flag: &str, text: &str) -> Result<T> {
    text.parse().map_err(|_| format!("{flag} {text}: not a number"))
}
