//! The tiny launcher, and what its lines say.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::Result;
use crate::stats::{self, Sample};
use crate::syscalls::{self, Which};
use crate::table::{Row, Table};
use crate::world::World;

/// Between paused runs; long enough for the kernel's read-copy-update to go idle, which is when
/// joining a cgroup is dear.
const PAUSE_MS: u32 = 100;
/// The longest that one sequence may take when it is tried, in seconds.
const PATIENCE: &str = "30";

/// A command with the directory it starts in.
#[derive(Debug, Clone)]
pub struct Step {
    pub dir: PathBuf,
    pub argv: Vec<String>,
    /// The runtime directory of the ordinary user whose step it is.
    user: Option<PathBuf>,
}

impl Step {
    pub fn new(dir: &Path, argv: &[&str]) -> Self {
        let argv = argv.iter().map(|&arg| arg.to_owned()).collect();
        Self { dir: dir.to_owned(), argv, user: None }
    }

    /// Waits, untimed, for what the steps before left running.
    pub fn wait() -> Self {
        Self::new(Path::new("@wait"), &[])
    }

    /// The same as an ordinary user, whose runtime directory is `home`.
    pub fn by_user(mut self, home: &Path) -> Self {
        self.user = Some(home.to_owned());
        self
    }

    /// A program, as this step's user.
    fn program(&self, program: impl AsRef<OsStr>) -> Command {
        let Some(home) = &self.user else { return Command::new(program) };
        let mut command = Command::new("/usr/bin/setpriv");
        command.args(["--reuid=1000", "--regid=1000", "--clear-groups"]).arg(program);
        command.env("XDG_RUNTIME_DIR", home);
        command
    }

    pub fn command(&self) -> Command {
        let mut command = self.program(&self.argv[0]);
        command.args(&self.argv[1..]).current_dir(&self.dir).stdin(Stdio::null());
        command
    }

    /// Runs it to its end; `Err` tells why it failed, in one line.
    pub fn check(&self) -> Result<Output> {
        let output = self.command().output();
        let output = output.map_err(|error| format!("{}: {error}", self.argv[0]))?;
        if output.status.success() {
            return Ok(output);
        }
        Err(format!("{} ({})", first_line(&output.stderr), output.status))
    }

