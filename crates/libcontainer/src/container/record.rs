//! What is kept of a container on disk, so that whoever comes next can drive it and clean up.

mod text;

use std::collections::BTreeMap;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustix::fs::{fstat, fstatfs};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::{Deserialize, Serialize};
use sys::{Context, SysError};

use crate::config::{Config, NamespaceKind, Rootfs};
use crate::network::VethHost;
use crate::plan::Systemd;
use crate::procfs::Procfs;
use crate::resctrl;
use text::Text;

use crate::{Error, ErrorKind, Result};

/// The version that this library writes, and the only one it reads.
pub(crate) const VERSION: u32 = 1;

/// The record: written before the first side effect, naming every one that may follow. Its first
/// line is what every command asks for, its second is the configuration, and a line is added when
/// the init exists.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    pub version: u32,
    pub id: String,
    /// When it was created, in milliseconds since 1970.
    pub created: u64,
    pub brief: Brief,
    /// The control group's directory in each hierarchy.
    pub cgroup: BTreeMap<String, PathBuf>,
    /// Levels of the control group's path, whose empty parents are removed with it.
    pub cgroup_levels: usize,
    /// It is one that was delegated to the creator.
    #[serde(default)]
    pub cgroup_delegated: bool,
    /// Who made it, if not this library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub systemd: Option<Systemd>,
    pub links: Vec<VethHost>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resctrl: Option<resctrl::Place>,
    /// The CLONE_NEW* flags of the namespaces that are not the host's.
    pub namespaces: u64,
    pub chroot: bool,
    #[serde(skip)]
    pub configured: Configured,
    #[serde(skip)]
    pub init: Option<InitRecord>,
}

/// What of a container's configuration is known without reading all of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Brief {
    /// See [`Config::bundle`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<PathBuf>,
    /// See [`Config::rootfs`].
    pub rootfs: Rootfs,
    /// See [`Config::annotations`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Whether its init is PID 1 of a PID namespace of the container's own.
    pub own_pids: bool,
    /// It has `startContainer` hooks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) start_hooks: bool,
    /// Its end asks for the configuration.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) intricate_end: bool,
}

impl Brief {
    pub(crate) fn of(config: &Config) -> Self {
        let own_pids =
            |one: &crate::config::Namespace| one.kind == NamespaceKind::Pid && one.path.is_none();
        Self {
            bundle: config.bundle.clone(),
            rootfs: config.rootfs.clone(),
            annotations: config.annotations.clone(),
            own_pids: config.namespaces.iter().any(own_pids),
            start_hooks: !config.hooks.start_container.is_empty(),
            intricate_end: !config.hooks.poststop.is_empty() || !config.net_devices.is_empty(),
        }
    }
}

/// What a container was made from, read from its line when somebody first asks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Configured(Arc<Line>);

#[derive(Debug, Default)]
struct Line {
    /// Empty for one that was never read.
    text: Box<[u8]>,
    config: OnceLock<Config>,
}

impl Configured {
    pub(crate) fn by(config: Config) -> Self {
        Self(Arc::new(Line { text: Box::default(), config: config.into() }))
    }

    fn read(text: &[u8]) -> Self {
        Self(Arc::new(Line { text: text.into(), config: OnceLock::new() }))
    }
}

impl Record {
    /// What the container was made from.
    pub(crate) fn config(&self) -> Result<&Config> {
        let line = &*self.configured.0;
        match line.config.get() {
            Some(config) => Ok(config),
            None => {
                let config = read(&line.text).map_err(|why| broken(&self.id, &why))?;
                Ok(line.config.get_or_init(|| config))
            }
        }
    }

    /// The two lines that it begins with.
    pub(crate) fn text(&self) -> Result<Vec<u8>> {
        let failed = |error| Error::new(ErrorKind::System, format!("the record: {error}"));
        let mut text = Text::default();
        serde_json::to_writer(&mut text, self).map_err(failed)?;
        text.0.push(b'\n');
        serde_json::to_writer(&mut text, self.config()?).map_err(failed)?;
        text.0.push(b'\n');
        Ok(text.0)
    }

    /// What the container's session keyring is called by: keyrings are joined by name, and
    /// neither a namesake's nor a predecessor's may be met.
    pub(crate) fn keyring(&self) -> String {
        format!("{}.{:x}", self.id, self.created)
    }
}

