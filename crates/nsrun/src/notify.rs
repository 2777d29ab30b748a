//! NOTIFY_SOCKET: what a container's first process tells of its start, told to the service manager
//! outside (sd_notify(3)).
//!
//! The manager takes messages from its own service's processes only, and pids inside mean nothing
//! to it. So the container gets a socket of ours, and what comes there is passed on.

use std::ffi::OsString;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use libcontainer::config::Mount;
use libcontainer::{Result, Step};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, chmodat, mkdirat, openat, unlinkat};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::time::Timespec;
use sys::{Context, SysError};

use crate::log::Log;

/// Where the container finds the socket's directory.
const INSIDE: &str = "/run/notify";
const SOCKET: &str = "notify.sock";

/// More than any message has.
const LARGEST: usize = 64 * 1024;

/// How long the manager may take to look at what it was told, before this process ends and is
/// nobody any more (sd_notify_barrier(3)).
const PATIENCE: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// The way from a container to the service manager.
#[derive(Debug)]
pub struct Notify {
    manager: UnixDatagram,
    /// In the container's directory, and removed with that by the library.
    directory: PathBuf,
}

/// A [`Notify`] that hears what the container says.
#[derive(Debug)]
pub struct Listening {
    manager: UnixDatagram,
    socket: UnixDatagram,
}

/// A [`Listening`] at work.
#[derive(Debug)]
pub struct PassingOn {
    listening: Arc<(Listening, AtomicBool)>,
    thread: JoinHandle<()>,
}

impl PassingOn {
    /// Passes on what the container has said before it ended, and no more.
    pub fn finish(self) {
        let (listening, over) = &*self.listening;
        over.store(true, Ordering::Release);
        // What is in the queue is still delivered, and then an end.
        if listening.socket.shutdown(Shutdown::Read).is_ok() {
            let _ = self.thread.join();
        }
    }
}

impl Notify {
    /// Of container `id` below the state root, where a service manager wants to be told. One that
    /// is not there, as for a shell that was started by a service long ago, is no reason to stop.
    pub fn wanted(log: &Log, root: &Path, id: &str) -> Option<Self> {
        let name = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty())?;
        match connect(&name).step(|| "NOTIFY_SOCKET") {
            // The library's place for what a container is shown of its own directory.
            Ok(manager) => Some(Self { manager, directory: root.join(id).join("notify") }),
            Err(error) => {
                log.warning(&format!("{error}: nobody is told when the container is ready"));
                None
            }
        }
    }

    /// Whether the container was made with a socket.
    pub fn is_there(&self) -> bool {
        self.directory.is_dir()
    }

    /// What shows the socket to the container.
    pub fn mount(&self) -> Mount {
        Mount {
            destination: INSIDE.into(),
            fstype: "bind".to_owned(),
            source: Some(self.directory.clone()),
            options: ["bind", "ro", "nosuid", "nodev", "noexec"].map(str::to_owned).to_vec(),
            ..Mount::default()
        }
    }

    /// What tells its first process of it.
    pub fn variable() -> String {
        format!("NOTIFY_SOCKET={INSIDE}/{SOCKET}")
    }

    /// Makes the socket's directory, before the container is built.
    pub fn prepare(&self) -> Result<()> {
        let place = || self.directory.display().to_string();
        mkdirat(CWD, &self.directory, Mode::from_raw_mode(0o755)).sys("mkdir", place)?;
        // Whatever our mask: any user of the container may look into it.
        chmodat(CWD, &self.directory, Mode::from_raw_mode(0o755), AtFlags::empty())
            .sys("chmod", place)?;
        Ok(())
    }

    /// Makes the socket, in place of one that nobody listens at any more.
    pub fn listen(self) -> Result<Listening> {
        let place = || self.directory.display().to_string();
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = openat(CWD, &self.directory, flags, Mode::empty()).sys("open", place)?;
        match unlinkat(&directory, SOCKET, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(SysError::new("unlink", SOCKET, errno).into()),
        }
        // By way of the descriptor: a socket's address holds no more than 107 bytes.
        let short = format!("/proc/self/fd/{}/{SOCKET}", directory.as_raw_fd());
        let socket = UnixDatagram::bind(short).sys("bind", || SOCKET)?;
        chmodat(&directory, SOCKET, Mode::from_raw_mode(0o777), AtFlags::empty())
            .sys("chmod", || SOCKET)?;
        Ok(Listening { manager: self.manager, socket })
    }
}

