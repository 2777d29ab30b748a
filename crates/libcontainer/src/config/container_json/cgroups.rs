//! `cgroups`: where the control group is, and its limits. Zero is unset, as in Go programs.

use std::path::PathBuf;

use cgroups::{DeviceRule, Resources, ThrottleDevice, WeightDevice};

use crate::Result;

use super::super::node::Node;
use super::super::{Config, template, value};
use super::devices;

/// Reads `cgroups` into a config that has the template's device rules.
pub(super) fn read(root: &Node<'_>, config: &mut Config) -> Result<()> {
    let Some(node) = root.get("cgroups")? else { return Ok(()) };
    config.cgroup = path(&node)?;
    config.slice = node.text_of("slice")?;
    freezer(&node)?;
    config.resources = match node.get("resources")? {
        Some(resources) => resources.named()?,
        None => limits(&node)?,
    };
    Ok(())
}

fn path(node: &Node<'_>) -> Result<Option<PathBuf>> {
    let mut path = PathBuf::new();
    for key in ["parent", "name"] {
        if let Some(field) = node.get(key)? {
            path.push(value::cgroup(&field)?);
        }
    }
    Ok(Some(path).filter(|path| !path.as_os_str().is_empty()))
}

fn freezer(node: &Node<'_>) -> Result<()> {
    let Some(field) = node.get("freezer")? else { return Ok(()) };
    match field.text()? {
        "" | "THAWED" => Ok(()),
        "FROZEN" => Err(field.error("not supported: start the container, then pause it")),
        other => Err(field.error(format!("unknown state {other:?}, known are THAWED and FROZEN"))),
    }
}

/// The limits in the fields of all three forms, and ours that are named alike.
pub(super) fn limits(node: &Node<'_>) -> Result<Resources> {
    let mut all = Resources { devices: device_rules(node)?, ..Resources::default() };
    all.memory.limit = set(node, "memory")?;
    all.memory.reservation = set(node, "memory_reservation")?;
    all.memory.swap = set(node, "memory_swap")?;
    all.memory.kernel = set(node, "kernel_memory")?;
    all.memory.swappiness = swappiness(node)?;
    all.memory.disable_oom_killer = node.boolean_of("oom_kill_disable")?.filter(|disable| *disable);
    all.cpu.shares = set(node, "cpu_shares")?;
    all.cpu.quota = set(node, "cpu_quota")?;
    all.cpu.period = set(node, "cpu_period")?;
    all.cpu.rt_runtime = set(node, "cpu_rt_quota")?;
    all.cpu.rt_period = set(node, "cpu_rt_period")?;
    all.cpu.burst = set(node, "cpu_burst")?;
    all.cpu.idle = node.number_of("cpu_idle")?;
    all.cpu.cpus = list(node, "cpuset_cpus")?;
    all.cpu.mems = list(node, "cpuset_mems")?;
    all.pids = node.number_of("pids_limit")?;
    all.block_io.weight = set(node, "blkio_weight")?;
    all.block_io.leaf_weight = set(node, "blkio_leaf_weight")?;
    all.block_io.weight_device = per_device(node, "blkio_weight_device", weight)?;
    let throttle = |key| per_device(node, key, rate);
    all.block_io.throttle_read_bps = throttle("blkio_throttle_read_bps_device")?;
    all.block_io.throttle_write_bps = throttle("blkio_throttle_write_bps_device")?;
    all.block_io.throttle_read_iops = throttle("blkio_throttle_read_iops_device")?;
    all.block_io.throttle_write_iops = throttle("blkio_throttle_write_iops_device")?;
    all.hugetlb = node.each("hugetlb_limit", huge_page)?.into_iter().collect();
    all.net_cls_classid = class_id(node)?;
    all.net_prio = node.each("net_prio_ifpriomap", priority)?.into_iter().collect();
    all.unified = node.text_map_of("unified")?;
    Ok(all)
}

/// A number that is set when it is not 0.
fn set<T: TryFrom<i128> + Default + PartialEq>(node: &Node<'_>, key: &str) -> Result<Option<T>> {
    Ok(node.number_of(key)?.filter(|number| *number != T::default()))
}

fn list(node: &Node<'_>, key: &str) -> Result<Option<String>> {
    let field = node.get(key)?.filter(|field| !field.is_empty());
    field.map(|field| value::cpu_list(&field)).transpose()
}

