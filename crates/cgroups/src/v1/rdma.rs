//! The rdma controller, the same in both versions (cgroup-v1/rdma.rst).

use std::collections::BTreeMap;

use crate::Result;
use crate::file::Dir;
use crate::parse::nested;
use crate::resources::Rdma;
use crate::setting::Setting;
use crate::stats::Stats;

/// What to write for these limits.
pub(crate) fn settings(devices: &BTreeMap<String, Rdma>) -> Vec<Setting> {
    let line = |(device, limits): (&String, &Rdma)| {
        let handles = limits.hca_handles.map(|value| format!(" hca_handle={value}"));
        let objects = limits.hca_objects.map(|value| format!(" hca_object={value}"));
        let value =
            format!("{device}{}{}", handles.unwrap_or_default(), objects.unwrap_or_default());
        Setting::new("rdma.max", value)
    };
    devices.iter().map(line).collect()
}

/// Reads the figures.
pub(crate) fn stats(dir: &Dir, stats: &mut Stats) -> Result<()> {
    let Some(current) = dir.read_optional("rdma.current")? else { return Ok(()) };
    let limits = dir.read_optional("rdma.max")?.unwrap_or_default();
    for (text, is_limit) in [(current, false), (limits, true)] {
        for (device, values) in nested(&text) {
            let one = stats.rdma.entry(device.to_owned()).or_default();
            let value = |key: &str| values.get(key).copied().flatten();
            if is_limit {
                one.hca_handles_limit = value("hca_handle");
                one.hca_objects_limit = value("hca_object");
            } else {
                one.hca_handles = value("hca_handle").unwrap_or(0);
                one.hca_objects = value("hca_object").unwrap_or(0);
            }
        }
    }
    Ok(())
}
