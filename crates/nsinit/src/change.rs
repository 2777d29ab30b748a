//! Create flags as changes of a configuration.
//!
//! Each is parsed once and can be applied to any configuration, as often as one likes: that is
//! how a join tells whether the running container is as a flag wants it.

mod apply;
mod parse;

use std::path::PathBuf;

use cli::verb::Given;
use libcontainer::config::{Id, Mount, NamespaceKind, Rootfs, Security, template};
use libcontainer::{Config, Error, ErrorKind, Resources, Result};

use crate::arguments::{Create, FLAGS, LIMITS};

/// What one flag asks for.
#[derive(Debug, Clone, PartialEq)]
enum What {
    Rootfs(PathBuf),
    Namespace(NamespaceKind, Where),
    UserNamespace(u32),
    Security(Security),
    Hostname(String),
    ReadOnly,
    Mount(Mount),
    Cgroup,
    MemoryLimit(i64),
    MemorySwap(i64),
    MemorySwappiness(u64),
    CpuShares(u64),
    CpusetCpus(String),
    CpusetMems(String),
    Group(Id),
    Sysctl(String, String),
    ParentDeathSignal(i32),
    Apparmor(String),
    ProcessLabel(String),
    MountLabel(String),
    Veth(VethPart),
    Init,
    Seccomp(Box<seccomp::Profile>),
}

/// Whose a namespace shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Where {
    Private,
    Host,
    Path(PathBuf),
}

/// A property of the one interface that flags can describe.
#[derive(Debug, Clone, PartialEq, Eq)]
enum VethPart {
    Bridge(String),
    Address(std::net::IpAddr, u8),
    Gateway(std::net::IpAddr),
    Mtu(u32),
}

/// A create flag that was given, with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    flag: &'static str,
    what: What,
}

/// The changes that were asked for, in the order in which they are to be applied.
///
/// # Errors
/// A value that the flag does not take.
pub fn all(given: &Given) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for flag in &FLAGS {
        if flag.value.is_none() {
            if given.is_on(flag.name) {
                changes.push(Change::of(flag, "")?);
            }
            continue;
        }
        for value in given.texts(flag.name) {
            changes.push(Change::of(flag, value)?);
        }
    }
    Ok(changes)
}

/// The limits that were asked for.
///
/// # Errors
/// As [`all`].
pub fn limits(given: &Given) -> Result<Resources> {
    let mut config = template(Rootfs::Directory(PathBuf::new()));
    config.resources = Resources::default();
    for flag in FLAGS.iter().filter(|flag| LIMITS.contains(&flag.name)) {
        for value in given.texts(flag.name) {
            Change::of(flag, value)?.apply(&mut config);
        }
    }
    Ok(config.resources)
}

/// Refuses flags that the running container is not like.
///
/// # Errors
/// Names one.
pub fn check(changes: &[Change], id: &str, running: &Config) -> Result<()> {
    let mut changed = running.clone();
    changes.iter().for_each(|change| change.apply(&mut changed));
    if changed == *running {
        return Ok(());
    }
    // One may undo what another does: it is all of them that count.
    let culprit = changes.iter().find(|change| change.changes(running)).or(changes.last());
    Err(different(&culprit.map_or(String::new(), |change| format!("--{}", change.flag)), id))
}

impl Change {
    fn of(flag: &'static Create, value: &str) -> Result<Self> {
        let what = parse::parse(flag.name, value)
            .map_err(|error| error.within(format!("--{} {value}", flag.name).trim().to_owned()))?;
        Ok(Self { flag: flag.name, what })
    }

    /// Changes `config` as the flag asks.
    pub fn apply(&self, config: &mut Config) {
        apply::apply(&self.what, config);
    }

    /// Whether it says what happens when nsinit dies.
    pub fn is_death_signal(&self) -> bool {
        matches!(self.what, What::ParentDeathSignal(_))
    }

    fn changes(&self, running: &Config) -> bool {
        let mut changed = running.clone();
        self.apply(&mut changed);
        changed != *running
    }
}

/// The error of a flag that a running container is not like.
pub fn different(flag: &str, id: &str) -> Error {
    let message = format!("{flag}: container {id:?} runs already, and is not like that");
    Error::new(ErrorKind::NotStopped, message)
        .with_hint("leave the flag out to join it, or name another container by --id")
}

#[cfg(test)]
mod tests;
