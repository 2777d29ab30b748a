//! The empty container.json that holds the name where there is none, so that no container can
//! write its own next configuration. Each container of the directory binds it over itself, and the
//! kernel takes these mounts away with the file: it goes with the last of them.
//!
//! Its users stand in an extended attribute: `trusted.nsinit`, or `user.nsinit` for others than
//! root, which a read-only mount keeps containers from changing. Where the file system has
//! neither, nobody can tell whose end is the last, and the file stays until it is removed by hand.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use libcontainer::{Error, ErrorKind, Result, Step};
use rustix::fs::{
    AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, Stat, XattrFlags, fgetxattr,
    fgetxattr_query, flock, fsetxattr, fstat, openat, statat, unlinkat,
};
use rustix::io::Errno;
use sys::{Context, SysError};

use crate::place::Place;
use crate::settings::Settings;
use crate::source::FILE;

/// The sticky bit tells it from an empty file of the user's from its first moment; nobody else
/// sets it on a file, and no umask clears it.
const MODE: Mode = Mode::from_raw_mode(0o1644);

/// What the users stand in, their records' directories with a NUL after each; the first that may
/// be written.
const ATTRIBUTES: [&str; 2] = ["trusted.nsinit", "user.nsinit"];

/// Held while files that containers of a directory share are made or removed, so that one does
/// not remove what another has just found there.
///
/// It is the lock under which the library makes records: while it is held, no id gets a
/// successor. The shared files themselves are in reach of containers, who could hold a lock on
/// them for ever; so those under another state root are counted, but not kept from acting at the
/// same moment.
#[derive(Debug)]
pub struct Turn(OwnedFd);

