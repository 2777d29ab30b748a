//! `state.json` and `pid`, for people to read while a container runs. They are in reach of the
//! container, and nothing is done by what they say, but that those of another container of the
//! directory, started later, are let be.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use libcontainer::{Container, Result, Step};
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, StatxFlags, fstat, openat, statx, unlinkat,
};
use rustix::io::Errno;
use serde::Deserialize;
use sys::{Context, SysError};

use crate::name::{self, Turn};
use crate::note::Note;
use crate::settings::Settings;
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

/// A container, and which directory its record is in.
///
/// # Errors
/// As [`libcontainer::Factory::load`].
pub fn load(settings: &Settings, id: &str) -> Result<(Container, Option<Identity>)> {
    loop {
        let before = identity(settings, id);
        let container = settings.factory.load(id)?;
        // Else it was replaced meanwhile.
        if identity(settings, id) == before {
            return Ok((container, before));
        }
    }
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

/// Writes both files, unless the container is there no longer. What stands there under their
/// names is removed first.
///
/// # Errors
/// As open(2): a directory that may not be written to is no reason to end the container.
pub fn write(
    settings: &Settings,
    container: &Container,
    note: &Note,
    which: Option<Identity>,
) -> Result<()> {
    let state = container.state()?;
    let _turn = Turn::take(settings)?;
    if identity(settings, container.id()) != which {
        return Ok(());
    }
    let Some(directory) = directory(settings, container.id(), note)? else { return Ok(()) };
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

/// The id that the state.json says it is of.
fn shown(directory: BorrowedFd<'_>) -> Option<String> {
    /// More than any state needs.
    const MOST: u64 = 16 << 20;
    #[derive(Deserialize)]
    struct Shown {
        id: String,
    }
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = openat(directory, STATE, flags, Mode::empty()).ok()?;
    let stat = fstat(&file).ok()?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return None;
    }
    let mut text = Vec::new();
    File::from(file).take(MOST).read_to_end(&mut text).ok()?;
    serde_json::from_slice::<Shown>(&text).ok().map(|shown| shown.id)
}

/// Whether the files are of another container of the directory, which is still there.
fn is_anothers(settings: &Settings, directory: BorrowedFd<'_>, id: &str) -> bool {
    // A name that leads elsewhere is no id.
    let other = shown(directory).filter(|other| other != id && !other.contains('/'));
    other.is_some_and(|other| identity(settings, &other).is_some())
}

/// Removes all that was made for container `id` beside the library's record, unless a successor
/// of the same id has that now.
pub fn remove(settings: &Settings, id: &str, note: &Note, which: Option<Identity>) -> Result<()> {
    let step = || format!("removing the files of container {id:?}");
    let _turn = Turn::take(settings).step(step)?;
    if identity(settings, id) != which {
        return Ok(());
    }
    if let Some(directory) = directory(settings, id, note).step(step)?
        && !is_anothers(settings, directory.as_fd(), id)
    {
        // A container can have put a directory there: its own affair.
        let _ = remove_file(directory.as_fd(), STATE);
        let _ = remove_file(directory.as_fd(), PID);
    }
    if note.placeholder
        && let Some(place) = &note.place
        && let Some(directory) = place.open().step(step)?
    {
        name::release(directory.as_fd(), &settings.root.join(id)).step(step)?;
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
pub fn remove_leftovers(settings: &Settings, note: &Note) -> Result<bool> {
    let _turn = Turn::take(settings)?;
    let Some(place) = &note.place else { return Ok(false) };
    let Some(directory) = place.open()? else { return Ok(false) };
    let mut removed = name::release(directory.as_fd(), &settings.root.join(place.id()))?;
    if shown(directory.as_fd()).is_some_and(|id| id == place.id()) {
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
