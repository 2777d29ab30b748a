//! System-call filters, compiled, and the agent that one of them asks (config-linux.md, "Seccomp").

use std::path::PathBuf;

use seccomp::interpreter::{self, SeccompData};
use seccomp::{Action, Arch, Options, Profile, Program, Rule, Rules};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// An agent that decides system calls (seccomp_unotify(2)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// The socket that gets the listener's descriptor, as a path of the host.
    pub path: PathBuf,
    /// Passed on to the agent.
    pub metadata: String,
}

/// What a container's profiles come to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filters {
    /// Compiled filters in loading order; at most the last needs a listener.
    pub programs: Vec<Program>,
    /// Who answers the calls that a filter leaves to an agent.
    pub listener: Option<Listener>,
    /// What the profiles say that has no effect; one line each.
    pub warnings: Vec<String>,
}

#[cfg(test)]
impl Filters {
    /// Without a profile.
    pub const NONE: Filters =
        Filters { programs: Vec::new(), listener: None, warnings: Vec::new() };
}

/// The call by which init hands the listener over. It is made when the filter is in force and the
/// agent does not have the listener: who left it to the agent would wait for ever.
const HANDING_OVER: &str = "sendmsg";
/// No agent is asked for these; write is here because other runtimes, which need it where we need
/// the other, refuse it too.
const NOT_THE_AGENTS: [&str; 2] = [HANDING_OVER, "write"];

/// SECCOMP_RET_LOG and SECCOMP_RET_ALLOW (seccomp(2)): the call is made.
const LOG: u32 = 0x7ffc_0000;
const ALLOW: u32 = 0x7fff_0000;

/// Compiles the profiles, to one program if they can be one: each that is loaded costs a start some
/// 50 µs, and each system call its instructions.
///
/// Otherwise the one that needs a listener is the last: what is loaded after it would be loaded by
/// calls that it may leave to the agent. (The kernel asks all of them, whatever their order.)
///
/// # Errors
/// As with a plan.
pub fn filters(profiles: &[Profile]) -> Result<Filters> {
    let mut warnings = Vec::new();
    let mut rules = Vec::with_capacity(profiles.len());
    let mut listener = None;
    for (index, profile) in profiles.iter().enumerate() {
        let field = || format!("seccomp[{index}]");
        let Some(native) = Arch::native() else {
            return Err(Error::invalid(field(), "this processor has no system-call table here"));
        };
        let one = Rules::new(profile, Options::new(native))
            .map_err(|error| Error::invalid(field(), error.to_string()))?;
        if !one.skipped().is_empty() {
            let names = one.skipped().join(", ");
            warnings.push(format!("{}: unknown system calls are left out: {names}", field()));
        }
        if one.needs_listener() && listener.replace(agent(profile, &field())?).is_some() {
            return Err(Error::invalid(field(), "the kernel takes one listener only"));
        }
        rules.push((index, one));
    }
    rules.sort_by_key(|(_, rules)| rules.needs_listener());
    let mut programs = programs(&rules)?;
    // The warnings have it.
    programs.iter_mut().for_each(|program| program.skipped.clear());
    if listener.is_some() {
        lets_the_listener_through(&programs)?;
    }
    Ok(Filters { programs, listener, warnings })
}

/// One program if the rules agree on their flags and are not too long together; `rules` are in
/// loading order, each with its profile's index.
fn programs(rules: &[(usize, Rules<'_>)]) -> Result<Vec<Program>> {
    if let [(_, first), (_, second), rest @ ..] = rules {
        let two = first.merge(second);
        let all = rest.iter().fold(two, |merged, (_, next)| merged?.merge(next));
        if let Some(Ok(program)) = all.map(|all| all.program()) {
            return Ok(vec![program]);
        }
    }
    let single = rules.iter().map(|(index, rules)| {
        let invalid =
            |error: seccomp::Error| Error::invalid(format!("seccomp[{index}]"), error.to_string());
        rules.program().map_err(invalid)
    });
    single.collect()
}

/// The agent that these profiles ask, if they ask one.
///
/// # Errors
/// As with a plan.
pub fn agent_of(profiles: &[Profile]) -> Result<Option<Listener>> {
    let asks = |profile: &Profile| profile.syscalls.iter().any(|rule| notifies(&rule));
    let Some(index) = profiles.iter().position(asks) else { return Ok(None) };
    agent(&profiles[index], &format!("seccomp[{index}]")).map(Some)
}

fn notifies(rule: &&Rule) -> bool {
    rule.action == Action::Notify
}

/// The agent of a profile that asks one.
fn agent(profile: &Profile, field: &str) -> Result<Listener> {
    if profile.default_action == Action::Notify {
        let message = "SCMP_ACT_NOTIFY cannot be used as default action";
        return Err(Error::invalid(format!("{field}.defaultAction"), message));
    }
    for name in profile.syscalls.iter().filter(notifies).flat_map(|rule| &rule.names) {
        if NOT_THE_AGENTS.contains(&&**name) {
            let message = format!("SCMP_ACT_NOTIFY cannot be used for the {name} syscall");
            return Err(Error::invalid(format!("{field}.syscalls"), message));
        }
    }
    let path = PathBuf::from(&profile.listener_path);
    let field = || format!("{field}.listenerPath");
    if profile.listener_path.is_empty() {
        return Err(Error::invalid(field(), "is required where SCMP_ACT_NOTIFY is used"));
    }
    if !path.is_absolute() {
        let message = format!("{:?} is not an absolute path", profile.listener_path);
        return Err(Error::invalid(field(), message));
    }
    Ok(Listener { path, metadata: profile.listener_metadata.clone() })
}

/// Runs the filters on the call that hands the listener over: who forbids it ends the start before
/// it begins, and not in the middle.
fn lets_the_listener_through(programs: &[Program]) -> Result<()> {
    let native = Arch::native();
    let number = native.and_then(|native| native.number(HANDING_OVER));
    let (Some(native), Some(nr)) = (native, number) else { return Ok(()) };
    let data = SeccompData { nr, arch: native.audit(), ..SeccompData::default() };
    let passes = |program: &Program| {
        interpreter::run(&program.filter, &data)
            .is_ok_and(|outcome| matches!(outcome.value, LOG | ALLOW))
    };
    match programs.iter().all(passes) {
        true => Ok(()),
        false => Err(Error::invalid(
            "seccomp",
            format!("{HANDING_OVER} is forbidden, by which init hands the agent's descriptor over"),
        )),
    }
}

#[cfg(test)]
mod tests;
