//! The create flags: what a container is made with, beyond its file.

use clap::ValueHint;
use cli::verb::{Flag, Flags};

/// One create flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Create {
    /// The long name, without dashes.
    pub name: &'static str,
    /// What stands for its value in help; `None` for a flag without one.
    pub value: Option<&'static str>,
    /// It may be given more than once.
    pub repeats: bool,
    help: &'static str,
}

const fn with(name: &'static str, value: &'static str, help: &'static str) -> Create {
    Create { name, value: Some(value), repeats: false, help }
}

const fn repeated(name: &'static str, value: &'static str, help: &'static str) -> Create {
    Create { name, value: Some(value), repeats: true, help }
}

const fn plain(name: &'static str, help: &'static str) -> Create {
    Create { name, value: None, repeats: false, help }
}

/// Every create flag, in the order in which they change a configuration: where the container
/// lives first, since that decides what else can be.
pub const FLAGS: [Create; 31] = [
    with("rootfs", "DIR", "The root file system [default: this directory]"),
    with("mnt", "NS", "Mount namespace: private, host, or the path of one to join"),
    with("pid", "NS", "PID namespace: private, host, or a path"),
    with("ipc", "NS", "IPC namespace: private, host, or a path"),
    with("net", "NS", "Network namespace: private, host, or a path"),
    with("uts", "NS", "UTS namespace (host name): private, host, or a path"),
    with("userns-root-uid", "UID", "New user namespace: its ids 0 to 65535 are UID and up here"),
    with("security", "LEVEL", "high, medium or low: see below [default: medium]"),
    with("hostname", "NAME", "The host name inside"),
    plain("read-only", "Make the root file system read-only"),
    repeated("bind", "SRC:DST[:ro|rw|z|Z,...]", "Show a file or directory of the host at DST"),
    repeated("tmpfs", "DST", "Mount an empty tmpfs at DST"),
    plain("cgroup", "Mount the control group's files, read-only, at /sys/fs/cgroup"),
    with("memory-limit", "BYTES", "The most memory: a number, with k, m or g; -1 for no limit"),
    with("memory-swap", "BYTES", "The most memory and swap together"),
    with("memory-swappiness", "PERCENT", "How readily memory is swapped out, 0 to 100"),
    with("cpushares", "N", "Relative share of the processors, 2 to 262144; 1024 is usual"),
    with("cpuset-cpus", "LIST", "The processors it may run on: 0-3,7"),
    with("cpuset-mems", "LIST", "The memory nodes it may use"),
    repeated("groups", "GROUP", "A supplementary group, by number or by name of the container"),
    repeated("sysctl", "KEY=VALUE", "A kernel parameter of the container's namespaces"),
    with("parent-death-signal", "SIGNAL", "What it gets when nsinit dies, or none [default: KILL]"),
    with("apparmor-profile", "NAME", "Run under this AppArmor profile"),
    with("process-label", "LABEL", "The SELinux label of its processes"),
    with("mount-label", "LABEL", "The SELinux label of its mounts"),
    with("veth-bridge", "NAME", "Connect eth0 of the container to this bridge of the host"),
    with("veth-address", "ADDR/LEN", "The address of eth0"),
    with("veth-gateway", "ADDR", "The default gateway, reached by eth0"),
    with("veth-mtu", "BYTES", "The MTU of eth0"),
    repeated(
        "seccomp",
        "FILE",
        "One more system-call filter, an OCI profile: the strictest decides",
    ),
    plain("init", "A PID 1 of nsinit's own: it reaps orphans and forwards signals"),
];

impl Create {
    /// Its definition for the parser.
    fn flag(&self) -> Flag {
        let Some(value) = self.value else { return Flag::plain(self.name, self.help) };
        let flag = Flag::text(self.name, value, self.help);
        let flag = if self.repeats { flag.repeats() } else { flag };
        match self.name {
            // -1 is "no limit"
            "memory-limit" | "memory-swap" => flag.dashes().hint(ValueHint::Other),
            "rootfs" => flag.hint(ValueHint::DirPath),
            "seccomp" => flag.hint(ValueHint::FilePath),
            "mnt" | "pid" | "ipc" | "net" | "uts" | "bind" => flag.hint(ValueHint::AnyPath),
            "hostname" => flag.hint(ValueHint::Hostname),
            _ => flag.hint(ValueHint::Other),
        }
    }
}

/// Those that can be changed while a container runs.
pub const LIMITS: [&str; 6] =
    ["memory-limit", "memory-swap", "memory-swappiness", "cpushares", "cpuset-cpus", "cpuset-mems"];

/// Their definitions for `update`.
pub(super) fn limits(flags: &mut Flags<'_>) {
    for flag in FLAGS.iter().filter(|flag| LIMITS.contains(&flag.name)) {
        flags.add(flag.flag());
    }
}

/// All of them.
pub(super) fn all(flags: &mut Flags<'_>) {
    for flag in &FLAGS {
        flags.add(flag.flag().heading(Some("Create flags")));
    }
}
