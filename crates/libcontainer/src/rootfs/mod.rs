//! The interpreter of a [`RootfsPlan`]: mounts, device nodes, masks, and the way in.
//!
//! It works on descriptors. The root directory is a detached copy of its mount, and every place
//! below it is resolved by the kernel below that (`inroot`), so that neither links in the image
//! nor a container that shares it can lead anything elsewhere. What is mounted is made what it
//! shall be before it is seen.
//!
//! [`open_sources`] runs in the host's view, [`build`] in the container's mount namespace.

mod assembled;
mod attach;
mod builder;
mod copy_up;
mod filesystem;
mod host;
mod idmap;
mod inroot;
mod layers;
mod layout;
mod mask;
mod nodes;
mod pivot;
mod relabel;
mod source;
mod terminal;
mod xattr;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::mount::{MountPropagationFlags, mount_change};
use sys::{Context, SysError};

use crate::config::Propagation;
use crate::config::mount_flags::attr;
use crate::plan::mounts::{Attributes, Entry, RootSource, RootfsPlan};
use crate::procfs::Procfs;
use crate::{Result, Step};

use builder::Builder;

pub use layout::{carry, lay_out};
pub use source::{Sources, open_sources};

/// The container's root, built but not yet entered.
#[derive(Debug)]
pub struct Root {
    fd: OwnedFd,
    entry: Entry,
    readonly: bool,
    propagation: Propagation,
}

/// Builds everything below the container's root. To be called in its mount namespace, by a
/// process of one thread; the working directory may move.
pub fn build(plan: &RootfsPlan, sources: Sources, proc: &Procfs) -> Result<Root> {
    // Modes are meant as the plan has them.
    let umask = rustix::process::umask(Mode::empty());
    let built = build_all(plan, sources, proc);
    rustix::process::umask(umask);
    built
}

fn build_all(plan: &RootfsPlan, sources: Sources, proc: &Procfs) -> Result<Root> {
    let Sources { root, trees, null } = sources;
    if plan.entry != Entry::Chroot {
        // Nothing that is mounted from here on reaches the host; pivot_root(2) wants it as well.
        let flags = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
        mount_change("/", flags).sys("mount", || "rslave /").hint(
            || "the caller's root must be a mount point, which that of a chroot may not be",
        )?;
    }
    let root = attach_root(plan, root, proc)?;
    let covers = mask::Covers::new(null);
    let mut builder = Builder { plan, root, trees, proc, covers };
    for op in &plan.ops {
        builder.carry_out(op)?;
    }
    let RootfsPlan { entry, readonly, propagation, .. } = *plan;
    Ok(Root { fd: builder.root, entry, readonly, propagation })
}

/// Mounts the root over `/`, or where it is, where it waits for the pivot.
fn attach_root(plan: &RootfsPlan, opened: Option<OwnedFd>, proc: &Procfs) -> Result<OwnedFd> {
    let path = match &plan.root {
        RootSource::Host(layers) => {
            return host::build(layers, proc).step(|| "making a view of the host");
        }
        RootSource::Directory(path) => path,
    };
    let root = match opened {
        Some(root) => root,
        None => source::open_root(path)?,
    };
    if plan.entry != Entry::Chroot {
        // A root that is a slave from the start gets the host's mounts; a shared one is the head
        // of a group of its own, or the container's mounts would appear in the host.
        let kind = match plan.propagation {
            Propagation::Slave => Propagation::Slave,
            _ => Propagation::Private,
        };
        let attributes = Attributes { propagation: vec![(kind, true)], ..Attributes::default() };
        let place = if plan.in_place { own_place(path)? } else { None };
        attach::attach(root.as_fd(), place.as_ref().map(AsFd::as_fd), &attributes, proc)
            .step(|| "mounting the root file system")?;
    }
    Ok(root)
}

/// Where the root's directory is in this mount namespace; nothing where the root of a user
/// namespace may not go there.
fn own_place(path: &Path) -> Result<Option<OwnedFd>> {
    match openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
        Ok(place) => Ok(Some(place)),
        Err(Errno::ACCESS) => Ok(None),
        Err(errno) => Err(SysError::new("openat", path.display().to_string(), errno).into()),
    }
}

impl Root {
    /// Shows the peer of a terminal, one of the container's own devpts, at /dev/console.
    pub fn show_terminal(&self, peer: BorrowedFd<'_>) -> Result<()> {
        terminal::bind_console(self.fd.as_fd(), peer)
            .step(|| "mounting the terminal at /dev/console")
    }

    /// Makes it the process's root and working directory; the old root is gone.
    pub fn enter(self) -> Result<()> {
        if self.readonly {
            let attributes = Attributes { set: attr::RDONLY, ..Attributes::default() };
            attach::change(self.fd.as_fd(), &attributes, Procfs::open)
                .step(|| "making the root read-only")?;
        }
        pivot::enter(self.fd, self.entry).step(|| "entering the root file system")?;
        // Private and slave it is already; a shared one could not have been pivoted to.
        if matches!(self.propagation, Propagation::Shared | Propagation::Unbindable) {
            let flags = attach::propagation_flag(self.propagation);
            mount_change("/", flags).sys("mount", || format!("{flags:?} /"))?;
        }
        Ok(())
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests;