impl Listening {
    /// Passes on what comes until the process has said that it is ready, or has ended; it is the
    /// service's main process from then on, since nobody else stays.
    pub fn until_ready(&self, process: BorrowedFd<'_>, pid: i32) -> Result<()> {
        loop {
            let mut fds = [
                PollFd::new(&self.socket, PollFlags::IN),
                PollFd::from_borrowed_fd(process, PollFlags::IN),
            ];
            rustix::io::retry_on_intr(|| poll(&mut fds, None)).sys("poll", || "")?;
            let [heard, ended] = fds.each_ref().map(|fd| !fd.revents().is_empty());
            if heard && self.pass_one_on(pid)? == Some(true) {
                return self.barrier();
            }
            if ended && !heard {
                return Ok(());
            }
        }
    }

    /// Passes on what comes, from a thread of its own, until that is told to
    /// [finish](PassingOn::finish); this process is the service's main process.
    pub fn pass_on(self) -> PassingOn {
        let pid = std::process::id().cast_signed();
        let listening = Arc::new((self, AtomicBool::new(false)));
        let theirs = Arc::clone(&listening);
        let thread = std::thread::spawn(move || {
            let (listening, over) = &*theirs;
            // Nothing was said: it is over, or somebody has sent an empty message.
            while let Ok(heard) = listening.pass_one_on(pid)
                && (heard.is_some() || !over.load(Ordering::Acquire))
            {}
        });
        PassingOn { listening, thread }
    }

    /// Waits for a message and passes it on: whether the process is ready now, or `None` for an
    /// empty one.
    fn pass_one_on(&self, main: i32) -> Result<Option<bool>> {
        let mut message = vec![0; LARGEST];
        let length = self.socket.recv(&mut message).sys("recv", || SOCKET)?;
        let (message, ready) = outside(&message[..length], main);
        if !message.is_empty() {
            // A manager that is gone is no reason to end the container.
            let _ = self.manager.send(&message);
        }
        Ok((length > 0).then_some(ready))
    }

    /// Waits until the manager has taken what it was sent: it closes what comes with this message.
    fn barrier(&self) -> Result<()> {
        let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC).sys("pipe", || "")?;
        let descriptors = [theirs.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
        let parts = [IoSlice::new(b"BARRIER=1")];
        let sent = sendmsg(&self.manager, &parts, &mut control, SendFlags::NOSIGNAL);
        drop(theirs);
        if sent.is_ok() {
            let mut fds = [PollFd::new(&ours, PollFlags::empty())];
            rustix::io::retry_on_intr(|| poll(&mut fds, Some(&PATIENCE))).sys("poll", || "")?;
        }
        Ok(())
    }
}

/// A socket to the manager, by its path or its abstract name.
fn connect(name: &OsString) -> Result<UnixDatagram> {
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(abstracted) => SocketAddr::from_abstract_name(abstracted),
        None => SocketAddr::from_pathname(name),
    };
    let socket = UnixDatagram::unbound().sys("socket", || "")?;
    let connected = address.and_then(|address| socket.connect_addr(&address));
    connected.sys("connect", || name.to_string_lossy())?;
    Ok(socket)
}

/// A message from inside as it is told outside, and whether it says that its sender is ready:
/// then it names the main process. Pids and descriptors of inside are left out.
fn outside(message: &[u8], main: i32) -> (Vec<u8>, bool) {
    const INSIDERS: [&[u8]; 3] = [b"MAINPID", b"BARRIER", b"FDSTORE"];
    let mut ready = false;
    let mut told = Vec::new();
    for line in message.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        if INSIDERS.iter().all(|insider| !line.starts_with(insider)) {
            ready |= line == b"READY=1";
            told.extend_from_slice(line);
            told.push(b'\n');
        }
    }
    if ready {
        told.extend_from_slice(format!("MAINPID={main}\n").as_bytes());
    }
    (told, ready)
}

#[cfg(test)]
mod tests;
