//! Where a process can be struck: before the n-th time that it makes a certain system call.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::creator::MARK;

/// The `number`-th call of `call` since a process began, or since it was attached to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    pub call: String,
    pub number: usize,
    /// The call's text in the trace that showed it.
    pub text: String,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{} ({})", self.call, self.number, self.text)
    }
}

/// Calls that change nothing outside of the process that makes them.
const HARMLESS: [&str; 30] = [
    "access",
    "brk",
    "clock_gettime",
    "close",
    "exit_group",
    "faccessat",
    "faccessat2",
    "fcntl",
    "fstat",
    "fstatfs",
    "futex",
    "getdents64",
    "geteuid",
    "getpid",
    "getppid",
    "getrandom",
    "gettid",
    "lseek",
    "madvise",
    "mmap",
    "mprotect",
    "munmap",
    "newfstatat",
    "poll",
    "readlink",
    "rt_sigaction",
    "rt_sigprocmask",
    "sched_getaffinity",
    "sched_yield",
    "sigaltstack",
];

impl Point {
    /// Whether something outside of the process is different after it.
    pub fn has_effect(&self) -> bool {
        !HARMLESS.contains(&self.call.as_str())
            // Opening to look changes nothing.
            && (!["openat", "open"].contains(&self.call.as_str()) || self.text.contains("O_CREAT"))
            && !["read", "pread64", "readlinkat", "getsockname", "statfs", "statx"].contains(&self.call.as_str())
    }
}

/// The calls that a trace (`strace -o`, of one process, or with `-f`) shows after the mark, by
/// process in the order of their births; the numbers count from the trace's beginning.
pub fn parse(trace: &str, followed: bool) -> Vec<Vec<Point>> {
    let mut order = Vec::new();
    let mut processes: BTreeMap<&str, (Vec<Point>, BTreeMap<&str, usize>)> = BTreeMap::new();
    let mut marked = false;
    let mut programs = BTreeSet::new();
    for line in trace.lines() {
        let (pid, line) =
            if followed { line.split_once(' ').unwrap_or(("", line)) } else { ("", line) };
        let line = line.trim_start();
        let Some((call, rest)) = line.split_once('(') else { continue };
        if call.starts_with(['<', '+', '-']) || call.contains(' ') {
            continue;
        }
        if programs.contains(pid) {
            // What the container's program does is not the library's.
            continue;
        }
        if followed && call.starts_with("execve") {
            programs.insert(pid);
        }
        if !processes.contains_key(pid) {
            order.push(pid);
        }
        let (points, counts) = processes.entry(pid).or_default();
        let number = counts.entry(call).or_default();
        *number += 1;
        if marked {
            let text = rest.chars().take(100).collect();
            points.push(Point { call: call.to_owned(), number: *number, text });
        }
        marked |= line.contains(MARK);
    }
    order.iter().filter_map(|pid| processes.remove(pid)).map(|(points, _)| points).collect()
}
