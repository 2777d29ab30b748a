//! Which file systems of the host make up a copy-on-write view of it.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use sys::mountinfo::unescape;

use super::{Filesystem, Layer, MountOp, Planner, RootSource};
use crate::config::mount_flags::attr;
use crate::{Error, ErrorKind, Result};

/// File systems without files of their own: a window into the kernel, or a trigger. The template
/// mounts what a container needs of them.
const KERNELS: [&str; 24] = [
    "autofs",
    "binder",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "functionfs",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nfsd",
    "nsfs",
    "proc",
    "pstore",
    "resctrl",
    "rpc_pipefs",
    "securityfs",
    "sysfs",
    "tracefs",
];

/// What lies below these comes from the template, or is fresh.
const NOT_THE_HOSTS: [&str; 4] = ["/dev", "/proc", "/run", "/sys"];

impl Planner<'_> {
    /// The host's own file systems, and a /run of the container's.
    pub(super) fn host_root(&mut self) -> Result<RootSource> {
        if self.facts.host_mounts.is_empty() {
            return Err(Error::new(ErrorKind::System, "the host's mounts are not known"));
        }
        let own_run = |mount: &crate::config::Mount| mount.destination == Path::new("/run");
        if !self.config.mounts.iter().any(own_run) {
            let mode = ("mode".to_owned(), Some("755".to_owned()));
            let source = ("source".to_owned(), Some("tmpfs".to_owned()));
            self.ops.push(MountOp::Filesystem(Filesystem {
                fstype: "tmpfs".to_owned(),
                params: vec![source, mode],
                target: "/run".into(),
                attributes: attr::NOSUID | attr::NODEV,
                ..Filesystem::default()
            }));
        }
        Ok(RootSource::Host(self.facts.host_mounts.clone()))
    }
}

/// A line of proc_pid_mountinfo(5).
struct Line {
    id: u32,
    parent: u32,
    mountpoint: PathBuf,
    attributes: u64,
    fstype: String,
}

/// Reads the layers of a view of the host from the text of /proc/self/mountinfo: what can be
/// seen (nothing that another mount covers), holds files (no window into the kernel), and is not
/// replaced by the template. The first is `/`; each comes after the one it is mounted on.
pub fn host_mounts(mountinfo: &[u8]) -> Vec<Layer> {
    let lines: Vec<Line> = mountinfo.split(|byte| *byte == b'\n').filter_map(parse).collect();
    let by_id: HashMap<u32, &Line> = lines.iter().map(|line| (line.id, line)).collect();
    let mut children: HashMap<u32, Vec<&Line>> = HashMap::new();
    for line in lines.iter().filter(|line| line.id != line.parent) {
        children.entry(line.parent).or_default().push(line);
    }
    let of = |id: u32| children.get(&id).map(Vec::as_slice).unwrap_or_default();
    // From the root down: what a sibling further up covers is out, with all below it.
    // (The root of all is its own parent, or its parent lies outside of what this process sees.)
    let is_root = |line: &&Line| line.id == line.parent || !by_id.contains_key(&line.parent);
    let mut todo: Vec<&Line> = lines.iter().filter(is_root).collect();
    let mut seen = HashSet::new();
    let mut layers = Vec::new();
    while let Some(line) = todo.pop() {
        if !seen.insert(line.id) {
            continue;
        }
        let below = of(line.id);
        let covered = below.iter().any(|child| child.mountpoint == line.mountpoint);
        if !covered && holds_files(line) {
            let Line { mountpoint, attributes, .. } = line;
            layers.push(Layer { mountpoint: mountpoint.clone(), attributes: *attributes });
        }
        let visible = |child: &&&Line| {
            let hides = |other: &&Line| {
                other.id != child.id
                    && other.mountpoint != child.mountpoint
                    && child.mountpoint.starts_with(&other.mountpoint)
            };
            !below.iter().any(hides)
        };
        todo.extend(below.iter().filter(visible));
    }
    layers.sort_by(|a, b| a.mountpoint.cmp(&b.mountpoint));
    layers
}

/// The mounts that lie directly on mount `id`, with their ids and mount points.
pub fn mounts_on(mountinfo: &[u8], id: u64) -> Vec<(u64, PathBuf)> {
    let lines = mountinfo.split(|byte| *byte == b'\n').filter_map(parse);
    let on = lines.filter(|line| u64::from(line.parent) == id && line.parent != line.id);
    on.map(|line| (u64::from(line.id), line.mountpoint)).collect()
}

fn holds_files(line: &Line) -> bool {
    let replaced = NOT_THE_HOSTS.iter().any(|top| line.mountpoint.starts_with(top));
    !replaced && !KERNELS.contains(&line.fstype.as_str())
}

fn parse(line: &[u8]) -> Option<Line> {
    let text = String::from_utf8_lossy(line);
    let (mount, filesystem) = text.split_once(" - ")?;
    let mut words = mount.split(' ');
    let id = words.next()?.parse().ok()?;
    let parent = words.next()?.parse().ok()?;
    // The device and the root within the file system do not matter.
    let mountpoint = line.split(|byte| *byte == b' ').nth(4)?;
    let options = words.nth(3)?;
    Some(Line {
        id,
        parent,
        mountpoint: unescape(mountpoint),
        attributes: options.split(',').fold(0, |all, option| all | attribute(option)),
        fstype: filesystem.split(' ').next()?.to_owned(),
    })
}

fn attribute(option: &str) -> u64 {
    match option {
        "ro" => attr::RDONLY,
        "nosuid" => attr::NOSUID,
        "nodev" => attr::NODEV,
        "noexec" => attr::NOEXEC,
        "nosymfollow" => attr::NOSYMFOLLOW,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
