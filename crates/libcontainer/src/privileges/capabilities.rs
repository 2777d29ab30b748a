//! The five capability sets of the calling thread (capabilities(7)).

use rustix::io::Errno;
use rustix::thread::{
    self, CapabilitySet, capability_is_in_bounding_set, clear_ambient_capability_set,
    configure_capability_in_ambient_set, remove_capability_from_bounding_set, set_capabilities,
};
use sys::Context;

use super::failed;
use crate::Result;
use crate::plan::capabilities::{CapabilitySets, SYS_ADMIN, names};

/// Drops every capability but `keep` from the bounding set, also those that are newer than our
/// table of names.
pub(super) fn drop_bounding(keep: u64) -> Result<()> {
    for bit in bits(!keep) {
        let capability = CapabilitySet::from_bits_retain(bit);
        let errno = match remove_capability_from_bounding_set(capability) {
            Ok(()) => continue,
            // One that is not there needs no privilege to be dropped.
            Err(Errno::PERM) => match capability_is_in_bounding_set(capability) {
                Ok(false) => continue,
                Ok(true) => Errno::PERM,
                Err(errno) => errno,
            },
            Err(errno) => errno,
        };
        // Above the kernel's last one.
        if errno == Errno::INVAL {
            break;
        }
        let error = sys::SysError::new("prctl", drop_args(bit), errno);
        let advice = [(Errno::PERM, "it needs CAP_SETPCAP")];
        return Err(failed(error, "dropping capabilities", &advice));
    }
    Ok(())
}

fn drop_args(bit: u64) -> String {
    format!("PR_CAPBSET_DROP {}", names(bit))
}

/// Gives up every capability but `keep`.
pub(super) fn limit(keep: u64) -> Result<()> {
    let held = thread::capabilities(None).sys("capget", String::new)?;
    let keep = CapabilitySet::from_bits_retain(keep);
    capset(thread::CapabilitySets {
        effective: held.effective & keep,
        permitted: held.permitted & keep,
        inheritable: held.inheritable & keep,
    })
}

/// The sets that the process really gets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grant {
    sets: thread::CapabilitySets,
    ambient: u64,
    /// CAP_SYS_ADMIN, where it is held now.
    admin: CapabilitySet,
}

/// What of the wanted sets can be granted by a process that holds what this one does. The rest is
/// warned about, as the OCI specification asks (config.md, "capabilities").
pub(super) fn grantable(wanted: &CapabilitySets, warnings: &mut Vec<String>) -> Result<Grant> {
    let held = thread::capabilities(None).sys("capget", String::new)?;
    let permitted = wanted.permitted & held.permitted.bits();
    let inheritable = wanted.inheritable & (held.inheritable.bits() | held.permitted.bits());
    let lost = (wanted.permitted & !permitted) | (wanted.inheritable & !inheritable);
    if lost != 0 {
        warnings.push(format!("{} left out: the caller does not hold it", names(lost)));
    }
    Ok(Grant {
        sets: thread::CapabilitySets {
            effective: CapabilitySet::from_bits_retain(wanted.effective & permitted),
            permitted: CapabilitySet::from_bits_retain(permitted),
            inheritable: CapabilitySet::from_bits_retain(inheritable),
        },
        ambient: wanted.ambient & permitted & inheritable,
        admin: CapabilitySet::from_bits_retain(SYS_ADMIN) & held.permitted,
    })
}

impl Grant {
    /// The process has what it will have and CAP_SYS_ADMIN: it may wait, or run hooks, beside others
    /// who trace it.
    pub(super) fn prepare(&self) -> Result<()> {
        capset(thread::CapabilitySets {
            effective: self.sets.effective | self.admin,
            permitted: self.sets.permitted | self.admin,
            inheritable: self.sets.inheritable,
        })
    }

    /// The process has these sets and nothing more.
    pub(super) fn set(&self) -> Result<()> {
        capset(self.sets)?;
        // An ambient capability is always inheritable, so there is none where nothing is.
        if !self.sets.inheritable.is_empty() {
            clear_ambient_capability_set().sys("prctl", || "PR_CAP_AMBIENT_CLEAR_ALL")?;
        }
        for bit in bits(self.ambient) {
            configure_capability_in_ambient_set(CapabilitySet::from_bits_retain(bit), true)
                .sys("prctl", || format!("PR_CAP_AMBIENT_RAISE {}", names(bit)))?;
        }
        Ok(())
    }
}

fn capset(sets: thread::CapabilitySets) -> Result<()> {
    Ok(set_capabilities(None, sets).sys("capset", || {
        format!(
            "effective {:#x}, permitted {:#x}, inheritable {:#x}",
            sets.effective.bits(),
            sets.permitted.bits(),
            sets.inheritable.bits()
        )
    })?)
}

/// The set bits, lowest first.
fn bits(set: u64) -> impl Iterator<Item = u64> {
    (0..u64::BITS).map(|number| 1 << number).filter(move |bit| set & bit != 0)
}

#[cfg(test)]
mod tests;
