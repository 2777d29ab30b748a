//! The device rules that are in force on a group, for whoever looks for the reason of an EPERM.

use super::rules::{Exception, Policy};
use super::{DeviceKind, DeviceRule, bpf};
use crate::file::Dir;
use crate::{Manager, Result, v1};

impl Manager {
    /// The device rules that the kernel keeps for the group now: the default first, and then the
    /// exceptions from it. On version 2 they are read back from the eBPF program that
    /// [`Manager::set`] has put there. Those of parents are not among them, and restrict as well.
    ///
    /// None where the group has no rules of ours, or the caller may not see programs
    /// (CAP_SYS_ADMIN). On version 1 a group that allows by default lists no exceptions.
    ///
    /// Errors: [`Error::System`](crate::Error::System)
    pub fn device_rules(&self) -> Result<Option<Vec<DeviceRule>>> {
        let policy = match (self.v1("devices"), self.v2()) {
            (Some(path), _) => Some(v1::devices::get(&Dir::open(path)?)?),
            (None, Some(path)) => bpf::get(&Dir::open(path)?)?,
            (None, None) => None,
        };
        Ok(policy.map(|policy| rules_of(&policy)))
    }
}

fn rules_of(policy: &Policy) -> Vec<DeviceRule> {
    let rule = |one: &Exception| DeviceRule {
        allow: !policy.allow,
        kind: if one.block { DeviceKind::Block } else { DeviceKind::Char },
        major: one.major.map(i64::from),
        minor: one.minor.map(i64::from),
        access: one.access,
    };
    let mut rules = vec![DeviceRule::default_to(policy.allow)];
    rules.extend(policy.exceptions.iter().map(rule));
    rules
}