/// 0 is a value of its own here; -1 is unset.
fn swappiness(node: &Node<'_>) -> Result<Option<u64>> {
    let Some(field) = node.get("memory_swappiness")? else { return Ok(None) };
    match field.number()? {
        -1 => Ok(None),
        percent @ 0..=100 => Ok(u64::try_from(percent).ok()),
        other => Err(field.error(format!("{other} is not within 0 to 100"))),
    }
}

/// A number, or its text (decimal, or hexadecimal with 0x).
fn class_id(node: &Node<'_>) -> Result<Option<u32>> {
    let Some(field) = node.get("net_cls_classid")?.filter(|field| !field.is_empty()) else {
        return Ok(None);
    };
    if !field.is_text() {
        return set(node, "net_cls_classid");
    }
    let text = field.text()?;
    let number = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    let number = number.map_err(|_| field.error(format!("{text:?} is not a class id")))?;
    Ok(Some(number).filter(|number| *number != 0))
}

fn huge_page(node: &Node<'_>) -> Result<(String, u64)> {
    Ok((value::page_size(&node.need("page_size")?)?, node.need("limit")?.number()?))
}

fn priority(node: &Node<'_>) -> Result<(String, u32)> {
    Ok((value::interface(&node.need("interface")?)?, node.need("priority")?.number()?))
}

/// Values by block device: objects with major and minor, or, as early files have it, one text of
/// `MAJOR:MINOR VALUE` or a list of them.
fn per_device<T>(
    node: &Node<'_>,
    key: &str,
    make: impl Fn(&Node<'_>, (u32, u32), Option<u64>) -> Result<T>,
) -> Result<Vec<T>> {
    let Some(field) = node.get(key)?.filter(|field| !field.is_empty()) else {
        return Ok(Vec::new());
    };
    let line = |item: &Node<'_>, text: &str| {
        let (device, value) = device_line(text).ok_or_else(|| {
            item.error(format!("{text:?} is not a device and its value, like 8:0 1048576"))
        })?;
        make(item, device, Some(value))
    };
    if field.is_text() {
        return field.text()?.lines().map(|text| line(&field, text)).collect();
    }
    let one = |item: Node<'_>| {
        if item.is_text() {
            return line(&item, item.text()?);
        }
        make(&item, value::device_numbers(&item)?, None)
    };
    field.list()?.map(one).collect()
}

fn device_line(text: &str) -> Option<((u32, u32), u64)> {
    let (device, value) = text.trim().split_once(' ')?;
    let (major, minor) = device.split_once(':')?;
    Some(((major.parse().ok()?, minor.parse().ok()?), value.trim().parse().ok()?))
}

fn weight(item: &Node<'_>, (major, minor): (u32, u32), value: Option<u64>) -> Result<WeightDevice> {
    if let Some(value) = value {
        let weight =
            u16::try_from(value).map_err(|_| item.error(format!("{value} is no weight")))?;
        return Ok(WeightDevice { major, minor, weight: Some(weight), leaf_weight: None });
    }
    let leaf = if item.get("leafWeight")?.is_some() { "leafWeight" } else { "leaf_weight" };
    Ok(WeightDevice { major, minor, weight: set(item, "weight")?, leaf_weight: set(item, leaf)? })
}

fn rate(item: &Node<'_>, (major, minor): (u32, u32), value: Option<u64>) -> Result<ThrottleDevice> {
    let rate = match value {
        Some(rate) => rate,
        None => item.need("rate")?.number()?,
    };
    Ok(ThrottleDevice { major, minor, rate })
}

/// Everything but the denied, nothing but the allowed, or the template's where the file is silent.
fn device_rules(node: &Node<'_>) -> Result<Vec<DeviceRule>> {
    let denied = node.each("denied_devices", |item| devices::rule(item, false))?;
    let allow_all = node.boolean_of("allow_all_devices")?.or(node.boolean_of("device_access")?);
    let mut rules = if allow_all == Some(true) {
        vec![template::allow_all_devices()]
    } else if node.written("allowed_devices")?.is_some() {
        let mut rules = vec![template::deny_all_devices()];
        rules.extend(node.each("allowed_devices", |item| devices::rule(item, true))?);
        rules
    } else {
        template::device_rules()
    };
    rules.extend(denied);
    Ok(rules)
}
