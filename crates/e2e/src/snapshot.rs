//! What the host has that a container could leave behind.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::cgroups::{self, hierarchies};
use crate::{World, command};

/// Where the default state roots are.
const STATE_ROOTS: [&str; 2] = ["/run/nsinit", "/run/nsrun"];

/// Everything that must be as it was: processes, mounts, control groups in all hierarchies,
/// network interfaces, the state root (and all of /run), and all files of the world's root file
/// systems, with their types, owners, modes and sizes.
#[derive(Debug, Clone)]
pub struct Snapshot {
    scratch: PathBuf,
    tag: String,
    facts: BTreeSet<String>,
}

/// Ids that have nothing of the world's tag in them.
static IDS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Control groups of this name are looked at in snapshots, too. Containers that are in the
/// default state root when one is taken need not be named.
pub(crate) fn watch(id: &str) {
    let mut ids = IDS.lock().unwrap();
    if !ids.iter().any(|known| known == id) {
        ids.push(id.to_owned());
    }
}

impl World {
    /// Has snapshots look at control groups with this in their path, too: of `--id`, or of a
    /// file's cgroup. Those of the world's own directories need not be named.
    pub fn watch(&self, id: &str) {
        watch(id);
    }
}

impl Snapshot {
    pub(crate) fn take(world: &World) -> Self {
        Self::of(world.scratch(), &world.tag)
    }

    fn of(scratch: &Path, tag: &str) -> Self {
        let mut facts = BTreeSet::new();
        processes(&mut facts);
        mounts(&mut facts);
        groups(tag, &mut facts);
        interfaces(&mut facts);
        files(Path::new("/run"), &mut facts);
        files(scratch, &mut facts);
        Self { scratch: scratch.to_owned(), tag: tag.to_owned(), facts }
    }

    /// The same, now.
    pub fn again(&self) -> Self {
        Self::of(&self.scratch, &self.tag)
    }

    /// A line for each thing that came (+) or went (-) since. A process that went is none: what
    /// an earlier command left to end by itself may do so at any time. Nor is a mount whose mount
    /// point went: somebody else's on this machine, who has removed that too.
    pub fn difference(&self) -> String {
        let after = self.again();
        let mut text = String::new();
        for came in after.facts.difference(&self.facts) {
            writeln!(text, "  + {came}").unwrap();
        }
        let went = self.facts.difference(&after.facts);
        for went in went.filter(|fact| !fact.starts_with("process ") && !is_unmounted(fact)) {
            writeln!(text, "  - {went}").unwrap();
        }
        text
    }

    /// What still differs after `limit`.
    pub fn wait_restored(&self, limit: Duration) -> String {
        let end = Instant::now() + limit;
        loop {
            let difference = self.difference();
            if difference.is_empty() || Instant::now() > end {
                return difference;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Fails the test unless the host is as it was within two seconds: the kernel does some of
    /// its tidying a little later.
    ///
    /// # Panics
    /// With what differs.
    #[track_caller]
    pub fn assert_restored(&self) {
        let difference = self.wait_restored(crate::seconds(2));
        assert!(difference.is_empty(), "the host is not as it was:\n{difference}");
    }
}

/// Whether this is a mount, and its mount point is there no more.
fn is_unmounted(fact: &str) -> bool {
    let mount = fact.strip_prefix("mount ");
    let point = mount.and_then(|line| line.split(' ').nth(4));
    point.is_some_and(|point| !Path::new(point).exists())
}

fn names(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// All of the PID namespace, but for what this test itself has started and not waited for yet.
fn processes(facts: &mut BTreeSet<String>) {
    for pid in names("/proc").iter().filter_map(|name| name.parse::<u32>().ok()) {
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest.trim());
        let state = fields.split(' ').next().unwrap_or_default();
        if pid == 1 || command::is_ours(pid) || state == "X" {
            continue;
        }
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let zombie = if state == "Z" { " (ended)" } else { "" };
        facts.insert(format!("process {pid}: {}{zombie}", line.replace('\0', " ").trim()));
    }
}

fn mounts(facts: &mut BTreeSet<String>) {
    for line in fs::read_to_string("/proc/self/mountinfo").unwrap().lines() {
        facts.insert(format!("mount {line}"));
    }
}

fn groups(tag: &str, facts: &mut BTreeSet<String>) {
    let known = STATE_ROOTS.into_iter().flat_map(names);
    known.filter(|name| !name.starts_with('.')).for_each(|name| watch(&name));
    let mut ids = IDS.lock().unwrap().clone();
    ids.push(tag.to_owned());
    let mut found = Vec::new();
    for hierarchy in hierarchies() {
        cgroups::find(&hierarchy.path, &|path| cgroups::named(path, &ids), &mut found);
    }
    facts.extend(found.iter().map(|path| format!("cgroup {}", path.display())));
}

fn interfaces(facts: &mut BTreeSet<String>) {
    for line in fs::read_to_string("/proc/self/net/dev").unwrap().lines().skip(2) {
        facts.insert(format!("interface {}", line.split(':').next().unwrap().trim()));
    }
}

fn files(directory: &Path, facts: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(stat) = entry.metadata() else { continue };
        // Neither an empty state root nor what is compiled for the next start is a trace of one.
        if STATE_ROOTS.iter().any(|root| path == Path::new(root).join("@filters")) {
            continue;
        }
        if STATE_ROOTS.iter().all(|root| path != Path::new(root)) {
            // A directory's size is the file system's affair.
            let size = if stat.is_dir() { 0 } else { stat.size() };
            let (mode, owner) = (stat.mode(), format!("{}:{}", stat.uid(), stat.gid()));
            facts.insert(format!("file {} {mode:o} {owner} {size}", path.display()));
        }
        let device = fs::symlink_metadata(directory).map(|stat| stat.dev());
        // What is mounted below is looked at by where it was made, if anywhere.
        if stat.is_dir() && device.is_ok_and(|device| device == stat.dev()) {
            files(&path, facts);
        }
    }
}
