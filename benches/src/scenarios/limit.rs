//! The smallest memory limit in which /bin/true starts, where version 1's memory controller is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::Result;
use crate::candidate::{Candidate, Kind};
use crate::figures::{self, Held};
use crate::launch::Step;
use crate::layout::Layout;
use crate::table::Table;
use crate::world::World;

const CONTROLLER: &str = "/sys/fs/cgroup/memory";
/// Limits are tried in steps of so many bytes, up to the largest.
const STEP: u64 = 16 << 10;
const LARGEST: u64 = 16 << 20;
/// A limit must do so many times in a row.
const TIMES: u32 = 5;

/// By halving; and what is charged to a container that sleeps, by the kernel's own account.
pub fn smallest(world: &World) -> Result<Vec<Table>> {
    if world.layout != Layout::Host || !Path::new(CONTROLLER).join("memory.stat").exists() {
        return Ok(Vec::new());
    }
    let mut limits = Vec::new();
    let mut charges = Vec::new();
    for candidate in world.of(&[Kind::Floor, Kind::Oci]) {
        limits.push((candidate.name.clone(), by_halving(world, candidate)));
        let charged = Held::start(world, candidate).and_then(|held| charged(candidate, &held));
        charges.push((candidate.name.clone(), charged));
    }
    let title = "smallest memory limit that starts /bin/true";
    let limits = figures::table(world, "limit", title, &["KiB"], limits);
    let title = "memory charged to a container that sleeps";
    let columns = ["all, KiB", "anonymous, KiB", "page cache, KiB", "kernel's own, KiB"];
    Ok(vec![limits, figures::table(world, "charged", title, &columns, charges)])
}

fn by_halving(world: &World, candidate: &Candidate) -> Result<Vec<f64>> {
    if !starts(world, candidate, LARGEST)? {
        candidate.run(world)?.check()?;
        return Err(format!("not with {} MiB", LARGEST >> 20));
    }
    let (mut fails, mut works) = (0, LARGEST / STEP);
    while works - fails > 1 {
        let middle = fails.midpoint(works);
        if starts(world, candidate, middle * STEP)? { works = middle } else { fails = middle }
    }
    Ok(vec![(works * STEP / 1024) as f64])
}

fn starts(world: &World, candidate: &Candidate, limit: u64) -> Result<bool> {
    let id = candidate.id(&format!("limit-{limit}"));
    let (step, clean) = if candidate.kind == Kind::Floor {
        let rootfs = world.rootfs.to_string_lossy();
        let args = ["-m", &limit.to_string(), "run", &rootfs, "/bin/true"];
        (candidate.step(&world.dir, &args), None)
    } else {
        let bundle =
            world.bundle(candidate, &format!("limit-{limit}"), &["/bin/true"], |config| {
                config["linux"]["resources"]["memory"] = json!({ "limit": limit });
            })?;
        let clean = candidate.step(&bundle, &["delete", "--force", &id]);
        (candidate.step(&bundle, &["run", &id]), Some(clean))
    };
    for _ in 0..TIMES {
        if !within(&step) {
            clean.map(|step| step.check());
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether it succeeds, in ten seconds: one that is short of memory may hang.
fn within(step: &Step) -> bool {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=1", "10"]).args(&step.argv).current_dir(&step.dir);
    command.stdin(std::process::Stdio::null());
    command.output().is_ok_and(|output| output.status.success())
}

fn charged(candidate: &Candidate, held: &Held) -> Result<Vec<f64>> {
    let dir = group(candidate, held)?;
    // What an exec left is given back when a grace period has passed.
    std::thread::sleep(std::time::Duration::from_millis(500));
    let read = |file: &str| {
        let path = dir.join(file);
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let usage: f64 = read("memory.usage_in_bytes")?.trim().parse().map_err(|_| "usage")?;
    let stat = read("memory.stat")?;
    let field = |name: &str| {
        let line = stat.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse::<f64>().ok()).unwrap_or(0.0)
    };
    let (anonymous, cache) = (field("rss"), field("cache"));
    Ok([usage, anonymous, cache, usage - anonymous - cache].map(|bytes| bytes / 1024.0).to_vec())
}

/// The container's directory in the memory hierarchy.
fn group(candidate: &Candidate, held: &Held) -> Result<PathBuf> {
    let pid = match candidate.kind {
        // floor exec PID /bin/true
        Kind::Floor => held.exec.argv[2].clone(),
        _ => {
            let state = candidate.step(Path::new("/"), &["state", &held.id]).check()?;
            let state: serde_json::Value =
                serde_json::from_slice(&state.stdout).map_err(|error| format!("state: {error}"))?;
            state["pid"].to_string()
        }
    };
    let path = format!("/proc/{pid}/cgroup");
    let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let line = text.lines().find_map(|line| line.split_once(":memory:"));
    let (_, group) = line.ok_or(format!("{path}: no memory"))?;
    Ok(Path::new(CONTROLLER).join(group.trim_start_matches('/')))
}
