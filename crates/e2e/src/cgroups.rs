//! The control groups of this host.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::{Cmd, World, skip};

/// A mounted hierarchy.
#[derive(Debug, Clone)]
pub struct Hierarchy {
    /// Where.
    pub path: PathBuf,
    /// Version 2.
    pub unified: bool,
    /// The controllers of a version 1 hierarchy, or `name=...`.
    pub controllers: Vec<String>,
}

/// All that this process sees, where mounts do not cover each other.
pub fn hierarchies() -> Vec<Hierarchy> {
    let mut found: Vec<Hierarchy> = Vec::new();
    for line in std::fs::read_to_string("/proc/self/mountinfo").unwrap().lines() {
        let (front, back) = line.split_once(" - ").unwrap();
        let path = PathBuf::from(front.split(' ').nth(4).unwrap());
        // A later mount at the same place or above it hides an earlier one.
        found.retain(|earlier| !earlier.path.starts_with(&path));
        let mut back = back.splitn(3, ' ');
        let kind = back.next().unwrap();
        let options = back.nth(1).unwrap();
        if kind == "cgroup" || kind == "cgroup2" {
            let controllers = options.split(',').filter(|o| !["rw", "ro"].contains(o));
            let controllers = controllers.map(str::to_owned).collect();
            found.push(Hierarchy { path, unified: kind == "cgroup2", controllers });
        }
    }
    found
}

/// Whether a line of /proc/PID/cgroup is of a version 1 hierarchy that is not mounted here: no
/// container can be in one, though the kernel may know it.
pub fn is_out_of_reach(line: &str) -> bool {
    let named = line.split(':').nth(1).unwrap().split(',').next().unwrap();
    let mounted = |one: &Hierarchy| one.controllers.iter().any(|controller| controller == named);
    !named.is_empty() && !hierarchies().iter().any(mounted)
}

/// Whether a container here can have a controller, in either version.
pub fn has_controller(name: &str) -> bool {
    hierarchies().iter().any(|hierarchy| match hierarchy.unified {
        true => {
            let offered = std::fs::read_to_string(hierarchy.path.join("cgroup.controllers"));
            offered.is_ok_and(|offered| offered.split_whitespace().any(|one| one == name))
        }
        false => hierarchy.controllers.iter().any(|one| one == name),
    })
}

/// The controllers that only version 1 has, and that hosts seldom mount.
const SELDOM: [&str; 2] = ["net_cls,net_prio", "perf_event"];

/// Mounts them in a place of the test's, on a host that has version 1.
pub fn mount_seldom_ones(world: &World) {
    if world.place() != "v1" {
        return;
    }
    for names in SELDOM {
        let place = world.path("hierarchy");
        std::fs::create_dir(&place).unwrap();
        let mount = Cmd::new("mount", ["-t", "cgroup", "-o", names, "none"]);
        if mount.args([&place]).run().status.code() != Some(0) {
            skip(format!("{names} cannot be mounted here"));
        }
    }
}

/// Waits until the kernel has forgotten those that nobody has mounted any more: engines take a
/// hierarchy that they cannot see for an error. One that still had removed groups to clear away at
/// its last unmounting goes when it is mounted and unmounted again. (One that another test has
/// mounted is left to that one.)
pub(crate) fn forget_seldom_ones() {
    for names in SELDOM {
        let there = || {
            let lines = std::fs::read_to_string("/proc/self/cgroup").unwrap();
            lines.lines().any(|line| line.contains(&format!(":{names}:")) && is_out_of_reach(line))
        };
        for _ in 0..30 {
            if !there() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
            let again = format!("mount -t cgroup -o {names} none /mnt && umount /mnt");
            let _ = Command::new("unshare").args(["--mount", "sh", "-c", &again]).status();
        }
    }
}

/// All groups below `directory` that `wanted` says yes to, those further down first.
pub(crate) fn find(directory: &Path, wanted: &dyn Fn(&Path) -> bool, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let path = entry.path();
            find(&path, wanted, found);
            if wanted(&path) {
                found.push(path);
            }
        }
    }
}

/// Whether a group's path names one of these.
pub(crate) fn named(path: &Path, names: &[String]) -> bool {
    let path = path.to_string_lossy();
    names.iter().any(|name| path.contains(name.as_str()))
}

/// Lets everything go on that is frozen in groups that are named after a test.
pub(crate) fn thaw(tag: &str) {
    let mut found = Vec::new();
    for hierarchy in hierarchies() {
        find(&hierarchy.path, &|path| named(path, &[tag.to_owned()]), &mut found);
    }
    for path in found {
        for (file, value) in [("freezer.state", "THAWED"), ("cgroup.freeze", "0")] {
            if path.join(file).exists() {
                let _ = std::fs::write(path.join(file), value);
            }
        }
    }
}

/// Removes all groups that are named after a test; which there were.
pub(crate) fn remove(tag: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for hierarchy in hierarchies() {
        find(&hierarchy.path, &|path| named(path, &[tag.to_owned()]), &mut found);
    }
    for path in &found {
        // The processes have been killed with their PID namespace, and may be on their way still.
        for _ in 0..100 {
            if std::fs::remove_dir(path).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    found
}
