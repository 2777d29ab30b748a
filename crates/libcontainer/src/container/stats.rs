//! A container's figures.

use serde::Serialize;

use crate::network::InterfaceStats;
use crate::resctrl::RdtStats;

/// What a container uses, with the keys that tools read.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Stats {
    /// Its network interfaces, seen from inside.
    #[serde(rename = "Interfaces")]
    pub interfaces: Vec<InterfaceStats>,
    /// Its control group's figures; `null` when it has no group of its own.
    #[serde(rename = "CgroupStats")]
    pub cgroup: Option<cgroups::Stats>,
    /// Its class of service in resctrl; left out when it has none.
    #[serde(rename = "IntelRdtStats", skip_serializing_if = "Option::is_none")]
    pub intel_rdt: Option<RdtStats>,
}
