//! Where and when processes run: `process.scheduler`, `ioPriority` and `execCPUAffinity`, and
//! `linux.personality` and `memoryPolicy`. What their values mean together, the plan checks.

use crate::Result;

use super::super::node::Node;
use super::super::{ExecAffinity, IoPriority, MemoryPolicy, NumberList, Personality, Scheduler};

/// `scheduler`.
pub(super) fn scheduler(process: &Node<'_>) -> Result<Option<Scheduler>> {
    let Some(node) = process.get("scheduler")? else { return Ok(None) };
    Ok(Some(Scheduler {
        policy: node.need("policy")?.named()?,
        nice: node.number_of("nice")?.unwrap_or(0),
        priority: node.number_of("priority")?.unwrap_or(0),
        flags: node.each("flags", |flag| flag.named())?,
        runtime: node.number_of("runtime")?.unwrap_or(0),
        deadline: node.number_of("deadline")?.unwrap_or(0),
        period: node.number_of("period")?.unwrap_or(0),
    }))
}

/// `ioPriority`. Programs that leave out a zero leave out its priority.
pub(super) fn io_priority(process: &Node<'_>) -> Result<Option<IoPriority>> {
    let Some(node) = process.get("ioPriority")? else { return Ok(None) };
    Ok(Some(IoPriority {
        class: node.need("class")?.named()?,
        priority: node.number_of("priority")?.unwrap_or(0),
    }))
}

/// `execCPUAffinity`.
pub(super) fn exec_affinity(process: &Node<'_>) -> Result<Option<ExecAffinity>> {
    let Some(node) = process.get("execCPUAffinity")? else { return Ok(None) };
    Ok(Some(ExecAffinity { initial: numbers(&node, "initial")?, last: numbers(&node, "final")? }))
}

/// `personality`.
pub(super) fn personality(linux: &Node<'_>) -> Result<Option<Personality>> {
    let Some(node) = linux.get("personality")? else { return Ok(None) };
    if let Some(flag) = node.get("flags")?.filter(|flags| !flags.is_empty())
        && let Some(first) = flag.list()?.next()
    {
        return Err(first.error(format!("unknown flag {:?}, there are none", first.text()?)));
    }
    let domain = node.need("domain")?;
    match domain.text()? {
        "LINUX" => Ok(Some(Personality::Linux)),
        "LINUX32" => Ok(Some(Personality::Linux32)),
        other => Err(domain.error(format!("unknown domain {other:?}"))),
    }
}

/// `memoryPolicy`.
pub(super) fn memory_policy(linux: &Node<'_>) -> Result<Option<MemoryPolicy>> {
    let Some(node) = linux.get("memoryPolicy")? else { return Ok(None) };
    Ok(Some(MemoryPolicy {
        mode: node.need("mode")?.named()?,
        nodes: numbers(&node, "nodes")?,
        flags: node.each("flags", |flag| flag.named())?,
    }))
}

fn numbers(node: &Node<'_>, key: &str) -> Result<Option<NumberList>> {
    let Some(field) = node.get(key)?.filter(|field| !field.is_empty()) else { return Ok(None) };
    field.at(field.text()?.parse()).map(Some)
}

#[cfg(test)]
mod tests;
