//! What a container is when no file says otherwise, and the three levels of security.

use std::path::PathBuf;
use std::str::FromStr;

use cgroups::{Access, DeviceRule};

use crate::{Error, Result};

use super::{
    Capabilities, Config, Device, DeviceKind, Mount, Namespace, NamespaceKind, Network,
    ProcessSpec, Rootfs, capability,
};

/// The host name of the template.
const HOSTNAME: &str = "nsinit";

/// SIGKILL, the template's parent death signal.
const SIGKILL: i32 = 9;

/// What the template keeps (capabilities(7)).
const CAPABILITIES: [&str; 14] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "FSETID",
    "FOWNER",
    "MKNOD",
    "NET_RAW",
    "SETGID",
    "SETUID",
    "SETFCAP",
    "SETPCAP",
    "NET_BIND_SERVICE",
    "SYS_CHROOT",
    "KILL",
    "AUDIT_WRITE",
];

/// What tells about the host or its other users, as today's container runtimes hide it.
const MASKED: [&str; 12] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];

/// What changes the host when written.
const READ_ONLY: [&str; 5] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// The built-in template of nsinit, at medium security. It has no control group: its name needs
/// the container's id.
pub fn template(rootfs: Rootfs) -> Config {
    let mut config = without_seccomp(rootfs);
    config.seccomp = default_seccomp(&config.process);
    config
}

/// The template but for the filters, which depend on the capabilities that stay in the end.
pub(super) fn without_seccomp(rootfs: Rootfs) -> Config {
    Config {
        rootfs,
        hostname: Some(HOSTNAME.to_owned()),
        namespaces: namespaces(),
        mounts: mounts(),
        devices: devices(),
        masked_paths: masked_paths(),
        readonly_paths: readonly_paths(),
        networks: vec![Network::Loopback],
        new_keyring: true,
        process: ProcessSpec {
            env: Some(environment(Some(HOSTNAME))),
            groups_from_file: Some(true),
            capabilities: Some(Capabilities::of(CAPABILITIES)),
            parent_death_signal: Some(SIGKILL),
            ..ProcessSpec::default()
        },
        resources: cgroups::Resources { devices: device_rules(), ..Default::default() },
        ..Config::default()
    }
}

impl Config {
    /// Names the container, in its UTS namespace and in HOSTNAME where its environment has that.
    pub fn set_hostname(&mut self, name: &str) {
        self.hostname = Some(name.to_owned());
        for variable in self.process.env.iter_mut().flatten() {
            if variable.starts_with("HOSTNAME=") {
                *variable = format!("HOSTNAME={name}");
            }
        }
    }
}

/// PATH, HOSTNAME where there is a name, and TERM.
pub(super) fn environment(hostname: Option<&str>) -> Vec<String> {
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned();
    let hostname = hostname.map(|name| format!("HOSTNAME={name}"));
    [Some(path), hostname, Some("TERM=xterm".to_owned())].into_iter().flatten().collect()
}

pub(super) fn namespaces() -> Vec<Namespace> {
    use NamespaceKind::{Ipc, Mount, Network, Pid, Uts};
    [Mount, Uts, Ipc, Pid, Network].map(|kind| Namespace { kind, path: None }).into()
}

