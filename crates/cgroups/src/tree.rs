//! Directories of one hierarchy: made, listed and removed.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::file::{Dir, failed};
use crate::{Error, Result};

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
                return match pids(group)?.first() {
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
        .hinted(Errno::ROFS, || "the cgroup file system is mounted read-only".to_owned())
        .hinted(Errno::AGAIN, || "cgroup.max.descendants or cgroup.max.depth reached".to_owned())
}

/// The processes of a group and of all groups below it; 0 stands for each that is not visible
/// from the caller's pid namespace. A group that is not there has none.
pub(crate) fn pids(group: &Path) -> Result<Vec<i32>> {
    let mut found = Vec::new();
    match collect(group, &mut found) {
        Err(error) if error.is_gone() => Ok(found),
        result => result.map(|()| found),
    }
}

fn collect(group: &Path, found: &mut Vec<i32>) -> Result<()> {
    let dir = Dir::open(group)?;
    match dir.read("cgroup.procs") {
        Ok(text) => found.extend(text.lines().filter_map(|line| line.parse::<i32>().ok())),
        // A threaded group of version 2; its processes are listed where its domain is.
        Err(error) if error.errno() == Some(Errno::OPNOTSUPP) => {}
        Err(error) => return Err(error),
    }
    for child in children(&dir)? {
        match collect(&child, found) {
            Err(error) if error.is_gone() => {}
            result => result?,
        }
    }
    Ok(())
}

/// The groups right below this one.
fn children(dir: &Dir) -> Result<Vec<PathBuf>> {
    let listing = |errno| failed(format!("listing {}", dir.path().display()), "getdents64", errno);
    // A cgroup directory's link count is 2 and one for each group below (kernfs).
    let links = rustix::fs::statat(dir, "", AtFlags::EMPTY_PATH).map_err(listing)?.st_nlink;
    if links == 2 {
        return Ok(Vec::new());
    }
    let fd = dir.file(".", OFlags::RDONLY | OFlags::DIRECTORY)?;
    let mut found = Vec::new();
    for entry in rustix::fs::Dir::new(fd).map_err(listing)? {
        let entry = entry.map_err(listing)?;
        let name = entry.file_name().to_bytes();
        if entry.file_type() == FileType::Directory && name != b"." && name != b".." {
            found.push(dir.path().join(OsStr::from_bytes(name)));
        }
    }
    Ok(found)
}

/// Removes a group and all groups below it, waiting until `deadline` for processes that are
/// ending. A group that is not there is no error.
///
/// Errors: [`Error::InUse`] if processes stay.
pub(crate) fn remove(group: &Path, deadline: Instant) -> Result<()> {
    let mut pause = Duration::from_micros(100);
    loop {
        match rmdir(group) {
            Ok(()) | Err(Errno::NOENT | Errno::NODEV) => return Ok(()),
            Err(Errno::BUSY | Errno::NOTEMPTY) => {}
            Err(errno) => {
                let what = format!("removing the cgroup {}", group.display());
                return Err(failed(what, "rmdir", errno));
            }
        }
        let below = match Dir::open(group).and_then(|dir| children(&dir)) {
            Err(error) if error.is_gone() => return Ok(()),
            below => below?,
        };
        if below.is_empty() {
            if Instant::now() >= deadline {
                let pid = pids(group)?.first().copied().unwrap_or(0);
                return Err(Error::InUse { path: group.to_owned(), pid });
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
        for child in below {
            remove(&child, deadline)?;
        }
    }
}

/// Removes the directory of a group if nothing is in it.
pub(crate) fn rmdir(group: &Path) -> std::result::Result<(), Errno> {
    rustix::fs::unlinkat(CWD, group, AtFlags::REMOVEDIR)
}