/// Which process the container's init is, in a way that a reused pid is told from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InitRecord {
    pub pid: i32,
    /// The pidfd's inode number, unique for the machine's uptime (pidfs, Linux 6.9).
    pub inode: Option<u64>,
    /// The 22nd field of `/proc/PID/stat`, clock ticks since boot, where there is no pidfs.
    pub start_time: Option<u64>,
    /// It was made without a program, to be held for ever.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idle: bool,
}

/// `PID_FS_MAGIC` of linux/magic.h.
const PIDFS: i64 = 0x5049_4446;

impl InitRecord {
    /// Of a process that lives, or has not been reaped.
    pub(crate) fn of(pid: Pid, pidfd: BorrowedFd<'_>) -> Result<Self> {
        let pid = pid.as_raw_nonzero().get();
        let unique = match fstatfs(pidfd) {
            Ok(found) => found.f_type == PIDFS,
            // A policy of SELinux that does not know pidfs lets a confined engine not ask.
            Err(Errno::ACCESS | Errno::PERM) => false,
            Err(errno) => return Err(SysError::new("fstatfs", "of a pidfd", errno).into()),
        };
        if unique {
            let inode = fstat(pidfd).sys("fstat", || "of a pidfd")?.st_ino;
            return Ok(Self { pid, inode: Some(inode), start_time: None, idle: false });
        }
        Ok(Self { pid, inode: None, start_time: Some(start_time(pid)?), idle: false })
    }

    /// The process, if it is still there; it may have ended, and not been reaped.
    pub(crate) fn open(&self) -> Result<Option<OwnedFd>> {
        let Some(pid) = Pid::from_raw(self.pid) else { return Ok(None) };
        let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => pidfd,
            // Its number may still name a process group or session (EINVAL before Linux 6.15), or
            // by now a thread (EINVAL, or ENOENT).
            Err(Errno::SRCH | Errno::INVAL | Errno::NOENT) => return Ok(None),
            Err(errno) => {
                return Err(SysError::new("pidfd_open", self.pid.to_string(), errno).into());
            }
        };
        let same = match self.inode {
            Some(inode) => fstat(&pidfd).sys("fstat", || "of a pidfd")?.st_ino == inode,
            None => start_time(self.pid).ok() == self.start_time,
        };
        Ok(same.then_some(pidfd))
    }
}

/// When a process started, in clock ticks since boot (proc_pid_stat(5)).
pub(crate) fn start_time(pid: i32) -> Result<u64> {
    let text = Procfs::open()?.read(format!("{pid}/stat"))?;
    let text = String::from_utf8_lossy(&text);
    // The second field is the program's name in parentheses, with whatever it likes inside.
    let field = text.rsplit_once(')').and_then(|(_, rest)| rest.split_ascii_whitespace().nth(19));
    field
        .and_then(|field| field.parse().ok())
        .ok_or_else(|| Error::new(ErrorKind::System, format!("/proc/{pid}/stat has no start time")))
}

fn broken(id: &str, why: &str) -> Error {
    Error::new(ErrorKind::System, format!("the record of container {id:?} is broken: {why}"))
        .with_hint("delete removes what it can")
}

/// A line of it.
fn read<T: serde::de::DeserializeOwned>(line: &[u8]) -> std::result::Result<T, String> {
    // As a whole: string by string takes longer.
    let text = std::str::from_utf8(line).map_err(|error| error.to_string())?;
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// A record's text: its two lines, then one for each change of its init. The last whole line
/// counts, so a writer that is killed leaves the state before. `None` without two whole lines.
///
/// Refused is a record of another version, or of another container.
pub(crate) fn parse(text: &[u8], id: &str) -> Result<Option<Record>> {
    let mut lines = text.split_inclusive(|byte| *byte == b'\n');
    let mut whole = || lines.next().and_then(|line| line.strip_suffix(b"\n"));
    let Some(first) = whole() else { return Ok(None) };
    let mut record: Record = read(first).map_err(|why| broken(id, &why))?;
    if record.version != VERSION {
        return Err(broken(id, &format!("version {} is not {VERSION}", record.version)));
    }
    if record.id != id {
        return Err(broken(id, &format!("it says {:?}", record.id)));
    }
    let Some(config) = whole() else { return Ok(None) };
    record.configured = Configured::read(config);
    if let Some(last) = std::iter::from_fn(whole).last() {
        record.init = read(last).map_err(|why| broken(id, &why))?;
    }
    Ok(Some(record))
}

#[cfg(test)]
mod tests;
