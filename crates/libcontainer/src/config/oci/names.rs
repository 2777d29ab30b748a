//! What config.json calls the fields of a [`Config`](crate::Config).

/// Beginnings of a field's path, and how they read in config.json. All others are the same.
const NAMES: [(&str, &str); 23] = [
    ("rootfs_propagation", "linux.rootfsPropagation"),
    ("rootfs_idmap", "annotations[\"org.nsrun.rootfs-idmap\"]"),
    ("rootfs", "root.path"),
    ("readonly_rootfs", "root.readonly"),
    ("namespaces", "linux.namespaces"),
    ("uid_mappings", "linux.uidMappings"),
    ("gid_mappings", "linux.gidMappings"),
    ("time_offsets", "linux.timeOffsets"),
    ("devices", "linux.devices"),
    ("masked_paths", "linux.maskedPaths"),
    ("readonly_paths", "linux.readonlyPaths"),
    ("net_devices", "linux.netDevices"),
    ("intel_rdt", "linux.intelRdt"),
    ("cgroup", "linux.cgroupsPath"),
    ("resources", "linux.resources"),
    ("sysctl", "linux.sysctl"),
    ("mount_label", "linux.mountLabel"),
    ("landlock", "annotations[\"org.nsrun.landlock\"]"),
    ("memory_policy", "linux.memoryPolicy"),
    // A config.json has one profile.
    ("seccomp[0]", "linux.seccomp"),
    ("seccomp", "linux.seccomp"),
    ("process.additionalGroups", "process.user.additionalGids"),
    ("process.user.group", "process.user.gid"),
];

/// The path of a field as config.json has it.
pub(crate) fn field(path: &str) -> String {
    for (ours, theirs) in NAMES {
        if let Some(rest) = path.strip_prefix(ours)
            && (rest.is_empty() || rest.starts_with(['.', '[']))
        {
            return format!("{theirs}{rest}");
        }
    }
    path.to_owned()
}
