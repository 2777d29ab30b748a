//! A [`ProcessSpec`] resolved and checked: what the container's init does without another look at
//! the configuration.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::path::{Path, PathBuf};

use seccomp::Program;
use serde::{Deserialize, Serialize};

use super::capabilities::{self, CapabilitySets};
use super::filters::{Filters, Listener};
use super::landlock::LandlockPlan;
use super::scheduling::{self, Scheduling};
use crate::config::{self, Id, ProcessSpec, Rlimit, User};
use crate::{Error, Result};

/// A process to start, in the container's own terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessPlan {
    /// The program and its arguments; empty only for an init that is held and never let go.
    pub args: Vec<CString>,
    /// `KEY=VALUE` each, no key twice; HOME may be missing.
    pub env: Vec<CString>,
    /// The working directory, an absolute path in the container.
    pub cwd: PathBuf,
    /// Root enters the working directory, where the user himself may not, as OCI engines expect.
    pub lenient_cwd: bool,
    /// Root makes it where it is missing: for the first process of a container of theirs.
    pub make_cwd: bool,
    /// Who it runs as; `None` is uid 0, gid 0 without a look at any file.
    pub user: Option<User>,
    /// Supplementary groups.
    pub additional_groups: Vec<Id>,
    /// Whether the user's groups of the container's group file, and his primary group, are
    /// supplementary ones too (as initgroups(3) does).
    pub groups_from_file: bool,
    /// The five capability sets.
    pub capabilities: CapabilitySets,
    /// Resource limits, no resource twice, soft at most hard.
    pub rlimits: Vec<Rlimit>,
    /// PR_SET_NO_NEW_PRIVS
    pub no_new_privileges: bool,
    /// -1000 to 1000; `None` inherits.
    pub oom_score_adj: Option<i32>,
    /// The file mode creation mask, at most 0o777; `None` keeps the creator's.
    pub umask: Option<u32>,
    /// Where and when it runs.
    pub scheduling: Scheduling,
    /// PR_SET_PDEATHSIG, 1 to 64.
    pub parent_death_signal: Option<i32>,
    /// The AppArmor profile to change to on exec.
    pub apparmor_profile: Option<String>,
    /// The SELinux label to take on exec.
    pub selinux_label: Option<String>,
    /// Compiled filters in loading order; at most the last needs a listener.
    pub filters: Vec<Program>,
    /// Rules that come into force before the filters.
    pub landlock: Option<LandlockPlan>,
    /// Who answers the calls that a filter leaves to an agent.
    pub listener: Option<Listener>,
    /// The name of a new session keyring; `None` keeps the caller's.
    pub keyring: Option<CString>,
    /// Give the process a pseudo-terminal.
    pub terminal: bool,
    /// The terminal's size at its start: rows, columns.
    pub console_size: Option<(u16, u16)>,
}

/// What else of the container's configuration decides about a process.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The container's id, for the keyring's name.
    pub id: &'a str,
    /// Whether the process gets a session keyring of its own.
    pub new_keyring: bool,
    /// Its system-call filters.
    pub filters: &'a Filters,
    /// See [`Config::oci`](crate::Config::oci).
    pub oci: bool,
    /// The process is held before its program, and so may have none.
    pub hold: bool,
}

