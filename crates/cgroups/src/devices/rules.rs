//! Device rules, and what an ordered list of them comes to.
//!
//! The meaning is that of the devices controller of version 1 after the rules have been written
//! to devices.allow and devices.deny one by one (cgroup-v1/devices.rst and, for what it leaves
//! out, security/device_cgroup.c): a group has a default and a list of exceptions from it.
//! Version 2 has no controller files; the same meaning is compiled to eBPF.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The kind of device that a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DeviceKind {
    /// Both kinds.
    #[serde(rename = "a")]
    All,
    /// Block devices.
    #[serde(rename = "b")]
    Block,
    /// Character devices.
    #[serde(rename = "c")]
    Char,
}

/// What may be done with a device: a set of `r` (open to read), `w` (open to write) and `m`
/// (mknod(2)).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Access(u8);

impl Access {
    /// mknod(2).
    pub const MKNOD: Self = Self(1);
    /// Opening to read.
    pub const READ: Self = Self(2);
    /// Opening to write.
    pub const WRITE: Self = Self(4);
    /// All of them.
    pub const ALL: Self = Self(7);

    /// The bits as eBPF programs see them (BPF_DEVCG_ACC_*).
    pub fn bits(self) -> u8 {
        self.0
    }

    /// The set of these bits; others are left out.
    pub(crate) fn from_bits(bits: u8) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// Whether nothing is in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in either set.
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in this set and not in the other.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl FromStr for Access {
    type Err = Error;

    /// Reads `rwm` or a part of it, in any order; empty means all, as OCI has it.
    fn from_str(text: &str) -> Result<Self> {
        let mut access = Self(0);
        for letter in text.chars() {
            access = access.or(match letter {
                'r' => Self::READ,
                'w' => Self::WRITE,
                'm' => Self::MKNOD,
                _ => {
                    let reason = format!("{text:?} is not made of r, w and m");
                    return Err(Error::invalid("devices access", reason));
                }
            });
        }
        Ok(if access.is_empty() { Self::ALL } else { access })
    }
}

impl TryFrom<String> for Access {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Access> for String {
    fn from(access: Access) -> Self {
        access.to_string()
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (bit, letter) in [(Self::READ, "r"), (Self::WRITE, "w"), (Self::MKNOD, "m")] {
            if self.0 & bit.0 != 0 {
                f.write_str(letter)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Access({self})")
    }
}

/// One rule of an ordered list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRule {
    /// Allow, or deny.
    pub allow: bool,
    /// The kind. A rule for both kinds, any number and all access sets the default and forgets
    /// every rule before it.
    #[serde(default = "all_kinds", rename = "type")]
    pub kind: DeviceKind,
    /// The major number; none or a negative one means any.
    #[serde(default)]
    pub major: Option<i64>,
    /// The minor number; none or a negative one means any.
    #[serde(default)]
    pub minor: Option<i64>,
    /// What is allowed or denied.
    #[serde(default = "all_access")]
    pub access: Access,
}

fn all_kinds() -> DeviceKind {
    DeviceKind::All
}

fn all_access() -> Access {
    Access::ALL
}

impl DeviceRule {
    /// The rule that sets the default: what most lists start with.
    pub fn default_to(allow: bool) -> Self {
        Self { allow, kind: DeviceKind::All, major: None, minor: None, access: Access::ALL }
    }

    fn is_default(&self, major: Option<u32>, minor: Option<u32>) -> bool {
        let any = major.is_none() && minor.is_none();
        self.kind == DeviceKind::All && any && self.access == Access::ALL
    }
}

/// One exception from a policy's default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exception {
    /// True for block, false for character devices.
    pub(crate) block: bool,
    pub(crate) major: Option<u32>,
    pub(crate) minor: Option<u32>,
    pub(crate) access: Access,
}

impl fmt::Display for Exception {
    /// As devices.allow, devices.deny and devices.list have it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |it: Option<u32>| it.map_or("*".to_owned(), |it| it.to_string());
        let kind = if self.block { 'b' } else { 'c' };
        write!(f, "{kind} {}:{} {}", number(self.major), number(self.minor), self.access)
    }
}

/// What a list of rules comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Whether what no exception names is allowed.
    pub(crate) allow: bool,
    pub(crate) exceptions: Vec<Exception>,
}

impl Policy {
    /// A new group's, whose parents do not restrict it.
    pub(crate) fn unrestricted() -> Self {
        Self { allow: true, exceptions: Vec::new() }
    }

    /// Applies the rules in order.
    ///
    /// A rule for both kinds that is not the default rule stands for one of each kind: version 1
    /// would take `a` for everything, whatever stands beside it, and so allow more than is
    /// written.
    pub(crate) fn apply(mut self, rules: &[DeviceRule]) -> Result<Self> {
        for rule in rules {
            let (major, minor) = (number("major", rule.major)?, number("minor", rule.minor)?);
            if rule.is_default(major, minor) {
                self = Self { allow: rule.allow, exceptions: Vec::new() };
                continue;
            }
            for block in [false, true] {
                let other = if block { DeviceKind::Char } else { DeviceKind::Block };
                if rule.kind != other {
                    let exception = Exception { block, major, minor, access: rule.access };
                    self.change(exception, rule.allow != self.allow);
                }
            }
        }
        Ok(self)
    }

    /// Adds an exception to the one of the same device, or takes its access out of it.
    fn change(&mut self, exception: Exception, add: bool) {
        let same = |one: &&mut Exception| {
            (one.block, one.major, one.minor) == (exception.block, exception.major, exception.minor)
        };
        match self.exceptions.iter_mut().find(same) {
            Some(known) if add => known.access = known.access.or(exception.access),
            Some(known) => known.access = known.access.without(exception.access),
            None if add => self.exceptions.push(exception),
            None => {}
        }
        self.exceptions.retain(|one| !one.access.is_empty());
    }
}

fn number(field: &str, value: Option<i64>) -> Result<Option<u32>> {
    match value {
        None | Some(i64::MIN..=-1) => Ok(None),
        Some(value) => u32::try_from(value).ok().filter(|it| *it <= i32::MAX as u32).map_or_else(
            || Err(Error::invalid(format!("devices {field}"), format!("{value} is too large"))),
            |value| Ok(Some(value)),
        ),
    }
}

#[cfg(test)]
mod tests;
