//! `linux.resources` of an OCI config. For what has no use at 0 (memory, processor time, weights,
//! the class id), 0 is as good as not there: engines write it for "not set".

use cgroups::{BlockIo, Cpu, DeviceRule, Memory, Rdma, Resources, ThrottleDevice, WeightDevice};

use crate::Result;

use super::super::node::Node;
use super::super::{template, value};

/// Reads `resources`.
pub(super) fn read(node: &Node<'_>) -> Result<Resources> {
    let mut all = Resources {
        devices: with_standard_rules(node.each("devices", rule)?),
        hugetlb: node.each("hugepageLimits", huge_page)?.into_iter().collect(),
        rdma: node.each_entry("rdma", rdma)?,
        unified: node.text_map_of("unified")?,
        ..Resources::default()
    };
    if let Some(field) = node.get("memory")? {
        all.memory = memory(&field)?;
    }
    if let Some(field) = node.get("cpu")? {
        all.cpu = cpu(&field)?;
    }
    if let Some(field) = node.get("pids")? {
        all.pids = Some(field.need("limit")?.number()?);
    }
    if let Some(field) = node.get("blockIO")? {
        all.block_io = block_io(&field)?;
    }
    if let Some(field) = node.get("network")? {
        all.net_cls_classid = set(&field, "classID")?;
        all.net_prio = field.each("priorities", priority)?.into_iter().collect();
    }
    Ok(all)
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

fn memory(node: &Node<'_>) -> Result<Memory> {
    if let Some(field) = node.get("kernelTCP")?
        && field.number::<i64>()? > 0
    {
        return Err(field.error("not supported yet"));
    }
    if let Some(field) = node.get("swappiness")?
        && field.number::<u64>()? > 100
    {
        return Err(field.error("is not within 0 to 100"));
    }
    node.boolean_of("useHierarchy")?;
    Ok(Memory {
        limit: set(node, "limit")?,
        reservation: set(node, "reservation")?,
        swap: set(node, "swap")?,
        kernel: set(node, "kernel")?,
        swappiness: node.number_of("swappiness")?,
        disable_oom_killer: node.boolean_of("disableOOMKiller")?,
        check_before_update: node.boolean_of("checkBeforeUpdate")?,
    })
}

fn cpu(node: &Node<'_>) -> Result<Cpu> {
    let list = |key| {
        let field = node.get(key)?.filter(|field| !field.is_empty());
        field.map(|field| value::cpu_list(&field)).transpose()
    };
    Ok(Cpu {
        shares: set(node, "shares")?,
        quota: set(node, "quota")?,
        period: set(node, "period")?,
        burst: node.number_of("burst")?,
        rt_runtime: set(node, "realtimeRuntime")?,
        rt_period: set(node, "realtimePeriod")?,
        idle: node.number_of("idle")?,
        cpus: list("cpus")?,
        mems: list("mems")?,
    })
}

fn block_io(node: &Node<'_>) -> Result<BlockIo> {
    Ok(BlockIo {
        weight: set(node, "weight")?,
        leaf_weight: set(node, "leafWeight")?,
        weight_device: node.each("weightDevice", weight)?,
        throttle_read_bps: node.each("throttleReadBpsDevice", throttle)?,
        throttle_write_bps: node.each("throttleWriteBpsDevice", throttle)?,
        throttle_read_iops: node.each("throttleReadIOPSDevice", throttle)?,
        throttle_write_iops: node.each("throttleWriteIOPSDevice", throttle)?,
    })
}

fn weight(node: &Node<'_>) -> Result<WeightDevice> {
    let (major, minor) = value::device_numbers(node)?;
    let (weight, leaf_weight) = (set(node, "weight")?, set(node, "leafWeight")?);
    if weight.is_none() && leaf_weight.is_none() {
        return Err(node.error("needs weight or leafWeight"));
    }
    Ok(WeightDevice { major, minor, weight, leaf_weight })
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
