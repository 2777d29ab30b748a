//! The rdma controller, the same in both versions (cgroup-v1/rdma.rst).

use std::collections::BTreeMap;

use crate::resources::Rdma;
use crate::setting::Setting;

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