/// The system's mounts, in the order in which they must be made. Options stand as
/// [`super::mount_flags::names_of_ms_flags`] orders them.
pub(super) fn mounts() -> Vec<Mount> {
    let mount = |destination: &str, fstype: &str, source: &str, options: &[&str]| Mount {
        destination: PathBuf::from(destination),
        fstype: fstype.to_owned(),
        source: Some(PathBuf::from(source)),
        options: options.iter().map(|&option| option.to_owned()).collect(),
        ..Mount::default()
    };
    let shm = ["nosuid", "nodev", "noexec", "mode=1777", "size=65536k"];
    let pts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"];
    vec![
        mount("/proc", "proc", "proc", &["nosuid", "nodev", "noexec"]),
        mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755"]),
        mount("/dev/pts", "devpts", "devpts", &pts),
        mount("/dev/shm", "tmpfs", "shm", &shm),
        mount("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "nodev", "noexec"]),
        mount("/sys", "sysfs", "sysfs", &["ro", "nosuid", "nodev", "noexec"]),
    ]
}

/// The container's view of its control group, which nsinit's `--cgroup` adds: read-only.
pub fn cgroup_mount() -> Mount {
    Mount {
        destination: PathBuf::from("/sys/fs/cgroup"),
        fstype: "cgroup".to_owned(),
        source: Some(PathBuf::from("cgroup")),
        options: ["ro", "nosuid", "nodev", "noexec"].map(str::to_owned).into(),
        ..Mount::default()
    }
}

/// The nodes that every Linux program may expect (config-linux.md, "Default Devices").
pub(super) fn standard_devices() -> Vec<Device> {
    [
        ("/dev/null", 1, 3),
        ("/dev/zero", 1, 5),
        ("/dev/full", 1, 7),
        ("/dev/tty", 5, 0),
        ("/dev/urandom", 1, 9),
        ("/dev/random", 1, 8),
    ]
    .map(|(path, major, minor)| character(path, major, minor))
    .into()
}

pub(super) fn devices() -> Vec<Device> {
    let mut devices = vec![character("/dev/fuse", 10, 229)];
    devices.extend(standard_devices());
    devices
}

fn character(path: &str, major: u32, minor: u32) -> Device {
    let path = PathBuf::from(path);
    Device { path, kind: DeviceKind::Char, major, minor, mode: 0o666, uid: 0, gid: 0 }
}

/// Nothing, but for making any node, and opening what belongs to no device of the host.
pub(super) fn device_rules() -> Vec<DeviceRule> {
    let mut rules = vec![deny_all_devices()];
    rules.extend(standard_device_rules());
    // tty0, tty1 and tun
    rules.extend([(4, 0), (4, 1), (10, 200)].map(|(major, minor)| opened(major, Some(minor))));
    rules
}

/// What every container may do: make any node, and open the terminals of its own devpts and the
/// standard devices.
pub(super) fn standard_device_rules() -> Vec<DeviceRule> {
    use cgroups::DeviceKind::{Block, Char};
    let made = |kind| DeviceRule { access: Access::MKNOD, kind, ..allow_all_devices() };
    // console, pts, ptmx, null, zero, full, tty, urandom, random
    let nodes = [
        (5, Some(1)),
        (136, None),
        (5, Some(2)),
        (1, Some(3)),
        (1, Some(5)),
        (1, Some(7)),
        (5, Some(0)),
        (1, Some(9)),
        (1, Some(8)),
    ];
    let mut rules = vec![made(Char), made(Block)];
    rules.extend(nodes.map(|(major, minor)| opened(major, minor)));
    rules
}

fn opened(major: i64, minor: Option<i64>) -> DeviceRule {
    let kind = cgroups::DeviceKind::Char;
    DeviceRule { kind, major: Some(major), minor, ..allow_all_devices() }
}

/// The rule that forgets all before it and allows nothing.
pub(super) fn deny_all_devices() -> DeviceRule {
    DeviceRule { allow: false, ..allow_all_devices() }
}

/// The rule that forgets all before it and allows everything.
pub(super) fn allow_all_devices() -> DeviceRule {
    let kind = cgroups::DeviceKind::All;
    DeviceRule { allow: true, kind, major: None, minor: None, access: Access::ALL }
}

pub(super) fn masked_paths() -> Vec<PathBuf> {
    MASKED.map(PathBuf::from).into()
}

pub(super) fn readonly_paths() -> Vec<PathBuf> {
    READ_ONLY.map(PathBuf::from).into()
}

/// The default profile for the process's bounding set, and the TIOCSTI filter.
pub(super) fn default_seccomp(process: &ProcessSpec) -> Vec<seccomp::Profile> {
    let kept = process.capabilities.as_ref().map_or(&[][..], |sets| &sets.bounding);
    let profile = seccomp::default_profile(&|asked| {
        capability::number(asked)
            .is_some_and(|asked| kept.iter().any(|name| capability::number(name) == Some(asked)))
    });
    vec![profile, seccomp::tiocsti_filter()]
}

/// How much a container is kept from, nsinit's `--security`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Security {
    /// No new privileges, the default seccomp profile, and no NET_RAW, MKNOD, AUDIT_WRITE.
    High,
    /// The default seccomp profile.
    #[default]
    Medium,
    /// All capabilities, no masked or read-only paths, all devices, and of filters only the one
    /// against TIOCSTI.
    Low,
}

impl FromStr for Security {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "high" => Ok(Self::High),
            "medium" => Ok(Self::Medium),
            "low" => Ok(Self::Low),
            _ => Err(Error::invalid("security", format!("{text:?} is not high, medium or low"))),
        }
    }
}

impl Security {
    /// Changes a config to this level. The filter against TIOCSTI, which would put words into the
    /// caller's terminal (CVE-2017-5226), is in each.
    pub fn apply(self, config: &mut Config) {
        match self {
            Self::High => {
                config.process.no_new_privileges = Some(true);
                for set in config.process.capabilities.iter_mut().flat_map(sets) {
                    set.retain(|name| {
                        let number = capability::number(name);
                        !["NET_RAW", "MKNOD", "AUDIT_WRITE"]
                            .iter()
                            .any(|dropped| capability::number(dropped) == number)
                    });
                }
                config.seccomp = default_seccomp(&config.process);
            }
            Self::Medium => config.seccomp = default_seccomp(&config.process),
            Self::Low => {
                config.process.capabilities = Some(Capabilities::of(capability::NAMES));
                config.masked_paths.clear();
                config.readonly_paths.clear();
                config.resources.devices = vec![allow_all_devices()];
                config.seccomp = vec![seccomp::tiocsti_filter()];
            }
        }
    }
}

fn sets(all: &mut Capabilities) -> [&mut Vec<String>; 5] {
    let Capabilities { bounding, effective, inheritable, permitted, ambient } = all;
    [bounding, effective, inheritable, permitted, ambient]
}

#[cfg(test)]
mod tests;
