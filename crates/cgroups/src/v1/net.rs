//! The controllers net_cls and net_prio, which only version 1 has (cgroup-v1/net_cls.rst,
//! net_prio.rst).

use std::collections::BTreeMap;

use crate::setting::Setting;

/// What to write to mark packets with a class.
pub(crate) fn class_settings(classid: u32) -> Vec<Setting> {
    vec![Setting::new("net_cls.classid", classid)]
}

/// What to write for priorities by interface.
pub(crate) fn priority_settings(map: &BTreeMap<String, u32>) -> Vec<Setting> {
    let line = |(interface, priority): (&String, &u32)| {
        Setting::new("net_prio.ifpriomap", format!("{interface} {priority}"))
    };
    map.iter().map(line).collect()
}
