//! What this library recognises of a config.json, as features.md and features-linux.md have it:
//! from the tables that the reader itself uses.

use std::collections::BTreeMap;

use seccomp::{Action, Architecture, Flag, Op};
use serde_json::{Value, json};

use super::super::{MemoryFlag, MemoryMode, capability, mount_flags};
use super::hooks;
use super::linux::NAMESPACES;
use super::version::{LEAST, MOST};

/// The features structure of the runtime specification, with the annotations of a program.
pub fn features(annotations: &BTreeMap<String, String>) -> Value {
    let mut capabilities: Vec<String> =
        capability::NAMES.iter().map(|name| format!("CAP_{name}")).collect();
    capabilities.sort_unstable();
    json!({
        "ociVersionMin": LEAST,
        "ociVersionMax": MOST,
        "hooks": hooks::KINDS,
        "mountOptions": sorted(mount_flags::recognised()),
        "linux": {
            "namespaces": sorted(NAMESPACES.iter().map(|(name, _)| *name)),
            "capabilities": capabilities,
            "cgroup": {
                "v1": true, "v2": true, "systemd": true, "systemdUser": true, "rdma": true,
            },
            "seccomp": seccomp(),
            "apparmor": {"enabled": true},
            "selinux": {"enabled": true},
            "intelRdt": {"enabled": true, "schemata": true, "monitoring": true},
            "memoryPolicy": {"modes": MemoryMode::ALL, "flags": MemoryFlag::ALL},
            "mountExtensions": {"idmap": {"enabled": mount_flags::recognised().any(|it| it == "idmap")}},
            "netDevices": {"enabled": true},
        },
        "annotations": annotations,
        // What is beyond the specification; the first only takes rights away, but it changes what is
        // done. The other is for properties of the unit, where systemd makes the group.
        "potentiallyUnsafeConfigAnnotations": [super::LANDLOCK, "org.systemd.property."],
    })
}

fn seccomp() -> Value {
    let flags = sorted(Flag::ALL.iter().map(|flag| flag.name()));
    json!({
        "enabled": true,
        "actions": sorted(Action::ALL.iter().map(|action| action.name())),
        "operators": sorted(Op::ALL.iter().map(|op| op.name())),
        "archs": sorted(Architecture::ALL.iter().map(|architecture| architecture.name())),
        "knownFlags": flags.clone(),
        "supportedFlags": flags,
    })
}

fn sorted(names: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests;
