//! Which mounts of a container are the host's: CRIU leaves what is in them alone, and mounts at a
//! restore what it is given for them.

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, StatxFlags, openat2, statx};

use crate::plan::Layout;
use crate::plan::mounts::{MountOp, Node, RootfsPlan};

/// One mount of the container, as its mountinfo has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mount {
    id: u64,
    parent: u64,
    point: PathBuf,
}

/// The mounts of a container.
#[derive(Debug)]
pub struct Mounts(Vec<Mount>);

impl Mounts {
    /// From the text of proc_pid_mountinfo(5).
    pub fn parse(mountinfo: &[u8]) -> Self {
        let line = |line: &[u8]| {
            let mut fields = line.split(|byte| *byte == b' ');
            let mut number = || std::str::from_utf8(fields.next()?).ok()?.parse().ok();
            let (id, parent) = (number()?, number()?);
            let point = sys::mountinfo::unescape(fields.nth(2)?);
            Some(Mount { id, parent, point })
        };
        Self(mountinfo.split(|byte| *byte == b'\n').filter_map(line).collect())
    }

    /// Whether a mount of this number is one of the container's.
    pub fn has(&self, id: u64) -> bool {
        self.0.iter().any(|mount| mount.id == id)
    }

    /// The host's among them, for the container that was made by `plan` and has this root: where
    /// each is now, and the path by which the plan knows it.
    pub fn hosts(&self, plan: &RootfsPlan, root: BorrowedFd<'_>) -> Vec<(PathBuf, PathBuf)> {
        let mut found: Vec<(PathBuf, PathBuf)> = Vec::new();
        for target in targets(plan) {
            let Some(mount) = target.mount(root).and_then(|id| self.0.iter().find(|m| m.id == id))
            else {
                continue;
            };
            // The top of an image's own directory, or what was mounted there is gone.
            if mount.point == Path::new("/") {
                continue;
            }
            found.push((mount.point.clone(), target.path.clone()));
            if target.recursive {
                for below in self.below(mount.id) {
                    if let Ok(rest) = below.point.strip_prefix(&mount.point) {
                        found.push((below.point.clone(), target.path.join(rest)));
                    }
                }
            }
        }
        found.sort();
        found.dedup_by(|a, b| a.0 == b.0);
        found
    }

    fn below(&self, id: u64) -> Vec<&Mount> {
        let mut found: Vec<&Mount> = Vec::new();
        let mut uppers = vec![id];
        while let Some(upper) = uppers.pop() {
            for mount in self.0.iter().filter(|mount| mount.parent == upper && mount.id != upper) {
                if !found.contains(&mount) {
                    uppers.push(mount.id);
                    found.push(mount);
                }
            }
        }
        found
    }
}

/// Where the plan puts something of the host's.
struct Target {
    path: PathBuf,
    recursive: bool,
    /// It is hidden by the host's /dev/null, if it is a file.
    mask: bool,
}

impl Target {
    /// The mount that is there now.
    fn mount(&self, root: BorrowedFd<'_>) -> Option<u64> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let place = openat2(root, &self.path, flags, Mode::empty(), resolve).ok()?;
        let wanted = StatxFlags::MNT_ID | StatxFlags::TYPE;
        let stat = statx(&place, "", AtFlags::EMPTY_PATH, wanted).ok()?;
        let device = FileType::from_raw_mode(u32::from(stat.stx_mode)) == FileType::CharacterDevice;
        (!self.mask || device).then_some(stat.stx_mnt_id)
    }
}

fn targets(plan: &RootfsPlan) -> Vec<Target> {
    let mut all = Vec::new();
    for op in &plan.ops {
        match op {
            MountOp::Bind { source, target, .. } => all.push(Target {
                path: target.clone(),
                recursive: plan.sources.get(*source).is_some_and(|source| source.recursive),
                mask: false,
            }),
            MountOp::Nodes { directory, nodes } => {
                for node in nodes {
                    if let Node::Bound { name, .. } = node {
                        let path = directory.join(name);
                        all.push(Target { path, recursive: false, mask: false });
                    }
                }
            }
            MountOp::Mask(path) => {
                all.push(Target { path: path.clone(), recursive: false, mask: true });
            }
            MountOp::Filesystem(_) | MountOp::Change { .. } | MountOp::Readonly(_) => {}
        }
    }
    all
}

/// CRIU's names for the host's mounts: where each is, and what it is called at the restore.
pub fn keys_of(hosts: &[(PathBuf, PathBuf)]) -> Vec<(String, String)> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    hosts.iter().map(|(point, target)| (text(point), text(target))).collect()
}

/// What stands for each of a checkpoint's `keys` at a restore by `layout`; the first that the
/// configuration does not have is the error.
pub fn sources_of(layout: &Layout, keys: &[String]) -> Result<BTreeMap<String, PathBuf>, String> {
    let mut all = BTreeMap::new();
    for key in keys {
        all.insert(key.clone(), source_of(layout, Path::new(key)).ok_or_else(|| key.clone())?);
    }
    Ok(all)
}

fn source_of(layout: &Layout, key: &Path) -> Option<PathBuf> {
    let plan = &layout.rootfs;
    let mut found = None;
    for op in &plan.ops {
        match op {
            MountOp::Bind { source, target, .. } => {
                let below = key.strip_prefix(target).ok();
                let recursive = plan.sources.get(*source).is_some_and(|source| source.recursive);
                if let Some(rest) = below
                    && (rest.as_os_str().is_empty() || recursive && is_plain(rest))
                {
                    // CRIU does not follow a link at the end. (The layout's own places are not
                    // there yet.)
                    let place = layout.source(*source);
                    let place = std::fs::canonicalize(&place).unwrap_or(place);
                    found = Some(match rest.as_os_str().as_bytes() {
                        b"" => place,
                        _ => place.join(rest),
                    });
                }
            }
            MountOp::Nodes { directory, nodes } => {
                for node in nodes {
                    if let Node::Bound { name, source } = node
                        && directory.join(name) == key
                    {
                        found = Some(layout.source(*source));
                    }
                }
            }
            MountOp::Mask(path) if path == key => found = Some(layout.null()),
            _ => {}
        }
    }
    found
}

fn is_plain(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests;
