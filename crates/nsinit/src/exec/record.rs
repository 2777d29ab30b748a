//! `nsinit exec --record FILE`: a profile with the system calls that the container makes.
//!
//! A filter reports each call to a thread of ours, which notes it and lets it go on
//! (seccomp_unotify(2)). The container's other filters stay in force: what they refuse is not
//! reported, and what is reported they have permitted.

use std::fs::File;
use std::io::Write;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use libcontainer::{Config, Error, ErrorKind, Result, Step};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{
    Access, AtFlags, CWD, Mode, OFlags, accessat, chmodat, openat, renameat, unlinkat,
};
use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use seccomp::{Action, Arch, Recording, recording_profile};
use sys::Context;
use sys::notify::{Answer, answer, receive};

/// Notes calls until it is dropped.
#[derive(Debug)]
pub struct Recorder {
    seen: Arc<Mutex<Recording>>,
    native: Arch,
    /// Of the file, which the container may be able to write to: the rest of the path is not
    /// looked up again when it has run.
    parent: OwnedFd,
    name: PathBuf,
    /// The socket, in the container's directory: whoever removes the container removes it as well.
    socket: PathBuf,
}

impl Recorder {
    /// Has `config` report its calls to a socket in `directory`, which will be the container's own
    /// below the state root; the profile will be written to `file`.
    ///
    /// # Errors
    /// The file cannot be made, the configuration has an agent already, or this processor has no
    /// system-call table here.
    pub fn new(file: &Path, config: &mut Config, directory: &Path) -> Result<Self> {
        let Some(native) = Arch::native() else {
            let message = "--record: this processor has no system-call table here";
            return Err(Error::new(ErrorKind::System, message));
        };
        refuse_agents(config)?;
        let (parent, name) = place(file).step(|| format!("--record {}", file.display()))?;
        let socket = directory.join(SOCKET);
        config.seccomp.push(recording_profile(socket.to_string_lossy().into_owned()));
        let seen = Arc::new(Mutex::new(Recording::default()));
        Ok(Self { seen, native, parent, name, socket })
    }

