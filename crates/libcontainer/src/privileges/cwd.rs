//! The working directory (CVE-2024-21626: it must lie inside the root).

use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags, mkdirat, open};
use rustix::io::Errno;
use rustix::process::{chdir, getcwd};
use sys::{Context, SysError};

use super::below;
use super::user::Identity;
use crate::{Error, ErrorKind, Result, Step};

/// Makes the working directory, each missing directory with mode 0755, root's.
fn make(cwd: &Path) -> Result<()> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = open("/", flags, Mode::empty()).sys("open", || "/")?;
    let at = |path: &Path| {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        below::open(&root, path, flags)
    };
    // By name only: what comes after a ".." is not made.
    let relative: PathBuf = cwd.components().skip_while(|c| *c == Component::RootDir).collect();
    match at(&relative) {
        Err(Errno::NOENT) => {}
        found => return Ok(found.map(drop).sys("openat2", || cwd.display().to_string())?),
    }
    let mut parent = PathBuf::new();
    for component in relative.components() {
        let next = parent.join(component);
        if at(&next).err() == Some(Errno::NOENT) && matches!(component, Component::Normal(_)) {
            let directory = at(&parent).sys("openat2", || format!("/{}", parent.display()))?;
            match mkdirat(&directory, component.as_os_str(), Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                failed => failed.sys("mkdirat", || format!("/{}", next.display()))?,
            }
        }
        parent = next;
    }
    Ok(at(&relative).map(drop).sys("openat2", || cwd.display().to_string())?)
}

/// Enters it with all privileges, and makes it where it is missing if `make_it` says so; false where
/// even that is not allowed (a network or FUSE file system that knows the user only), so that the
/// user shall try.
pub(super) fn enter_as_root(cwd: &Path, make_it: bool) -> Result<bool> {
    let mut entered = chdir(cwd);
    if make_it && entered == Err(Errno::NOENT) {
        make(cwd).step(|| format!("making the working directory {}", cwd.display()))?;
        entered = chdir(cwd);
    }
    match entered {
        Ok(()) => Ok(true),
        Err(Errno::ACCESS | Errno::PERM) => Ok(false),
        Err(errno) => Err(refused(cwd, errno, None)),
    }
}

/// Enters it as the user.
pub(super) fn enter(cwd: &Path, identity: &Identity) -> Result<()> {
    chdir(cwd).map_err(|errno| refused(cwd, errno, Some(identity)))
}

fn refused(cwd: &Path, errno: Errno, identity: Option<&Identity>) -> Error {
    let error = SysError::new("chdir", cwd.display().to_string(), errno);
    let kind = ErrorKind::InvalidConfig { field: "process.cwd".to_owned() };
    match (errno, identity) {
        (Errno::NOENT | Errno::NOTDIR, _) => Error::from(error)
            .as_kind(kind)
            .with_hint("the working directory must be a directory of the container"),
        (Errno::ACCESS, Some(identity)) => Error::from(error)
            .as_kind(kind)
            .with_hint(format!("uid {} may not enter it", identity.uid)),
        _ => Error::from(error).within("entering the working directory"),
    }
}

/// That the working directory is below the root: the kernel says `(unreachable)` before the path
/// of one that is not (getcwd(3)).
pub(super) fn verify(cwd: &Path) -> Result<()> {
    let now = getcwd(Vec::new())
        .sys("getcwd", || cwd.display().to_string())
        .step(|| "verifying the working directory")?;
    if now.as_bytes().starts_with(b"/") {
        return Ok(());
    }
    Err(Error::invalid("process.cwd", format!("{} leads out of the container", cwd.display())))
}

#[cfg(test)]
mod tests;
