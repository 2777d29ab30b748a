//! The interpreter of a [`RootfsPlan`]: mounts, device nodes, masks, and the way in.
//!
//! It works on descriptors. The root directory is a detached copy of its mount, and every place
//! below it is resolved by the kernel below that (`inroot`), so that neither links in the image
//! nor a container that shares it can lead anything elsewhere. What is mounted is made what it
//! shall be before it is seen.
//!
//! [`open_sources`] runs in the host's view, [`build`] in the container's mount namespace.

mod attach;
mod copy_up;
mod filesystem;
mod host;
mod inroot;
mod mask;
mod nodes;
mod pivot;
mod source;
mod terminal;

use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags, PROC_SUPER_MAGIC, fstatfs, readlinkat};
use rustix::io::Errno;
use rustix::mount::{MountPropagationFlags, mount_change};
use sys::{Context, SysError};

use crate::config::Propagation;
use crate::config::mount_flags::attr;
use crate::console::{self, Pty};
use crate::plan::mounts::{Attributes, Entry, Filesystem, MountOp, RootSource, RootfsPlan};
use crate::procfs::Procfs;
use crate::{Error, ErrorKind, Result, Step};

use inroot::{Kind, Links};

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
    let mut builder = Builder { plan, root, trees, proc, covers: mask::Covers::new(null) };
    for op in &plan.ops {
        builder.carry_out(op)?;
    }
    let RootfsPlan { entry, readonly, propagation, .. } = *plan;
    Ok(Root { fd: builder.root, entry, readonly, propagation })
}

/// Mounts the root over `/`, where it waits for the pivot.
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
        attach::attach(root.as_fd(), None, &attributes, proc)
            .step(|| "mounting the root file system")?;
    }
    Ok(root)
}

impl Root {
    /// A terminal of the container's own devpts; its peer is mounted at /dev/console.
    pub(crate) fn terminal(&self) -> Result<Pty> {
        let pty = console::open_in(self.fd.as_fd()).step(|| "opening a terminal")?;
        terminal::bind_console(self.fd.as_fd(), pty.peer.as_fd())
            .step(|| "mounting the terminal at /dev/console")?;
        Ok(pty)
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

/// What the operations work on.
struct Builder<'a> {
    plan: &'a RootfsPlan,
    root: OwnedFd,
    trees: Vec<Option<OwnedFd>>,
    proc: &'a Procfs,
    covers: mask::Covers,
}

impl Builder<'_> {
    fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    fn carry_out(&mut self, op: &MountOp) -> Result<()> {
        match op {
            MountOp::Bind { source, target, attributes } => self
                .bind(*source, target, attributes)
                .step(|| format!("mounting {} at {}", self.source_name(*source), target.display())),
            MountOp::Filesystem(filesystem) => self.filesystem(filesystem).step(|| {
                format!("mounting {} at {}", filesystem.fstype, filesystem.target.display())
            }),
            MountOp::Change { target, attributes } => self
                .change(target, attributes)
                .step(|| format!("changing the mount at {}", target.display())),
            MountOp::Nodes { directory, nodes } => nodes::make(self, directory, nodes)
                .step(|| format!("making nodes in {}", directory.display())),
            MountOp::Mask(path) => {
                mask::mask(self, path).step(|| format!("masking {}", path.display()))
            }
            MountOp::Readonly(path) => {
                mask::readonly(self, path).step(|| format!("making {} read-only", path.display()))
            }
        }
    }

    fn bind(&mut self, source: usize, target: &Path, attributes: &Attributes) -> Result<()> {
        let tree = self.take(source)?;
        if target == Path::new("/proc") && !is_procfs(tree.as_fd())? {
            // What reads /proc trusts it: attributes, sysctls, its own identity (attack 9).
            let what = "only a procfs may be bound at /proc";
            return Err(Error::new(ErrorKind::System, what));
        }
        let kind = if inroot::is_directory(&tree)? { Kind::Directory } else { Kind::File };
        let place = self.mount_point(target, kind, Links::for_target(target))?;
        self.attach(tree.as_fd(), place.as_fd(), attributes)
    }