    /// Runs it to its end without pipes, which what it leaves running would keep open.
    pub fn quietly(&self) -> Result<()> {
        let status = self.command().stdout(Stdio::null()).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("does not start here ({status})")),
            Err(error) => Err(format!("{}: {error}", self.argv[0])),
        }
    }

    /// Tries it until it succeeds, for a second.
    pub fn soon(&self) -> Result<()> {
        let start = Instant::now();
        loop {
            let result = self.check().map(|_| ());
            if result.is_ok() || start.elapsed() > Duration::from_secs(1) {
                return result;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn first_line(text: &[u8]) -> String {
    String::from_utf8_lossy(text).lines().next().unwrap_or("no word").trim().to_owned()
}

/// What one candidate does in each round, or why it cannot.
#[derive(Debug, Clone)]
pub struct Case {
    pub name: String,
    pub steps: Result<Vec<Step>>,
}

impl Case {
    pub fn new(name: &str, steps: Result<Vec<Step>>) -> Self {
        Self { name: name.to_owned(), steps }
    }
}

/// How a table of times is to be made.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    pub key: &'a str,
    pub title: &'a str,
    pub rounds: u32,
    /// Also with pauses.
    pub paused: bool,
    /// Also system calls; only of sequences whose processes all end.
    pub calls: bool,
}

/// What the columns of a table of times are.
pub const COLUMNS: [&str; 8] = [
    "median, ms",
    "p99, ms",
    "min, ms",
    "CPU, ms",
    "peak memory, MiB",
    "system calls",
    "page faults",
    "context switches",
];

/// One table back to back, and one with pauses if wanted.
pub fn tables(world: &World, plan: Plan<'_>, cases: &[Case]) -> Result<Vec<Table>> {
    let tried: Vec<Case> = cases.iter().map(|case| try_once(world, case)).collect();
    let count = |case: &Case| syscalls::count(world, case.steps.as_ref().ok()?, Which::All);
    let calls: Vec<Option<u64>> =
        tried.iter().map(|case| if plan.calls { count(case) } else { None }).collect();
    let mut paces = vec![(plan.key.to_owned(), plan.rounds, 0)];
    if plan.paused {
        paces.push((format!("{}-paused", plan.key), (plan.rounds / 4).max(5), PAUSE_MS));
    }
    let mut tables = Vec::new();
    for (key, rounds, pause) in paces {
        let rows = in_turn(world, rounds, pause, &tried)?;
        let rows = rows.into_iter().zip(&calls).map(|((name, samples), calls)| Row {
            cells: samples.and_then(|samples| {
                stats::summarize(&samples)
                    .map(|summary| summary.cells(*calls))
                    .ok_or("no run".to_owned())
            }),
            name,
        });
        let pace = match (plan.paused, pause) {
            (false, _) => "",
            (_, 0) => ", back to back",
            _ => ", 100 ms between",
        };
        tables.push(Table {
            key,
            layout: world.layout,
            title: format!("{}: {}{pace}", world.layout.title(), plan.title),
            columns: COLUMNS.map(str::to_owned).to_vec(),
            rows: rows.collect(),
        });
    }
    Ok(tables)
}

/// The case, or why it does not work here.
pub fn try_once(world: &World, case: &Case) -> Case {
    let tried = case.steps.as_ref().map_err(String::clone).and_then(|steps| {
        let mut command = launcher("timeout", steps);
        command.args(["--kill-after=1", PATIENCE]).arg(&world.spawn).args(["1", "0"]);
        push(&mut command, steps);
        let output = command.output().map_err(|error| format!("timeout: {error}"))?;
        match lines(&output.stdout)?.first() {
            Some((_, sample)) if sample.code == 0 => Ok(steps.clone()),
            Some((_, sample)) => Err(format!("{} ({})", first_line(&output.stderr), sample.code)),
            None => Err(format!("did not end within {PATIENCE} s")),
        }
    });
    Case { name: case.name.clone(), steps: tried }
}

/// A program that starts these, as their user: what makes it his is no part of what is measured.
fn launcher(program: impl AsRef<OsStr>, steps: &[Step]) -> Command {
    match steps.first() {
        Some(step) => step.program(program),
        None => Command::new(program),
    }
}

fn push(command: &mut Command, steps: &[Step]) {
    for (index, step) in steps.iter().enumerate() {
        if index > 0 {
            command.arg("+");
        }
        command.arg(&step.dir).args(&step.argv);
    }
}

/// The samples of each case, by name.
type Samples = Vec<(String, Result<Vec<Sample>>)>;

/// Runs those that can, in turn.
pub fn in_turn(world: &World, rounds: u32, pause: u32, cases: &[Case]) -> Result<Samples> {
    let first = cases.iter().find_map(|case| case.steps.as_ref().ok());
    let mut command = launcher(&world.spawn, first.map_or(&[], Vec::as_slice));
    command.arg(rounds.to_string()).arg(pause.to_string());
    let mut samples: Samples = Vec::new();
    let mut able = Vec::new();
    for case in cases {
        match &case.steps {
            Ok(steps) => {
                if !able.is_empty() {
                    command.arg(";");
                }
                push(&mut command, steps);
                able.push(samples.len());
                samples.push((case.name.clone(), Ok(Vec::new())));
            }
            Err(why) => samples.push((case.name.clone(), Err(why.clone()))),
        }
    }
    if able.is_empty() {
        return Ok(samples);
    }
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("spawn: {error}"))?;
    for (index, sample) in lines(&output.stdout)? {
        let place = *able.get(index).ok_or("spawn printed a strange index")?;
        let slot = &mut samples[place].1;
        match slot {
            Ok(list) if sample.code == 0 => list.push(sample),
            Ok(_) => *slot = Err(format!("a run ended with {}", sample.code)),
            Err(_) => {}
        }
    }
    Ok(samples)
}

fn lines(text: &[u8]) -> Result<Vec<(usize, Sample)>> {
    let text = String::from_utf8_lossy(text);
    let lines = text.lines().filter(|line| !line.starts_with("all "));
    lines.map(|line| Sample::parse(line).ok_or(format!("spawn printed: {line}"))).collect()
}

/// `count` runs of one step, `jobs` at a time, `%` in its arguments being the number: the samples
/// and nanoseconds of all together.
pub fn at_once(world: &World, jobs: u32, count: u32, step: &Step) -> Result<(Vec<Sample>, f64)> {
    // Not a pipe: what is left running keeps it.
    let errors = world.dir.join("errors");
    let told = |error: std::io::Error| format!("{}: {error}", errors.display());
    let output = Command::new(&world.spawn)
        .args(["-j", &jobs.to_string(), &count.to_string()])
        .arg(&step.dir)
        .args(&step.argv)
        .stderr(fs::File::create(&errors).map_err(told)?)
        .output()
        .map_err(|error| format!("spawn: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let all = text.lines().find_map(|line| line.strip_prefix("all "));
    let all = all.and_then(|ns| ns.parse().ok()).ok_or("spawn told no time")?;
    let samples: Vec<Sample> =
        lines(&output.stdout)?.into_iter().map(|(_, sample)| sample).collect();
    if samples.iter().any(|sample| sample.code != 0) {
        return Err(format!("a run failed: {}", first_line(&fs::read(&errors).map_err(told)?)));
    }
    Ok((samples, all))
}
