//! A container's parts, each mounted under a name of its own, for CRIU to put together.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use rustix::io::Errno;
use rustix::mount::{MountPropagationFlags, mount_change};
use sys::{Context, SysError};

use super::inroot::{self, Kind, Links};
use super::{Sources, attach, filesystem, source};
use crate::config::Propagation;
use crate::config::mount_flags::attr;
use crate::plan::Layout;
use crate::plan::mounts::{Attributes, MountOp, Node, RootSource, RootfsPlan};
use crate::procfs::Procfs;
use crate::{Error, ErrorKind, Result, Step};

/// Copies of the mounts that directories are open on, for another mount namespace.
pub fn carry(directories: &[OwnedFd; 2]) -> Result<[OwnedFd; 2]> {
    let copy = |directory: &OwnedFd| {
        attach::clone_tree(directory.as_fd(), Path::new(""), false).sys("open_tree", || "of images")
    };
    Ok([copy(&directories[0])?, copy(&directories[1])?])
}

/// Mounts everything, and returns the directories that were [`carried`](carry). To be called in a
/// mount namespace of the process's own; what `sources` lacks is refused, since only the host's
/// root makes restores.
pub fn lay_out(
    layout: &Layout,
    sources: Sources,
    carried: [OwnedFd; 2],
    proc: &Procfs,
) -> Result<[OwnedFd; 2]> {
    let flags = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    mount_change("/", flags).sys("mount", || "rslave /")?;
    let Sources { root, trees, null } = sources;
    let (RootSource::Directory(_), Some(root)) = (&layout.rootfs.root, root) else {
        let message = "only a container whose root is a directory can be restored";
        return Err(Error::new(ErrorKind::System, message));
    };
    let umask = rustix::process::umask(Mode::empty());
    make_mount_points(&layout.rootfs, &root, &trees)?;
    rustix::process::umask(umask);
    // The root of a user namespace goes through it.
    let mode = [("mode".to_owned(), Some("755".to_owned()))];
    let cover = filesystem::make("tmpfs", &mode, attr::NOSUID | attr::NODEV | attr::NOEXEC)?;
    let shown = || layout.place.display().to_string();
    let path_only = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let place = openat(CWD, &layout.place, path_only, Mode::empty()).sys("open", shown)?;
    let private = vec![(Propagation::Private, true)];
    if layout.covers_tmp {
        let mode = [("mode".to_owned(), Some("1777".to_owned()))];
        let cover = filesystem::make("tmpfs", &mode, attr::NOSUID | attr::NODEV | attr::NOEXEC)?;
        let tmp = openat(CWD, "/tmp", path_only, Mode::empty()).sys("open", || "/tmp")?;
        attach::attach(cover.as_fd(), Some(tmp.as_fd()), &Attributes::default(), proc)?;
    }
    attach::attach(cover.as_fd(), Some(place.as_fd()), &Attributes::default(), proc)?;
    let readonly = if layout.rootfs.readonly { attr::RDONLY } else { 0 };
    let attributes =
        Attributes { set: readonly, propagation: private.clone(), ..Attributes::default() };
    put(&cover, "root", &root, &attributes, proc)?;
    for (index, (tree, source)) in trees.iter().zip(&layout.rootfs.sources).enumerate() {
        if !layout.is_in_place(source) {
            continue;
        }
        let (Some(tree), attributes) = (tree, attributes_of(&layout.rootfs, index)) else {
            return Err(SysError::new("open_tree", layout.rootfs.shown(index), Errno::PERM).into());
        };
        // What comes to lie upon the copies that CRIU makes is the container's alone.
        let mut attributes = attributes.cloned().unwrap_or_default();
        if attributes.propagation.is_empty() {
            attributes.propagation.clone_from(&private);
        }
        put(&cover, &index.to_string(), tree, &attributes, proc)
            .step(|| layout.rootfs.shown(index))?;
    }
    let null = null.map_or_else(source::open_null, Ok)?;
    let private = Attributes { propagation: private, ..Attributes::default() };
    put(&cover, "null", &null, &private, proc)?;
    let reopen = |name, tree: &OwnedFd, way: &Path| {
        put(&cover, name, tree, &private, proc)?;
        let path = Path::new(name).join(way);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok::<_, Error>(openat(&cover, &path, flags, Mode::empty()).sys("open", || name)?)
    };
    Ok([
        reopen("images", &carried[0], &layout.images)?,
        reopen("work", &carried[1], Path::new(""))?,
    ])
}

/// Mounts `tree` in `directory` under this name.
fn put(
    directory: &OwnedFd,
    name: &str,
    tree: &OwnedFd,
    attributes: &Attributes,
    proc: &Procfs,
) -> Result<()> {
    let target = if inroot::is_directory(tree)? {
        mkdirat(directory, name, Mode::from_raw_mode(0o755)).sys("mkdir", || name)?;
        openat(directory, name, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
    } else {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        openat(directory, name, flags, Mode::from_raw_mode(0o444))
    };
    let target = target.sys("open", || name)?;
    attach::attach(tree.as_fd(), Some(target.as_fd()), attributes, proc)
}

fn attributes_of(plan: &RootfsPlan, index: usize) -> Option<&Attributes> {
    plan.ops.iter().find_map(|op| match op {
        MountOp::Bind { source, attributes, .. } if *source == index => Some(attributes),
        _ => None,
    })
}

/// An image that has never been started lacks mount points, which CRIU expects to be there. Those
/// in file systems that are mounted first come with these.
fn make_mount_points(plan: &RootfsPlan, root: &OwnedFd, trees: &[Option<OwnedFd>]) -> Result<()> {
    let mut covered: Vec<PathBuf> = Vec::new();
    for op in &plan.ops {
        let mut make = |target: &Path, kind| {
            if !covered.iter().any(|upper| target.starts_with(upper) && target != upper) {
                let step = || format!("making the mount point {}", target.display());
                inroot::open_or_make(root.as_fd(), target, kind, Links::for_target(target))
                    .step(step)?;
                covered.push(target.to_owned());
            }
            Ok::<(), Error>(())
        };
        match op {
            MountOp::Bind { source, target, .. } => {
                let tree = trees.get(*source).and_then(Option::as_ref);
                let directory = tree.is_none_or(|tree| inroot::is_directory(tree).unwrap_or(true));
                make(target, if directory { Kind::Directory } else { Kind::File })?;
            }
            MountOp::Filesystem(filesystem) => make(&filesystem.target, Kind::Directory)?,
            MountOp::Nodes { directory, nodes } => {
                for node in nodes {
                    if let Node::Bound { name, .. } = node {
                        make(&directory.join(name), Kind::File)?;
                    }
                }
            }
            MountOp::Change { .. } | MountOp::Mask(_) | MountOp::Readonly(_) => {}
        }
    }
    Ok(())
}