    fn filesystem(&mut self, filesystem: &Filesystem) -> Result<()> {
        let Filesystem { fstype, params, target, attributes, propagation, copy_up } = filesystem;
        // Those who read these trust what they find at the path (attacks 4 and 9).
        let links = match fstype.as_str() {
            "proc" | "sysfs" => Links::Refuse,
            _ => Links::for_target(target),
        };
        let place = self.mount_point(target, Kind::Directory, links)?;
        let mut last = Attributes { propagation: propagation.clone(), ..Attributes::default() };
        let mut first = *attributes;
        if *copy_up {
            last.set = first & attr::RDONLY;
            first &= !attr::RDONLY;
        }
        let tree = filesystem::make(fstype, params, first)?;
        if *copy_up {
            copy_up::copy(place.as_fd(), tree.as_fd()).step(|| "copying what the image has")?;
        }
        self.attach(tree.as_fd(), place.as_fd(), &last)
    }

    fn change(&self, target: &Path, attributes: &Attributes) -> Result<()> {
        let mount = inroot::open(self.root(), target, Links::for_target(target))?;
        attach::change(mount.as_fd(), attributes, || Ok(self.proc))
    }

    /// The place for a mount, made where it is missing.
    fn mount_point(&self, path: &Path, kind: Kind, links: Links) -> Result<OwnedFd> {
        let opened = inroot::open_or_make(self.root(), path, kind, links);
        let opened = opened.map_err(|error| match error.errno() {
            Errno::LOOP if links == Links::Refuse => {
                Error::from(error).with_hint("no symbolic link may lead to a mount point there")
            }
            Errno::ROFS | Errno::ACCESS => Error::from(error)
                .with_hint("the image lacks the mount point, and takes no new one"),
            _ => error.into(),
        })?;
        if links == Links::Follow {
            self.not_the_kernels(opened.as_fd())?;
        }
        Ok(opened)
    }

    /// A link of the image may not lead what is mounted elsewhere to /proc, /sys or /dev: it
    /// would stand for the kernel's files there, and devices would be made in it (attack 19).
    fn not_the_kernels(&self, place: BorrowedFd<'_>) -> Result<()> {
        let fds = self.proc.open_file("self/fd", OFlags::PATH | OFlags::DIRECTORY)?;
        let name = place.as_raw_fd().to_string();
        let path = readlinkat(&fds, name, Vec::new()).sys("readlinkat", || "a mount point")?;
        // The container's root is mounted over `/`, so this is the path in the container.
        let path = Path::new(OsStr::from_bytes(path.as_bytes()));
        match Links::for_target(path) {
            Links::Follow => Ok(()),
            Links::Refuse => {
                let what = format!("a symbolic link leads it to {}", path.display());
                Err(Error::new(ErrorKind::System, what))
            }
        }
    }

    fn attach(
        &self,
        tree: BorrowedFd<'_>,
        target: BorrowedFd<'_>,
        attributes: &Attributes,
    ) -> Result<()> {
        attach::attach(tree, Some(target), attributes, self.proc)
    }

    /// A source's tree, opened here where the host's view did not allow it. Each is used once.
    fn take(&mut self, source: usize) -> Result<OwnedFd> {
        if let Some(tree) = self.trees.get_mut(source).and_then(Option::take) {
            return Ok(tree);
        }
        match self.plan.sources.get(source) {
            Some(wanted) => source::open_source(wanted),
            None => {
                Err(SysError::new("open_tree", "a source that is not planned", Errno::BADF).into())
            }
        }
    }

    fn source_name(&self, source: usize) -> String {
        self.plan.sources.get(source).map(|s| s.path.display().to_string()).unwrap_or_default()
    }
}

fn is_procfs(tree: BorrowedFd<'_>) -> Result<bool> {
    Ok(fstatfs(tree).sys("fstatfs", || "the source")?.f_type == PROC_SUPER_MAGIC)
}

#[cfg(test)]
mod tests;
