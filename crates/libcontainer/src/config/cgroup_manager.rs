//! Who makes control groups.

use serde::{Deserialize, Serialize};

/// Who makes a container's control group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CgroupManager {
    /// This library, in the file system, at the path that `cgroup` is.
    #[default]
    Files,
    /// systemd: a unit for each container, which `cgroup` names as `slice:prefix:name`. The
    /// annotations `org.systemd.property.NAME` are its further properties.
    Systemd,
    /// This library, at the path that `cgroup` is below one unit for all, which systemd makes when
    /// it is first used ([`cgroups::systemd::Shared`]).
    Delegated,
}

impl CgroupManager {
    pub(crate) fn is_files(&self) -> bool {
        *self == Self::Files
    }

    /// By its name on command lines.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "cgroupfs" => Some(Self::Files),
            "systemd" => Some(Self::Systemd),
            "delegated" => Some(Self::Delegated),
            _ => None,
        }
    }
}
