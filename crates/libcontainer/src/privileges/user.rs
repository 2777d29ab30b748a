//! Who the process runs as (credentials(7), passwd(5), group(5)).

use std::ffi::CString;

use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Gid, Uid, set_dumpable_behavior};
use rustix::thread::{
    set_keep_capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};
use sys::{Context, SysError};

use super::accounts::{Accounts, Membership, Passwd};
use super::failed;
use crate::config::Id;
use crate::plan::process::ProcessPlan;
use crate::{Error, Result};

/// Ids as the container sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Real, effective and saved user id.
    pub uid: u32,
    /// Real, effective and saved group id.
    pub gid: u32,
    /// The supplementary groups, no more and no less.
    pub groups: Vec<u32>,
    /// The home directory of the user's passwd entry; `/` where there is none.
    pub home: CString,
}

/// Resolves the plan's user and groups by the container's own `/etc/passwd` and `/etc/group`; to
/// be called after the pivot. A number is never looked up as a name. The files are read only where
/// something is asked of them.
///
/// # Errors
/// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) for a user or group that does
/// not exist, or whose entry is malformed.
pub fn resolve(plan: &ProcessPlan) -> Result<Identity> {
    resolve_in(plan, &Accounts::open("/")?)
}

pub(super) fn resolve_in(plan: &ProcessPlan, accounts: &Accounts) -> Result<Identity> {
    let user = plan.user.as_ref();
    let entry = match user.map(|user| &user.user) {
        Some(Id::Name(name)) => Some(accounts.user_by_name(name)?),
        numeric => {
            let uid = match numeric {
                Some(Id::Number(uid)) => *uid,
                _ => 0,
            };
            let gid_open = user.is_some_and(|user| user.group.is_none());
            match gid_open || plan.groups_from_file || !has_home(&plan.env) {
                true => accounts.user_by_number(uid)?,
                false => None,
            }
        }
    };
    let uid = match (user.map(|user| &user.user), &entry) {
        (Some(Id::Number(uid)), _) => *uid,
        (Some(Id::Name(_)), Some(entry)) => entry.uid,
        _ => 0,
    };
    let member =
        entry.as_ref().filter(|_| plan.groups_from_file).map(|entry| entry.name.as_slice());
    let primary = user.and_then(|user| user.group.as_ref());
    let found = accounts.groups(&names(primary, &plan.additional_groups), member)?;
    let gid = match (user, primary) {
        (None, _) => 0,
        (_, Some(id)) => number(id, &found)?,
        (_, None) => entry.as_ref().map_or(0, |entry| entry.gid),
    };
    let mut groups = Vec::new();
    if plan.groups_from_file {
        groups.push(gid);
    }
    for id in &plan.additional_groups {
        groups.push(number(id, &found)?);
    }
    groups.extend(&found.member_of);
    unique(&mut groups);
    Ok(Identity { uid, gid, groups, home: entry.map_or_else(|| c"/".to_owned(), Passwd::home) })
}

fn names<'a>(primary: Option<&'a Id>, additional: &'a [Id]) -> Vec<&'a str> {
    let name = |id: &'a Id| match id {
        Id::Name(name) => Some(name.as_str()),
        Id::Number(_) => None,
    };
    primary.into_iter().chain(additional).filter_map(name).collect()
}

fn number(id: &Id, found: &Membership) -> Result<u32> {
    match id {
        Id::Number(gid) => Ok(*gid),
        Id::Name(name) => found.by_name.get(name.as_str()).copied().ok_or_else(|| {
            let message = format!("group {name:?} does not exist in the container's /etc/group");
            Error::invalid("process.user", message)
        }),
    }
}

fn unique(groups: &mut Vec<u32>) {
    let mut seen = std::collections::BTreeSet::new();
    groups.retain(|gid| seen.insert(*gid));
}

fn has_home(env: &[CString]) -> bool {
    env.iter().any(|entry| entry.as_bytes().starts_with(b"HOME="))
}

/// The plan's environment, with HOME where it is missing.
pub fn environment(plan: &ProcessPlan, identity: &Identity) -> Vec<CString> {
    let mut env = plan.env.clone();
    if !has_home(&env) {
        let home = [b"HOME=", identity.home.as_bytes()].concat();
        // Neither part has a NUL.
        env.extend(CString::new(home));
    }
    env
}

/// Takes the ids. For a user other than root the permitted capabilities are kept, for
/// [`super::capabilities`] to reduce; none is in force then.
///
/// `asked` says whether the configuration names supplementary groups; those of the container's group
/// file may be missing.
pub(super) fn become_user(identity: &Identity, asked: bool) -> Result<()> {
    if identity.uid != 0 {
        set_keep_capabilities(true).sys("prctl", || "PR_SET_KEEPCAPS")?;
    }
    set_groups(&identity.groups, asked)?;
    let unmapped = "the container's user namespace does not map it";
    let gid = Gid::from_raw(identity.gid);
    set_thread_res_gid(gid, gid, gid)
        .sys("setresgid", || identity.gid.to_string())
        .map_err(|error| failed(error, "taking the group", &[(Errno::INVAL, unmapped)]))?;
    let uid = Uid::from_raw(identity.uid);
    set_thread_res_uid(uid, uid, uid)
        .sys("setresuid", || identity.uid.to_string())
        .map_err(|error| failed(error, "taking the user", &[(Errno::INVAL, unmapped)]))?;
    if (identity.uid, identity.gid) != (0, 0) {
        // The change of ids has made the process as dumpable as fs.suid_dumpable says, and the
        // user's other processes may be in the container already (CVE-2016-9962).
        set_dumpable_behavior(DumpableBehavior::NotDumpable).sys("prctl", || "PR_SET_DUMPABLE")?;
    }
    Ok(())
}

fn set_groups(groups: &[u32], asked: bool) -> Result<()> {
    let ids: Vec<Gid> = groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
    match set_thread_groups(&ids) {
        Ok(()) => Ok(()),
        // A namespace that one unprivileged user mapped for himself denies setgroups, lest he give
        // up a group that takes rights away (user_namespaces(7)). He keeps his own then.
        Err(Errno::PERM) if !asked => Ok(()),
        Err(errno) => {
            let error = SysError::new("setgroups", format!("{groups:?}"), errno);
            let advice = [
                (Errno::PERM, "the user namespace denies setgroups: map gids with newgidmap(1)"),
                (Errno::INVAL, "the user namespace does not map them all, or they are too many"),
            ];
            Err(failed(error, "taking the supplementary groups", &advice))
        }
    }
}

#[cfg(test)]
mod tests;
