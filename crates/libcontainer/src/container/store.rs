//! The state root: one directory a container, its record in it, and its lock.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FlockOperation, Mode, OFlags, fstat, mkdirat, open, openat, unlinkat,
};
use rustix::io::Errno;
use serde::Serialize;
use sys::{Context, SysError};

use crate::container::id;
use crate::container::lock::{Lock, lock};
use crate::container::record::{self, Record};
use crate::container::start_socket::START_SOCKET;
use crate::error::Step;
use crate::network::Taken;
use crate::{Error, ErrorKind, Result};

pub(super) const RECORD: &str = "record.json";
/// Which network devices of the host a start is about to take.
const DEVICES: &str = "devices.json";
/// There when a checkpoint of the container is complete, and its processes end with it.
pub(super) const CHECKPOINTED: &str = "checkpointed";

/// Everything that a container's directory can hold.
const FILES: [&str; 2] = [RECORD, START_SOCKET];

/// What is rarely there: what a program puts there to show it to the container, a directory with a
/// socket; the socket of a seccomp agent of the program's own; and what only a broken record leaves.
const SHOWN: [(&str, AtFlags); 5] = [
    ("notify/notify.sock", AtFlags::empty()),
    ("notify", AtFlags::REMOVEDIR),
    ("agent.sock", AtFlags::empty()),
    (DEVICES, AtFlags::empty()),
    (CHECKPOINTED, AtFlags::empty()),
];

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A state root, for instance `/run/nsinit`.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    path: PathBuf,
}

/// A container's directory in a state root.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) directory: OwnedFd,
}

impl Store {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn step(&self) -> String {
        format!("the state root {}", self.path.display())
    }

