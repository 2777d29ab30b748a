//! The namespace part of a [`Config`](super::Config) (namespaces(7)).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A namespace that is not the host's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// Which kind.
    pub kind: NamespaceKind,
    /// The namespace to join, for instance `/run/netns/blue`; `None` makes a new one.
    pub path: Option<PathBuf>,
}

/// The kinds of namespaces, in the order of namespaces(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamespaceKind {
    /// cgroup_namespaces(7)
    Cgroup,
    /// ipc_namespaces(7)
    Ipc,
    /// network_namespaces(7)
    Network,
    /// mount_namespaces(7)
    Mount,
    /// pid_namespaces(7)
    Pid,
    /// time_namespaces(7)
    Time,
    /// user_namespaces(7)
    User,
    /// uts_namespaces(7)
    Uts,
}

impl NamespaceKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Cgroup,
        Self::Ipc,
        Self::Network,
        Self::Mount,
        Self::Pid,
        Self::Time,
        Self::User,
        Self::Uts,
    ];

    /// The name of its file under `/proc/PID/ns`.
    pub fn proc_name(self) -> &'static str {
        match self {
            Self::Cgroup => "cgroup",
            Self::Ipc => "ipc",
            Self::Network => "net",
            Self::Mount => "mnt",
            Self::Pid => "pid",
            Self::Time => "time",
            Self::User => "user",
            Self::Uts => "uts",
        }
    }

    /// The name that container.json uses, for instance `NEWNS`.
    pub fn clone_name(self) -> &'static str {
        match self {
            Self::Cgroup => "NEWCGROUP",
            Self::Ipc => "NEWIPC",
            Self::Network => "NEWNET",
            Self::Mount => "NEWNS",
            Self::Pid => "NEWPID",
            Self::Time => "NEWTIME",
            Self::User => "NEWUSER",
            Self::Uts => "NEWUTS",
        }
    }
}

/// A range of ids of a user namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdMap {
    /// The first id inside.
    pub container_id: u32,
    /// The first id outside, in the caller's user namespace.
    pub host_id: u32,
    /// How many.
    pub size: u32,
}

/// A clock that a time namespace can shift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// CLOCK_MONOTONIC
    Monotonic,
    /// CLOCK_BOOTTIME
    Boottime,
}

/// How far a clock is shifted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TimeOffset {
    /// Seconds, may be negative.
    pub secs: i64,
    /// Nanoseconds, 0 to 999,999,999.
    pub nanosecs: u32,
}