/// Resolves `process`, with `defaults` for what it leaves open; the strings are warnings.
///
/// # Errors
/// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) with the path of the field.
pub fn plan(
    defaults: &ProcessSpec,
    process: &ProcessSpec,
    around: &Surroundings<'_>,
) -> Result<(ProcessPlan, Vec<String>)> {
    let mut warnings = Vec::new();
    // A process that names no program is the configuration's own, and so is its terminal.
    let own = process.args.is_empty();
    let terminal = process.terminal || (own && defaults.terminal);
    let wanted = over(defaults, process);
    let capabilities = match wanted.capabilities {
        Some(sets) => capabilities::resolve(sets, &mut warnings)?,
        None => CapabilitySets::default(),
    };
    let Filters { programs: filters, listener, warnings: unknown } = around.filters.clone();
    if !around.oci {
        // Engines' own profiles name calls that no kernel has, in every container.
        warnings.extend(unknown);
    }
    let plan = ProcessPlan {
        args: match if own { &defaults.args } else { &process.args } {
            // What has no working directory either is no process at all: config.json requires one.
            none if none.is_empty() && around.hold && around.oci && defaults.cwd.is_none() => {
                Vec::new()
            }
            words => args(words)?,
        },
        env: environment(wanted.env)?,
        cwd: cwd(wanted.cwd)?,
        lenient_cwd: around.oci,
        make_cwd: around.oci,
        user: user(wanted.user)?,
        additional_groups: groups(wanted.additional_groups)?,
        groups_from_file: wanted.groups_from_file,
        capabilities,
        rlimits: rlimits(wanted.rlimits)?,
        no_new_privileges: wanted.no_new_privileges,
        oom_score_adj: range("oomScoreAdj", wanted.oom_score_adj, -1000..=1000)?,
        umask: match range("user.umask", wanted.umask, 0..=0o777)? {
            None if !around.oci => Some(0o022),
            umask => umask,
        },
        scheduling: wanted.scheduling()?,
        parent_death_signal: match wanted.parent_death_signal {
            Some(0) => None,
            signal => range("parentDeathSignal", signal, 1..=64)?,
        },
        apparmor_profile: label("apparmorProfile", wanted.apparmor_profile)?,
        selinux_label: label("selinuxLabel", wanted.selinux_label)?,
        filters,
        // See `plan::process_of`.
        landlock: None,
        listener,
        keyring: match around.new_keyring {
            true => Some(text(|| "id".to_owned(), &format!("_ses.{}", around.id))?),
            false => None,
        },
        terminal,
        console_size: process.console_size.or(defaults.console_size).filter(|_| terminal),
    };
    Ok((plan, warnings))
}

/// What a process sets, else the default, else what "not set" means.
struct Wanted<'a> {
    env: &'a [String],
    cwd: &'a Path,
    user: Option<&'a User>,
    additional_groups: &'a [Id],
    groups_from_file: bool,
    capabilities: Option<&'a crate::config::Capabilities>,
    rlimits: &'a [Rlimit],
    no_new_privileges: bool,
    oom_score_adj: Option<i32>,
    umask: Option<u32>,
    scheduler: Option<&'a config::Scheduler>,
    io_priority: Option<config::IoPriority>,
    exec_affinity: Option<&'a config::ExecAffinity>,
    parent_death_signal: Option<i32>,
    apparmor_profile: Option<&'a str>,
    selinux_label: Option<&'a str>,
}

fn over<'a>(defaults: &'a ProcessSpec, process: &'a ProcessSpec) -> Wanted<'a> {
    macro_rules! first {
        ($field:ident) => {
            process.$field.as_ref().or(defaults.$field.as_ref())
        };
    }
    Wanted {
        env: first!(env).map_or(&[], Vec::as_slice),
        cwd: first!(cwd).map_or(Path::new("/"), PathBuf::as_path),
        user: first!(user),
        additional_groups: first!(additional_groups).map_or(&[], Vec::as_slice),
        groups_from_file: first!(groups_from_file).copied().unwrap_or_default(),
        capabilities: first!(capabilities),
        rlimits: first!(rlimits).map_or(&[], Vec::as_slice),
        no_new_privileges: first!(no_new_privileges).copied().unwrap_or_default(),
        oom_score_adj: first!(oom_score_adj).copied(),
        umask: first!(umask).copied(),
        scheduler: first!(scheduler),
        io_priority: first!(io_priority).copied(),
        exec_affinity: first!(exec_affinity),
        parent_death_signal: first!(parent_death_signal).copied(),
        apparmor_profile: first!(apparmor_profile).map(String::as_str),
        selinux_label: first!(selinux_label).map(String::as_str),
    }
}

impl Wanted<'_> {
    fn scheduling(&self) -> Result<Scheduling> {
        let (initial_cpus, final_cpus) = scheduling::affinity(self.exec_affinity);
        Ok(Scheduling {
            scheduler: self.scheduler.map(scheduling::scheduler).transpose()?,
            io_priority: self.io_priority.map(scheduling::io_priority).transpose()?,
            initial_cpus,
            final_cpus,
            ..Scheduling::default()
        })
    }
}

