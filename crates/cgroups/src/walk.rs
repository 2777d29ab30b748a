//! All groups below one. Who may make groups may make them deeper than a path can name or
//! descriptors may be open, so the way down is by names, one at a time, and the way up by `..`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, FileType, OFlags};
use rustix::io::Errno;

use crate::file::{Dir, failed};
use crate::wait::{wait_event, wait_for_one};
use crate::{Error, Result, tree};

/// A place in a tree of groups, and the way there.
struct Walk {
    dir: Dir,
    /// Groups below this one that are still to be seen.
    rest: Vec<OsString>,
    /// The same of the groups above, from the first, each with the name of the one below it.
    above: Vec<(OsString, Vec<OsString>)>,
}

impl Walk {
    /// From a group; none where it is gone.
    fn from(group: &Path) -> Result<Option<Self>> {
        match Dir::open(group) {
            Ok(dir) => Ok(Some(Self { rest: children(&dir)?, dir, above: Vec::new() })),
            Err(error) if error.is_gone() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Into the next group below; false where there is none left.
    fn down(&mut self) -> Result<bool> {
        while let Some(name) = self.rest.pop() {
            let below = match self.dir.child(&name).and_then(|dir| Ok((children(&dir)?, dir))) {
                Err(error) if error.is_gone() => continue,
                below => below?,
            };
            let rest = std::mem::replace(&mut self.rest, below.0);
            self.above.push((name, rest));
            self.dir = below.1;
            return Ok(true);
        }
        Ok(false)
    }

    /// Back to the group above: the name of the one that was left; none at the first.
    fn up(&mut self) -> Result<Option<OsString>> {
        let Some((name, rest)) = self.above.pop() else { return Ok(None) };
        self.dir = self.dir.parent()?;
        self.rest = rest;
        Ok(Some(name))
    }
}

/// The processes of a group and of all groups below it; 0 stands for each that is not visible
/// from the caller's pid namespace. A group that is not there has none.
pub(crate) fn pids(group: &Path) -> Result<Vec<i32>> {
    let mut found = Vec::new();
    let Some(mut walk) = Walk::from(group)? else { return Ok(found) };
    loop {
        members(&walk.dir, &mut found)?;
        while !walk.down()? {
            if walk.up()?.is_none() {
                return Ok(found);
            }
        }
    }
}

fn members(dir: &Dir, found: &mut Vec<i32>) -> Result<()> {
    match dir.read("cgroup.procs") {
        Ok(text) => found.extend(text.lines().filter_map(|line| line.parse::<i32>().ok())),
        // A threaded group of version 2; its processes are listed where its domain is.
        Err(error) if error.errno() == Some(Errno::OPNOTSUPP) || error.is_gone() => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// The names of the groups right below this one.
fn children(dir: &Dir) -> Result<Vec<OsString>> {
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
            found.push(OsStr::from_bytes(name).to_owned());
        }
    }
    Ok(found)
}

/// Removes a group and all groups below it, waiting until `deadline` for processes that are
/// ending, and for groups that somebody still makes. A group that is not there is no error.
///
/// Errors: [`Error::InUse`] if processes stay.
pub(crate) fn remove(group: &Path, deadline: Instant) -> Result<()> {
    match tree::rmdir(group) {
        Ok(()) | Err(Errno::NOENT | Errno::NODEV) => return Ok(()),
        Err(Errno::BUSY | Errno::NOTEMPTY) => {}
        // Of what is mounted read-only nothing is looked up.
        Err(Errno::ROFS) if !group.exists() => return Ok(()),
        Err(errno) => return Err(removing(group, errno)),
    }
    let Some(mut walk) = Walk::from(group)? else { return Ok(()) };
    let mut pause = Duration::from_micros(100);
    loop {
        while walk.down()? {}
        let name = walk.above.last().map(|(name, _)| name.clone());
        let removed = match &name {
            None => tree::rmdir(group),
            Some(name) => {
                let parent = walk.dir.parent()?;
                rustix::fs::unlinkat(&parent, name, AtFlags::REMOVEDIR)
            }
        };
        match removed {
            Ok(()) | Err(Errno::NOENT | Errno::NODEV) => {
                if walk.up()?.is_none() {
                    return Ok(());
                }
            }
            Err(Errno::BUSY | Errno::NOTEMPTY) => {
                // It may have been made when the others had been listed.
                walk.rest = children(&walk.dir).or_else(gone)?;
                if walk.rest.is_empty() {
                    wait_vacant(&walk.dir, &mut pause, deadline)?;
                }
                if Instant::now() >= deadline {
                    let pid = pids(group)?.first().copied().unwrap_or(0);
                    return Err(Error::InUse { path: group.to_owned(), pid });
                }
            }
            Err(errno) => return Err(removing(walk.dir.path(), errno)),
        }
    }
}

fn removing(group: &Path, errno: Errno) -> Error {
    failed(format!("removing the cgroup {}", group.display()), "rmdir", errno)
}

fn gone<T: Default>(error: Error) -> Result<T> {
    if error.is_gone() { Ok(T::default()) } else { Err(error) }
}

/// Waits until a group without others below it may have lost a process, or the deadline is there.
fn wait_vacant(dir: &Dir, pause: &mut Duration, deadline: Instant) -> Result<()> {
    match wait_event(dir, "populated", "0", deadline) {
        // Version 1 has no such file; or it has gone.
        Err(error) if !error.is_gone() => return Err(error),
        _ => {}
    }
    let mut pids = Vec::new();
    members(dir, &mut pids)?;
    if pids.is_empty() {
        // What ends is out of the list a moment before it is out of the group.
        pids.push(0);
    }
    wait_for_one(&pids, pause, deadline).map(|_| ())
}