impl Turn {
    /// Waits for it; `None` where there is no state root, and so no container.
    pub fn take(settings: &Settings) -> Result<Option<Self>> {
        let path = || settings.root.display().to_string();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = match openat(CWD, &settings.root, flags, Mode::empty()) {
            Ok(root) => root,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(SysError::new("open", path(), errno).into()),
        };
        let exclusive = || flock(&root, FlockOperation::LockExclusive);
        rustix::io::retry_on_intr(exclusive).sys("flock", path)?;
        Ok(Some(Self(root)))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Not left to the closing: a child may hold a copy until it executes.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

/// Makes the file, or joins its users; the container's note says so already.
///
/// # Errors
/// As open(2) and setxattr(2).
pub fn hold(settings: &Settings, id: &str, place: &Place) -> Result<()> {
    let step = || format!("making an empty {FILE} that the container cannot change");
    let _turn = Turn::take(settings).step(step)?;
    let Some(directory) = place.open().step(step)? else {
        return Err(Error::new(ErrorKind::System, "the directory is gone").within(step()));
    };
    while !join(directory.as_fd(), &settings.root.join(id)).step(step)? {}
    Ok(())
}

/// Whether the name is held now; if not, the file went at this moment.
fn join(directory: BorrowedFd<'_>, record: &Path) -> Result<bool> {
    let flags = OFlags::RDONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(directory, FILE, flags, MODE) {
        Ok(file) => {
            match write(file.as_fd(), &[record.to_owned()], XattrFlags::CREATE) {
                // One of another state root was faster: it has joined what we have just made.
                Err(error) if error.errno() == Some(Errno::EXIST.raw_os_error()) => {
                    join_others(file.as_fd(), record)?;
                }
                result => _ = result?,
            }
            is_named(directory, file.as_fd())
        }
        Err(Errno::EXIST) => match open(directory) {
            Ok(file) if is_ours(&fstat(&file).sys("fstat", || FILE)?) => {
                join_others(file.as_fd(), record)?;
                is_named(directory, file.as_fd())
            }
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(SysError::new("open", FILE, errno).into()),
        },
        Err(errno) => Err(SysError::new("open", FILE, errno).into()),
    }
}

fn join_others(file: BorrowedFd<'_>, record: &Path) -> Result<()> {
    let mut users = users(file, record)?.others;
    users.push(record.to_owned());
    write(file, &users, XattrFlags::empty()).map(|_| ())
}

/// Leaves the users, and removes the file after the last of them; whether it did. The caller has
/// its [`Turn`].
///
/// # Errors
/// As the calls; a file of the user's own, or nothing, is none.
pub fn release(directory: BorrowedFd<'_>, record: &Path) -> Result<bool> {
    // What cannot be opened for reading was put there by somebody else.
    let Ok(file) = open(directory) else { return Ok(false) };
    if !is_ours(&fstat(&file).sys("fstat", || FILE)?) {
        return Ok(false);
    }
    let Users { others, counted } = users(file.as_fd(), record)?;
    // Where we do not stand in it ourselves, writing tells whether anybody could be counted.
    let counted = (counted && others.is_empty())
        || match write(file.as_fd(), &others, XattrFlags::empty()) {
            // A full file system has never counted anybody.
            Err(error) if others.is_empty() && is_full(&error) => true,
            result => result?,
        };
    if !counted || !others.is_empty() || !is_named(directory, file.as_fd())? {
        return Ok(false);
    }
    match unlinkat(directory, FILE, AtFlags::empty()) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(SysError::new("unlink", FILE, errno).into()),
    }
}

fn is_full(error: &Error) -> bool {
    let full = [Errno::NOSPC, Errno::DQUOT].map(Errno::raw_os_error);
    error.errno().is_some_and(|errno| full.contains(&errno))
}

fn open(directory: BorrowedFd<'_>) -> std::result::Result<OwnedFd, Errno> {
    // A FIFO must not keep us waiting.
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    openat(directory, FILE, flags, Mode::empty())
}

/// Whether it is such a file, and nobody has written a configuration into it meanwhile. Root's is
/// root's to remove.
fn is_ours(stat: &Stat) -> bool {
    let caller = rustix::process::geteuid();
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
        && stat.st_size == 0
        && stat.st_mode & Mode::SVTX.as_raw_mode() != 0
        && (caller.is_root() || stat.st_uid == caller.as_raw())
}

fn is_named(directory: BorrowedFd<'_>, file: BorrowedFd<'_>) -> Result<bool> {
    let file = fstat(file).sys("fstat", || FILE)?;
    match statat(directory, FILE, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(named) => Ok((named.st_dev, named.st_ino) == (file.st_dev, file.st_ino)),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(SysError::new("stat", FILE, errno).into()),
    }
}

/// Who needs the file.
struct Users {
    /// Those but for the one that asks, and for those whose records are gone.
    others: Vec<PathBuf>,
    /// The one that asks stands in it.
    counted: bool,
}

fn users(file: BorrowedFd<'_>, record: &Path) -> Result<Users> {
    let mut text = Vec::new();
    for name in ATTRIBUTES {
        match value(file, name) {
            Ok(value) => text.extend_from_slice(&value),
            Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::PERM | Errno::ACCESS) => {}
            Err(errno) => return Err(SysError::new("fgetxattr", name, errno).into()),
        }
    }
    let users = text.split(|byte| *byte == 0).filter(|user| !user.is_empty());
    let mut others: Vec<_> = users.map(|user| PathBuf::from(OsStr::from_bytes(user))).collect();
    others.sort_unstable();
    others.dedup();
    let all = others.len();
    others.retain(|user| user != record);
    let counted = others.len() < all;
    others.retain(|user| is_recorded(user));
    Ok(Users { others, counted })
}

fn value(file: BorrowedFd<'_>, name: &str) -> std::result::Result<Vec<u8>, Errno> {
    let mut value = vec![0; 256];
    let length = loop {
        match fgetxattr(file, name, value.as_mut_slice()) {
            // It may grow meanwhile, for a container of another state root.
            Err(Errno::RANGE) => value.resize(fgetxattr_query(file, name)? + 4096, 0),
            result => break result?,
        }
    };
    value.truncate(length);
    Ok(value)
}

/// One that cannot be looked at is there, for all we know.
fn is_recorded(record: &Path) -> bool {
    let gone = |errno| matches!(errno, Errno::NOENT | Errno::NOTDIR);
    !statat(CWD, record, AtFlags::SYMLINK_NOFOLLOW).is_err_and(gone)
}

/// Whether this file system keeps them.
fn write(file: BorrowedFd<'_>, users: &[PathBuf], flags: XattrFlags) -> Result<bool> {
    let mut text = Vec::new();
    for user in users {
        text.extend_from_slice(user.as_os_str().as_bytes());
        text.push(0);
    }
    for name in ATTRIBUTES {
        match fsetxattr(file, name, &text, flags) {
            Ok(()) => return Ok(true),
            Err(Errno::OPNOTSUPP | Errno::PERM | Errno::ACCESS) => {}
            Err(errno) => return Err(SysError::new("fsetxattr", name, errno).into()),
        }
    }
    Ok(false)
}
