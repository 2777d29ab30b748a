//! Capability names to bits (capabilities(7), linux/capability.h).

use serde::{Deserialize, Serialize};

use crate::config::{Capabilities, capability};
use crate::{Error, Result};

/// CAP_SYS_ADMIN as a bit.
pub const SYS_ADMIN: u64 = 1 << 21;

/// CAP_SYS_PTRACE as a bit.
pub const SYS_PTRACE: u64 = 1 << 19;
/// CAP_CHOWN as a bit.
pub const CHOWN: u64 = 1;
/// CAP_SETGID and CAP_SETUID as bits.
pub const SET_IDS: u64 = 1 << 6 | 1 << 7;

/// The five sets, a bit for each capability's number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapabilitySets {
    /// What execve can ever give.
    pub bounding: u64,
    /// What is in force; part of `permitted`.
    pub effective: u64,
    /// What passes an execve of a file with inheritable capabilities; part of `bounding`.
    pub inheritable: u64,
    /// What may be made effective.
    pub permitted: u64,
    /// What passes an execve of any program; part of `inheritable` and `permitted`.
    pub ambient: u64,
}

impl CapabilitySets {
    /// Everything that is in any of them.
    pub fn all(&self) -> u64 {
        self.bounding | self.effective | self.inheritable | self.permitted | self.ambient
    }
}

/// The bit of a capability by its name, with or without `CAP_`, in either case.
pub fn bit(name: &str) -> Option<u64> {
    capability::number(name).map(|number| 1 << number)
}

/// The names of the bits in `set`, with `CAP_`; a number where we know no name.
pub fn names(set: u64) -> String {
    let one = |number: usize| match capability::NAMES.get(number) {
        Some(name) => format!("CAP_{name}"),
        None => format!("capability {number}"),
    };
    let all: Vec<String> = (0..64).filter(|number| set & (1 << number) != 0).map(one).collect();
    all.join(", ")
}

/// The sets as bits. What the kernel could never grant is left out with a warning, as the OCI
/// specification asks (config.md, "capabilities"): an effective capability that is not
/// permitted, an inheritable one outside the bounding set, an ambient one that is not both
/// inheritable and permitted.
pub fn resolve(sets: &Capabilities, warnings: &mut Vec<String>) -> Result<CapabilitySets> {
    let bounding = set("bounding", &sets.bounding)?;
    let permitted = set("permitted", &sets.permitted)?;
    let effective = set("effective", &sets.effective)?;
    let inheritable = set("inheritable", &sets.inheritable)?;
    let ambient = set("ambient", &sets.ambient)?;
    let mut within = |name: &str, wanted: u64, limit: u64, why: &str| {
        let lost = wanted & !limit;
        if lost != 0 {
            warnings
                .push(format!("process.capabilities.{name}: {} left out: not {why}", names(lost)));
        }
        wanted & limit
    };
    let effective = within("effective", effective, permitted, "permitted");
    let inheritable = within("inheritable", inheritable, bounding, "in the bounding set");
    let ambient =
        within("ambient", ambient, inheritable & permitted, "both inheritable and permitted");
    Ok(CapabilitySets { bounding, effective, inheritable, permitted, ambient })
}

fn set(name: &str, list: &[String]) -> Result<u64> {
    let mut set = 0;
    for (index, capability) in list.iter().enumerate() {
        set |= bit(capability).ok_or_else(|| {
            Error::invalid(
                format!("process.capabilities.{name}[{index}]"),
                format!("unknown capability {capability:?}"),
            )
            .with_hint("capabilities(7) lists them")
        })?;
    }
    Ok(set)
}

#[cfg(test)]
mod tests;
