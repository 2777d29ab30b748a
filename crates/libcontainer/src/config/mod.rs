//! What a container shall be: typed input, no system call.
//!
//! A [`Config`] is built in memory, or read from a `container.json` of any era or an OCI
//! `config.json`. Only `plan` reads it afterwards.

pub mod capability;
mod cgroup_manager;
mod container_json;
mod document;
mod hook;
mod intel_rdt;
mod landlock;
mod mount;
pub mod mount_flags;
mod namespace;
mod network;
mod node;
mod oci;
mod parsed;
mod print;
mod process;
mod scheduling;
pub mod signal;
mod template;
mod value;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Error;

pub use cgroup_manager::CgroupManager;
pub use hook::{Hook, Hooks};
pub use intel_rdt::IntelRdt;
pub use landlock::{FileAccess, Landlock, LandlockFiles, LandlockNetwork, LandlockRule, Scope};
pub use mount::{Device, DeviceKind, Mount, Propagation, Relabel, Rootfs};
pub use namespace::{Clock, IdMap, Namespace, NamespaceKind, TimeOffset};
pub use network::{Network, Route, Veth};
pub(crate) use node::shortened;
pub(crate) use oci::VERSION as OCI_VERSION;
pub use oci::features;
pub(crate) use oci::field as oci_field;
pub use parsed::{Form, Parsed, parse, parse_oci, parse_oci_ahead, parse_process, resources};
pub use print::{document, print};
pub use process::{Capabilities, Id, ProcessSpec, Rlimit, User};
pub use scheduling::{
    ExecAffinity, IoClass, IoPriority, MemoryFlag, MemoryMode, MemoryPolicy, NumberList,
    Personality, Scheduler, SchedulerFlag, SchedulerPolicy,
};
pub use template::{Security, cgroup_mount, template};

impl Config {
    /// An error about this configuration, with the names that its fields have in its file.
    pub(crate) fn own_words(&self, error: Error) -> Error {
        if self.oci { error.in_oci_terms() } else { error }
    }

    /// The kernel's version of Landlock; it is looked at only where it is wanted.
    pub(crate) fn landlock_version(&self) -> u32 {
        if self.landlock.is_some() { crate::host::landlock() } else { 0 }
    }
}

/// Everything about a container but the streams of its processes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Where the container's root file system comes from.
    pub rootfs: Rootfs,
    /// The root directory's files belong to the container's ids as they are in there (0 and up),
    /// and are shown so by an idmapped mount; needs a user namespace other than the host's.
    #[serde(skip_serializing_if = "print::is_false")]
    pub rootfs_idmap: bool,
    /// Whether the root itself is mounted read-only (mounts below it keep their own options).
    pub readonly_rootfs: bool,
    /// Propagation of the container's mounts towards and from the host's; `None` is
    /// [`Propagation::Slave`] recursively, private for the root itself.
    pub rootfs_propagation: Option<Propagation>,
    /// Move the root over `/` and chroot instead of pivot_root(2), for a host whose root is a
    /// ramfs.
    pub no_pivot_root: bool,
    /// The UTS namespace's host name; needs a UTS namespace of the container's own.
    pub hostname: Option<String>,
    /// The UTS namespace's NIS domain name.
    pub domainname: Option<String>,
    /// The namespaces that are not the host's: each is new, or joined by path. At most one of a
    /// kind.
    pub namespaces: Vec<Namespace>,
    /// User ids of a new user namespace (user_namespaces(7)).
    pub uid_mappings: Vec<IdMap>,
    /// Group ids of a new user namespace.
    pub gid_mappings: Vec<IdMap>,
    /// Offsets of a new time namespace (time_namespaces(7)).
    pub time_offsets: BTreeMap<Clock, TimeOffset>,
    /// What is mounted, in order.
    pub mounts: Vec<Mount>,
    /// Device nodes made in the root file system, and the links and ptmx that belong to /dev
    /// (`/dev/fd`, `/dev/stdin`, …) when /dev is mounted fresh.
    pub devices: Vec<Device>,
    /// Paths that are hidden (a file by /dev/null, a directory by an empty read-only tmpfs);
    /// absent ones are passed over.
    pub masked_paths: Vec<PathBuf>,
    /// Paths that are made read-only, with what is mounted below them.
    pub readonly_paths: Vec<PathBuf>,
    /// Network interfaces; they need a network namespace of the container's own.
    pub networks: Vec<Network>,
    /// Routes in the container's network namespace.
    pub routes: Vec<Route>,
    /// Devices of the host's network that the container gets, each with its name in there; a `%d`
    /// at the name's end is the first free number (config-linux.md, "Network Devices"). They need
    /// a network namespace other than the host's.
    pub net_devices: BTreeMap<String, String>,
    /// The control group below each hierarchy's root, for instance `nsinit/web-1`; `None` leaves
    /// the container in the caller's.
    pub cgroup: Option<PathBuf>,
    /// Who makes the group, and what `cgroup` therefore says.
    #[serde(skip_serializing_if = "CgroupManager::is_files")]
    pub cgroup_manager: CgroupManager,
    /// Nobody has named the group: who may not make it does without, and need not be told. Limits
    /// are refused all the same.
    pub cgroup_implied: bool,
    /// The systemd slice under which systemd makes the control group; it has no effect where the
    /// group is made in the file system.
    pub slice: Option<String>,
    /// Limits of the control group.
    pub resources: cgroups::Resources,
    /// The processor's cache and memory bandwidth; needs a mounted resctrl.
    pub intel_rdt: Option<IntelRdt>,
    /// Kernel parameters of the container's own namespaces, by dotted key.
    pub sysctl: BTreeMap<String, String>,
    /// System-call filters, loaded in order before the process starts.
    pub seccomp: Vec<seccomp::Profile>,
    /// What the container's processes are restricted to by Landlock; needs Linux 5.13.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub landlock: Option<Landlock>,
    /// What system the kernel appears to be to its processes; `None` inherits.
    pub personality: Option<Personality>,
    /// Where its processes' memory comes from; `None` inherits.
    pub memory_policy: Option<MemoryPolicy>,
    /// The SELinux label of the container's mounts.
    pub mount_label: Option<String>,
    /// Give the container a session keyring of its own (keyrings(7)).
    pub new_keyring: bool,
    /// A PID 1 of ours that reaps orphans and forwards signals to the process.
    pub reaper: bool,
    /// What the container's processes are when a [`crate::Process`] does not say otherwise.
    pub process: ProcessSpec,
    /// What the OCI runtime specification and container.json leave open is as OCI engines expect:
    /// a working directory that is missing is made, a process without a umask keeps the
    /// creator's, and errors name the fields of config.json.
    pub oci: bool,
    /// Notes of the config's author; the library only keeps them, and tells hooks.
    pub annotations: BTreeMap<String, String>,
    /// Programs that run at points of the container's life.
    #[serde(skip_serializing_if = "Hooks::is_empty")]
    pub hooks: Hooks,
    /// The directory that the configuration and the root file system came in, an absolute path.
    /// Hooks are told of it, and those on the host run in it: there are none without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<PathBuf>,
}
