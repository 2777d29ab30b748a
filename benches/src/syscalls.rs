//! How many system calls a sequence takes, by strace.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::launch::Step;
use crate::world::World;

/// How often these are called depends on who is first, not on the program.
const WAITING: [&str; 9] = [
    "poll",
    "ppoll",
    "epoll_wait",
    "epoll_pwait",
    "futex",
    "wait4",
    "waitid",
    "restart_syscall",
    "rt_sigreturn",
];

/// Which calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    All,
    /// Without those that wait.
    Steady,
}

/// The calls of all processes of the sequence, or None without strace. What it leaves running
/// would be waited for, so all of it has to end.
pub fn count(world: &World, steps: &[Step], which: Which) -> Option<u64> {
    let steps = steps.iter().filter(|step| step.dir != Path::new("@wait"));
    steps.map(|step| of_step(world, step, which)).sum()
}

fn of_step(world: &World, step: &Step, which: Which) -> Option<u64> {
    let file = world.dir.join("strace");
    Command::new("strace")
        .args(["-f", "-c", "-U", "calls,name", "-o"])
        .arg(&file)
        .args(&step.argv)
        .current_dir(&step.dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .ok()?;
    sum(&fs::read_to_string(&file).ok()?, which)
}

/// The sum of strace's lines "CALLS NAME".
fn sum(text: &str, which: Which) -> Option<u64> {
    let rows = text.lines().filter_map(|line| line.trim().split_once(' '));
    let counted = rows.filter(|(_, name)| which == Which::All || !WAITING.contains(&name.trim()));
    let counts = counted.filter(|(_, name)| name.trim() != "total");
    let sum: u64 = counts.filter_map(|(calls, _)| calls.parse::<u64>().ok()).sum();
    Some(sum).filter(|sum| *sum > 0)
}

#[cfg(test)]
mod tests;
