//! Facts about the host, read once for a start.

use rustix::fs::{Mode, OFlags, open};
use rustix::thread::{CapabilitySet, capabilities};
use sys::Context;

use crate::Result;

/// What a plan depends on beside its [`Config`](crate::Config).
#[derive(Debug, Clone)]
pub struct HostFacts {
    /// Device nodes can be made: CAP_MKNOD in the initial user namespace.
    pub mknod: bool,
    /// This process administers the host: CAP_SYS_ADMIN in the initial user namespace. Without it,
    /// it is looked at what is delegated.
    pub administrator: bool,
    /// The control-group hierarchies.
    pub cgroups: cgroups::Host,
}

impl HostFacts {
    /// Looks.
    pub fn read() -> Result<Self> {
        let held = in_force() & (CapabilitySet::MKNOD | CapabilitySet::SYS_ADMIN);
        let held = if held.is_empty() || is_initial() { held } else { CapabilitySet::empty() };
        Ok(Self {
            mknod: held.contains(CapabilitySet::MKNOD),
            administrator: held.contains(CapabilitySet::SYS_ADMIN),
            cgroups: cgroups::Host::detect()?,
        })
    }
}

/// What this process may, in its own user namespace.
pub(crate) fn in_force() -> CapabilitySet {
    capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective)
}

/// Whether it counts on the host. The initial user namespace is the one whose map is the identity
/// over all ids (user_namespaces(7)).
fn is_initial() -> bool {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    // Three numbers of ten places in a line; of a second one there is a beginning.
    let mut map = [0; 64];
    let length = open("/proc/self/uid_map", flags, Mode::empty())
        .and_then(|file| rustix::io::read(file, &mut map))
        .unwrap_or_default();
    let fields = map[..length].split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    fields.eq([&b"0"[..], b"0", b"4294967295"])
}

/// Whether the kernel runs SELinux: it has that file system only then.
pub fn has_selinux() -> Result<bool> {
    let path = "/proc/filesystems";
    Ok(std::fs::read_to_string(path).sys("read", || path)?.contains("selinuxfs"))
}

/// The kernel's version of Landlock; 0 where it has none or was started without it.
pub fn landlock() -> u32 {
    sys::landlock::version().unwrap_or(0)
}

/// The mounts that this process sees, as /proc/self/mountinfo lists them.
pub fn mountinfo() -> Result<Vec<u8>> {
    let path = "/proc/self/mountinfo";
    Ok(std::fs::read(path).sys("read", || path)?)
}
