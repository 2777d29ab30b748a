//! What a host has that a container could leave behind.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::place::{Place, prefix};

/// Everything that must be as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostSnapshot {
    state_root: PathBuf,
    /// Descendants of this process, ended ones too that nobody has waited for.
    processes: BTreeSet<String>,
    threads: BTreeSet<String>,
    mounts: BTreeSet<String>,
    cgroups: BTreeSet<PathBuf>,
    descriptors: BTreeMap<i32, String>,
    pub interfaces: BTreeSet<String>,
    state: BTreeSet<PathBuf>,
}

impl HostSnapshot {
    pub fn take(place: &Place) -> Self {
        Self::of_state_root(&place.state_root())
    }

    fn of_state_root(state_root: &Path) -> Self {
        let mut state = BTreeSet::new();
        list(state_root, &mut state);
        Self {
            state_root: state_root.to_owned(),
            processes: processes().iter().map(Process::describe).collect(),
            threads: names("/proc/self/task"),
            mounts: lines("/proc/self/mountinfo"),
            cgroups: cgroups(),
            descriptors: descriptors(),
            interfaces: interfaces(),
            state,
        }
    }

    /// The same, now.
    pub fn again(&self) -> Self {
        Self::of_state_root(&self.state_root)
    }

    /// Empty where both are the same; else what came and what went, a line each.
    pub fn difference(&self, after: &Self) -> String {
        let mut text = String::new();
        compare(&mut text, "process", &self.processes, &after.processes);
        compare(&mut text, "thread", &self.threads, &after.threads);
        compare(&mut text, "mount", &self.mounts, &after.mounts);
        compare(&mut text, "cgroup", &self.cgroups, &after.cgroups);
        let flat = |all: &BTreeMap<i32, String>| -> BTreeSet<_> {
            all.iter().map(|(number, what)| format!("{number} {what}")).collect()
        };
        compare(&mut text, "fd", &flat(&self.descriptors), &flat(&after.descriptors));
        compare(&mut text, "interface", &self.interfaces, &after.interfaces);
        compare(&mut text, "state", &self.state, &after.state);
        text
    }

    /// Fails the test unless the host comes to be as it was within `limit`: the kernel does some
    /// of its tidying a little later.
    #[track_caller]
    pub fn assert_restored(&self, limit: Duration) {
        if let Some(difference) = self.wait_restored(limit) {
            panic!("the host is not as it was:\n{difference}");
        }
    }

    /// What still differs after `limit`, if anything does.
    pub fn wait_restored(&self, limit: Duration) -> Option<String> {
        let deadline = Instant::now() + limit;
        loop {
            let difference = self.difference(&self.again());
            if difference.is_empty() {
                return None;
            }
            if Instant::now() >= deadline {
                return Some(difference);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn compare<T: Ord + std::fmt::Debug>(
    text: &mut String,
    what: &str,
    before: &BTreeSet<T>,
    after: &BTreeSet<T>,
) {
    for came in after.difference(before) {
        writeln!(text, "  + {what} {came:?}").unwrap();
    }
    for went in before.difference(after) {
        writeln!(text, "  - {what} {went:?}").unwrap();
    }
}

/// A process below this one.
#[derive(Debug, Clone)]
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    pub name: String,
    /// It is a zombie.
    pub ended: bool,
}

impl Process {
    fn read(pid: i32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (front, rest) = text.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace();
        let ended = matches!(fields.next()?, "Z" | "X");
        let parent = fields.next()?.parse().ok()?;
        let name = front.split_once('(')?.1.to_owned();
        Some(Self { pid, parent, name, ended })
    }

    fn describe(&self) -> String {
        let Self { pid, parent, name, ended } = self;
        format!("{pid} ({name}), child of {parent}{}", if *ended { ", ended" } else { "" })
    }
}

/// All descendants of this process.
pub fn processes() -> Vec<Process> {
    let mut all: Vec<Process> = names("/proc")
        .iter()
        .filter_map(|name| name.parse().ok())
        .filter_map(Process::read)
        .collect();
    let mut family = BTreeSet::from([std::process::id() as i32]);
    loop {
        let size = family.len();
        family.extend(
            all.iter().filter(|p| family.contains(&p.parent)).map(|p| p.pid).collect::<Vec<_>>(),
        );
        if family.len() == size {
            break;
        }
    }
    all.retain(|process| process.pid != std::process::id() as i32 && family.contains(&process.pid));
    all
}

fn names(dir: &str) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(dir) else { return BTreeSet::new() };
    entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn lines(file: &str) -> BTreeSet<String> {
    fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect()
}

/// The groups of this test program in every hierarchy.
fn cgroups() -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for line in lines("/proc/self/mountinfo") {
        let Some((front, back)) = line.split_once(" - ") else { continue };
        if back.starts_with("cgroup")
            && let Some(root) = front.split_ascii_whitespace().nth(4)
        {
            for name in names(root).iter().filter(|name| name.starts_with(&prefix())) {
                let group = Path::new(root).join(name);
                list_directories(&group, &mut found);
                found.insert(group);
            }
        }
    }
    found
}

fn list_directories(dir: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            list_directories(&entry.path(), found);
            found.insert(entry.path());
        }
    }
}

fn descriptors() -> BTreeMap<i32, String> {
    let mut found = BTreeMap::new();
    for name in names("/proc/self/fd") {
        // The descriptor of the listing itself is closed by now.
        if let Ok(target) = fs::read_link(format!("/proc/self/fd/{name}")) {
            found.insert(name.parse().unwrap(), target.to_string_lossy().into_owned());
        }
    }
    found
}

fn interfaces() -> BTreeSet<String> {
    let text = fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    let name = |line: &str| line.split_once(':').map(|(name, _)| name.trim().to_owned());
    text.lines().filter_map(name).collect()
}

fn list(dir: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            list(&entry.path(), found);
        }
        found.insert(entry.path());
    }
}
