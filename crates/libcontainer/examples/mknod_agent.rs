//! An agent for `SCMP_ACT_NOTIFY` (config-linux.md, "Seccomp"): `mknod_agent SOCKET` makes harmless
//! device nodes for containers that may not make any themselves.
//!
//! The profile that goes with it:
//!
//! ```json
//! {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "SOCKET",
//!  "syscalls": [{"names": ["mknod", "mknodat"], "action": "SCMP_ACT_NOTIFY"}]}
//! ```
//!
//! It follows seccomp_unotify(2): what it reads of the caller counts only if the caller still waits
//! afterwards, and what it does not make itself goes on into the kernel, which decides as ever. It
//! never lets a call go on because of arguments in memory, which the caller may change meanwhile.

use std::error::Error;
use std::fs::File;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, ResolveFlags, Uid, chownat, makedev, mknodat,
    openat, openat2, unlinkat,
};
use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use sys::notify::{Answer, Notification, answer, is_waiting, receive};

/// null, zero, full, random, urandom and tty, and the whiteout of an overlay.
const HARMLESS: [(u32, u32); 7] = [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (0, 0)];

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let path = std::env::args_os().nth(1).ok_or("usage: mknod_agent SOCKET")?;
    let socket = UnixListener::bind(path)?;
    for connection in socket.incoming() {
        let Some(listener) = listener(&connection?)? else { continue };
        std::thread::spawn(move || serve(&listener));
    }
    Ok(())
}

/// The descriptor that comes with the container process state, which is read to its end; a real
/// agent would look into it, for `fds`, `pid`, `metadata` and `state`.
fn listener(connection: &UnixStream) -> Result<Option<OwnedFd>> {
    let mut listener = None;
    loop {
        let mut bytes = [0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let parts = &mut [IoSliceMut::new(&mut bytes)];
        let got = recvmsg(connection, parts, &mut control, RecvFlags::CMSG_CLOEXEC)?;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(mut fds) = message {
                listener = fds.next().or(listener);
            }
        }
        if got.bytes == 0 {
            return Ok(listener);
        }
    }
}

/// Answers until the last process of the filter has ended.
fn serve(listener: &OwnedFd) {
    loop {
        let mut fds = [PollFd::new(listener, PollFlags::IN)];
        match poll(&mut fds, None) {
            Err(Errno::INTR) => continue,
            Ok(_) if fds[0].revents().contains(PollFlags::IN) => {}
            _ => return,
        }
        // The caller may have been killed in between.
        let Ok(call) = receive(listener.as_fd()) else { continue };
        let decision = match emulate(listener, &call) {
            Ok(Some(())) => Answer::Value(0),
            // Not ours to make, or not to be understood: the kernel decides.
            Ok(None) | Err(Failure::Unclear) => Answer::Continue,
            Err(Failure::Errno(errno)) => Answer::Errno(errno.raw_os_error()),
        };
        let _ = answer(listener.as_fd(), call.id, decision);
    }
}

/// Why there is no node.
enum Failure {
    /// The caller's own mistake, which it is told.
    Errno(Errno),
    /// We do not know what was asked, or the caller is gone.
    Unclear,
}

impl From<std::io::Error> for Failure {
    fn from(_: std::io::Error) -> Self {
        Failure::Unclear
    }
}

