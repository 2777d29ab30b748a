use std::io::IoSliceMut;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::PathBuf;

use rustix::fs::fstat;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::{PidfdFlags, getpid, pidfd_open};
use rustix::pty::{OpenptFlags, openpt};

use super::*;

/// A directory of a test's own, and gone with it.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sockets-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// What one connection brings: the message, and its descriptors.
fn taken(listener: &UnixListener) -> (String, Vec<OwnedFd>) {
    let (connection, _) = listener.accept().unwrap();
    let mut message = [0; 256];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let parts = &mut [IoSliceMut::new(&mut message)];
    let length = recvmsg(&connection, parts, &mut control, RecvFlags::CMSG_CLOEXEC).unwrap().bytes;
    let mut descriptors = Vec::new();
    for part in control.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = part {
            descriptors.extend(fds);
        }
    }
    (String::from_utf8(message[..length].to_vec()).unwrap(), descriptors)
}

#[test]
fn a_terminal_goes_with_its_name() {
    let directory = Directory::new("terminal");
    let path = directory.0.join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    DescriptorSocket::connect(&path).unwrap().send_terminal(master.as_fd()).unwrap();
    let (message, descriptors) = taken(&listener);
    let name = ptsname(&master, Vec::new()).unwrap();
    assert_eq!(message.as_bytes(), name.as_bytes());
    let [received] = descriptors.as_slice() else { panic!("{descriptors:?}") };
    assert_eq!(ptsname(received, Vec::new()).unwrap(), name);
}

#[test]
fn a_pidfd_is_that_of_the_process() {
    let directory = Directory::new("pidfd");
    let path = directory.0.join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let pidfd = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    DescriptorSocket::connect(&path).unwrap().send_pidfd(pidfd.as_fd()).unwrap();
    let (message, descriptors) = taken(&listener);
    assert_eq!(message, "pidfd");
    let [received] = descriptors.as_slice() else { panic!("{descriptors:?}") };
    let what = |fd| std::fs::read_link(format!("/proc/self/fd/{fd}")).unwrap();
    assert_eq!(what(received.as_raw_fd()).to_str(), Some("anon_inode:[pidfd]"));
    assert_eq!(fstat(received).unwrap().st_ino, fstat(&pidfd).unwrap().st_ino);
}

#[test]
fn a_path_may_be_longer_than_an_address() {
    let directory = Directory::new("long");
    let deep = directory.0.join("d".repeat(200));
    std::fs::create_dir(&deep).unwrap();
    let short = directory.0.join("s");
    let listener = UnixListener::bind(&short).unwrap();
    std::fs::rename(&short, deep.join("socket")).unwrap();
    let socket = DescriptorSocket::connect(&deep.join("socket")).unwrap();
    socket.send_pidfd(pidfd_open(getpid(), PidfdFlags::empty()).unwrap().as_fd()).unwrap();
    assert_eq!(taken(&listener).1.len(), 1);
    let error = DescriptorSocket::connect(&deep.join("none")).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::NOENT.raw_os_error()));
}

#[test]
fn what_does_not_listen_is_told_with_its_path() {
    let directory = Directory::new("refused");
    let path = directory.0.join("socket");
    let refusal = || {
        let error = DescriptorSocket::connect(&path).unwrap_err();
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        Errno::from_raw_os_error(error.errno().unwrap())
    };
    assert_eq!(refusal(), Errno::NOENT);
    let datagrams = UnixDatagram::bind(&path).unwrap();
    assert_eq!(refusal(), Errno::PROTOTYPE);
    drop(datagrams);
    assert_eq!(refusal(), Errno::CONNREFUSED);
    std::fs::remove_file(&path).unwrap();
    // One that hangs up before the descriptor comes is an error, not a SIGPIPE.
    let listener = UnixListener::bind(&path).unwrap();
    let socket = DescriptorSocket::connect(&path).unwrap();
    drop(listener.accept().unwrap());
    let pidfd = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    let error = socket.send_pidfd(pidfd.as_fd()).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::PIPE.raw_os_error()));
}
