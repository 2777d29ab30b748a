//! Paths of the container, resolved by the kernel below the root's descriptor and nowhere else.
//!
//! Everything goes through openat2(2) with RESOLVE_IN_ROOT: `..` and absolute links end at the
//! container's root, magic links are refused, and a component that is swapped meanwhile can only
//! lead somewhere else below that root. What is made, is made on the descriptor of a directory
//! that was resolved that way.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    FileType, Mode, OFlags, ResolveFlags, fstat, mkdirat, openat, openat2, readlinkat,
};
use rustix::io::Errno;
use sys::{Context, SysError};

/// How often a resolution that met a concurrent rename is tried again (openat2(2), EAGAIN).
const ATTEMPTS: usize = 128;
/// How many dangling links are followed while a mount point is made (path_resolution(7)).
const LINKS: usize = 40;

/// Whether symbolic links on the way are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    /// Below the root.
    Follow,
    /// A link anywhere in the path is ELOOP.
    Refuse,
}

impl Links {
    /// Kernel file systems and device nodes stand where their path says; a link there is an
    /// attack (attacks 4 and 10), so it is refused at and below `/proc`, `/sys` and `/dev`.
    pub(super) fn for_target(path: &Path) -> Self {
        let kernels = ["/proc", "/sys", "/dev"].iter().any(|kernel| path.starts_with(kernel));
        if kernels { Self::Refuse } else { Self::Follow }
    }
}

/// What a mount point is made as, where it is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Mode 0755.
    Directory,
    /// Empty, mode 0644.
    File,
}

/// Opens what is at `path` (O_PATH).
pub(super) fn open(root: BorrowedFd<'_>, path: &Path, links: Links) -> sys::Result<OwnedFd> {
    open_with(root, path, OFlags::PATH, links)
}

/// Opens what is at `path` with `flags`.
pub(super) fn open_with(
    root: BorrowedFd<'_>,
    path: &Path,
    flags: OFlags,
    links: Links,
) -> sys::Result<OwnedFd> {
    let mut resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    if links == Links::Refuse {
        resolve |= ResolveFlags::NO_SYMLINKS;
    }
    for _ in 1..ATTEMPTS {
        match openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            done => return done.sys("openat2", || shown(path)),
        }
    }
    Err(SysError::new("openat2", shown(path), Errno::AGAIN))
}

/// Opens the mount point at `path`, made first where it is missing, with its parents.
pub(super) fn open_or_make(
    root: BorrowedFd<'_>,
    path: &Path,
    kind: Kind,
    links: Links,
) -> sys::Result<OwnedFd> {
    match open(root, path, links) {
        Err(error) if error.errno() == Errno::NOENT => {}
        Err(error) if error.errno() == Errno::LOOP && links == Links::Refuse => return Err(error),
        done => return done,
    }
    let mut wanted = path.to_owned();
    for _ in 0..LINKS {
        match make(root, &wanted, kind, links)? {
            Made::Here(fd) => return Ok(fd),
            Made::Dangling(target) => wanted = target,
        }
    }
    Err(SysError::new("mkdirat", shown(path), Errno::LOOP))
}

/// Where an attempt to make a path ended.
enum Made {
    /// It is there.
    Here(OwnedFd),
    /// A link to something missing is in the way: the path with the link replaced.
    Dangling(PathBuf),
}

fn make(root: BorrowedFd<'_>, path: &Path, kind: Kind, links: Links) -> sys::Result<Made> {
    let (mut dir, mut done, mut missing) = existing_prefix(root, path, links)?;
    while let Some(name) = missing.pop_front() {
        if name == ".." {
            // Only a link's text has this: the kernel resolves what has been made so far.
            done.push(name);
            dir = open(root, &done, links)?;
            continue;
        }
        let last = missing.is_empty();
        let wanted = if last { kind } else { Kind::Directory };
        match make_entry(dir.as_fd(), &name, wanted) {
            Ok(fd) => dir = fd,
            Err(Errno::LOOP) if links == Links::Follow => {
                let target = readlinkat(&dir, &name, Vec::new())
                    .sys("readlinkat", || shown(&done.join(&name)))?;
                done.push(OsString::from_vec(target.into_bytes()));
                done.extend(missing);
                return Ok(Made::Dangling(done));
            }
            Err(errno) => return Err(SysError::new("mkdirat", shown(&done.join(&name)), errno)),
        }
        done.push(name);
    }
    Ok(Made::Here(dir))
}

/// The longest part of `path` that exists, opened, and the names that are missing after it.
fn existing_prefix(
    root: BorrowedFd<'_>,
    path: &Path,
    links: Links,
) -> sys::Result<(OwnedFd, PathBuf, VecDeque<OsString>)> {
    let mut names: Vec<&OsStr> = path.components().filter_map(name_of).collect();
    let mut missing = VecDeque::new();
    while let Some(name) = names.pop() {
        missing.push_front(name.to_owned());
        let prefix: PathBuf = Path::new("/").join(names.iter().collect::<PathBuf>());
        match open_with(root, &prefix, OFlags::PATH | OFlags::DIRECTORY, links) {
            Ok(dir) => return Ok((dir, prefix, missing)),
            Err(error) if error.errno() == Errno::NOENT => {}
            Err(error) => return Err(error),
        }
    }
    // The path is the root itself.
    Ok((open(root, Path::new("/"), links)?, PathBuf::from("/"), missing))
}

fn name_of<'a>(component: Component<'a>) -> Option<&'a OsStr> {
    match component {
        Component::Normal(name) => Some(name),
        Component::ParentDir => Some(OsStr::new("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    }
}

/// Makes one entry of `dir`, or opens what meanwhile is there. ELOOP where that is a link.
fn make_entry(dir: BorrowedFd<'_>, name: &OsStr, kind: Kind) -> rustix::io::Result<OwnedFd> {
    let look = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let made = match kind {
        Kind::Directory => mkdirat(dir, name, Mode::from_raw_mode(0o755)),
        Kind::File => {
            let create = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY;
            let mode = Mode::from_raw_mode(0o644);
            match openat(dir, name, create | OFlags::CLOEXEC, mode) {
                // As good as O_PATH for a mount.
                Ok(file) => return Ok(file),
                Err(errno) => Err(errno),
            }
        }
    };
    match made {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno),
    }
    let fd = openat(dir, name, look, Mode::empty())?;
    let found = FileType::from_raw_mode(fstat(&fd)?.st_mode);
    match (found, kind) {
        (FileType::Symlink, _) => Err(Errno::LOOP),
        (FileType::Directory, Kind::Directory) => Ok(fd),
        (_, Kind::Directory) => Err(Errno::NOTDIR),
        (FileType::Directory, Kind::File) => Err(Errno::ISDIR),
        (_, Kind::File) => Ok(fd),
    }
}

/// Whether `fd` is a directory.
pub(super) fn is_directory(fd: impl AsFd) -> sys::Result<bool> {
    let stat = fstat(fd).sys("fstat", || "mount point")?;
    Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

/// A path of the container as an error shows it.
pub(super) fn shown(path: &Path) -> String {
    String::from_utf8_lossy(path.as_os_str().as_bytes()).into_owned()
}

#[cfg(test)]
mod tests;
