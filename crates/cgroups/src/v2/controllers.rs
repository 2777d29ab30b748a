//! Controllers given to a group of version 2 by its parents (cgroup-v2.rst, "Controlling
//! controllers").

use std::path::Path;

use rustix::io::Errno;

use super::vacate;
use crate::file::{Dir, failed};
use crate::{Error, Result};

/// The controllers that every group gets where the host offers them, for their figures. The
/// others are enabled when a limit asks for them.
pub(crate) const USUAL: [&str; 4] = ["cpu", "io", "memory", "pids"];

/// Gives `group` those of `wanted` that the kernel lets it have; which could not be given does
/// not matter until a limit needs one.
pub(crate) fn enable_usual(group: &Path, wanted: &[&str]) -> Result<()> {
    let missing = missing(&Dir::open(group)?, wanted)?;
    if missing.is_empty() {
        return Ok(());
    }
    let Some(parent) = group.parent().filter(|parent| is_group(parent)) else { return Ok(()) };
    enable_usual(parent, &missing)?;
    let dir = Dir::open(parent)?;
    if is_inner(&dir)? {
        let busy = || failed(format!("making room in {}", parent.display()), "write", Errno::BUSY);
        let is_free = || if is_inner(&dir)? { Err(busy()) } else { Ok(()) };
        // As for a limit (see [`enable`]): whose processes cannot be moved has no figures.
        if !is_top(&dir)? || vacate::retry(&dir, busy(), is_free).is_err() {
            return Ok(());
        }
    }
    let all: Vec<String> = missing.iter().map(|one| format!("+{one}")).collect();
    if dir.write("cgroup.subtree_control", &all.join(" ")).is_err() {
        // One controller that cannot be had must not cost the others.
        for one in &all {
            match dir.write("cgroup.subtree_control", one) {
                Err(error) if error.is_gone() && !is_group(parent) => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Gives `group` one controller that a limit needs.
///
/// A group with processes has no controllers to give (cgroup-v2.rst, "No Internal Process
/// Constraint"). Where that is the top of what the caller sees, as in a container whose processes
/// start in it, they are moved to a group below it: nobody else could have meant them to stay.
///
/// Errors: [`Error::Unsupported`] where no parent has it to give; [`Error::System`] where the
/// kernel refuses, for instance EBUSY because processes live in a parent.
pub(crate) fn enable(group: &Path, controller: &str, key: &str) -> Result<()> {
    let dir = Dir::open(group)?;
    if missing(&dir, &[controller])?.is_empty() {
        return Ok(());
    }
    let Some(parent) = group.parent().filter(|parent| is_group(parent)) else {
        let offers = dir.read("cgroup.controllers")?;
        let hint = match offers.trim() {
            "" => "the version 2 tree offers no controllers".to_owned(),
            some => format!("the version 2 tree offers only {some}"),
        };
        let advice = "; version 1 hierarchies may hold it, or the kernel lacks it";
        return Err(Error::unsupported(controller, key, hint + advice));
    };
    enable(parent, controller, key)?;
    let parent = Dir::open(parent)?;
    let give = || {
        if is_inner(&parent)? {
            let what = format!("giving {controller} to groups below {}", parent.path().display());
            return Err(failed(what, "write", Errno::BUSY));
        }
        parent.write("cgroup.subtree_control", &format!("+{controller}"))
    };
    let given = match give() {
        Err(error) if error.errno() == Some(Errno::BUSY) && is_top(&parent)? => {
            vacate::retry(&parent, error, give)
        }
        given => given,
    };
    given.map_err(|error| {
        let parent = parent.path().display();
        error
            .hinted(Errno::BUSY, || {
                format!("{parent} holds processes: move them to a group below it, or name a group elsewhere")
            })
            .hinted(Errno::OPNOTSUPP, || {
                format!("{parent} is for threads only (cgroup.type): name a group elsewhere")
            })
            .hinted(Errno::ACCESS, || {
                format!("the cgroup.subtree_control of {parent} is not delegated")
            })
    })
}

/// Whether processes live in a group, which is not the root: the kernel would give on those of its
/// controllers that threads can have, and groups below would be for threads only from then on.
fn is_inner(group: &Dir) -> Result<bool> {
    let root = group.read_optional("cgroup.type")?.is_none();
    Ok(!root && group.read_optional("cgroup.procs")?.is_some_and(|pids| !pids.trim().is_empty()))
}

/// Whether a group is the top of what the caller sees without being the root of the hierarchy,
/// which alone has no cgroup.type: so it is for whoever is in a container.
fn is_top(group: &Dir) -> Result<bool> {
    let above = group.path().parent().is_some_and(is_group);
    Ok(!above && group.read_optional("cgroup.type")?.is_some())
}

fn missing<'a>(group: &Dir, wanted: &[&'a str]) -> Result<Vec<&'a str>> {
    let has = group.read("cgroup.controllers")?;
    Ok(wanted.iter().copied().filter(|one| !has.split_whitespace().any(|it| it == *one)).collect())
}

/// Whether this directory is a group of version 2, and not what its tree is mounted in.
fn is_group(path: &Path) -> bool {
    rustix::fs::access(path.join("cgroup.controllers"), rustix::fs::Access::EXISTS).is_ok()
}

#[cfg(test)]
mod tests;
