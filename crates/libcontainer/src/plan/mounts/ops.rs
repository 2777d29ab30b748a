//! The root file system as a list of operations, which `rootfs` carries out in order.
//!
//! Everything in here has been checked: paths are absolute and clean, options are bits, what the
//! host gives is in one list of sources. `rootfs` decides nothing.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::{DeviceKind, IdMap, Propagation};

/// The whole plan of a container's file systems.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootfsPlan {
    /// What becomes `/`.
    pub root: RootSource,
    /// Its ids are mapped, where it is a directory.
    pub root_idmap: Option<Idmap>,
    /// How the process gets there.
    pub entry: Entry,
    /// Hooks look for it while it is made: it is mounted where its directory is, and not over `/`.
    pub in_place: bool,
    /// Propagation of the root mount itself, once everything is in place.
    pub propagation: Propagation,
    /// Whether the root mount becomes read-only at the end.
    pub readonly: bool,
    /// What is opened in the host's view; the operations name them by index.
    pub sources: Vec<Source>,
    /// What is done, in order.
    pub ops: Vec<MountOp>,
    /// The SELinux label of file systems that the init makes without being asked (masks), and of
    /// those that take none as a parameter.
    pub label: Option<String>,
    /// Whether a terminal is opened on the container's devpts.
    pub terminal: bool,
}

impl RootfsPlan {
    /// What is done with a source, for an error: `mounting /data (bind) at /mnt`.
    pub fn shown(&self, source: usize) -> String {
        let path = self.sources.get(source).map(|source| source.path.display());
        let path = path.map(|path| path.to_string()).unwrap_or_default();
        let target = self.ops.iter().find_map(|op| match op {
            MountOp::Bind { source: other, target, .. } if *other == source => {
                Some(("bind", target.display()))
            }
            MountOp::Filesystem(Filesystem { target, layers: Some(layers), .. })
                if layers.has(source) =>
            {
                Some(("layer of an overlay", target.display()))
            }
            _ => None,
        });
        match target {
            Some((what, target)) => format!("mounting {path} ({what}) at {target}"),
            None => format!("taking {path} from the host"),
        }
    }
}

/// What becomes the container's `/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RootSource {
    /// A directory of the host, absolute.
    Directory(PathBuf),
    /// Overlays over the host's own file systems.
    Host(Vec<Layer>),
}

/// One file system of the host in a copy-on-write view. The first is `/`; each comes after the
/// one that it is mounted on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Where it is mounted, in the host and in the container.
    pub mountpoint: PathBuf,
    /// MOUNT_ATTR_* bits that it keeps (nosuid, nodev, noexec, read-only).
    pub attributes: u64,
}

/// How the process gets into the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// pivot_root(2), and the old root is detached.
    Pivot,
    /// The root is mounted over `/` and entered by chroot(2), for a host whose root is a ramfs.
    Move,
    /// chroot(2) alone: the container has the host's mount namespace.
    Chroot,
}

/// Something of the host that is mounted in the container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Absolute path in the host.
    pub path: PathBuf,
    /// With all that is mounted below it.
    pub recursive: bool,
    /// The device that it must be: kind, major, minor.
    pub device: Option<(DeviceKind, u32, u32)>,
    /// Where the host lacks it, the container does, too.
    pub optional: bool,
    /// Its ids are mapped.
    pub idmap: Option<Idmap>,
    /// The directory of the root file system, where it lies below that: what links are on the way
    /// is the image's doing.
    pub image: Option<PathBuf>,
    /// The SELinux label that it is given, with all below it.
    pub label: Option<String>,
}

/// Which ids a mount shows (mount_setattr(2), MOUNT_ATTR_IDMAP).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idmap {
    /// The user namespace that maps them.
    pub users: Users,
    /// Of all that is mounted below as well.
    pub recursive: bool,
}

/// A user namespace that maps the ids of a mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Users {
    /// One that is made for it: user ids and group ids.
    New(Vec<IdMap>, Vec<IdMap>),
    /// That at a path of the host.
    At(PathBuf),
}

