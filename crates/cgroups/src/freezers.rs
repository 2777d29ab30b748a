//! A look at the freezers of many groups.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::read;

use crate::file::{Dir, failed};
use crate::manager::UNIFIED;
use crate::{Error, Result, path};

const STATE: &str = "freezer.state";
const FREEZE: &str = "cgroup.freeze";

/// Looks at one group's freezer after the other's, and only once at those of the groups above them.
#[derive(Debug, Default)]
pub struct Freezers {
    /// Of groups of version 2: whether each, or one above it, has been told to freeze.
    known: BTreeMap<PathBuf, bool>,
    /// The group above the last one that was looked at: the next is often beside that, and a way
    /// through all of /sys/fs/cgroup takes longer than the look.
    above: Option<Above>,
}

#[derive(Debug)]
struct Above {
    dir: Dir,
    held: bool,
}

impl Freezers {
    /// Whether the group whose [`paths`](crate::Manager::paths) were recorded, or one above it, has
    /// been told to freeze: [`Manager::freezing`](crate::Manager::freezing) of many.
    ///
    /// Errors: [`Error::System`] where the group is gone; [`Error::Unsupported`] without a freezer;
    /// [`Error::Invalid`] for a path that is not absolute or has `..`.
    pub fn freezing(&mut self, paths: &BTreeMap<String, PathBuf>) -> Result<bool> {
        let (group, file) = match (paths.get("freezer"), paths.get(UNIFIED)) {
            // It tells of those above as well.
            (Some(group), _) => (group, STATE),
            (None, Some(group)) => (group, FREEZE),
            (None, None) => {
                let hint = "mount the version 1 hierarchy freezer, or the version 2 tree";
                return Err(Error::unsupported("freezer", "freezing", hint));
            }
        };
        let (Some(above), Some(name)) = (group.parent(), group.file_name()) else {
            return Err(Error::invalid("cgroup path", format!("{group:?} is no group's")));
        };
        let above = self.above(above)?;
        Ok(is_told(&above.dir, &Path::new(name).join(file))? || above.held)
    }

    fn above(&mut self, path: &Path) -> Result<&Above> {
        let above = match self.above.take().filter(|above| above.dir.path() == path) {
            Some(above) => above,
            None => Above { dir: Dir::open(&path::recorded(path)?)?, held: self.is_held(path) },
        };
        Ok(self.above.insert(above))
    }

    fn is_held(&mut self, group: &Path) -> bool {
        if let Some(known) = self.known.get(group) {
            return *known;
        }
        // The root of the tree has no such file, nor has version 1.
        let held = is_told(CWD, &group.join(FREEZE))
            .is_ok_and(|told| told || group.parent().is_some_and(|above| self.is_held(above)));
        self.known.insert(group.to_owned(), held);
        held
    }
}

/// What such a file says: there are many, so it takes no memory of the heap.
fn is_told(at: impl AsFd, file: &Path) -> Result<bool> {
    let failed = |call, errno| failed(format!("reading {}", file.display()), call, errno);
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = openat(at, file, flags, Mode::empty()).map_err(|errno| failed("openat", errno))?;
    let mut text = [0; 16];
    let count = read(&opened, &mut text).map_err(|errno| failed("read", errno))?;
    Ok(!matches!(&text[..count], b"0\n" | b"THAWED\n"))
}
