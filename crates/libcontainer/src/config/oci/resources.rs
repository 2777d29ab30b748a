//! `linux.resources` of an OCI config. For what has no use at 0 (memory, processor time, weights,
//! the class id), 0 is as good as not there: engines write it for "not set".
//!
//! What the kernel would refuse of any machine is refused here, where the field is known.

mod cpu;
mod memory;

use std::collections::BTreeMap;

use cgroups::{BlockIo, DeviceRule, Rdma, Resources, ThrottleDevice, WeightDevice};

use crate::Result;

use super::super::node::Node;
use super::super::{template, value};

/// Reads `resources` of a new container.
pub(super) fn read(node: &Node<'_>) -> Result<Resources> {
    let mut all = change(node)?;
    all.devices = with_standard_rules(all.devices);
    if let Some(memory) = node.get("memory")? {
        memory::check_new(&memory, &all.memory)?;
    }
    Ok(all)
}

/// Reads `resources` for a container that runs: what is not there stays as it is.
pub(in crate::config) fn change(node: &Node<'_>) -> Result<Resources> {
    let mut all = Resources {
        devices: node.each("devices", rule)?,
        hugetlb: distinct(node, "hugepageLimits", "pageSize", huge_page)?,
        rdma: node.each_entry("rdma", rdma)?,
        unified: unified(node)?,
        ..Resources::default()
    };
    if let Some(field) = node.get("memory")? {
        all.memory = memory::read(&field)?;
    }
    if let Some(field) = node.get("cpu")? {
        all.cpu = cpu::read(&field)?;
    }
    if let Some(field) = node.get("pids")? {
        all.pids = field.number_of("limit")?;
    }
    if let Some(field) = node.get("blockIO")? {
        all.block_io = block_io(&field)?;
    }
    if let Some(field) = node.get("network")? {
        all.net_cls_classid = set(&field, "classID")?;
        all.net_prio = distinct(&field, "priorities", "name", priority)?;
    }
    Ok(all)
}

/// A list of entries with a key each, which may stand there once.
fn distinct<T>(
    node: &Node<'_>,
    list: &str,
    key: &str,
    read: impl Fn(&Node<'_>) -> Result<(String, T)>,
) -> Result<BTreeMap<String, T>> {
    let mut all = BTreeMap::new();
    let Some(list) = node.get(list)? else { return Ok(all) };
    for item in list.list()? {
        let (name, value) = read(&item)?;
        if all.insert(name, value).is_some() {
            return Err(item.need(key)?.error("is listed twice"));
        }
    }
    Ok(all)
}

/// Control files of version 2 by their names. What else they may not be called depends on whose
/// they are, which `cgroups` knows.
fn unified(node: &Node<'_>) -> Result<BTreeMap<String, String>> {
    let Some(map) = node.get("unified")? else { return Ok(BTreeMap::new()) };
    for (name, value) in map.entries()? {
        if name.contains('/') || !name.trim_matches('.').contains('.') {
            return Err(value.error("its key is no control file like memory.high"));
        }
    }
    node.text_map_of("unified")
}

/// The listed rules after one that denies everything, lest they be a list of denials only, and
/// before those for the standard devices, which every container must have.
pub(super) fn with_standard_rules(listed: Vec<DeviceRule>) -> Vec<DeviceRule> {
    let mut rules = vec![template::deny_all_devices()];
    rules.extend(listed);
    rules.extend(template::standard_device_rules());
    rules
}

fn rule(node: &Node<'_>) -> Result<DeviceRule> {
    let kind = match node.get("type")? {
        None => cgroups::DeviceKind::All,
        Some(field) => match field.text()? {
            "" | "a" => cgroups::DeviceKind::All,
            "c" => cgroups::DeviceKind::Char,
            "b" => cgroups::DeviceKind::Block,
            other => return Err(field.error(format!("unknown device type {other:?}"))),
        },
    };
    let number = |key, major| match node.get(key)? {
        Some(field) => value::device_number(&field, major).map(|number| number.map(i64::from)),
        None => Ok(None),
    };
    Ok(DeviceRule {
        allow: node.need("allow")?.boolean()?,
        kind,
        major: number("major", true)?,
        minor: number("minor", false)?,
        access: match node.get("access")? {
            Some(field) => value::access(&field)?,
            None => cgroups::Access::ALL,
        },
    })
}

fn set<T: TryFrom<i128> + Default + PartialEq>(node: &Node<'_>, key: &str) -> Result<Option<T>> {
    Ok(node.number_of(key)?.filter(|number| *number != T::default()))
}

fn block_io(node: &Node<'_>) -> Result<BlockIo> {
    Ok(BlockIo {
        weight: weight_of(node, "weight")?,
        leaf_weight: weight_of(node, "leafWeight")?,
        weight_device: node.each("weightDevice", weight)?,
        throttle_read_bps: node.each("throttleReadBpsDevice", throttle)?,
        throttle_write_bps: node.each("throttleWriteBpsDevice", throttle)?,
        throttle_read_iops: node.each("throttleReadIOPSDevice", throttle)?,
        throttle_write_iops: node.each("throttleWriteIOPSDevice", throttle)?,
    })
}

fn weight(node: &Node<'_>) -> Result<WeightDevice> {
    let (major, minor) = value::device_numbers(node)?;
    let (weight, leaf_weight) = (weight_of(node, "weight")?, weight_of(node, "leafWeight")?);
    if weight.is_none() && leaf_weight.is_none() {
        return Err(node.error("needs weight or leafWeight"));
    }
    Ok(WeightDevice { major, minor, weight, leaf_weight })
}

fn weight_of(node: &Node<'_>, key: &str) -> Result<Option<u16>> {
    within(node, key, 10, 1000)
}

/// A number that is not set, or within these bounds.
fn within<T>(node: &Node<'_>, key: &str, least: T, most: T) -> Result<Option<T>>
where
    T: TryFrom<i128> + Default + PartialOrd + std::fmt::Display + Copy,
{
    match set::<T>(node, key)? {
        Some(number) if number < least || number > most => {
            let message = format!("{number} is not within {least} to {most}");
            Err(node.need(key)?.error(message))
        }
        number => Ok(number),
    }
}

fn throttle(node: &Node<'_>) -> Result<ThrottleDevice> {
    let (major, minor) = value::device_numbers(node)?;
    Ok(ThrottleDevice { major, minor, rate: node.need("rate")?.number()? })
}

fn huge_page(node: &Node<'_>) -> Result<(String, u64)> {
    Ok((value::page_size(&node.need("pageSize")?)?, node.need("limit")?.number()?))
}

fn priority(node: &Node<'_>) -> Result<(String, u32)> {
    Ok((value::interface(&node.need("name")?)?, node.need("priority")?.number()?))
}

fn rdma(node: &Node<'_>) -> Result<Rdma> {
    let limits = Rdma {
        hca_handles: node.number_of("hcaHandles")?,
        hca_objects: node.number_of("hcaObjects")?,
    };
    if limits == Rdma::default() {
        return Err(node.error("needs hcaHandles or hcaObjects"));
    }
    Ok(limits)
}