/// What a mount is made to be (mount_setattr(2)): MOUNT_ATTR_* bits, and propagation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// Bits set on the mount itself.
    pub set: u64,
    /// Bits cleared on the mount itself.
    pub clear: u64,
    /// Bits set on it and on all below it.
    pub rec_set: u64,
    /// Bits cleared on it and on all below it.
    pub rec_clear: u64,
    /// Changes of propagation, in order, each with whether it is of all below the mount too.
    pub propagation: Vec<(Propagation, bool)>,
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MountOp {
    /// A part of the host's tree appears in the container.
    Bind {
        /// Which of [`RootfsPlan::sources`].
        source: usize,
        /// Where; made as a directory or file, as the source is.
        target: PathBuf,
        /// What the mount is made to be, before it is seen.
        attributes: Attributes,
    },
    /// A new file system.
    Filesystem(Filesystem),
    /// A mount that is there already becomes something else.
    Change {
        /// Its mount point.
        target: PathBuf,
        /// What its file system is given, as [`Filesystem::params`].
        params: Vec<(String, Option<String>)>,
        /// What it is made to be.
        attributes: Attributes,
    },
    /// Nodes of one directory.
    Nodes {
        /// The directory; made where it is missing.
        directory: PathBuf,
        /// What is made in it.
        nodes: Vec<Node>,
    },
    /// Hide what is there: a file by /dev/null, a directory by an empty read-only tmpfs. Passed
    /// over where nothing is there.
    Mask(PathBuf),
    /// Make what is there read-only, with all that is mounted below it. Passed over where
    /// nothing is there.
    Readonly(PathBuf),
}

impl MountOp {
    /// Where something is mounted by this.
    pub fn target(&self) -> Option<&PathBuf> {
        match self {
            Self::Bind { target, .. } | Self::Filesystem(Filesystem { target, .. }) => Some(target),
            Self::Change { .. } | Self::Nodes { .. } | Self::Mask(_) | Self::Readonly(_) => None,
        }
    }
}

/// A file system made by fsopen(2).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filesystem {
    /// Its type, as /proc/filesystems names it.
    pub fstype: String,
    /// What fsconfig(2) is given, in order: a flag has no value.
    pub params: Vec<(String, Option<String>)>,
    /// Where; made as a directory.
    pub target: PathBuf,
    /// MOUNT_ATTR_* bits of the new mount.
    pub attributes: u64,
    /// Changes of propagation, where it is not to be what its place gives it.
    pub propagation: Vec<(Propagation, bool)>,
    /// Whether what the image has at the target is copied into it.
    pub copy_up: bool,
    /// Where the host shows the same: what stands in for it where the kernel refuses a new one,
    /// since the namespace that it shows is not owned by the container's user namespace.
    pub stand_in: Option<PathBuf>,
    /// An overlay's directories, where their ids are mapped; else they are in the parameters.
    pub layers: Option<MappedLayers>,
}

/// The directories of an overlay, each a copy of its mount with mapped ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedLayers {
    /// Those that are read only, the uppermost first: which of [`RootfsPlan::sources`].
    pub lower: Vec<usize>,
    /// What takes the writes.
    pub writes: Option<Writes>,
}

/// Where an overlay's writes go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writes {
    /// A directory that both of these lie below: which of [`RootfsPlan::sources`].
    pub source: usize,
    /// The uppermost layer.
    pub upper: PathBuf,
    /// overlayfs' own.
    pub work: PathBuf,
}

impl MappedLayers {
    fn has(&self, source: usize) -> bool {
        self.lower.contains(&source) || self.writes.as_ref().is_some_and(|it| it.source == source)
    }
}

impl Filesystem {
    /// Its source, if it has one.
    pub fn source(&self) -> &str {
        let source = self.params.iter().find(|(key, _)| key == "source");
        source.and_then(|(_, value)| value.as_deref()).unwrap_or_default()
    }
}

/// What is made in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Node {
    /// mknod(2)
    Device(DeviceNode),
    /// A device of the host, bound on an empty file, where mknod is not allowed.
    Bound {
        /// Its name.
        name: String,
        /// Which of [`RootfsPlan::sources`].
        source: usize,
    },
    /// A symbolic link; one that is there already stays.
    Link {
        /// Its name.
        name: String,
        /// Its text.
        target: PathBuf,
    },
    /// `core -> /proc/kcore`, where this kernel has /proc/kcore.
    Core,
}

/// A node made by mknod(2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceNode {
    /// Its name.
    pub name: String,
    /// Character, block, or FIFO.
    pub kind: DeviceKind,
    /// The major number.
    pub major: u32,
    /// The minor number.
    pub minor: u32,
    /// Permission bits.
    pub mode: u32,
    /// The owner inside the container.
    pub uid: u32,
    /// The group inside the container.
    pub gid: u32,
}
