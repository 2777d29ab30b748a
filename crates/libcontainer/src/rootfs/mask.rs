//! Paths that are hidden or made read-only.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::io::Errno;
use sys::Context;

use super::attach::{self, clone_tree, place};
use super::builder::Builder;
use super::inroot::{self, Links};
use super::{filesystem, source};
use crate::Result;
use crate::config::Propagation;
use crate::config::mount_flags::attr;
use crate::plan::mounts::Attributes;
use crate::procfs::Procfs;

/// What hides things. A mount that was made detached cannot be copied before Linux 6.15, so the
/// first path gets the original and the others copies of what is mounted there.
#[derive(Debug, Default)]
pub(super) struct Covers {
    null: Cover,
    empty: Cover,
}

#[derive(Debug, Default)]
struct Cover {
    tree: Option<OwnedFd>,
    mounted: bool,
}

impl Covers {
    /// With the host's /dev/null, verified.
    pub(super) fn new(null: Option<OwnedFd>) -> Self {
        Self { null: Cover { tree: null, mounted: false }, empty: Cover::default() }
    }
}

impl Cover {
    /// Mounts it on `target`; `make` makes it the first time.
    fn put(
        &mut self,
        target: BorrowedFd<'_>,
        proc: &Procfs,
        make: impl FnOnce() -> Result<OwnedFd>,
    ) -> Result<()> {
        let tree = match self.tree.take() {
            Some(tree) => tree,
            None => make()?,
        };
        if self.mounted {
            let copy = clone_tree(tree.as_fd(), Path::new(""), false)
                .sys("open_tree", || "the cover of a masked path")?;
            place(copy.as_fd(), target)?;
        } else {
            // A copy of what the host shares would be its peer: what the container then mounted
            // upon it would come to lie on the host's /dev/null. Copies of this one are private.
            let propagation = vec![(Propagation::Private, false)];
            let private = Attributes { propagation, ..Attributes::default() };
            attach::attach(tree.as_fd(), Some(target), &private, proc)?;
            self.mounted = true;
        }
        self.tree = Some(tree);
        Ok(())
    }
}

/// Hides what is at `path`.
pub(super) fn mask(builder: &mut Builder<'_>, path: &Path) -> Result<()> {
    let Some(target) = existing(builder, path)? else { return Ok(()) };
    if inroot::is_directory(&target)? {
        let label = builder.plan.label.as_deref();
        builder.covers.empty.put(target.as_fd(), builder.proc, || empty_directory(label))
    } else {
        builder.covers.null.put(target.as_fd(), builder.proc, source::open_null)
    }
}

/// Makes what is at `path`, and what is mounted below, read-only.
pub(super) fn readonly(builder: &Builder<'_>, path: &Path) -> Result<()> {
    let Some(target) = existing(builder, path)? else { return Ok(()) };
    let tree =
        clone_tree(target.as_fd(), Path::new(""), true).sys("open_tree", || inroot::shown(path))?;
    attach::attach_read_only(tree.as_fd(), target.as_fd(), builder.proc)
}

/// A path that is not there needs no cover.
fn existing(builder: &Builder<'_>, path: &Path) -> Result<Option<OwnedFd>> {
    match inroot::open(builder.root(), path, Links::Follow) {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.errno(), Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The root of an empty tmpfs that nobody can write to, with the SELinux label of the container's
/// mounts.
fn empty_directory(label: Option<&str>) -> Result<OwnedFd> {
    let mut params = vec![("ro".to_owned(), None)];
    params.extend(label.map(|label| ("context".to_owned(), Some(label.to_owned()))));
    let attributes = attr::RDONLY | attr::NOSUID | attr::NODEV | attr::NOEXEC;
    filesystem::make("tmpfs", &params, attributes)
}
