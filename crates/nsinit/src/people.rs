//! `state.json` and `pid`, for people to read while a container runs, and the empty container.json
//! that keeps it from writing one. All are in reach of the container: nothing is ever read back.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use libcontainer::{Container, Error, ErrorKind, Result, Step};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxFlags, openat, statat, statx, unlinkat};
use rustix::io::Errno;
use sys::{Context, SysError};

use crate::note::Note;
use crate::settings::Settings;
use crate::source;
use crate::state;

const STATE: &str = "state.json";
const PID: &str = "pid";
/// The exit code of a container that stays when it has ended, beside its record.
const EXIT: &str = "exit";

/// A container's directory in the state root: which, so that its successor of the same id is told
/// from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity(u64, i64, u32);

/// Which directory the record of container `id` is in now; `None` where there is none.
pub fn identity(settings: &Settings, id: &str) -> Option<Identity> {
    let wanted = StatxFlags::INO | StatxFlags::BTIME;
    let stat = statx(CWD, settings.root.join(id), AtFlags::SYMLINK_NOFOLLOW, wanted).ok()?;
    Some(Identity(stat.stx_ino, stat.stx_btime.tv_sec, stat.stx_btime.tv_nsec))
}

fn record_directory(settings: &Settings, id: &str) -> Result<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(CWD, settings.root.join(id), flags, Mode::empty()) {
        Ok(directory) => Ok(Some(directory)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(SysError::new("open", "the container's directory", errno).into()),
    }
}

/// Where the files for people of container `id` stand; `None` where there is no such directory.
fn directory(settings: &Settings, id: &str, note: &Note) -> Result<Option<OwnedFd>> {
    match &note.place {
        _ if note.files_in_root => record_directory(settings, id),
        Some(place) => place.open(),
        None => Ok(None),
    }
}

/// Writes both files. What stands there under their names is removed first.
///
/// # Errors
/// As open(2): a directory that may not be written to is no reason to end the container.
pub fn write(settings: &Settings, container: &Container, note: &Note) -> Result<()> {
    let Some(directory) = directory(settings, container.id(), note)? else { return Ok(()) };
    let state = container.state()?;
    let pid = format!("{}\n", state.init_process_pid);
    put(directory.as_fd(), PID, pid.as_bytes())?;
    put(directory.as_fd(), STATE, state::text(&state)?.as_bytes())
}

fn put(directory: BorrowedFd<'_>, name: &str, text: &[u8]) -> Result<()> {
    remove_file(directory, name)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(directory, name, flags, Mode::from_raw_mode(0o644)).sys("open", || name)?;
    write_all(file.as_fd(), text).sys("write", || name)?;
    Ok(())
}

fn write_all(file: BorrowedFd<'_>, mut text: &[u8]) -> std::result::Result<(), Errno> {
    while !text.is_empty() {
        let written = rustix::io::retry_on_intr(|| rustix::io::write(file, text))?;
        text = &text[written..];
    }
    Ok(())
}

fn remove_file(directory: BorrowedFd<'_>, name: &str) -> Result<bool> {
    match unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(SysError::new("unlink", name, errno).into()),
    }
}

/// Makes the empty container.json; the note says so already.
///
/// # Errors
/// As open(2), but for a read-only file system, where the container can write none either.
pub fn hold_name(note: &Note) -> Result<()> {
    let step = || format!("making an empty {} that the container cannot change", source::FILE);
    let Some(place) = &note.place else { return Ok(()) };
    let Some(directory) = place.open().step(step)? else {
        return Err(Error::new(ErrorKind::System, "the directory is gone").within(step()));
    };
    let flags = OFlags::RDONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(directory, source::FILE, flags, PLACEHOLDER) {
        Ok(_) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(SysError::new("open", source::FILE, errno)).step(step),
    }
}

/// The mode of an empty container.json that is ours.
const PLACEHOLDER: Mode = Mode::RUSR.union(Mode::RGRP).union(Mode::ROTH);

fn remove_placeholder(directory: BorrowedFd<'_>) -> Result<bool> {
    match statat(directory, source::FILE, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if stat.st_size == 0 && stat.st_mode & 0o7777 == PLACEHOLDER.as_raw_mode() => {
            remove_file(directory, source::FILE)
        }
        // Somebody has written one meanwhile.
        _ => Ok(false),
    }
}

/// Removes all that was made for container `id` beside the library's record.
pub fn remove(settings: &Settings, id: &str, note: &Note) -> Result<()> {
    let step = || format!("removing the files of container {id:?}");
    if let Some(directory) = directory(settings, id, note).step(step)? {
        // A container can have put a directory there: its own affair.
        let _ = remove_file(directory.as_fd(), STATE);
        let _ = remove_file(directory.as_fd(), PID);
    }
    if note.placeholder
        && let Some(place) = &note.place
        && let Some(directory) = place.open().step(step)?
    {
        remove_placeholder(directory.as_fd()).step(step)?;
    }
    if note.keep
        && let Some(directory) = record_directory(settings, id).step(step)?
    {
        remove_file(directory.as_fd(), EXIT).step(step)?;
    }
    Ok(())
}

/// Removes what a container left in its directory whose record is gone, as after a reboot.
/// Whether there was anything.
pub fn remove_leftovers(note: &Note) -> Result<bool> {
    let Some(place) = &note.place else { return Ok(false) };
    let Some(directory) = place.open()? else { return Ok(false) };
    let id = format!("\"id\": \"{}\"", place.id());
    let ours =
        std::fs::read_to_string(place.path().join(STATE)).is_ok_and(|text| text.contains(&id));
    let mut removed = remove_placeholder(directory.as_fd())?;
    if ours {
        removed |= remove_file(directory.as_fd(), PID)?;
        removed |= remove_file(directory.as_fd(), STATE)?;
    }
    Ok(removed)
}

/// Keeps the exit code of a container that has ended.
pub fn write_exit(settings: &Settings, id: &str, code: u8) -> Result<()> {
    let step = || format!("keeping the exit code of container {id:?}");
    match record_directory(settings, id).step(step)? {
        Some(directory) => put(directory.as_fd(), EXIT, code.to_string().as_bytes()).step(step),
        None => Ok(()),
    }
}

/// The exit code that was kept, if one was.
pub fn read_exit(settings: &Settings, id: &str) -> Option<u8> {
    std::fs::read_to_string(settings.root.join(id).join(EXIT)).ok()?.trim().parse().ok()
}
