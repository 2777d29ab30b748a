//! From root of the container to the user's process: who it is, what it may, where it starts.
//!
//! The calls come in this order, each in a single-threaded process (credentials are a thread's):
//!
//! 1. [`outside`] before a user namespace is entered, with the caller's own privileges;
//! 2. [`sysctl`] and [`resolve_user`] after the pivot, as root of the container;
//! 3. [`apply`] (or [`prepare`], [`limit`], a birth and [`finish`]), after which the process is the user and may do no more than he;
//! 4. [`find_program`] and [`environment`], as the user; messages and waits that remain;
//! 5. [`Applied::seal`], directly before execve, since a limit or a filter may refuse anything;
//! 6. [`not_executed`] if execve failed.

mod accounts;
mod below;
mod capabilities;
mod cwd;
mod labels;
mod landlock;
mod program;
mod rlimits;
mod scheduling;
mod seccomp;
mod stdio;
mod sysctl;
mod user;

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::thread::set_no_new_privs;
use sys::{Context, SysError};

use crate::plan::capabilities::{CHOWN, SET_IDS, SYS_ADMIN};
use crate::plan::process::ProcessPlan;
use crate::procfs::Procfs;
use crate::{Error, Result, Step};

pub use program::{find as find_program, not_executed};
pub use scheduling::{in_group, schedule};
pub use sysctl::write as sysctl;
pub use user::{Identity, environment, resolve as resolve_user};

/// As [`resolve_user`], with the files below `root`; see [`crate::fuzzing`].
#[cfg(feature = "fuzzing")]
pub(crate) fn resolve_below(plan: &ProcessPlan, root: &std::path::Path) -> Result<Identity> {
    user::resolve_in(plan, &accounts::Accounts::open(root)?)
}

/// What only the caller's privileges can do: the OOM score, and hard limits that rise. Both ask
/// for CAP_SYS_RESOURCE in the initial user namespace, and both are inherited by children. The
/// limits in force stay as they are until [`apply`]. So does scheduling, with CAP_SYS_NICE.
pub fn outside(plan: &ProcessPlan, proc: &Procfs) -> Result<()> {
    if let Some(score) = plan.oom_score_adj {
        proc.write("self/oom_score_adj", score.to_string().as_bytes())
            .step(|| "setting the OOM score")
            .map_err(|error| match error.errno().map(Errno::from_raw_os_error) {
                Some(Errno::ACCESS | Errno::PERM) => {
                    error.with_hint("lowering it needs CAP_SYS_RESOURCE")
                }
                _ => error,
            })?;
    }
    rlimits::raise(&plan.rlimits)?;
    scheduling::outside(&plan.scheduling)
}

/// The process is the user now; what would hinder the rest of its way is missing.
#[derive(Debug, Clone)]
#[must_use = "seal() sets the limits, loads the filters and gives up what loading them needed"]
pub struct Applied {
    warnings: Vec<String>,
    pending: Option<capabilities::Grant>,
    rules: Option<Arc<OwnedFd>>,
}

/// What has been done with all privileges, and is inherited by children.
#[derive(Debug, Default)]
pub struct Prepared {
    /// The process is in the working directory.
    entered: bool,
    /// Landlock's rules, not yet in force.
    rules: Option<OwnedFd>,
    warnings: Vec<String>,
}

/// Makes the calling process what the plan says: labels, keyring, owner of its streams (which are
/// descriptors 0 to 2 by now), capabilities, ids, umask, working directory, no_new_privs.
pub fn apply(plan: &ProcessPlan, identity: &Identity, proc: &Procfs) -> Result<Applied> {
    finish(plan, identity, prepare(plan, proc)?)
}

