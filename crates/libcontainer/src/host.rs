//! Facts about the host, read once for a start.

use sys::Context;

use crate::Result;

/// What a plan depends on beside its [`Config`](crate::Config).
#[derive(Debug, Clone)]
pub struct HostFacts {
    /// Device nodes can be made: CAP_MKNOD in the initial user namespace.
    pub mknod: bool,
    /// The control-group hierarchies.
    pub cgroups: cgroups::Host,
}

impl HostFacts {
    /// Looks.
    pub fn read() -> Result<Self> {
        Ok(Self { mknod: may_mknod(), cgroups: cgroups::Host::detect()? })
    }
}

/// Whether this process has CAP_MKNOD where it counts. The initial user namespace is the one
/// whose map is the identity over all ids (user_namespaces(7)).
fn may_mknod() -> bool {
    let has = rustix::thread::capabilities(None)
        .is_ok_and(|sets| sets.effective.contains(rustix::thread::CapabilitySet::MKNOD));
    let map = || std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    has && map().split_ascii_whitespace().eq(["0", "0", "4294967295"])
}

/// Whether the kernel runs SELinux: it has that file system only then.
pub fn has_selinux() -> Result<bool> {
    let path = "/proc/filesystems";
    Ok(std::fs::read_to_string(path).sys("read", || path)?.contains("selinuxfs"))
}

/// The mounts that this process sees, as /proc/self/mountinfo lists them.
pub fn mountinfo() -> Result<Vec<u8>> {
    let path = "/proc/self/mountinfo";
    Ok(std::fs::read(path).sys("read", || path)?)
}
