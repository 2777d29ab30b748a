//! The operations of a plan, one by one.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, PROC_SUPER_MAGIC, fstat, fstatfs, readlinkat};
use rustix::io::Errno;
use sys::{Context, SysError};

use super::filesystem::Param;
use super::inroot::{self, Kind, Links};
use super::{attach, copy_up, filesystem, layers, mask, nodes, relabel, source};
use crate::config::mount_flags::attr;
use crate::config::shortened;
use crate::plan::mounts::{Attributes, Filesystem, MQUEUE, MountOp, RootfsPlan, Source};
use crate::procfs::Procfs;
use crate::{Error, ErrorKind, Result, Step};

/// What the operations work on.
pub(super) struct Builder<'a> {
    pub(super) plan: &'a RootfsPlan,
    pub(super) root: OwnedFd,
    pub(super) trees: Vec<Option<OwnedFd>>,
    pub(super) proc: &'a Procfs,
    pub(super) covers: mask::Covers,
}

impl Builder<'_> {
    pub(super) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    pub(super) fn carry_out(&mut self, op: &MountOp) -> Result<()> {
        match op {
            MountOp::Bind { source, target, attributes } => {
                self.bind(*source, target, attributes).step(|| self.plan.shown(*source))
            }
            MountOp::Filesystem(filesystem) => self.filesystem(filesystem).step(|| {
                let Filesystem { fstype, target, .. } = filesystem;
                let (source, fstype) = (shortened(filesystem.source()), shortened(fstype));
                format!("mounting {source} ({fstype}) at {}", target.display())
            }),
            MountOp::Change { target, params, attributes } => self
                .change(target, params, attributes)
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
        let Filesystem { fstype, params, target, attributes, propagation, copy_up, .. } =
            filesystem;
        // Those who read these trust what they find at the path (attacks 4 and 9).
        let links = match fstype.as_str() {
            "proc" | "sysfs" => Links::Refuse,
            _ => Links::for_target(target),
        };
        let mut params = Cow::Borrowed(params);
        if let Some(mode) = self.mode_covered(filesystem, links) {
            params.to_mut().push(("mode".to_owned(), Some(format!("{mode:o}"))));
        }
        let params: &[Param] = &params;
        let place = self.mount_point(target, Kind::Directory, links)?;
        if filesystem::is_long(params) && !*copy_up && filesystem.layers.is_none() {
            filesystem::mount_on(place.as_fd(), fstype, params, self.proc)?;
            let all = Attributes {
                set: *attributes,
                clear: if attributes & attr::ATIME == 0 { 0 } else { attr::ATIME },
                propagation: propagation.clone(),
                ..Attributes::default()
            };
            return self.change(target, &[], &all);
        }
        let mut last = Attributes { propagation: propagation.clone(), ..Attributes::default() };
        let mut first = *attributes;
        if *copy_up {
            last.set = first & attr::RDONLY;
            first &= !attr::RDONLY;
        }
        let made = match &filesystem.layers {
            None => filesystem::make(fstype, params, first),
            Some(layers) => layers::overlay(self, layers, params, first, place.as_fd()),
        };
        let tree = match made {
            Ok(tree) => tree,
            Err(error) => match self.instead(filesystem, first, &error)? {
                Instead::New(tree) => tree,
                Instead::Hosts(tree) => {
                    // The user's control groups are in /sys.
                    let read_only = if fstype == "sysfs" { attr::RDONLY } else { 0 };
                    last.rec_set = read_only | (attributes & RESTRICTIONS);
                    tree
                }
                Instead::Nothing => return Err(error),
            },
        };
        if fstype == MQUEUE
            && let Some(label) = &self.plan.label
        {
            relabel::label_root(tree.as_fd(), label, self.proc)?;
        }
        if *copy_up {
            copy_up::copy(place.as_fd(), tree.as_fd(), params)
                .step(|| "copying what the image has")?;
        }
        self.attach(tree.as_fd(), place.as_fd(), &last)
    }

    /// A tmpfs without a mode of its own has that of the directory it covers: /tmp stays
    /// everybody's, and what is root's alone stays so.
    fn mode_covered(&self, filesystem: &Filesystem, links: Links) -> Option<u32> {
        let Filesystem { fstype, params, target, .. } = filesystem;
        if fstype != "tmpfs" || params.iter().any(|(key, _)| key == "mode") {
            return None;
        }
        let covered = inroot::open(self.root(), target, links).ok()?;
        Some(fstat(&covered).ok()?.st_mode & 0o7777)
    }

    /// What there is in a user namespace in place of a file system that the kernel refuses.
    fn instead(&self, refused: &Filesystem, attributes: u64, why: &Error) -> Result<Instead> {
        let errno = why.errno().map(Errno::from_raw_os_error);
        if errno == Some(Errno::PERM)
            && let Some(path) = &refused.stand_in
        {
            // What lies below it is locked to it (mount_namespaces(7)).
            let source = Source { path: path.clone(), recursive: true, ..Source::default() };
            return source::open_source(&source).map(Instead::Hosts).hint(|| {
                format!("a new {} takes a namespace of the container's own", refused.fstype)
            });
        }
        let no_group = |(key, _): &&(String, Option<String>)| key != "gid";
        if errno == Some(Errno::INVAL) && refused.fstype == "devpts" {
            // The group is most likely not mapped: terminals get that of who opens them.
            let params: Vec<_> = refused.params.iter().filter(no_group).cloned().collect();
            if params.len() < refused.params.len()
                && let Ok(tree) = filesystem::make(&refused.fstype, &params, attributes)
            {
                return Ok(Instead::New(tree));
            }
        }
        Ok(Instead::Nothing)
    }

    fn change(&self, target: &Path, params: &[Param], attributes: &Attributes) -> Result<()> {
        let mount = inroot::open(self.root(), target, Links::for_target(target))?;
        if !params.is_empty() {
            filesystem::reconfigure(mount.as_fd(), params)?;
        }
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
        let path_of = |fd: BorrowedFd<'_>| {
            readlinkat(&fds, fd.as_raw_fd().to_string(), Vec::new())
                .sys("readlinkat", || "a mount point")
        };
        let path = path_of(place)?;
        // Where the container's root is mounted over `/`, this is the path in the container.
        let mut path = PathBuf::from(OsStr::from_bytes(path.as_bytes()));
        if self.plan.in_place {
            let root = path_of(self.root())?;
            let root = Path::new(OsStr::from_bytes(root.as_bytes()));
            path = Path::new("/").join(path.strip_prefix(root).unwrap_or(&path));
        }
        match Links::for_target(&path) {
            Links::Follow => Ok(()),
            Links::Refuse => {
                let what = format!("a symbolic link leads it to {}", path.display());
                Err(Error::new(ErrorKind::System, what))
            }
        }
    }

    pub(super) fn attach(
        &self,
        tree: BorrowedFd<'_>,
        target: BorrowedFd<'_>,
        attributes: &Attributes,
    ) -> Result<()> {
        attach::attach(tree, Some(target), attributes, self.proc)
    }

    /// A source's tree, opened here where the host's view did not allow it. Each is used once.
    pub(super) fn take(&mut self, source: usize) -> Result<OwnedFd> {
        if let Some(tree) = self.trees.get_mut(source).and_then(Option::take) {
            return Ok(tree);
        }
        match self.plan.sources.get(source) {
            Some(wanted) => source::labelled(source::open_source(wanted)?, wanted, self.proc),
            None => {
                Err(SysError::new("open_tree", "a source that is not planned", Errno::BADF).into())
            }
        }
    }
}

/// What can be added to a mount of the host's, whatever is locked of it.
const RESTRICTIONS: u64 = attr::RDONLY | attr::NOSUID | attr::NODEV | attr::NOEXEC;

/// See [`Builder::instead`].
enum Instead {
    /// A file system with fewer options.
    New(OwnedFd),
    /// The host's, with all that is mounted below it.
    Hosts(OwnedFd),
    Nothing,
}

fn is_procfs(tree: BorrowedFd<'_>) -> Result<bool> {
    Ok(fstatfs(tree).sys("fstatfs", || "the source")?.f_type == PROC_SUPER_MAGIC)
}
