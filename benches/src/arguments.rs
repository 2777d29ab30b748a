//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

use crate::Result;
use crate::layout::Layout;

pub const USAGE: &str = "\
usage: bench [OPTION]...      (make bench builds what it needs and calls it)
  --nsinit PATH         the nsinit to measure
  --tools DIR           where floor and spawn are
  --image DIR           the root file system (a copy of it is used)
  --oci PATH            another OCI runtime to measure; may be repeated
                        (runc, crun, youki are taken from PATH when they are there)
  --only NAME           only this candidate beside the floor; may be repeated
  --layout v2|host      only this cgroup layout; may be repeated
  --rounds N            starts of each candidate back to back (default 100);
                        a third as many with 100 ms between
  --max-ratio R         exit with 1 when a judged median is over R times the floor
  --max-peak MIB        exit with 1 when the judged peak memory is over this
  --judge NAME          whom these limits are for; may be repeated
  --write FILE          put the tables between the bench marks of FILE
  --count-syscalls      count system calls with strace instead of time
";

/// What the judged candidate has to keep to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// Of the median of a start, as a multiple of the floor's.
    pub ratio: Option<f64>,
    /// Of the peak resident memory of a start, in MiB.
    pub peak_mib: Option<f64>,
}

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct Arguments {
    pub help: bool,
    pub nsinit: Option<PathBuf>,
    pub tools: PathBuf,
    pub image: PathBuf,
    pub oci: Vec<PathBuf>,
    pub only: Vec<String>,
    pub layouts: Vec<Layout>,
    pub rounds: u32,
    pub limits: Limits,
    pub judged: Vec<String>,
    pub write: Option<PathBuf>,
    pub count_syscalls: bool,
    /// Set in the process that measures one layout.
    pub inside: Option<Layout>,
}

impl Arguments {
    pub fn parse(args: impl Iterator<Item = String>) -> Result<Self> {
        let mut parsed = Self {
            help: false,
            nsinit: None,
            tools: PathBuf::from("target/bench"),
            image: PathBuf::from(".cache/images/busybox"),
            oci: Vec::new(),
            only: Vec::new(),
            layouts: Vec::new(),
            rounds: 100,
            limits: Limits::default(),
            judged: Vec::new(),
            write: None,
            count_syscalls: false,
            inside: None,
        };
        let mut args = args;
        while let Some(flag) = args.next() {
            parsed.take(&flag, &mut args)?;
        }
        Ok(parsed)
    }

    fn take(&mut self, flag: &str, args: &mut impl Iterator<Item = String>) -> Result<()> {
        let mut value = || args.next().ok_or_else(|| format!("{flag} needs a value"));
        match flag {
            "--help" | "-h" => self.help = true,
            "--nsinit" => self.nsinit = Some(value()?.into()),
            "--tools" => self.tools = value()?.into(),
            "--image" => self.image = value()?.into(),
            "--oci" => self.oci.push(value()?.into()),
            "--only" => self.only.push(value()?),
            "--layout" => self.layouts.push(value()?.parse()?),
            "--rounds" => self.rounds = number(flag, &value()?)?,
            "--max-ratio" => self.limits.ratio = Some(number(flag, &value()?)?),
            "--max-peak" => self.limits.peak_mib = Some(number(flag, &value()?)?),
            "--judge" => self.judged.push(value()?),
            "--write" => self.write = Some(value()?.into()),
            "--count-syscalls" => self.count_syscalls = true,
            "--inside" => self.inside = Some(value()?.parse()?),
            _ => return Err(format!("unknown option {flag}; see --help")),
        }
        Ok(())
    }
}

fn number<T: FromStr>(flag: &str, text: &str) -> Result<T> {
    text.parse().map_err(|_| format!("{flag} {text}: not a number"))
}
