//! The file-system part of a [`Config`](super::Config).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::IdMap;

/// Where the root file system comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rootfs {
    /// A directory of the host.
    Directory(PathBuf),
    /// A copy-on-write view of the host's own file systems: an overlay over `/` and over each
    /// real file system mounted below it, whose writes go with the container; `/run` is fresh.
    Host,
}

impl Default for Rootfs {
    fn default() -> Self {
        Self::Directory(PathBuf::new())
    }
}

/// One mount of the container, as an OCI config writes it (config.md, "Mounts").
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mount {
    /// Where, as a path in the container.
    pub destination: PathBuf,
    /// The file-system type; `bind` or empty with a `bind`/`rbind` option for a bind.
    pub fstype: String,
    /// A path of the host for a bind, else what the file-system type makes of it.
    pub source: Option<PathBuf>,
    /// Options as mount(8) and config.md name them; what the one table in
    /// [`mount_flags`](super::mount_flags) does not know is the file system's own.
    pub options: Vec<String>,
    /// User ids of an idmapped bind (`idmap`, `ridmap`): those on disk are the container's, and
    /// seen as the host's. Empty takes those of the container's user namespace.
    pub uid_mappings: Vec<IdMap>,
    /// Group ids of an idmapped bind.
    pub gid_mappings: Vec<IdMap>,
    /// The source of a bind, with all that lies below it, is given the SELinux label of the
    /// container's mounts, and keeps it. Nothing is done where the kernel runs no SELinux.
    pub relabel: Option<Relabel>,
}

/// Whose the SELinux label of a bind's source becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relabel {
    /// `z`: every container's, for it has no categories.
    Shared,
    /// `Z`: this container's alone.
    Private,
}

/// How mounts propagate between peer groups (mount_namespaces(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Propagation {
    /// Nothing passes, either way.
    Private,
    /// The host's mounts reach the container, not the other way.
    Slave,
    /// Both ways.
    Shared,
    /// Private, and may not be bind-mounted.
    Unbindable,
}

/// A device node made in the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Where, as an absolute path in the container.
    pub path: PathBuf,
    /// Character, block, or FIFO.
    pub kind: DeviceKind,
    /// The major number; 0 for a FIFO.
    pub major: u32,
    /// The minor number; 0 for a FIFO.
    pub minor: u32,
    /// Permission bits, for instance 0o666.
    pub mode: u32,
    /// The owner, as an id inside the container.
    pub uid: u32,
    /// The group, as an id inside the container.
    pub gid: u32,
}

/// What kind of node (mknod(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// `c` or `u`.
    Char,
    /// `b`.
    Block,
    /// `p`.
    Fifo,
}
