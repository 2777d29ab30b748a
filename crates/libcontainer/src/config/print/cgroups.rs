//! The control group in the fields of 2015, and whole where these cannot say it.

use std::path::Path;

use cgroups::{DeviceKind, DeviceRule, Resources, ThrottleDevice, WeightDevice};
use serde::Serialize;

use super::super::{container_json, template};

/// `cgroups`.
#[derive(Serialize)]
pub(super) struct Group<'a> {
    name: &'a Path,
    parent: &'a Path,
    #[serde(skip_serializing_if = "super::no_text")]
    slice: &'a Option<String>,
    #[serde(flatten)]
    limits: Limits<'a>,
    /// Everything, by the names of [`Resources`]: it takes the place of all the fields above.
    #[serde(skip_serializing_if = "Option::is_none")]
    resources: Option<&'a Resources>,
}

impl<'a> Group<'a> {
    pub(super) fn of(
        cgroup: Option<&'a Path>,
        slice: &'a Option<String>,
        resources: &'a Resources,
    ) -> Self {
        let empty = Path::new("");
        let cgroup = cgroup.unwrap_or(empty);
        let limits = Limits::of(resources);
        let said = serde_json::to_value(&limits)
            .is_ok_and(|value| container_json::limits_of(&value).as_ref() == Ok(resources));
        Self {
            name: cgroup.file_name().map_or(empty, Path::new),
            parent: cgroup.parent().unwrap_or(empty),
            slice,
            limits,
            resources: Some(resources).filter(|_| !said),
        }
    }
}

macro_rules! limits {
    ($($field:ident: $type:ty,)*) => {
        /// The limits, each only if it is set.
        #[derive(Serialize)]
        struct Limits<'a> {
            allow_all_devices: bool,
            allowed_devices: Vec<Rule>,
            #[serde(skip_serializing_if = "Vec::is_empty")]
            denied_devices: Vec<Rule>,
            $(#[serde(skip_serializing_if = "unset")] $field: $type,)*
        }
    };
}

limits! {
    memory: Option<i64>,
    memory_reservation: Option<i64>,
    memory_swap: Option<i64>,
    kernel_memory: Option<i64>,
    memory_swappiness: Option<u64>,
    oom_kill_disable: Option<bool>,
    cpu_shares: Option<u64>,
    cpu_quota: Option<i64>,
    cpu_period: Option<u64>,
    cpu_burst: Option<u64>,
    cpu_rt_quota: Option<i64>,
    cpu_rt_period: Option<u64>,
    cpu_idle: Option<i64>,
    cpuset_cpus: Option<&'a str>,
    cpuset_mems: Option<&'a str>,
    pids_limit: Option<i64>,
    blkio_weight: Option<u16>,
    blkio_leaf_weight: Option<u16>,
    blkio_weight_device: Option<&'a [WeightDevice]>,
    blkio_throttle_read_bps_device: Option<&'a [ThrottleDevice]>,
    blkio_throttle_write_bps_device: Option<&'a [ThrottleDevice]>,
    blkio_throttle_read_iops_device: Option<&'a [ThrottleDevice]>,
    blkio_throttle_write_iops_device: Option<&'a [ThrottleDevice]>,
    hugetlb_limit: Option<Vec<HugePage<'a>>>,
    net_cls_classid: Option<u32>,
    net_prio_ifpriomap: Option<Vec<Priority<'a>>>,
    unified: Option<&'a std::collections::BTreeMap<String, String>>,
}

fn unset<T>(value: &Option<T>) -> bool {
    value.is_none()
}

#[derive(Serialize)]
struct HugePage<'a> {
    page_size: &'a str,
    limit: u64,
}

#[derive(Serialize)]
struct Priority<'a> {
    interface: &'a str,
    priority: u32,
}

/// A device rule: which device, and what may be done with it.
#[derive(Serialize)]
struct Rule {
    r#type: u32,
    major: i64,
    minor: i64,
    permissions: String,
}

impl Rule {
    fn of(rule: &DeviceRule) -> Self {
        let letter = match rule.kind {
            DeviceKind::All => 'a',
            DeviceKind::Block => 'b',
            DeviceKind::Char => 'c',
        };
        Self {
            r#type: letter.into(),
            major: rule.major.unwrap_or(-1),
            minor: rule.minor.unwrap_or(-1),
            permissions: rule.access.to_string(),
        }
    }
}

impl<'a> Limits<'a> {
    fn of(resources: &'a Resources) -> Self {
        let Resources { memory, cpu, pids, block_io, hugetlb, net_prio, unified, .. } = resources;
        let rules = &resources.devices;
        let allow_all = rules.first() == Some(&template::allow_all_devices());
        let listed = |allow| rules.iter().skip(1).filter(move |rule| rule.allow == allow);
        let page = |(size, limit): (&'a String, &u64)| HugePage { page_size: size, limit: *limit };
        let priority = |(name, priority): (&'a String, &u32)| Priority {
            interface: name,
            priority: *priority,
        };
        Self {
            allow_all_devices: allow_all,
            allowed_devices: listed(true).map(Rule::of).collect(),
            denied_devices: listed(false).map(Rule::of).collect(),
            memory: memory.limit,
            memory_reservation: memory.reservation,
            memory_swap: memory.swap,
            kernel_memory: memory.kernel,
            memory_swappiness: memory.swappiness,
            oom_kill_disable: memory.disable_oom_killer,
            cpu_shares: cpu.shares,
            cpu_quota: cpu.quota,
            cpu_period: cpu.period,
            cpu_burst: cpu.burst,
            cpu_rt_quota: cpu.rt_runtime,
            cpu_rt_period: cpu.rt_period,
            cpu_idle: cpu.idle,
            cpuset_cpus: cpu.cpus.as_deref(),
            cpuset_mems: cpu.mems.as_deref(),
            pids_limit: *pids,
            blkio_weight: block_io.weight,
            blkio_leaf_weight: block_io.leaf_weight,
            blkio_weight_device: filled(&block_io.weight_device),
            blkio_throttle_read_bps_device: filled(&block_io.throttle_read_bps),
            blkio_throttle_write_bps_device: filled(&block_io.throttle_write_bps),
            blkio_throttle_read_iops_device: filled(&block_io.throttle_read_iops),
            blkio_throttle_write_iops_device: filled(&block_io.throttle_write_iops),
            hugetlb_limit: some(hugetlb.iter().map(page).collect()),
            net_cls_classid: resources.net_cls_classid,
            net_prio_ifpriomap: some(net_prio.iter().map(priority).collect()),
            unified: Some(unified).filter(|unified| !unified.is_empty()),
        }
    }
}

fn filled<T>(list: &[T]) -> Option<&[T]> {
    Some(list).filter(|list| !list.is_empty())
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}
