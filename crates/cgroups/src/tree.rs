//! Directories of one hierarchy: made, and removed one by one.

use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode};
use rustix::io::Errno;

use crate::file::{Dir, failed};
use crate::{Error, Result, walk};

/// How often a parent may vanish under our hands, removed by somebody else's last group in it.
const ATTEMPTS: usize = 64;

/// Makes a group, and the parents that are missing; all that was made is appended to `made`,
/// parents first, and `on_parent` is called for each new parent.
///
/// Errors: [`Error::InUse`] if the group exists and holds processes. An empty one is taken.
pub(crate) fn make(
    group: &Path,
    made: &mut Vec<PathBuf>,
    on_parent: fn(&Path) -> Result<()>,
) -> Result<()> {
    for _ in 0..ATTEMPTS {
        match rustix::fs::mkdirat(CWD, group, Mode::from_raw_mode(0o755)) {
            Ok(()) => {
                made.push(group.to_owned());
                return Ok(());
            }
            Err(Errno::EXIST) => {
                return match walk::pids(group)?.first() {
                    Some(pid) => Err(Error::InUse { path: group.to_owned(), pid: *pid }),
                    None => check_thawed(group),
                };
            }
            Err(Errno::NOENT) => make_parent(group, made, on_parent)?,
            Err(errno) => return Err(making(group, errno)),
        }
    }
    Err(making(group, Errno::NOENT))
}

/// A process that came into a frozen group would never get further.
fn check_thawed(group: &Path) -> Result<()> {
    let dir = match Dir::open(group) {
        // It went at this moment.
        Err(error) if error.is_gone() => return Ok(()),
        opened => opened?,
    };
    for (file, thawed) in [("cgroup.freeze", "0"), ("freezer.state", "THAWED")] {
        if dir.read_optional(file)?.is_some_and(|text| text.trim() != thawed) {
            let reason = format!("{group:?} is there already, and it is frozen");
            return Err(Error::invalid("cgroup path", reason));
        }
    }
    Ok(())
}

fn make_parent(
    group: &Path,
    made: &mut Vec<PathBuf>,
    on_parent: fn(&Path) -> Result<()>,
) -> Result<()> {
    let Some(parent) = group.parent() else { return Err(making(group, Errno::NOENT)) };
    match rustix::fs::mkdirat(CWD, parent, Mode::from_raw_mode(0o755)) {
        Ok(()) => {
            made.push(parent.to_owned());
            match on_parent(parent) {
                // Removed again by somebody else: the next attempt makes it anew.
                Err(error) if error.is_gone() => Ok(()),
                other => other,
            }
        }
        // Somebody else made it between.
        Err(Errno::EXIST) => Ok(()),
        Err(Errno::NOENT) => make_parent(parent, made, on_parent),
        Err(errno) => Err(making(parent, errno)),
    }
}

fn making(group: &Path, errno: Errno) -> Error {
    failed(format!("making the cgroup {}", group.display()), "mkdirat", errno)
        .hinted(Errno::ACCESS, || "needs root, or a cgroup delegated to this user".to_owned())
        .hinted(Errno::ROFS, || {
            "the cgroup file system is mounted read-only: the outer container needs a cgroup \
             namespace, with its own group mounted there for writing"
                .to_owned()
        })
        .hinted(Errno::AGAIN, || "cgroup.max.descendants or cgroup.max.depth reached".to_owned())
}

/// Removes the directory of a group if nothing is in it.
pub(crate) fn rmdir(group: &Path) -> std::result::Result<(), Errno> {
    rustix::fs::unlinkat(CWD, group, AtFlags::REMOVEDIR)
}
