//! The `seccomp` of a container.json of 2015: system calls by number, actions and operators as
//! small integers. Calls that it does not list are allowed.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::rules::{Action, Arg, Op, Profile, Rule};

/// `seccomp` of a container.json.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegacyProfile {
    /// The rules; a null is none, as Go programs write it.
    #[serde(default)]
    pub syscalls: Option<Vec<LegacyRule>>,
}

/// What happens to one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegacyRule {
    /// The call's number on the native architecture.
    pub value: u32,
    /// -3 kill, -2 trap, -1 allow, 0 and above: fail with that errno (0: succeed, do nothing).
    pub action: i64,
    /// Conditions that must all hold.
    #[serde(default)]
    pub args: Option<Vec<LegacyArg>>,
}

/// A condition on an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegacyArg {
    /// Which argument, 0 to 5.
    pub index: u32,
    /// What to compare it with.
    pub value: u64,
    /// 0 ==, 1 !=, 2 >, 3 <, 4 `argument & value == value`.
    pub op: i64,
}

impl TryFrom<&LegacyProfile> for Profile {
    type Error = Error;

    /// # Errors
    /// An action or operator that is not one of the above.
    fn try_from(legacy: &LegacyProfile) -> Result<Profile, Error> {
        let rules = legacy.syscalls.iter().flatten().enumerate();
        Ok(Profile {
            default_action: Action::Allow,
            default_errno_ret: None,
            architectures: Vec::new(),
            flags: Vec::new(),
            listener_path: String::new(),
            listener_metadata: String::new(),
            syscalls: rules.map(|(i, rule)| convert(rule, i)).collect::<Result<_, _>>()?,
        })
    }
}

fn convert(legacy: &LegacyRule, i: usize) -> Result<Rule, Error> {
    let (action, errno_ret) = match legacy.action {
        -3 => (Action::Kill, None),
        -2 => (Action::Trap, None),
        -1 => (Action::Allow, None),
        value => match u32::try_from(value) {
            Ok(errno) if errno <= 4095 => (Action::Errno, Some(errno)),
            _ => {
                let path = format!("syscalls[{i}].action");
                return Err(Error::LegacyAction { path, value });
            }
        },
    };
    let args = legacy.args.iter().flatten().enumerate().map(|(a, arg)| {
        let op = match arg.op {
            0 => Op::Eq,
            1 => Op::Ne,
            2 => Op::Gt,
            3 => Op::Lt,
            4 => Op::MaskedEq,
            value => {
                let path = format!("syscalls[{i}].args[{a}].op");
                return Err(Error::LegacyOp { path, value });
            }
        };
        Ok(Arg { index: arg.index, value: arg.value, value_two: arg.value, op })
    });
    Ok(Rule {
        names: Vec::new(),
        numbers: vec![legacy.value],
        action,
        errno_ret,
        args: args.collect::<Result<_, _>>()?,
    })
}

#[cfg(test)]
mod tests;
