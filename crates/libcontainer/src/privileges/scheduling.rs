//! Where and when the process runs (sched(7), ioprio_set(2)), and where its memory comes from
//! (set_mempolicy(2)).

use rustix::io::Errno;
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_setaffinity};
use sys::SysError;
use sys::scheduler::Attributes;

use super::failed;
use crate::Result;
use crate::plan::scheduling::Scheduling;

/// What is inherited by children and asks for the caller's privileges; before the process is in
/// the container's control group.
pub(super) fn outside(plan: &Scheduling) -> Result<()> {
    if let Some(numbers) = &plan.initial_cpus {
        affinity("process.execCPUAffinity.initial", numbers)?;
    }
    if let Some((class, priority)) = plan.io_priority {
        let advice = [(Errno::PERM, "IOPRIO_CLASS_RT needs CAP_SYS_NICE or CAP_SYS_ADMIN")];
        sys::io_priority::set(class, priority)
            .map_err(|error| failed(error, "process.ioPriority", &advice))?;
    }
    match plan.inherited() {
        Some(attributes) => schedule(None, attributes),
        None => Ok(()),
    }
}

/// Sets the policy of the process of this id, the caller if there is none.
///
/// # Errors
/// What the kernel refuses, with the field.
pub fn schedule(process: Option<Pid>, attributes: &Attributes) -> Result<()> {
    let advice = [
        (
            Errno::PERM,
            "it needs CAP_SYS_NICE, and a real-time policy a control group with real time",
        ),
        (Errno::BUSY, "there is not that much time left for SCHED_DEADLINE"),
        (Errno::OPNOTSUPP, "this kernel clamps no utilization"),
    ];
    sys::scheduler::set(process, attributes)
        .map_err(|error| failed(error, "process.scheduler", &advice))
}

/// What depends on the control group's processors and memory nodes: in the group, as whoever.
///
/// # Errors
/// What the kernel refuses, with the field.
pub fn in_group(plan: &Scheduling) -> Result<()> {
    if let Some(numbers) = &plan.final_cpus {
        affinity("process.execCPUAffinity.final", numbers)?;
    }
    if let Some((mode, nodes)) = &plan.memory_policy {
        let advice = [
            (Errno::INVAL, "the flags do not go together, or no node may be used by the container"),
            (Errno::NOSYS, "this kernel has no NUMA policies"),
        ];
        sys::memory_policy::set(*mode, nodes)
            .map_err(|error| failed(error, "setting the NUMA policy", &advice))?;
    }
    if let Some(persona) = plan.personality {
        sys::personality::set(persona)
            .map_err(|error| failed(error, "setting the personality", &[]))?;
    }
    Ok(())
}

fn affinity(field: &str, numbers: &[u32]) -> Result<()> {
    let mut set = CpuSet::new();
    for number in numbers {
        set.set(*number as usize);
    }
    sched_setaffinity(None, &set).map_err(|errno| {
        let advice = [(Errno::INVAL, "none of these processors is there for it")];
        failed(SysError::new("sched_setaffinity", format!("{numbers:?}"), errno), field, &advice)
    })
}