    fn root(&self) -> Result<Option<OwnedFd>> {
        match open(&self.path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        {
            Ok(root) => Ok(Some(root)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(SysError::new("open", self.path.display().to_string(), errno))
                .step(|| self.step()),
        }
    }

    fn make_root(&self) -> Result<OwnedFd> {
        if let Some(root) = self.root()? {
            return Ok(root);
        }
        let mut path = PathBuf::new();
        for part in self.path.components() {
            path.push(part);
            match mkdirat(CWD, &path, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                // A parent that may not be written to can still be there already.
                Err(Errno::ACCESS | Errno::ROFS | Errno::PERM) if path != self.path => {}
                Err(errno) => {
                    return Err(SysError::new("mkdir", path.display().to_string(), errno))
                        .step(|| self.step());
                }
            }
        }
        self.root()?.ok_or_else(|| Error::new(ErrorKind::System, "vanished").within(self.step()))
    }

    /// Makes a container's directory, locked from its first moment.
    pub(crate) fn create(&self, id: &str) -> Result<(Entry, Lock)> {
        id::check(id)?;
        let root = self.make_root()?;
        // Whoever finds the directory without a record asks for this lock before it concludes
        // that its maker is gone.
        lock(root.as_fd(), FlockOperation::LockExclusive)?;
        match mkdirat(&root, id, Mode::RWXU) {
            Ok(()) => {}
            Err(Errno::EXIST) => return Err(already_exists(id)),
            Err(errno) => return Err(SysError::new("mkdir", id, errno)).step(|| self.step()),
        }
        let made = || {
            let entry = self.entry(root.as_fd(), id)?;
            let lock = entry.lock()?;
            Ok((entry, lock))
        };
        made().inspect_err(|_: &Error| {
            // Nobody else has found it yet, and nothing is in it.
            let _ = unlinkat(&root, id, AtFlags::REMOVEDIR);
        })
    }

    /// The error that a container of this id is there, if it is.
    pub(crate) fn taken(&self, id: &str) -> Option<Error> {
        self.open(id).is_ok().then(|| already_exists(id))
    }

    /// A container's directory.
    pub(crate) fn open(&self, id: &str) -> Result<Entry> {
        self.below(self.root_of(id)?.as_fd(), id)
    }

    /// The state root, which is there if a container of this id is.
    pub(crate) fn root_of(&self, id: &str) -> Result<OwnedFd> {
        id::check(id)?;
        self.root()?.ok_or_else(|| missing(id))
    }

    /// The directory of a container, from the state root.
    pub(crate) fn below(&self, root: BorrowedFd<'_>, id: &str) -> Result<Entry> {
        self.entry(root, id).map_err(|error| match error.errno() {
            Some(number) if number == Errno::NOENT.raw_os_error() => missing(id),
            _ => error,
        })
    }

    fn entry(&self, root: BorrowedFd<'_>, id: &str) -> Result<Entry> {
        let directory =
            openat(root, id, DIRECTORY, Mode::empty()).sys("open", || id).step(|| self.step())?;
        Ok(Entry { directory })
    }

    /// The state root, if it is there, and the ids of all containers, sorted.
    pub(crate) fn open_all(&self) -> Result<Option<(OwnedFd, Vec<String>)>> {
        let Some(root) = self.root()? else { return Ok(None) };
        let ids = self.ids(&root)?;
        Ok(Some((root, ids)))
    }

    /// The ids of all containers, sorted.
    pub(crate) fn list(&self) -> Result<Vec<String>> {
        Ok(self.open_all()?.map(|(_, ids)| ids).unwrap_or_default())
    }

    fn ids(&self, root: &OwnedFd) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        for found in Dir::read_from(root).sys("getdents", || self.path.display().to_string())? {
            let found = found.sys("getdents", || self.path.display().to_string())?;
            let name = found.file_name().to_string_lossy().into_owned();
            if id::check(&name).is_ok() {
                ids.push(name);
            }
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// Removes a container's directory; the lock holder's, and the last thing of a container.
    pub(crate) fn remove(&self, id: &str, entry: &Entry) -> Result<()> {
        for file in FILES {
            match unlinkat(&entry.directory, file, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => {
                    return Err(SysError::new("unlink", file, errno)).step(|| self.step());
                }
            }
        }
        // From where it is: who is out of descriptors can clean up all the same.
        let itself = Path::new("..").join(id);
        let mut removed = unlinkat(&entry.directory, &itself, AtFlags::REMOVEDIR);
        if removed == Err(Errno::NOTEMPTY) {
            for (path, how) in SHOWN {
                let _ = unlinkat(&entry.directory, path, how);
            }
            removed = unlinkat(&entry.directory, &itself, AtFlags::REMOVEDIR);
        }
        match removed {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(SysError::new("rmdir", id, errno))
                .hint(|| {
                    let what = entry.names().join(", ");
                    let place = self.path.join(id);
                    format!("{what} in {} is not the runtime's: remove it first", place.display())
                })
                .step(|| self.step()),
        }
    }

    /// Waits until no container's directory is between its making and its locking.
    pub(crate) fn settle(&self) -> Result<()> {
        match self.root()? {
            Some(root) => lock(root.as_fd(), FlockOperation::LockShared),
            None => Ok(()),
        }
    }
}

impl Entry {
    /// What is in the directory, as far as it can be listed.
    fn names(&self) -> Vec<String> {
        let Ok(all) = self.reopen().map(Dir::new) else { return Vec::new() };
        let names = all.into_iter().flatten().flatten();
        let names = names.map(|one| one.file_name().to_string_lossy().into_owned());
        names.filter(|name| name != "." && name != "..").collect()
    }

    /// A lock belongs to an open file description, so each taker needs its own.
    pub(super) fn reopen(&self) -> Result<OwnedFd> {
        openat(&self.directory, ".", DIRECTORY, Mode::empty())
            .sys("open", || "a state directory")
            .map_err(|error| match error.errno() {
                Errno::NOENT => Error::new(ErrorKind::NotFound, "container does not exist"),
                _ => error.into(),
            })
    }

    /// The record; `None` where it was never written whole: then nothing else was done either.
    pub(crate) fn read(&self, id: &str) -> Result<Option<Record>> {
        self.file(RECORD)?.map_or(Ok(None), |file| record::read_file(file, id))
    }

    /// A file, if it is there.
    fn file(&self, name: &str) -> Result<Option<OwnedFd>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(&self.directory, name, flags, Mode::empty()) {
            Ok(file) => Ok(Some(file)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(SysError::new("open", name, errno).into()),
        }
    }

    /// The user id of its owner.
    pub(crate) fn owner(&self) -> Result<u32> {
        Ok(fstat(&self.directory).sys("fstat", || "a state directory")?.st_uid)
    }

    /// Writes it again, while it is still true that nothing has been done.
    pub(crate) fn rewrite(&self, record: &Record) -> Result<()> {
        self.put(RECORD, &record.text()?)
    }

    /// Notes the network devices that are about to be taken.
    pub(crate) fn write_devices(&self, devices: &[Taken]) -> Result<()> {
        self.put(DEVICES, &line(DEVICES, &devices)?)
    }

    /// Those that a start was about to take which is not complete. A note that is not whole is
    /// of a start that had taken none.
    pub(crate) fn read_devices(&self) -> Result<Option<Vec<Taken>>> {
        let Some(file) = self.file(DEVICES)? else { return Ok(None) };
        let mut text = Vec::new();
        record::read_rest(&file, &mut text)?;
        Ok(serde_json::from_slice(&text).ok())
    }

    /// The note is done with.
    pub(crate) fn forget_devices(&self) -> Result<()> {
        self.unlink(DEVICES)
    }

    fn unlink(&self, file: &str) -> Result<()> {
        match unlinkat(&self.directory, file, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(SysError::new("unlink", file, errno).into()),
        }
    }

    /// Says that its processes, which are about to end, are saved: before they are.
    pub(crate) fn mark_checkpointed(&self) -> Result<()> {
        self.put(CHECKPOINTED, &line(CHECKPOINTED, &true)?)
    }

    /// Whether that has been said.
    pub(crate) fn is_checkpointed(&self) -> bool {
        self.has(CHECKPOINTED)
    }

    /// Makes a file's content that of `text`.
    fn put(&self, file: &str, text: &[u8]) -> Result<()> {
        let how = OFlags::CREATE | OFlags::TRUNC;
        write(&open_file(self.directory.as_fd(), file, how)?, file, text)
    }

    pub(super) fn has(&self, file: &str) -> bool {
        let exists = rustix::fs::Access::EXISTS;
        rustix::fs::accessat(&self.directory, file, exists, AtFlags::empty()).is_ok()
    }

    /// They are not, or go on.
    pub(crate) fn unmark_checkpointed(&self) -> Result<()> {
        self.unlink(CHECKPOINTED)
    }
}

fn missing(id: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("container does not exist: {id:?}"))
}

fn already_exists(id: &str) -> Error {
    Error::new(ErrorKind::IdInUse, format!("container with given ID already exists: {id:?}"))
}

const WRITING: &str = "writing the container's record";

/// Opens a file of a container's directory, to write to.
pub(super) fn open_file(directory: BorrowedFd<'_>, file: &str, how: OFlags) -> Result<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | how;
    let opened = openat(directory, file, flags, Mode::RUSR | Mode::WUSR);
    opened.sys("open", || file).step(|| WRITING)
}

/// A line of JSON, for `file`.
pub(super) fn line<T: Serialize>(file: &str, value: &T) -> Result<Vec<u8>> {
    let mut text = serde_json::to_vec(value)
        .map_err(|error| Error::new(ErrorKind::System, format!("{file}: {error}")))?;
    text.push(b'\n');
    Ok(text)
}

/// Whole lines in one write(2).
pub(super) fn write(opened: &OwnedFd, file: &str, text: &[u8]) -> Result<()> {
    let mut rest = text;
    while !rest.is_empty() {
        let written = rustix::io::write(opened, rest).sys("write", || file).step(|| WRITING)?;
        rest = &rest[written..];
    }
    Ok(())
}