/// The first half: labels, keyring, working directory, bounding set, Landlock's rules. In the container's root.
pub fn prepare(plan: &ProcessPlan, proc: &Procfs) -> Result<Prepared> {
    labels::apply(plan, proc)?;
    if let Some(name) = &plan.keyring {
        keyring(name)?;
    }
    let entered = plan.lenient_cwd && cwd::enter_as_root(&plan.cwd, plan.make_cwd)?;
    capabilities::drop_bounding(plan.capabilities.bounding)?;
    let mut warnings = Vec::new();
    let rules = match &plan.landlock {
        Some(plan) => Some(landlock::prepare(plan, &mut warnings)?),
        None => None,
    };
    Ok(Prepared { entered, rules, warnings })
}

/// Between the halves: gives up what the program will not have and the second half, with the
/// capabilities `more`, does not need.
pub fn limit(plan: &ProcessPlan, identity: &Identity, more: u64) -> Result<()> {
    let mut keep = plan.capabilities.all() | SET_IDS | more;
    if plan.terminal && identity.uid != 0 {
        keep |= CHOWN;
    }
    if privileged_load(plan) {
        keep |= SYS_ADMIN;
    }
    capabilities::limit(keep)
}

/// Without no_new_privs filters and rules can be loaded by CAP_SYS_ADMIN only.
fn privileged_load(plan: &ProcessPlan) -> bool {
    (!plan.filters.is_empty() || plan.landlock.is_some()) && !plan.no_new_privileges
}

/// The second half: streams, ids, capabilities, umask, no_new_privs.
pub fn finish(plan: &ProcessPlan, identity: &Identity, prepared: Prepared) -> Result<Applied> {
    let Prepared { entered, rules, mut warnings } = prepared;
    stdio::own(identity, plan.terminal)?;
    user::become_user(identity, !plan.additional_groups.is_empty())?;
    let grant = capabilities::grantable(&plan.capabilities, &mut warnings)?;
    let pending = if privileged_load(plan) {
        grant.prepare()?;
        Some(grant)
    } else {
        grant.set()?;
        None
    };
    if let Some(umask) = plan.umask {
        rustix::process::umask(Mode::from_raw_mode(umask));
    }
    if !entered {
        cwd::enter(&plan.cwd, identity)?;
    }
    cwd::verify(&plan.cwd)?;
    if plan.no_new_privileges {
        set_no_new_privs(true).sys("prctl", || "PR_SET_NO_NEW_PRIVS")?;
    }
    Ok(Applied { warnings, pending, rules: rules.map(Arc::new) })
}

impl Applied {
    /// What could not be granted, one line each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Sets the limits, puts rules and filters into force, and gives up what loading them needed. `hand_over` gets
    /// the listener of the filter that leaves calls to an agent, before any call that the agent
    /// may be asked for.
    pub fn seal(
        self,
        plan: &ProcessPlan,
        hand_over: &mut dyn FnMut(OwnedFd) -> Result<()>,
    ) -> Result<()> {
        rlimits::set(&plan.rlimits)?;
        if let (Some(plan), Some(rules)) = (&plan.landlock, &self.rules) {
            landlock::restrict(plan, rules)?;
        }
        seccomp::load(&plan.filters, hand_over)?;
        match self.pending {
            Some(grant) => grant.set(),
            None => Ok(()),
        }
    }
}

/// A new session keyring, so that the caller's keys stay the caller's (session-keyring(7)).
/// A kernel without keyrings has none to keep apart.
fn keyring(name: &std::ffi::CStr) -> Result<()> {
    match sys::keyring::join_session(name) {
        Ok(()) => Ok(()),
        Err(error) if error.errno() == Errno::NOSYS => Ok(()),
        Err(error) => {
            let full = error.errno() == Errno::DQUOT;
            let error = Error::from(error).within("making a session keyring");
            Err(if full { error.with_hint("kernel.keys.maxkeys is reached") } else { error })
        }
    }
}

/// A failed system call at a step, with advice for some errnos.
fn failed(error: SysError, step: &str, advice: &[(Errno, &str)]) -> Error {
    let errno = error.errno();
    let error = Error::from(error).within(step);
    match advice.iter().find(|(on, _)| *on == errno) {
        Some((_, hint)) => error.with_hint(*hint),
        None => error,
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
