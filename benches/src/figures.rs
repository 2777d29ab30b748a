//! Containers that are kept alive, and tables of single figures.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::Result;
use crate::candidate::{Candidate, Kind};
use crate::launch::Step;
use crate::table::{Row, Table};
use crate::world::World;

/// A running container of one candidate. Ended when dropped.
#[derive(Debug)]
pub struct Held {
    /// Executes /bin/true in it.
    pub exec: Step,
    /// Its id, for OCI runtimes.
    pub id: String,
    keeper: Option<(Child, String)>,
    end: Option<Step>,
}

impl Held {
    /// One that sleeps.
    pub fn start(world: &World, candidate: &Candidate) -> Result<Self> {
        let id = candidate.id("held");
        let rootfs = &world.rootfs;
        let held = match candidate.kind {
            Kind::Host => return Err("has no containers".to_owned()),
            Kind::Floor => {
                let args = ["hold", &rootfs.to_string_lossy(), "/bin/sleep", "1000"];
                let mut command = candidate.step(rootfs, &args).command();
                let child = command.stdout(Stdio::piped()).spawn();
                let mut child = child.map_err(|error| format!("floor: {error}"))?;
                let mut pid = String::new();
                if let Some(out) = child.stdout.take() {
                    let _ = BufReader::new(out).read_line(&mut pid);
                }
                let pid = pid.trim().to_owned();
                let exec = candidate.step(rootfs, &["exec", &pid, "/bin/true"]);
                Self { exec, id, keeper: Some((child, pid)), end: None }
            }
            Kind::Nsinit => {
                let step = |args: &[&str]| candidate.step(rootfs, args);
                let start = step(&["exec", "--detach", "/bin/sleep", "1000"]);
                let end = step(&["delete", "--force"]);
                return Self::detached(&start, step(&["exec", "/bin/true"]), id, end);
            }
            Kind::Oci => {
                let bundle = world.bundle(candidate, "sleep", &["/bin/sleep", "1000"], |_| ())?;
                let step = |args: &[&str]| candidate.step(&bundle, args);
                let start = step(&["run", "--detach", &id]);
                let end = step(&["delete", "--force", &id]);
                return Self::detached(&start, step(&["exec", &id, "/bin/true"]), id, end);
            }
        };
        // The floor is told before its container stands: the first exec may come too early.
        held.exec.soon().map(|()| held)
    }

    /// One that a command starts in the background, and another ends.
    pub fn detached(start: &Step, exec: Step, id: String, end: Step) -> Result<Self> {
        if let Err(why) = start.quietly() {
            let _ = end.check();
            return Err(why);
        }
        let held = Self { exec, id, keeper: None, end: Some(end) };
        held.exec.soon().map(|()| held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some((child, pid)) = &mut self.keeper {
            let _ = Command::new("kill").args(["-KILL", pid]).status();
            let _ = child.wait();
        }
        if let Some(step) = &self.end
            && let Err(why) = step.check()
        {
            eprintln!("bench: {}: {why}", step.argv.join(" "));
        }
    }
}

/// A table of single figures.
pub fn table(
    world: &World,
    key: &str,
    title: &str,
    columns: &[&str],
    rows: Vec<(String, Result<Vec<f64>>)>,
) -> Table {
    let row = |(name, cells): (String, Result<Vec<f64>>)| Row {
        name,
        cells: cells.map(|cells| cells.into_iter().map(Some).collect()),
    };
    Table {
        key: key.to_owned(),
        layout: world.layout,
        title: format!("{}: {title}", world.layout.title()),
        columns: columns.iter().map(|&column| column.to_owned()).collect(),
        rows: rows.into_iter().map(row).collect(),
    }
}
