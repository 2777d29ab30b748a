//! What Landlock (landlock(7)) restricts the container's processes to, beside all else.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::node::Node;
use super::value;
use crate::Result;

/// Restrictions that the container's processes can never leave, and that even root of the
/// container is held by. What is `None` or empty is not restricted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Landlock {
    /// Files and directories. (Whoever has this cannot mount either.)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filesystem: Option<LandlockFiles>,
    /// TCP ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<LandlockNetwork>,
    /// What only processes with the same restrictions, or further ones, are reached by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<Scope>,
    /// What the kernel's version of Landlock does not know is left out with a warning; otherwise
    /// the container is refused.
    #[serde(skip_serializing_if = "super::print::is_false")]
    pub best_effort: bool,
    /// Denials are logged by the kernel's audit, where its version can.
    #[serde(skip_serializing_if = "super::print::is_false")]
    pub log: bool,
}

/// Which accesses to files are denied, and where not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LandlockFiles {
    /// What is denied; `None` is all that the kernel knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restrict: Option<Vec<FileAccess>>,
    /// Where it is allowed.
    pub rules: Vec<LandlockRule>,
}

/// What is allowed at some places, and below them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LandlockRule {
    /// Files and directories of the container, absolute; links are followed in it.
    pub paths: Vec<PathBuf>,
    /// The accesses; what makes sense for directories only is not given for a file.
    pub allow: Vec<FileAccess>,
}

/// The TCP ports that may be used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LandlockNetwork {
    /// Local ports for bind(2); 0 is whichever is free. `None` restricts nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bind_tcp: Option<Vec<u16>>,
    /// Peers' ports for connect(2). `None` restricts nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_tcp: Option<Vec<u16>>,
}

/// LANDLOCK_ACCESS_FS_*, each with the number of its bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // The kernel's names, as landlock(7) explains them.
pub enum FileAccess {
    Execute = 0,
    WriteFile = 1,
    ReadFile = 2,
    ReadDir = 3,
    RemoveDir = 4,
    RemoveFile = 5,
    MakeChar = 6,
    MakeDir = 7,
    MakeReg = 8,
    MakeSock = 9,
    MakeFifo = 10,
    MakeBlock = 11,
    MakeSym = 12,
    Refer = 13,
    Truncate = 14,
    IoctlDev = 15,
}

impl FileAccess {
    /// All of them, in the order of their bits.
    pub const ALL: [Self; 16] = {
        use FileAccess::*;
        [
            Execute, WriteFile, ReadFile, ReadDir, RemoveDir, RemoveFile, MakeChar, MakeDir,
            MakeReg, MakeSock, MakeFifo, MakeBlock, MakeSym, Refer, Truncate, IoctlDev,
        ]
    };
}

/// LANDLOCK_SCOPE_*, each with the number of its bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Abstract Unix sockets (unix(7)).
    AbstractUnixSocket = 0,
    /// Signals.
    Signal = 1,
}

/// Reads the field. A name that is unknown is refused, and not ignored as elsewhere: what is
/// misspelled here would be allowed.
pub(super) fn read(node: &Node<'_>) -> Result<Landlock> {
    known(node, &["filesystem", "network", "scopes", "best_effort", "log"])?;
    Ok(Landlock {
        filesystem: node.get("filesystem")?.map(|files| filesystem(&files)).transpose()?,
        network: node.get("network")?.map(|ports| network(&ports)).transpose()?,
        scopes: node.each("scopes", |scope| scope.named())?,
        best_effort: node.boolean_of("best_effort")?.unwrap_or(false),
        log: node.boolean_of("log")?.unwrap_or(false),
    })
}

fn known(node: &Node<'_>, names: &[&str]) -> Result<()> {
    match node.entries()?.find(|(name, _)| !names.contains(name)) {
        Some((_, value)) => {
            Err(value.error(format!("there is no such field, but {}", names.join(", "))))
        }
        None => Ok(()),
    }
}

fn filesystem(node: &Node<'_>) -> Result<LandlockFiles> {
    known(node, &["restrict", "rules"])?;
    let rule = |rule: &Node<'_>| {
        known(rule, &["paths", "allow"])?;
        Ok(LandlockRule {
            paths: rule.each("paths", value::absolute)?,
            allow: accesses(&rule.need("allow")?)?,
        })
    };
    Ok(LandlockFiles {
        restrict: node.get("restrict")?.map(|list| accesses(&list)).transpose()?,
        rules: node.each("rules", rule)?,
    })
}

/// The kernel's names, and three for some of them together.
fn accesses(list: &Node<'_>) -> Result<Vec<FileAccess>> {
    use FileAccess::*;
    let mut accesses = Vec::new();
    for item in list.list()? {
        match item.text()? {
            "all" => accesses.extend(FileAccess::ALL),
            "read" => accesses.extend([ReadFile, ReadDir]),
            "write" => {
                let not = [Execute, ReadFile, ReadDir, IoctlDev];
                accesses.extend(FileAccess::ALL.iter().filter(|access| !not.contains(access)));
            }
            _ => accesses.push(item.named()?),
        }
    }
    accesses.sort_unstable();
    accesses.dedup();
    Ok(accesses)
}

fn network(node: &Node<'_>) -> Result<LandlockNetwork> {
    known(node, &["bind_tcp", "connect_tcp"])?;
    let ports = |key| match node.get(key)? {
        Some(_) => node.each(key, |port| port.number()).map(Some),
        None => Ok(None),
    };
    Ok(LandlockNetwork { bind_tcp: ports("bind_tcp")?, connect_tcp: ports("connect_tcp")? })
}