/// Makes the node that was asked for, if it is one of ours.
fn emulate(listener: &OwnedFd, call: &Notification) -> std::result::Result<Option<()>, Failure> {
    let (directory, [address, mode, device]) = match u32::try_from(call.nr).ok().map(name) {
        Some("mknod") => (None, [call.args[0], call.args[1], call.args[2]]),
        Some("mknodat") => (Some(call.args[0] as i32), [call.args[1], call.args[2], call.args[3]]),
        _ => return Ok(None),
    };
    // How the kernel packs a device number into 32 bits (linux/kdev_t.h).
    let (device, mode) = (device as u32, mode as u32);
    let (major, minor) = ((device & 0xfff00) >> 8, (device & 0xff) | ((device >> 12) & 0xfff00));
    let is_device = mode & S_IFMT == FileType::CharacterDevice.as_raw_mode();
    if !is_device || !HARMLESS.contains(&(major, minor)) {
        return Ok(None);
    }
    let process = PathBuf::from(format!("/proc/{}", call.pid));
    let path = string(&process, address)?;
    let caller = Caller::read(&process)?;
    let (parent, name) = parent(&process, directory, &path)?;
    // All that was looked up was the caller's, and not that of a process with a number like its.
    if !is_waiting(listener.as_fd(), call.id) {
        return Err(Failure::Unclear);
    }
    let permissions = Mode::from_raw_mode(mode & 0o7777 & !caller.umask);
    mknodat(&parent, &name, FileType::CharacterDevice, permissions, makedev(major, minor))
        .map_err(Failure::Errno)?;
    let owner = (Some(Uid::from_raw(caller.uid)), Some(Gid::from_raw(caller.gid)));
    chownat(&parent, &name, owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW).map_err(|errno| {
        let _ = unlinkat(&parent, &name, AtFlags::empty());
        Failure::Errno(errno)
    })?;
    Ok(Some(()))
}

/// inode(7)
const S_IFMT: u32 = 0o170_000;

fn name(nr: u32) -> &'static str {
    seccomp::Arch::native().and_then(|native| native.name(nr)).unwrap_or("")
}

/// The text at an address of the caller.
fn string(process: &Path, address: u64) -> std::result::Result<PathBuf, Failure> {
    let mut bytes = [0; 4096];
    let read = File::open(process.join("mem"))?.read_at(&mut bytes, address)?;
    let end = bytes[..read].iter().position(|byte| *byte == 0).ok_or(Failure::Unclear)?;
    std::str::from_utf8(&bytes[..end]).map(PathBuf::from).map_err(|_| Failure::Unclear)
}

/// The directory that the node goes to, as the caller sees it, and the node's name.
fn parent(
    process: &Path,
    directory: Option<i32>,
    path: &Path,
) -> std::result::Result<(OwnedFd, PathBuf), Failure> {
    let name = path.file_name().ok_or(Failure::Unclear)?;
    // The caller may not be able to leave its root, and so must not we.
    let (from, resolve) = match directory {
        _ if path.is_absolute() => (process.join("root"), ResolveFlags::IN_ROOT),
        // AT_FDCWD
        None | Some(-100) => (process.join("cwd"), ResolveFlags::BENEATH),
        Some(fd) => (process.join(format!("fd/{fd}")), ResolveFlags::BENEATH),
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let from = openat(CWD, &from, flags, Mode::empty()).map_err(|_| Failure::Unclear)?;
    let above = match path.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        _ => Path::new("."),
    };
    let resolve = resolve | ResolveFlags::NO_MAGICLINKS;
    let parent =
        openat2(&from, above, flags, Mode::empty(), resolve).map_err(|errno| match errno {
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP => Failure::Errno(errno),
            _ => Failure::Unclear,
        })?;
    Ok((parent, name.into()))
}

/// What a node of the caller's gets from it.
struct Caller {
    uid: u32,
    gid: u32,
    umask: u32,
}

impl Caller {
    /// By proc_pid_status(5); the fourth id is that for file systems.
    fn read(process: &Path) -> std::result::Result<Caller, Failure> {
        let status = std::fs::read_to_string(process.join("status"))?;
        let field = |key: &str, index: usize, radix: u32| {
            let line = status.lines().find_map(|line| line.strip_prefix(key))?;
            u32::from_str_radix(line.split_ascii_whitespace().nth(index)?, radix).ok()
        };
        let (uid, gid) = (field("Uid:", 3, 10), field("Gid:", 3, 10));
        match (uid, gid, field("Umask:", 0, 8)) {
            (Some(uid), Some(gid), Some(umask)) => Ok(Caller { uid, gid, umask }),
            _ => Err(Failure::Unclear),
        }
    }
}
