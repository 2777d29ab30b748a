//! Who is measured, and by which commands.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::Result;
use crate::arguments::Arguments;
use crate::oci;

/// A command with the directory it starts in.
#[derive(Debug, Clone)]
pub struct Step {
    pub dir: PathBuf,
    pub argv: Vec<String>,
}

impl Step {
    fn new(dir: &Path, argv: &[&str]) -> Self {
        Self { dir: dir.to_owned(), argv: argv.iter().map(|&arg| arg.to_owned()).collect() }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.argv[0]);
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
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().next().unwrap_or("").trim();
        Err(format!("{} {} ({})", self.argv[0], said, output.status))
    }

    /// Runs it to its end without pipes, which what it leaves running would keep open.
    pub fn run_quietly(&self) -> Result<()> {
        let status = self.command().stdout(Stdio::null()).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("{} {}", self.argv.join(" "), status)),
            Err(error) => Err(format!("{}: {error}", self.argv[0])),
        }
    }

    /// Starts it and lets it run; its first line is read from a pipe.
    pub fn start(&self) -> Result<Child> {
        self.command()
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|error| format!("{}: {error}", self.argv[0]))
    }
}

/// How a candidate keeps a container alive for the exec measurements.
#[derive(Debug, Clone)]
pub enum Hold {
    /// It can't.
    None,
    /// A process that prints the container's pid and runs as long as it.
    Foreground { start: Step, exec: fn(&Candidate, &str) -> Step },
    /// A command that returns, one to run in it, and those that end it.
    Detached { start: Step, exec: Step, end: Vec<Step> },
}

/// A runtime with its commands.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub name: String,
    /// The program, for `Hold::Foreground`.
    pub program: String,
    /// /bin/true from nothing to exit.
    pub run: Step,
    pub hold: Hold,
}

/// The candidates that this machine has, the floor first.
pub fn all(arguments: &Arguments, work: &Path) -> Result<Vec<Candidate>> {
    let rootfs = work.join("rootfs");
    let mut found = vec![host(&rootfs), floor(&arguments.tools, &rootfs)?];
    if let Some(program) = &arguments.nsinit {
        found.push(nsinit(&absolute(program)?, &rootfs));
    }
    let named = arguments.oci.iter().cloned();
    let installed = ["crun", "runc", "youki"].iter().filter_map(|name| oci::in_path(name));
    for program in named.chain(installed) {
        match oci::candidate(&absolute(&program)?, work) {
            Ok(candidate) => found.push(candidate),
            Err(why) => eprintln!("bench: {} is left out: {why}", program.display()),
        }
    }
    found.retain(|candidate| {
        candidate.name == "floor"
            || arguments.only.is_empty()
            || arguments.only.contains(&candidate.name)
    });
    Ok(found)
}

/// A path as text, from the root.
pub fn absolute(path: &Path) -> Result<String> {
    let full = path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?;
    full.to_str().map(str::to_owned).ok_or_else(|| format!("{}: not UTF-8", path.display()))
}

/// The same program on the host: what no runtime can save.
fn host(rootfs: &Path) -> Candidate {
    let program = rootfs.join("bin/true").to_string_lossy().into_owned();
    Candidate {
        name: "(host)".to_owned(),
        run: Step::new(rootfs, &[&program]),
        program,
        hold: Hold::None,
    }
}

fn floor(tools: &Path, rootfs: &Path) -> Result<Candidate> {
    let program = absolute(&tools.join("floor"))?;
    let root = rootfs.to_string_lossy();
    Ok(Candidate {
        name: "floor".to_owned(),
        run: Step::new(rootfs, &[&program, "run", &root, "/bin/true"]),
        hold: Hold::Foreground {
            start: Step::new(rootfs, &[&program, "hold", &root, "/bin/sleep", "1000"]),
            exec: |floor, pid| {
                Step::new(Path::new("/"), &[&floor.program, "exec", pid, "/bin/true"])
            },
        },
        program,
    })
}

fn nsinit(program: &str, rootfs: &Path) -> Candidate {
    let step = |argv: &[&str]| Step::new(rootfs, &[&[program], argv].concat());
    Candidate {
        name: "nsinit".to_owned(),
        program: program.to_owned(),
        run: step(&["exec", "/bin/true"]),
        hold: Hold::Detached {
            start: step(&["exec", "--detach", "/bin/sleep", "1000"]),
            exec: step(&["exec", "/bin/true"]),
            end: vec![step(&["delete", "--force"])],
        },
    }
}