fn args(args: &[String]) -> Result<Vec<CString>> {
    match args.first() {
        None => Err(Error::invalid("process.args", "no program is named")),
        Some(program) if program.is_empty() => {
            Err(Error::invalid("process.args[0]", "the program's name is empty"))
        }
        Some(_) => {
            let each = |(i, arg): (usize, &String)| text(|| format!("process.args[{i}]"), arg);
            args.iter().enumerate().map(each).collect()
        }
    }
}

/// The entries in their order; a key that comes again replaces the earlier value in its place, so
/// that no program sees both (getenv(3) takes the first, shells the last).
fn environment(entries: &[String]) -> Result<Vec<CString>> {
    let mut env: Vec<CString> = Vec::with_capacity(entries.len() + 1);
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        let field = || format!("process.env[{index}]");
        let key = match entry.split_once('=') {
            None => return Err(Error::invalid(field(), format!("{entry:?} has no '='"))),
            Some(("", _)) => return Err(Error::invalid(field(), format!("{entry:?} has no name"))),
            Some((key, _)) => key,
        };
        let entry = text(field, entry)?;
        match places.get(key) {
            Some(place) => env[*place] = entry,
            None => {
                places.insert(key, env.len());
                env.push(entry);
            }
        }
    }
    Ok(env)
}

fn user(user: Option<&User>) -> Result<Option<User>> {
    if let Some(user) = user {
        id("user", &user.user)?;
        user.group.as_ref().map_or(Ok(()), |group| id("user.group", group))?;
    }
    Ok(user.cloned())
}

fn groups(ids: &[Id]) -> Result<Vec<Id>> {
    for (index, group) in ids.iter().enumerate() {
        id(&format!("additionalGroups[{index}]"), group)?;
    }
    Ok(ids.to_vec())
}

/// As strict with an id built in memory as [`Id`]'s parser is with text.
fn id(field: &str, given: &Id) -> Result<()> {
    let refuse = |what: String| Err(Error::invalid(format!("process.{field}"), what));
    match given {
        Id::Number(u32::MAX) => refuse(format!("{} is too large for an id", u32::MAX)),
        Id::Name(name) if name.parse() != Ok(given.clone()) => {
            refuse(format!("{name:?} is not a name"))
        }
        _ => Ok(()),
    }
}

fn cwd(path: &Path) -> Result<PathBuf> {
    if !path.is_absolute() {
        let message = format!("{:?} is not an absolute path", path.display().to_string());
        return Err(Error::invalid("process.cwd", message));
    }
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(Error::invalid("process.cwd", "has a NUL byte"));
    }
    Ok(path.to_owned())
}

fn rlimits(limits: &[Rlimit]) -> Result<Vec<Rlimit>> {
    for (index, limit) in limits.iter().enumerate() {
        let refuse =
            |message: String| Err(Error::invalid(format!("process.rlimits[{index}]"), message));
        if limit.resource > 15 {
            return refuse(format!("{} is not the number of a resource (0 to 15)", limit.resource));
        }
        if limit.soft > limit.hard {
            return refuse(format!(
                "the soft limit {} is above the hard limit {}",
                limit.soft, limit.hard
            ));
        }
        if limits[..index].iter().any(|earlier| earlier.resource == limit.resource) {
            return refuse(format!("resource {} is limited twice", limit.resource));
        }
    }
    Ok(limits.to_vec())
}

fn range<T: PartialOrd + std::fmt::Display>(
    field: &str,
    value: Option<T>,
    range: std::ops::RangeInclusive<T>,
) -> Result<Option<T>> {
    match value {
        Some(value) if !range.contains(&value) => {
            let message = format!("{value} is not within {} to {}", range.start(), range.end());
            Err(Error::invalid(format!("process.{field}"), message))
        }
        value => Ok(value),
    }
}

/// A label of a security module; an empty one is none.
fn label(field: &str, label: Option<&str>) -> Result<Option<String>> {
    match label {
        None | Some("") => Ok(None),
        Some(label) if label.contains(['\0', '\n']) => {
            Err(Error::invalid(format!("process.{field}"), "has a NUL byte or a newline"))
        }
        Some(label) => Ok(Some(label.to_owned())),
    }
}

fn text(field: impl FnOnce() -> String, text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::invalid(field(), "has a NUL byte"))
}

#[cfg(test)]
mod tests;
