//! The rules for paths.

use std::path::{Component, Path, PathBuf};

use super::{Attributes, Field, MountNamespace};
use crate::config::mount_flags::attr;
use crate::config::{Config, Rootfs};
use crate::{Error, ErrorKind, Result};

/// What may be mounted on inside /proc: files that tell a container about its own limits, as
/// lxcfs makes them, and two settings that checkpoints and cryptography want. Everything else
/// there is a way to deceive those who read or write /proc (attack 19).
const MOUNTABLE_IN_PROC: [&str; 11] = [
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/net/dev",
    "/proc/slabinfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/uptime",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/crypto/fips_enabled",
];

/// An absolute path in the container, without `.`, `..` and doubled slashes. `..` is taken
/// lexically, as OCI's users know it; the result is resolved by the kernel below the root.
pub(super) fn destination(path: &Path, field: Field<'_>) -> Result<PathBuf> {
    match mount_point(path, field)? {
        root if root == Path::new("/") => {
            Err(Error::invalid(field.to_string(), "is the root itself"))
        }
        path => Ok(path),
    }
}

/// The same, where it may be the root.
pub(super) fn mount_point(path: &Path, field: Field<'_>) -> Result<PathBuf> {
    if !path.is_absolute() {
        let what = format!("{:?} is not an absolute path", path.display().to_string());
        return Err(Error::invalid(field.to_string(), what));
    }
    let mut clean = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => {
                clean.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    if clean.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(Error::invalid(field.to_string(), "has a zero byte"));
    }
    Ok(clean)
}

/// A bind's source: a path of the host, absolute because the init knows no other directory.
pub(super) fn source(path: Option<&Path>, field: Field<'_>) -> Result<PathBuf> {
    match path {
        None => Err(Error::invalid(field.to_string(), "a bind needs a source")),
        Some(path) if path.is_absolute() => Ok(path.to_owned()),
        Some(path) => {
            let what = format!("{:?} is not an absolute path", path.display().to_string());
            Err(Error::invalid(field.to_string(), what))
        }
    }
}

/// /proc is a procfs, and little of it can be mounted on.
pub(super) fn proc_rules(target: &Path, fstype: &str, bind: bool, field: Field<'_>) -> Result<()> {
    if target == Path::new("/proc") {
        // That a bound one is a procfs is checked when it is open.
        return match bind || fstype == "proc" {
            true => Ok(()),
            false => {
                Err(Error::invalid(field.to_string(), "only a procfs may be mounted at /proc"))
            }
        };
    }
    let known = MOUNTABLE_IN_PROC.iter().any(|allowed| target == Path::new(allowed));
    if !target.starts_with("/proc") || (bind && known) {
        return Ok(());
    }
    let what = format!("nothing may be mounted at {} inside /proc", target.display());
    Err(Error::invalid(field.to_string(), what)
        .with_hint("files that may be bound there are /proc/cpuinfo, /proc/meminfo and their like"))
}

/// A user's own control groups lie below /sys: what is bound of that and shall be read-only is so
/// with them, or the container could change groups of the host (CVE-2023-25809).
pub(super) fn read_only_sys(source: &Path, attributes: &mut Attributes) {
    let groups = Path::new("/sys/fs/cgroup");
    if groups.starts_with(source) || source.starts_with(groups) {
        attributes.rec_set |= attr::RDONLY;
    }
}

/// The error of something inside `field`.
pub(super) fn in_field(error: Error, field: Field<'_>) -> Error {
    match error.kind() {
        ErrorKind::InvalidConfig { field: inner } => {
            let field = format!("{field}.{inner}");
            error.as_kind(ErrorKind::InvalidConfig { field })
        }
        _ => error,
    }
}

/// Without a mount namespace of its own, what the container mounts would be mounted for others.
pub(super) fn nothing_to_mount(config: &Config, namespace: MountNamespace) -> Result<()> {
    let whose = match namespace {
        MountNamespace::New => return Ok(()),
        MountNamespace::Joined => "the mount namespace that it joins",
        MountNamespace::Host => "the host's mount namespace",
    };
    let joined = namespace == MountNamespace::Joined;
    let asked = [
        ("mounts", !config.mounts.is_empty()),
        ("masked_paths", !config.masked_paths.is_empty()),
        ("readonly_paths", !config.readonly_paths.is_empty()),
        ("readonly_rootfs", config.readonly_rootfs),
        ("rootfs_propagation", config.rootfs_propagation.is_some()),
        ("rootfs", config.rootfs == Rootfs::Host),
        ("rootfs_idmap", config.rootfs_idmap),
        ("devices", joined && !config.devices.is_empty()),
    ];
    match asked.iter().find(|(_, asked)| *asked) {
        None => Ok(()),
        Some((field, _)) => {
            let what = format!("needs a new mount namespace, and the container has {whose}");
            Err(Error::invalid(*field, what))
        }
    }
}
