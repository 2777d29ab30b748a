//! `memory` (config-linux.md, "Memory").

use cgroups::Memory;

use crate::Result;

use super::super::super::node::Node;
use super::set;

/// Reads it.
pub(super) fn read(node: &Node<'_>) -> Result<Memory> {
    if let Some(field) = node.get("swappiness")?
        && field.number::<u64>()? > 100
    {
        return Err(field.error("is not within 0 to 100"));
    }
    let memory = Memory {
        limit: amount(node, "limit")?,
        reservation: amount(node, "reservation")?,
        swap: amount(node, "swap")?,
        kernel: amount(node, "kernel")?,
        kernel_tcp: amount(node, "kernelTCP")?,
        swappiness: node.number_of("swappiness")?,
        disable_oom_killer: node.boolean_of("disableOOMKiller")?,
        check_before_update: node.boolean_of("checkBeforeUpdate")?,
        use_hierarchy: node.boolean_of("useHierarchy")?,
    };
    match (memory.swap, memory.limit) {
        (Some(swap), Some(limit)) if swap >= 0 && limit < 0 => {
            Err(node.need("swap")?.error("a limit of memory and swap needs a limit of memory"))
        }
        (Some(swap), Some(limit)) if swap >= 0 && swap < limit => {
            let message =
                format!("{swap} is memory and swap, less than the limit of memory {limit}");
            Err(node.need("swap")?.error(message))
        }
        _ => Ok(memory),
    }
}

/// What only holds for a container that has no limit yet.
pub(super) fn check_new(node: &Node<'_>, memory: &Memory) -> Result<()> {
    match memory.swap {
        Some(swap) if swap >= 0 && memory.limit.is_none() => {
            Err(node.need("swap")?.error("a limit of memory and swap needs a limit of memory"))
        }
        _ => Ok(()),
    }
}

/// Bytes, or -1 for no limit.
fn amount(node: &Node<'_>, key: &str) -> Result<Option<i64>> {
    match set(node, key)? {
        Some(bytes) if bytes < -1 => {
            let message = format!("{bytes} is neither a number of bytes nor -1");
            Err(node.need(key)?.error(message))
        }
        bytes => Ok(bytes),
    }
}
