//! Which cgroup hierarchies this host has, found by looking.

use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode as FileMode, OFlags};
use serde::{Deserialize, Serialize};
use sys::mountinfo::unescape;

use crate::file::{self, failed};
use crate::{Error, Result};

/// Where cgroup file systems are mounted by convention (hier(7), systemd's and cgroupfs-mount's).
const CONVENTION: &str = "/sys/fs/cgroup";
/// `CGROUP2_SUPER_MAGIC` of statfs(2), whose field has another type on each architecture.
const CGROUP2_SUPER_MAGIC: i128 = 0x6367_7270;

/// How a host lays out its cgroups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Version 1 hierarchies only.
    V1,
    /// Version 1 hierarchies, and a version 2 tree beside them with the controllers that they
    /// leave over, often none.
    Hybrid,
    /// The version 2 tree only.
    V2,
}

/// A mounted version 1 hierarchy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hierarchy {
    /// Where it is mounted.
    pub mountpoint: PathBuf,
    /// Its controllers; several where they are mounted together (`cpu,cpuacct`). A hierarchy
    /// without any has one entry, its name as /proc/self/cgroup shows it (`name=systemd`).
    pub controllers: Vec<String>,
}

/// The mounted version 2 tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unified {
    /// Where it is mounted.
    pub mountpoint: PathBuf,
    /// What its cgroup.controllers lists.
    pub controllers: Vec<String>,
}

/// The facts about this host's cgroups, read once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// The layout.
    pub mode: Mode,
    /// The version 1 hierarchies.
    pub v1: Vec<Hierarchy>,
    /// The version 2 tree.
    pub v2: Option<Unified>,
}

impl Host {
    /// Looks at the caller's mount namespace.
    ///
    /// On a pure version 2 host that is one statfs(2) of /sys/fs/cgroup and the reading of
    /// cgroup.controllers. Elsewhere /proc/self/mountinfo is read.
    ///
    /// Errors: [`Error::NotMounted`]; [`Error::System`] where /proc cannot be read.
    pub fn detect() -> Result<Self> {
        let magic = rustix::fs::statfs(CONVENTION).map(|found| found.f_type);
        if magic.is_ok_and(|magic| i128::from(magic) == CGROUP2_SUPER_MAGIC) {
            return Self::of(Vec::new(), Some(PathBuf::from(CONVENTION)));
        }
        let mounts = text_of(Path::new("/proc/self/mountinfo"))?;
        let (v1, v2) = parse_mountinfo(&mounts);
        Self::of(v1, v2)
    }

    fn of(v1: Vec<Hierarchy>, v2: Option<PathBuf>) -> Result<Self> {
        let mode = match (v1.is_empty(), v2.is_some()) {
            (true, true) => Mode::V2,
            (false, true) => Mode::Hybrid,
            (false, false) => Mode::V1,
            (true, false) => {
                let what = format!(
                    "none is mounted; \"mount -t cgroup2 none {CONVENTION}\" mounts the version 2 tree"
                );
                return Err(Error::NotMounted { what });
            }
        };
        let v2 = match v2 {
            Some(mountpoint) => {
                let text = text_of(&mountpoint.join("cgroup.controllers"))?;
                let controllers = text.split_whitespace().map(str::to_owned).collect();
                Some(Unified { mountpoint, controllers })
            }
            None => None,
        };
        Ok(Self { mode, v1, v2 })
    }
}

pub(crate) fn text_of(path: &Path) -> Result<String> {
    rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, FileMode::empty())
        .and_then(|fd| file::read_all(&fd))
        .map_err(|errno| failed(format!("reading {}", path.display()), "openat", errno))
}

/// Finds the cgroup mounts in the text of proc_pid_mountinfo(5). Of several mounts of one
/// hierarchy the first counts, unless a later one shows more of it (is mounted at its root).
pub(crate) fn parse_mountinfo(text: &str) -> (Vec<Hierarchy>, Option<PathBuf>) {
    let mut v1: Vec<(bool, Hierarchy)> = Vec::new();
    let mut v2: Option<(bool, PathBuf)> = None;
    for line in text.lines() {
        let Some((mount, filesystem)) = line.split_once(" - cgroup") else { continue };
        let mut fields = mount.split(' ').skip(3);
        let (Some(root), Some(mountpoint)) = (fields.next(), fields.next()) else { continue };
        let (whole, mountpoint) = (root == "/", unescape(mountpoint.as_bytes()));
        if filesystem.starts_with("2 ") {
            if v2.as_ref().is_none_or(|(had_whole, _)| whole && !had_whole) {
                v2 = Some((whole, mountpoint));
            }
        } else if let Some(options) = filesystem.rsplit(' ').next() {
            let controllers = controllers_of(options);
            let known = v1.iter_mut().find(|(_, known)| known.controllers == controllers);
            match known {
                Some((had_whole, known)) if whole && !*had_whole => {
                    *had_whole = true;
                    known.mountpoint = mountpoint;
                }
                Some(_) => {}
                None if controllers.is_empty() => {}
                None => v1.push((whole, Hierarchy { mountpoint, controllers })),
            }
        }
    }
    (v1.into_iter().map(|(_, one)| one).collect(), v2.map(|(_, path)| path))
}

/// The controllers among the super block options of a version 1 mount (cgroups(7)).
fn controllers_of(options: &str) -> Vec<String> {
    const NOT_CONTROLLERS: [&str; 7] =
        ["rw", "ro", "noprefix", "clone_children", "xattr", "cpuset_v2_mode", "favordynmods"];
    let all = options.split(',').filter(|option| {
        let flag = NOT_CONTROLLERS.contains(option);
        !flag && !option.starts_with("release_agent=") && *option != "nofavordynmods"
    });
    let (names, controllers): (Vec<&str>, Vec<&str>) =
        all.partition(|option| option.starts_with("name="));
    // A name beside controllers is only a label of their hierarchy.
    let which = if controllers.is_empty() { names } else { controllers };
    which.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
