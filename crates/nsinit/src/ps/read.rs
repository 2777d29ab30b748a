//! A process as /proc tells it (proc_pid_status(5), proc_pid_stat(5), proc_pid_cmdline(5)).

use std::fs;

use serde::Serialize;

/// One process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its id here.
    pub pid: i32,
    /// Its id in its own PID namespace.
    pub inside: i32,
    /// Its parent's id here; 0 where that is not seen.
    pub parent: i32,
    /// Its effective user here.
    pub uid: u32,
    /// The letter of its state, as ps(1) has it.
    pub state: String,
    /// Processor time used so far.
    pub milliseconds: u64,
    /// Its command line; its name in brackets where it has none.
    pub command: String,
}

/// The process of this id, if it is still there.
pub fn row(pid: i32) -> Option<Row> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let ticks = rustix::param::clock_ticks_per_second();
    parse(pid, &status, &String::from_utf8_lossy(&stat), &command, ticks)
}

fn parse(pid: i32, status: &str, stat: &str, command: &[u8], ticks: u64) -> Option<Row> {
    let field = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    };
    // The name comes in parentheses and may hold any character.
    let mut numbers = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let (user, system): (u64, u64) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    let words: Vec<_> = command
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(String::from_utf8_lossy)
        .collect();
    Some(Row {
        pid,
        inside: field("NSpid").and_then(|ids| ids.rsplit('\t').next()?.parse().ok()).unwrap_or(pid),
        parent: field("PPid")?.parse().ok()?,
        uid: field("Uid")?.split_ascii_whitespace().nth(1)?.parse().ok()?,
        state: field("State")?.get(..1)?.to_owned(),
        milliseconds: (user + system) * 1000 / ticks.max(1),
        command: match words.is_empty() {
            true => format!("[{}]", field("Name")?),
            false => words.join(" "),
        },
    })
}

#[cfg(test)]
mod tests;
