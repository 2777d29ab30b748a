//! What of the wanted restrictions the kernel's version of Landlock can do (landlock(7)).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sys::landlock::LOG_NEW_EXEC_ON;

use crate::config::{FileAccess, Landlock, LandlockFiles, LandlockNetwork};
use crate::{Error, Result};

/// A set of rules to be made in the container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LandlockPlan {
    /// LANDLOCK_ACCESS_FS_* that are denied but for `paths`.
    pub files: u64,
    /// LANDLOCK_ACCESS_NET_* that are denied but for `ports`.
    pub network: u64,
    /// LANDLOCK_SCOPE_*
    pub scopes: u64,
    /// Where accesses are allowed.
    pub paths: Vec<AllowedPath>,
    /// Ports with LANDLOCK_ACCESS_NET_*.
    pub ports: Vec<(u16, u64)>,
    /// Flags of landlock_restrict_self(2).
    pub flags: u32,
    /// A path that is missing is no reason to stop.
    pub best_effort: bool,
}

/// A path of the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowedPath {
    /// Absolute.
    pub path: PathBuf,
    /// LANDLOCK_ACCESS_FS_*
    pub access: u64,
    /// The path's indices in the configuration: of its rule, and in that.
    pub place: (usize, usize),
}

const FIELD: &str = "landlock";
/// LANDLOCK_ACCESS_NET_*
const BIND_TCP: u64 = 1;
const CONNECT_TCP: u64 = 1 << 1;

/// What files that are no directories have: LANDLOCK_ACCESS_FS_*.
pub const OF_FILES: u64 = bit(FileAccess::Execute)
    | bit(FileAccess::WriteFile)
    | bit(FileAccess::ReadFile)
    | bit(FileAccess::Truncate)
    | bit(FileAccess::IoctlDev);

const fn bit(access: FileAccess) -> u64 {
    1 << access as u64
}

fn bits(list: &[FileAccess]) -> u64 {
    list.iter().fold(0, |bits, access| bits | bit(*access))
}

/// What of the rights to files a version knows.
fn files_of(version: u32) -> u64 {
    let all = match version {
        0 => return 0,
        1 => FileAccess::MakeSym,
        2 => FileAccess::Refer,
        3 | 4 => FileAccess::Truncate,
        _ => FileAccess::IoctlDev,
    };
    (bit(all) << 1) - 1
}

/// Plans it for the kernel's version (0: it has none); `None` where nothing is left of it.
pub(super) fn plan(
    wanted: &Landlock,
    version: u32,
    warnings: &mut Vec<String>,
) -> Result<Option<LandlockPlan>> {
    let mut plan = LandlockPlan { best_effort: wanted.best_effort, ..LandlockPlan::default() };
    let mut unknown = Vec::new();
    if let Some(files) = &wanted.filesystem {
        filesystem(files, version, &mut plan, &mut unknown)?;
    }
    if let Some(ports) = &wanted.network {
        network(ports, &mut plan);
    }
    plan.scopes = wanted.scopes.iter().fold(0, |bits, scope| bits | 1 << *scope as u64);
    if plan.files == 0 && plan.network == 0 && plan.scopes == 0 && unknown.is_empty() {
        return Err(Error::invalid(FIELD, "it restricts nothing"));
    }
    if plan.network != 0 && version < 4 {
        unknown.push("network (since Linux 6.7)".to_owned());
        (plan.network, plan.ports) = (0, Vec::new());
    }
    if plan.scopes != 0 && version < 6 {
        unknown.push("scopes (since Linux 6.12)".to_owned());
        plan.scopes = 0;
    }
    if !unknown.is_empty() {
        let kernel = match version {
            0 => "this kernel has no Landlock, or was not started with it (lsm=)".to_owned(),
            version => format!("version {version} of Landlock, which this kernel has, is too old"),
        };
        let message = format!("{kernel} for {}", unknown.join(", "));
        if !wanted.best_effort {
            let hint = "leave it out, or set best_effort";
            return Err(Error::invalid(FIELD, message).with_hint(hint));
        }
        warnings.push(format!("{FIELD}: {message}: left out"));
    }
    if wanted.log && version >= 7 {
        plan.flags |= LOG_NEW_EXEC_ON;
    } else if wanted.log {
        warnings.push(format!("{FIELD}.log: this kernel does not log denials (since Linux 6.15)"));
    }
    Ok(Some(plan).filter(|plan| (plan.files, plan.network, plan.scopes) != (0, 0, 0)))
}

fn filesystem(
    files: &LandlockFiles,
    version: u32,
    plan: &mut LandlockPlan,
    unknown: &mut Vec<String>,
) -> Result<()> {
    let wanted = files.restrict.as_deref().map_or(bits(&FileAccess::ALL), bits);
    plan.files = wanted & files_of(version);
    let lost = wanted & !plan.files;
    let lost = FileAccess::ALL.iter().filter(|access| lost & bit(**access) != 0);
    unknown.extend(lost.map(|access| name(*access)));
    for (rule_index, rule) in files.rules.iter().enumerate() {
        let field = |what: &str| format!("{FIELD}.filesystem.rules[{rule_index}].{what}");
        if rule.paths.is_empty() {
            return Err(Error::invalid(field("paths"), "names no path"));
        }
        let allowed = bits(&rule.allow);
        if allowed & wanted == 0 {
            return Err(Error::invalid(field("allow"), "nothing of it is restricted"));
        }
        for (index, path) in rule.paths.iter().enumerate() {
            if !path.is_absolute() {
                let field = field(&format!("paths[{index}]"));
                return Err(Error::invalid(field, "is not an absolute path"));
            }
            plan.paths.push(AllowedPath {
                path: path.clone(),
                access: allowed & plan.files,
                place: (rule_index, index),
            });
        }
    }
    plan.paths.retain(|allowed| allowed.access != 0);
    Ok(())
}

fn name(access: FileAccess) -> String {
    // The names are serde's.
    serde_json::to_value(access)
        .ok()
        .and_then(|name| Some(name.as_str()?.to_owned()))
        .unwrap_or_default()
}

fn network(ports: &LandlockNetwork, plan: &mut LandlockPlan) {
    for (list, access) in [(&ports.bind_tcp, BIND_TCP), (&ports.connect_tcp, CONNECT_TCP)] {
        if let Some(list) = list {
            plan.network |= access;
            plan.ports.extend(list.iter().map(|port| (*port, access)));
        }
    }
}

#[cfg(test)]
mod tests;
