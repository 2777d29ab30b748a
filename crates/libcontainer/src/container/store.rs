//! The state root: one directory a container, its record in it, and its lock.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::buffer::spare_capacity;
use rustix::fs::{
    AtFlags, CWD, Dir, FlockOperation, Mode, OFlags, flock, fstat, mkdirat, open, openat, unlinkat,
};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with,
};
use serde::Serialize;
use sys::{Context, SysError};

use crate::container::id;
use crate::container::record::{self, InitRecord, Record};
use crate::error::Step;
use crate::network::Taken;
use crate::wire::Socket;
use crate::{Error, ErrorKind, Result};

const RECORD: &str = "record.json";
const START_SOCKET: &str = "start.sock";
/// Which network devices of the host a start is about to take.
const DEVICES: &str = "devices.json";
/// There when a checkpoint of the container is complete, and its processes end with it.
const CHECKPOINTED: &str = "checkpointed";

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

/// Held while a container is made or destroyed; the kernel lets go of it when its holder ends.
#[derive(Debug)]
pub(crate) struct Lock {
    directory: OwnedFd,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Not left to the closing: a child that another thread is spawning holds a copy until it
        // executes.
        let _ = flock(&self.directory, FlockOperation::Unlock);
    }
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
        id::check(id)?;
        let root = self.root()?.ok_or_else(|| missing(id))?;
        self.below(root.as_fd(), id)
    }

    fn below(&self, root: BorrowedFd<'_>, id: &str) -> Result<Entry> {
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

    /// The ids of all containers, sorted, and what opens the directory of each.
    pub(crate) fn open_all(&self) -> Result<(Vec<String>, impl Fn(&str) -> Result<Entry>)> {
        let root = self.root()?;
        let ids = root.as_ref().map_or_else(|| Ok(Vec::new()), |root| self.ids(root))?;
        let open = move |id: &str| {
            let root = root.as_ref().ok_or_else(|| missing(id))?;
            self.below(root.as_fd(), id)
        };
        Ok((ids, open))
    }

    /// The ids of all containers, sorted.
    pub(crate) fn list(&self) -> Result<Vec<String>> {
        self.root()?.map_or_else(|| Ok(Vec::new()), |root| self.ids(&root))
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

    /// Waits for the lock, and takes it. [`ErrorKind::NotFound`] if the container went meanwhile.
    pub(crate) fn lock(&self) -> Result<Lock> {
        let directory = self.reopen()?;
        lock(directory.as_fd(), FlockOperation::LockExclusive)?;
        if fstat(&directory).sys("fstat", || "")?.st_nlink == 0 {
            return Err(Error::new(ErrorKind::NotFound, "container does not exist"));
        }
        Ok(Lock { directory })
    }

    /// Whether somebody holds the lock.
    pub(crate) fn is_locked(&self) -> Result<bool> {
        // With its own description, which no lock is ever kept on.
        match flock(&self.directory, FlockOperation::NonBlockingLockShared) {
            Ok(()) => {
                flock(&self.directory, FlockOperation::Unlock).sys("flock", || "")?;
                Ok(false)
            }
            Err(Errno::WOULDBLOCK) => Ok(true),
            Err(errno) => Err(SysError::new("flock", "", errno).into()),
        }
    }

    /// Waits until nobody holds the lock.
    pub(crate) fn wait_unlocked(&self) -> Result<()> {
        lock(self.reopen()?.as_fd(), FlockOperation::LockShared)
    }

    /// A lock belongs to an open file description, so each taker needs its own.
    fn reopen(&self) -> Result<OwnedFd> {
        openat(&self.directory, ".", DIRECTORY, Mode::empty())
            .sys("open", || "a state directory")
            .map_err(|error| match error.errno() {
                Errno::NOENT => Error::new(ErrorKind::NotFound, "container does not exist"),
                _ => error.into(),
            })
    }

    /// The record; `None` where it was never written whole: then nothing else was done either.
    pub(crate) fn read(&self, id: &str) -> Result<Option<Record>> {
        self.text(RECORD)?.map_or(Ok(None), |text| record::parse(&text, id))
    }

    /// A file's content, if it is there.
    fn text(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = match openat(&self.directory, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(SysError::new("open", name, errno).into()),
        };
        let mut text = Vec::with_capacity(16 << 10);
        loop {
            rustix::io::read(&file, spare_capacity(&mut text)).sys("read", || name)?;
            // What is read short has come to the end of the file.
            if text.len() < text.capacity() {
                return Ok(Some(text));
            }
            text.reserve(16 << 10);
        }
    }

    /// The user id of its owner.
    pub(crate) fn owner(&self) -> Result<u32> {
        Ok(fstat(&self.directory).sys("fstat", || "a state directory")?.st_uid)
    }

    /// Writes the record for the first time.
    pub(crate) fn write(&self, record: &Record) -> Result<()> {
        self.put(RECORD, &record.text()?, OFlags::CREATE | OFlags::EXCL)
    }

    /// Writes it again, while it is still true that nothing has been done.
    pub(crate) fn rewrite(&self, record: &Record) -> Result<()> {
        self.put(RECORD, &record.text()?, OFlags::TRUNC)
    }

    /// Adds which process the init is, or that there is none any more.
    pub(crate) fn write_init(&self, init: Option<InitRecord>) -> Result<()> {
        self.append(RECORD, &init, OFlags::APPEND)
    }

    /// Notes the network devices that are about to be taken.
    pub(crate) fn write_devices(&self, devices: &[Taken]) -> Result<()> {
        self.append(DEVICES, &devices, OFlags::CREATE | OFlags::TRUNC)
    }

    /// Those that a start was about to take which is not complete. A note that is not whole is
    /// of a start that had taken none.
    pub(crate) fn read_devices(&self) -> Result<Option<Vec<Taken>>> {
        Ok(self.text(DEVICES)?.and_then(|text| serde_json::from_slice(&text).ok()))
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
        self.append(CHECKPOINTED, &true, OFlags::CREATE | OFlags::TRUNC)
    }

    /// Whether that has been said.
    pub(crate) fn is_checkpointed(&self) -> bool {
        self.has(CHECKPOINTED)
    }

    /// They are not, or go on.
    pub(crate) fn unmark_checkpointed(&self) -> Result<()> {
        self.unlink(CHECKPOINTED)
    }

    /// One line of JSON.
    fn append<T: Serialize>(&self, file: &str, line: &T, how: OFlags) -> Result<()> {
        let mut text = serde_json::to_vec(line)
            .map_err(|error| Error::new(ErrorKind::System, format!("{file}: {error}")))?;
        text.push(b'\n');
        self.put(file, &text, how)
    }

    /// Whole lines in one write(2).
    fn put(&self, file: &str, text: &[u8], how: OFlags) -> Result<()> {
        let step = || "writing the container's record";
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | how;
        let opened = openat(&self.directory, file, flags, Mode::RUSR | Mode::WUSR)
            .sys("open", || file)
            .step(step)?;
        let mut rest = text;
        while !rest.is_empty() {
            let written = rustix::io::write(&opened, rest).sys("write", || file).step(step)?;
            rest = &rest[written..];
        }
        Ok(())
    }

    /// The listening socket that a held init waits at.
    pub(crate) fn make_start_socket(&self) -> Result<OwnedFd> {
        let socket = packet_socket()?;
        let _ = unlinkat(&self.directory, START_SOCKET, AtFlags::empty());
        bind(&socket, &self.start_address()?).sys("bind", || START_SOCKET)?;
        rustix::fs::chmodat(
            &self.directory,
            START_SOCKET,
            Mode::RUSR | Mode::WUSR,
            AtFlags::empty(),
        )
        .sys("chmod", || START_SOCKET)?;
        listen(&socket, 1).sys("listen", || START_SOCKET)?;
        Ok(socket)
    }

    /// Whether an init has been made to wait, and nobody has let it go.
    pub(crate) fn has_start_socket(&self) -> bool {
        self.has(START_SOCKET)
    }

    fn has(&self, file: &str) -> bool {
        let exists = rustix::fs::Access::EXISTS;
        rustix::fs::accessat(&self.directory, file, exists, AtFlags::empty()).is_ok()
    }

    /// Lets the held init go: the connection over which it reports.
    pub(crate) fn connect_start_socket(&self) -> Result<Socket> {
        let socket = packet_socket()?;
        connect(&socket, &self.start_address()?).sys("connect", || START_SOCKET)?;
        unlinkat(&self.directory, START_SOCKET, AtFlags::empty()).sys("unlink", || START_SOCKET)?;
        Ok(Socket::from_fd(socket))
    }

    /// By way of the directory's descriptor: a socket's address holds no more than 107 bytes.
    fn start_address(&self) -> Result<SocketAddrUnix> {
        let path = format!("/proc/self/fd/{}/{START_SOCKET}", self.directory.as_raw_fd());
        Ok(SocketAddrUnix::new(path).sys("bind", || START_SOCKET)?)
    }
}

fn missing(id: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("container does not exist: {id:?}"))
}

fn already_exists(id: &str) -> Error {
    Error::new(ErrorKind::IdInUse, format!("container with given ID already exists: {id:?}"))
}

fn packet_socket() -> Result<OwnedFd> {
    Ok(socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
        .sys("socket", || "")?)
}

fn lock(directory: BorrowedFd<'_>, operation: FlockOperation) -> Result<()> {
    rustix::io::retry_on_intr(|| flock(directory, operation)).sys("flock", || "")?;
    Ok(())
}
