//! The processor's cache and memory bandwidth, as resctrl shares them out (config-linux.md,
//! "IntelRdt").

use serde::{Deserialize, Serialize};

use super::node::Node;
use crate::Result;

/// A container's class of service, and its monitoring.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IntelRdt {
    /// The class, which stays when the container goes: `/` is the default one. `None` makes one
    /// with the container's id, that goes with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clos_id: Option<String>,
    /// Portions of the third-level cache: `L3:0=7f0;1=1f`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l3_cache_schema: Option<String>,
    /// Memory bandwidth, in percent or MB/s as the kernel is mounted: `MB:0=20;1=70`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem_bw_schema: Option<String>,
    /// Further lines of the class's `schemata` file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub schemata: Vec<String>,
    /// Give the container a monitoring group of its own.
    pub enable_monitoring: bool,
}

/// The fields' names in a format, in the order above.
pub(super) type Names = [&'static str; 5];

/// container.json's.
pub(super) const OURS: Names =
    ["clos_id", "l3_cache_schema", "mem_bw_schema", "schemata", "enable_monitoring"];

/// config.json's.
pub(super) const OCI: Names =
    ["closID", "l3CacheSchema", "memBwSchema", "schemata", "enableMonitoring"];

/// Reads the field by these names for its own.
pub(super) fn read(node: &Node<'_>, names: Names) -> Result<IntelRdt> {
    let [clos, l3, bandwidth, schemata, monitoring] = names;
    if let Some(field) = node.get(clos)?.filter(|field| !field.is_empty()) {
        let text = field.text()?;
        // What resctrl itself has beside the classes.
        let taken = ["info", "mon_data", "mon_groups", ".", ".."].contains(&text);
        if text != "/" && (taken || text.contains(['/', '\n'])) {
            return Err(field.error(format!("{text:?} cannot be the name of a class")));
        }
    }
    if let Some(field) = node.get(bandwidth)?.filter(|field| !field.is_empty())
        && !field.text()?.starts_with("MB:")
    {
        return Err(field.error("must begin with MB:"));
    }
    let line = |field: &Node<'_>| match field.text()? {
        text if text.contains('\n') => Err(field.error("has a newline")),
        text => Ok(text.to_owned()),
    };
    Ok(IntelRdt {
        clos_id: node.text_of(clos)?,
        l3_cache_schema: node.text_of(l3)?,
        mem_bw_schema: match node.get(bandwidth)?.filter(|field| !field.is_empty()) {
            Some(field) => Some(line(&field)?),
            None => None,
        },
        schemata: node.each(schemata, line)?,
        enable_monitoring: node.boolean_of(monitoring)?.unwrap_or(false),
    })
}
