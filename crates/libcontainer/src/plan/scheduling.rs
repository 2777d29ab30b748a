//! Where and when a process runs and where its memory comes from, as the kernel takes it.

use serde::{Deserialize, Serialize};
use sys::scheduler::Attributes;

use crate::config::{
    Config, ExecAffinity, IoPriority, MemoryMode, MemoryPolicy, NumberList, Scheduler,
    SchedulerFlag, SchedulerPolicy,
};
use crate::{Error, Result};

/// Everything of the kind about a process; all of it is inherited where it is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduling {
    /// sched_setattr(2)
    pub scheduler: Option<Attributes>,
    /// ioprio_set(2): the class and the priority in it.
    pub io_priority: Option<(u8, u8)>,
    /// sched_setaffinity(2) before the process is in its control group, for a join only.
    pub initial_cpus: Option<Vec<u32>>,
    /// sched_setaffinity(2) afterwards, for a join only.
    pub final_cpus: Option<Vec<u32>>,
    /// set_mempolicy(2): mode with flags, mask of nodes.
    pub memory_policy: Option<(u32, Vec<u64>)>,
    /// personality(2)
    pub personality: Option<u32>,
}

impl Scheduling {
    /// Adds what the container's configuration says of all of its processes.
    pub(super) fn complete(&mut self, config: &Config) -> Result<()> {
        self.memory_policy = config.memory_policy.as_ref().map(memory_policy).transpose()?;
        self.personality = config.personality.map(|personality| personality as u32);
        Ok(())
    }

    /// The policy that a process takes for itself, and all that are born of it have: one that is
    /// no matter of control groups.
    pub fn inherited(&self) -> Option<&Attributes> {
        self.scheduler.as_ref().filter(|attributes| passes_on(attributes))
    }

    /// The policy that is given to the very process that executes the program, once it is in its
    /// control group: whether there is time for it is the group's to say, where the kernel
    /// divides real time among groups.
    pub fn given(&self) -> Option<&Attributes> {
        self.scheduler.as_ref().filter(|attributes| !passes_on(attributes))
    }
}

fn passes_on(attributes: &Attributes) -> bool {
    const REAL: [u32; 3] = [
        SchedulerPolicy::Fifo as u32,
        SchedulerPolicy::RoundRobin as u32,
        SchedulerPolicy::Deadline as u32,
    ];
    let reset = attributes.flags & SchedulerFlag::ResetOnFork as u64 != 0;
    !reset && !REAL.contains(&attributes.policy)
}

/// `process.scheduler`, checked as sched_setattr(2) has it. Priority and times may not be given to
/// a policy that has no use for them; a nice value may, and has no effect.
pub(super) fn scheduler(wanted: &Scheduler) -> Result<Attributes> {
    use SchedulerPolicy::{Deadline, Fifo, Iso, RoundRobin};
    let Scheduler { policy, nice, priority, ref flags, runtime, deadline, period } = *wanted;
    let wrong = |field: &str, message: String| {
        Err(Error::invalid(format!("process.scheduler.{field}"), message))
    };
    if policy == Iso {
        return wrong("policy", "SCHED_ISO is reserved, no kernel has it".to_owned());
    }
    if !(-20..=19).contains(&nice) {
        return wrong("nice", format!("{nice} is not within -20 to 19"));
    }
    let real = matches!(policy, Fifo | RoundRobin);
    let keeps = flags.contains(&SchedulerFlag::KeepParameters);
    if real && !keeps && !(1..=99).contains(&priority) {
        return wrong("priority", format!("{priority} is not within 1 to 99"));
    }
    if !real && priority != 0 {
        return wrong("priority", "only SCHED_FIFO and SCHED_RR have it".to_owned());
    }
    if policy != Deadline {
        let times = [("runtime", runtime), ("deadline", deadline), ("period", period)];
        if let Some((field, _)) = times.iter().find(|(_, time)| *time != 0) {
            return wrong(field, "only SCHED_DEADLINE has it".to_owned());
        }
    }
    Ok(Attributes {
        policy: policy as u32,
        flags: flags.iter().fold(0, |bits, flag| bits | *flag as u64),
        nice,
        priority: priority.unsigned_abs(),
        runtime,
        deadline,
        period,
    })
}

/// `process.ioPriority`.
pub(super) fn io_priority(wanted: IoPriority) -> Result<(u8, u8)> {
    let IoPriority { class, priority } = wanted;
    if priority > 7 {
        let message = format!("{priority} is not within 0 to 7");
        return Err(Error::invalid("process.ioPriority.priority", message));
    }
    Ok((class as u8, priority))
}

/// The two lists of `process.execCPUAffinity`.
pub(super) fn affinity(wanted: Option<&ExecAffinity>) -> (Option<Vec<u32>>, Option<Vec<u32>>) {
    let numbers = |list: &Option<NumberList>| list.as_ref().map(|list| list.numbers().to_vec());
    match wanted {
        Some(ExecAffinity { initial, last }) => (numbers(initial), numbers(last)),
        None => (None, None),
    }
}

/// `linux.memoryPolicy`; which nodes a mode wants is checked as in set_mempolicy(2).
pub(super) fn memory_policy(wanted: &MemoryPolicy) -> Result<(u32, Vec<u64>)> {
    use MemoryMode::{Default, Local, Preferred};
    let MemoryPolicy { mode, nodes, flags } = wanted;
    let wrong = |message: &str| Err(Error::invalid("memory_policy.nodes", message));
    match (mode, nodes) {
        (Default | Local, Some(_)) => return wrong("this mode has no nodes"),
        (Default | Local | Preferred, None) | (_, Some(_)) => {}
        (_, None) => return wrong("this mode needs a node"),
    }
    let mut mask = Vec::new();
    for number in nodes.iter().flat_map(NumberList::numbers) {
        let word = *number as usize / 64;
        if mask.len() <= word {
            mask.resize(word + 1, 0u64);
        }
        mask[word] |= 1 << (number % 64);
    }
    let flags = flags.iter().fold(0, |bits, flag| bits | *flag as u32);
    Ok((*mode as u32 | flags, mask))
}

#[cfg(test)]
mod tests;
