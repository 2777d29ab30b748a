//! CRIU's remote procedure calls (its `images/rpc.proto`): requests, and what is answered.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendFlags, recvmsg,
    sendmsg,
};
use sys::Context;

use crate::checkpoint::log::errors;
use crate::checkpoint::protobuf::{Fields, Message};
use crate::{Error, ErrorKind, Result};

/// `enum criu_req_type`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Type {
    Dump = 1,
    Restore = 2,
    PreDump = 4,
    Notify = 6,
    Features = 9,
    Version = 10,
}

/// The fields of `criu_opts`.
pub mod option {
    pub const IMAGES_DIR_FD: u64 = 1;
    pub const PID: u64 = 2;
    pub const LEAVE_RUNNING: u64 = 3;
    pub const EXT_UNIX_SK: u64 = 4;
    pub const TCP_ESTABLISHED: u64 = 5;
    pub const EVASIVE_DEVICES: u64 = 6;
    pub const SHELL_JOB: u64 = 7;
    pub const FILE_LOCKS: u64 = 8;
    pub const LOG_LEVEL: u64 = 9;
    pub const LOG_FILE: u64 = 10;
    pub const PAGE_SERVER: u64 = 11;
    pub const NOTIFY_SCRIPTS: u64 = 12;
    pub const ROOT: u64 = 13;
    pub const PARENT_IMG: u64 = 14;
    pub const TRACK_MEM: u64 = 15;
    pub const AUTO_DEDUP: u64 = 16;
    pub const WORK_DIR_FD: u64 = 17;
    pub const LINK_REMAP: u64 = 18;
    pub const MANAGE_CGROUPS: u64 = 24;
    pub const CG_ROOT: u64 = 25;
    pub const RST_SIBLING: u64 = 26;
    pub const INHERIT_FD: u64 = 27;
    pub const MANAGE_CGROUPS_MODE: u64 = 34;
    pub const EXTERNAL: u64 = 37;
    pub const EMPTY_NS: u64 = 38;
    pub const JOIN_NS: u64 = 39;
    pub const CGROUP_DUMP_CONTROLLER: u64 = 43;
    pub const FREEZE_CGROUP: u64 = 44;
    pub const TCP_SKIP_IN_FLIGHT: u64 = 46;
    pub const LAZY_PAGES: u64 = 48;
    pub const STATUS_FD: u64 = 49;
    pub const ORPHAN_PTS_MASTER: u64 = 50;
    pub const CONFIG_FILE: u64 = 51;
    pub const LSM_PROFILE: u64 = 53;
    pub const LSM_MOUNT_CONTEXT: u64 = 63;
}

/// What CRIU says.
#[derive(Debug, Default)]
pub struct Response {
    kind: u64,
    success: bool,
    /// What a notification is about.
    pub script: String,
    /// The process that it is about, if any.
    pub script_pid: Option<i32>,
    errno: i32,
    message: String,
    /// Major, minor and sublevel.
    pub version: [u64; 3],
    /// Whether it can track changes of memory, and restore lazily.
    pub features: (bool, bool),
}

impl Response {
    fn parse(packet: &[u8]) -> Option<Self> {
        if Fields::of(packet).any(|field| field.is_none()) {
            return None;
        }
        let fields = Fields::of(packet);
        let nested = |field| Fields::of(fields.bytes(field).unwrap_or_default());
        let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into();
        let int = |number: Option<u64>| number.map(|number| number as i32);
        let (notify, version, features) = (nested(5), nested(10), nested(8));
        Some(Self {
            kind: fields.number(1)?,
            success: fields.number(2)? == 1,
            script: text(notify.bytes(1)),
            script_pid: int(notify.number(2)),
            errno: int(fields.number(7)).unwrap_or(0),
            message: text(fields.bytes(9)),
            version: [1, 2, 4].map(|field| version.number(field).unwrap_or(0)),
            features: (features.number(1) == Some(1), features.number(2) == Some(1)),
        })
    }
}

/// Why a call failed.
#[derive(Debug)]
pub enum Failure {
    /// CRIU did, whose log has more.
    Criu(Error),
    /// Whoever was notified.
    Ours(Error),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Criu(error) | Failure::Ours(error) => error,
        }
    }
}

/// A conversation with `criu swrk`.
#[derive(Debug)]
pub struct Session(pub OwnedFd);

impl Session {
    /// Asks for something and waits for the answer; `notified` is called on the way.
    pub fn call(
        &self,
        kind: Type,
        options: Option<&Message>,
        notified: &mut dyn FnMut(&Response, Option<OwnedFd>) -> Result<()>,
    ) -> std::result::Result<Response, Failure> {
        let mut request = Message::default();
        request.number(1, kind as u64);
        if let Some(options) = options {
            request.nested(2, options);
        }
        // More may follow.
        request.flag(4, matches!(kind, Type::Version | Type::Features));
        if kind == Type::Features {
            let mut features = Message::default();
            features.flag(1, true).flag(2, true);
            request.nested(5, &features);
        }
        self.send(&request).map_err(Failure::Criu)?;
        let mut refused = None;
        loop {
            let (response, descriptor) = self.receive().map_err(Failure::Criu)?;
            if response.kind == Type::Notify as u64 {
                let heard = notified(&response, descriptor);
                let mut answer = Message::default();
                answer.number(1, Type::Notify as u64).flag(3, heard.is_ok());
                refused = refused.or(heard.err());
                if let Err(gone) = self.send(&answer) {
                    return Err(refused.map_or(Failure::Criu(gone), Failure::Ours));
                }
                continue;
            }
            return match refused {
                Some(error) => Err(Failure::Ours(error)),
                None if response.success => Ok(response),
                None => Err(Failure::Criu(failed(&response))),
            };
        }
    }

    fn send(&self, message: &Message) -> Result<()> {
        let parts = [IoSlice::new(message.as_bytes())];
        let none = &mut SendAncillaryBuffer::default();
        rustix::io::retry_on_intr(|| sendmsg(&self.0, &parts, none, SendFlags::NOSIGNAL))
            .sys("sendmsg", || "to CRIU")
            .map_err(|_| gone())?;
        Ok(())
    }

    fn receive(&self) -> Result<(Response, Option<OwnedFd>)> {
        let mut packet = vec![0; 64 * 1024];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = rustix::io::retry_on_intr(|| {
            let parts = &mut [IoSliceMut::new(&mut packet)];
            recvmsg(&self.0, parts, &mut control, RecvFlags::CMSG_CLOEXEC)
        });
        let length = received.map_or(0, |message| message.bytes);
        let descriptor = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        if length == 0 {
            return Err(gone());
        }
        let response = Response::parse(&packet[..length]).ok_or_else(|| {
            Error::new(ErrorKind::System, "CRIU said something that is none of its protocol")
        })?;
        Ok((response, descriptor))
    }
}

impl AsFd for Session {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::System, "CRIU ended without an answer")
}

fn failed(response: &Response) -> Error {
    let words = match response.errno {
        0 => String::new(),
        errno => {
            let errno = rustix::io::Errno::from_raw_os_error(errno);
            format!(" ({})", sys::SysError::new("criu", "", errno).words())
        }
    };
    // Its first words of an error; the log has all, where there is one.
    let said = errors(&response.message);
    let said = if said.is_empty() { said } else { format!(": {said}") };
    Error::new(ErrorKind::System, format!("CRIU failed{words}{said}"))
}

#[cfg(test)]
mod tests;
