//! The SELinux label of what is bound (`relabel`), and of file systems that take none as a parameter.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    CWD, Dir, FileType, Mode, OFlags, ResolveFlags, XattrFlags, fstat, openat, openat2, setxattr,
    stat,
};
use rustix::io::Errno;
use rustix::process::fchdir;
use sys::{Context, SysError};

use crate::plan::mounts::HOSTS_OWN;
use crate::procfs::Procfs;
use crate::{Error, ErrorKind, Result, Step};

const ATTRIBUTE: &str = "security.selinux";

/// Labels `tree` and all below it on the same file system. Links are labelled themselves and never
/// followed, other mounts are left alone, and a name that is exchanged meanwhile leads nowhere else:
/// everything is opened in the directory that was read.
pub(super) fn relabel(tree: BorrowedFd<'_>, label: &str, proc: &Procfs) -> Result<()> {
    not_the_hosts_own(tree)?;
    among_descriptors(proc, || walk(tree, label)).step(|| step(label))
}

/// The root of a file system that was just made, `tree`, gets the label.
pub(super) fn label_root(tree: BorrowedFd<'_>, label: &str, proc: &Procfs) -> Result<()> {
    among_descriptors(proc, || set(tree, label, "its root")).step(|| step(label))
}

fn step(label: &str) -> String {
    format!("giving it the SELinux label {label:?}")
}

/// With /proc/self/fd as the working directory: the only way to name a descriptor of any kind of
/// file to setxattr(2) is its number in there.
fn among_descriptors(proc: &Procfs, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let descriptors = proc.open_file("self/fd", OFlags::PATH | OFlags::DIRECTORY)?;
    let here = openat(CWD, ".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    let here = here.sys("openat", || ".")?;
    fchdir(&descriptors).sys("fchdir", || "/proc/self/fd")?;
    let done = work();
    fchdir(&here).sys("fchdir", || "the directory from before")?;
    done
}

/// By inode, whatever path or link led there.
fn not_the_hosts_own(tree: BorrowedFd<'_>) -> Result<()> {
    let found = fstat(tree).sys("fstat", || "source")?;
    let same = |path: &&&str| {
        stat(**path).is_ok_and(|own| (own.st_dev, own.st_ino) == (found.st_dev, found.st_ino))
    };
    match HOSTS_OWN.iter().find(same) {
        None => Ok(()),
        Some(path) => {
            let what = format!("it is {path}, which is the host's own and keeps its SELinux label");
            Err(Error::new(ErrorKind::InvalidConfig { field: "relabel".into() }, what))
        }
    }
}

fn walk(tree: BorrowedFd<'_>, label: &str) -> Result<()> {
    set(tree, label, "the source")?;
    if !is_directory(tree)? {
        return Ok(());
    }
    // Depth first: as many descriptors are open as the tree is deep.
    let mut above = vec![Directory::open(tree)?];
    while let Some(directory) = above.last_mut() {
        let Some(entry) = directory.entries.read() else {
            above.pop();
            continue;
        };
        let entry = entry.sys("getdents64", String::new)?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let shown = name.to_string_lossy();
        let Some(found) = directory.child(name)? else { continue };
        set(found.as_fd(), label, &shown)?;
        if is_directory(found.as_fd())? {
            above.push(Directory::open(found.as_fd())?);
        }
    }
    Ok(())
}

struct Directory {
    fd: OwnedFd,
    entries: Dir,
}

impl Directory {
    fn open(fd: BorrowedFd<'_>) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = openat(fd, ".", flags, Mode::empty()).sys("openat", || "a directory")?;
        let entries = Dir::read_from(&fd).sys("getdents64", String::new)?;
        Ok(Self { fd, entries })
    }

    /// Nothing where another file system is mounted, or where it is gone by now.
    fn child(&self, name: &std::ffi::CStr) -> Result<Option<OwnedFd>> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let inside = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
        match openat2(&self.fd, name, flags, Mode::empty(), inside) {
            Ok(found) => Ok(Some(found)),
            Err(Errno::XDEV | Errno::NOENT) => Ok(None),
            Err(errno) => Err(SysError::new("openat2", name.to_string_lossy(), errno).into()),
        }
    }
}

fn is_directory(fd: BorrowedFd<'_>) -> Result<bool> {
    let mode = fstat(fd).sys("fstat", || "a file")?.st_mode;
    Ok(FileType::from_raw_mode(mode) == FileType::Directory)
}

/// The working directory is /proc/self/fd. A file system that knows no labels stays as it is.
fn set(fd: BorrowedFd<'_>, label: &str, shown: &str) -> Result<()> {
    // The policy's own tools count the zero byte in (setfilecon(3)).
    let value = [label.as_bytes(), b"\0"].concat();
    match setxattr(fd.as_raw_fd().to_string(), ATTRIBUTE, &value, XattrFlags::empty()) {
        Ok(()) | Err(Errno::OPNOTSUPP) => Ok(()),
        Err(errno) => {
            let error =
                Error::from(SysError::new("setxattr", format!("{ATTRIBUTE} of {shown}"), errno));
            Err(match errno {
                Errno::INVAL => error.with_hint("the loaded policy knows no such label"),
                Errno::ACCESS | Errno::PERM => error
                    .with_hint("the policy may not allow it: see AVC messages in the audit log"),
                _ => error,
            })
        }
    }
}
