//! What an image has at a place, copied into the tmpfs that covers it (`tmpcopyup`).

use std::collections::VecDeque;
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, chownat, fchmod,
    fchown, fstat, futimens, mkdirat, mknodat, openat, readlinkat, statat, symlinkat,
};
use rustix::io::{Errno, read, write};
use sys::Context;

use super::filesystem::Param;
use super::xattr;
use crate::Result;

/// Copies the directory `from`, with all below it, into `to`, the root of a tmpfs with `params`:
/// modes, owners, modification times, links and nodes; extended attributes of files and
/// directories. The umask is 0.
pub(super) fn copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>, params: &[Param]) -> Result<()> {
    let own = fstat(to).sys("fstat", || "tmpfs")?;
    let mut top = true;
    let mut todo = VecDeque::new();
    todo.push_back((open_directory(from, c".")?, open_directory(to, c".")?));
    while let Some((from, to)) = todo.pop_front() {
        let entries = Dir::read_from(&from).sys("getdents64", String::new)?;
        for entry in entries {
            let entry = entry.sys("getdents64", String::new)?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            let shown = || name.to_string_lossy().into_owned();
            let stat = match statat(&from, name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => continue,
                done => done.sys("fstatat", shown)?,
            };
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                mkdirat(&to, name, Mode::RWXU).sys("mkdirat", shown)?;
                let name = CString::from(name);
                todo.push_back((
                    open_directory(from.as_fd(), &name)?,
                    open_directory(to.as_fd(), &name)?,
                ));
            } else {
                copy_entry(from.as_fd(), to.as_fd(), name, &stat)?;
            }
        }
        // Last, so that neither mode nor times are changed by what was made in it.
        let mut stat = fstat(&from).sys("fstat", || "directory")?;
        if std::mem::take(&mut top) {
            keep_given(&mut stat, &own, params);
        }
        finish(from.as_fd(), to.as_fd(), &stat)?;
    }
    Ok(())
}

/// What the mount's options say of its root holds.
fn keep_given(stat: &mut Stat, own: &Stat, params: &[Param]) {
    for (key, _) in params {
        match key.as_str() {
            "mode" => stat.st_mode = own.st_mode,
            "uid" => stat.st_uid = own.st_uid,
            "gid" => stat.st_gid = own.st_gid,
            _ => {}
        }
    }
}

fn open_directory(parent: BorrowedFd<'_>, name: &std::ffi::CStr) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = openat(parent, name, flags, Mode::empty());
    Ok(opened.sys("openat", || name.to_string_lossy())?)
}

fn copy_entry(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    name: &std::ffi::CStr,
    stat: &Stat,
) -> Result<()> {
    let shown = || name.to_string_lossy().into_owned();
    let kind = FileType::from_raw_mode(stat.st_mode);
    match kind {
        FileType::RegularFile => return copy_file(from, to, name),
        FileType::Symlink => {
            let text = readlinkat(from, name, Vec::new()).sys("readlinkat", shown)?;
            symlinkat(text, to, name).sys("symlinkat", shown)?;
        }
        _ => {
            let mode = Mode::from_raw_mode(stat.st_mode & 0o7777);
            mknodat(to, name, kind, mode, stat.st_rdev).sys("mknodat", shown)?;
        }
    }
    let (uid, gid) = owner(stat);
    Ok(chownat(to, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW).sys("fchownat", shown)?)
}

fn copy_file(from: BorrowedFd<'_>, to: BorrowedFd<'_>, name: &std::ffi::CStr) -> Result<()> {
    let shown = || name.to_string_lossy().into_owned();
    let safe = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let from = openat(from, name, OFlags::RDONLY | safe, Mode::empty()).sys("openat", shown)?;
    let create = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | safe;
    let to = openat(to, name, create, Mode::RUSR | Mode::WUSR).sys("openat", shown)?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = read(&from, &mut buffer).sys("read", shown)?;
        if length == 0 {
            break;
        }
        let mut rest = &buffer[..length];
        while !rest.is_empty() {
            let written = write(&to, rest).sys("write", shown)?;
            rest = &rest[written..];
        }
    }
    finish(from.as_fd(), to.as_fd(), &fstat(&from).sys("fstat", shown)?)
}

/// The owner first: a change of it takes set-user-ID and file capabilities away.
fn finish(from: BorrowedFd<'_>, to: BorrowedFd<'_>, stat: &Stat) -> Result<()> {
    let (uid, gid) = owner(stat);
    fchown(to, uid, gid).sys("fchown", String::new)?;
    xattr::copy(from, to)?;
    fchmod(to, Mode::from_raw_mode(stat.st_mode & 0o7777)).sys("fchmod", String::new)?;
    let modified = Timespec { tv_sec: stat.st_mtime, tv_nsec: stat.st_mtime_nsec as _ };
    let times = Timestamps { last_access: modified, last_modification: modified };
    Ok(futimens(to, &times).sys("futimens", String::new)?)
}

fn owner(stat: &Stat) -> (Option<Uid>, Option<Gid>) {
    (Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid)))
}