    /// Answers from now on; the directory is there.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn listen(&self) -> Result<()> {
        let listener = listen_at(&self.socket).step(|| "--record")?;
        let seen = Arc::clone(&self.seen);
        thread::Builder::new()
            .name("record".to_owned())
            .spawn(move || serve(&listener, &seen))
            .map_err(|error| Error::new(ErrorKind::System, format!("--record: {error}")))?;
        Ok(())
    }

    /// Writes the profile, when the container has ended.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn finish(self) -> Result<usize> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.write(&seen).step(|| format!("--record {}", self.name.display()))?;
        Ok(seen.len())
    }

    /// By a new file that takes the name, so that no link is followed and no half is seen.
    fn write(&self, seen: &Recording) -> Result<()> {
        let profile = seen.profile(self.native);
        let mut text = serde_json::to_vec_pretty(&profile)
            .map_err(|error| Error::new(ErrorKind::System, error.to_string()))?;
        text.push(b'\n');
        let fresh = format!(".record-{}", std::process::id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let fd = openat(&self.parent, &*fresh, flags, Mode::from_raw_mode(0o666))
            .sys("openat", || fresh.clone())?;
        let written =
            File::from(fd).write_all(&text).sys("write", || fresh.clone()).and_then(|()| {
                renameat(&self.parent, &*fresh, &self.parent, &self.name)
                    .sys("renameat", || self.name.display().to_string())
            });
        if written.is_err() {
            let _ = unlinkat(&self.parent, &*fresh, AtFlags::empty());
        }
        Ok(written?)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// The library's name for it, by which it removes what it finds.
const SOCKET: &str = "agent.sock";

/// The kernel takes one listener for a process.
fn refuse_agents(config: &Config) -> Result<()> {
    let asks = |profile: &seccomp::Profile| {
        profile.default_action == Action::Notify
            || profile.syscalls.iter().any(|rule| rule.action == Action::Notify)
    };
    if !config.seccomp.iter().any(asks) {
        return Ok(());
    }
    let message = "--record: the configuration's seccomp has an agent (SCMP_ACT_NOTIFY) already, \
        and the kernel takes one for a process";
    Err(Error::new(ErrorKind::InvalidConfig { field: "seccomp".to_owned() }, message))
}

/// The directory that the file will be in, and its name there.
fn place(file: &Path) -> Result<(OwnedFd, PathBuf)> {
    let Some(name) = file.file_name() else {
        return Err(Error::new(ErrorKind::System, "is not the name of a file"));
    };
    let parent = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let shown = || parent.display().to_string();
    let flags = OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC;
    let directory = openat(CWD, parent, flags, Mode::empty()).sys("openat", shown)?;
    accessat(&directory, ".", Access::WRITE_OK, AtFlags::empty()).sys("faccessat", shown)?;
    if file.is_dir() {
        return Err(Error::new(ErrorKind::System, "is a directory"));
    }
    Ok((directory, name.into()))
}

/// A socket that nobody else can reach. An address holds no more than 107 bytes, a path may be longer.
fn listen_at(path: &Path) -> Result<UnixListener> {
    let shown = || path.display().to_string();
    let parent = path.parent().unwrap_or(path);
    let flags = OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC;
    let directory = openat(CWD, parent, flags, Mode::empty()).sys("openat", shown)?;
    let short = format!("/proc/self/fd/{}/{SOCKET}", directory.as_raw_fd());
    let listener = UnixListener::bind(short).sys("bind", shown)?;
    chmodat(&directory, SOCKET, Mode::RUSR | Mode::WUSR, AtFlags::empty()).sys("chmod", shown)?;
    Ok(listener)
}

/// Takes listeners and answers for them. It ends with the process: there may always be a further
/// command that joins the container.
fn serve(incoming: &UnixListener, seen: &Mutex<Recording>) {
    let mut listeners: Vec<OwnedFd> = Vec::new();
    loop {
        let mut fds: Vec<PollFd<'_>> =
            listeners.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        fds.push(PollFd::new(incoming, PollFlags::IN));
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return,
        }
        let mut events: Vec<PollFlags> = fds.iter().map(PollFd::revents).collect();
        let more = events.pop().is_some_and(|event| event.contains(PollFlags::IN));
        for (fd, event) in listeners.iter().zip(&events) {
            if event.contains(PollFlags::IN) {
                let _ = note(fd, seen);
            }
        }
        // A listener hangs up when the last process of its filter has ended.
        let mut events = events.into_iter();
        listeners.retain(|_| {
            let event = events.next().unwrap_or(PollFlags::empty());
            event.contains(PollFlags::IN) || !event.intersects(PollFlags::HUP | PollFlags::ERR)
        });
        if more && let Ok((connection, _)) = incoming.accept() {
            listeners.extend(listener(&connection));
        }
    }
}

/// Notes one call and lets it go on. It fails where the caller was killed meanwhile.
fn note(listener: &OwnedFd, seen: &Mutex<Recording>) -> sys::Result<()> {
    let call = receive(listener.as_fd())?;
    let mut recording = seen.lock().unwrap_or_else(PoisonError::into_inner);
    recording.note(call.arch, call.nr.cast_unsigned());
    drop(recording);
    answer(listener.as_fd(), call.id, Answer::Continue)
}

/// The descriptor that comes with the state of the container's process, which is read to its end.
fn listener(connection: &UnixStream) -> Option<OwnedFd> {
    let mut found = None;
    loop {
        let mut bytes = [0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let parts = &mut [std::io::IoSliceMut::new(&mut bytes)];
        let got = rustix::io::retry_on_intr(|| {
            recvmsg(connection, parts, &mut control, RecvFlags::CMSG_CLOEXEC)
        });
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = message {
                found = fds.into_iter().next().or(found);
            }
        }
        if got.map_or(0, |got| got.bytes) == 0 {
            return found;
        }
    }
}
