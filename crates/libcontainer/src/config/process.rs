//! What a process of the container is, but for its streams.

use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind};

use super::node::shortened;
use super::{ExecAffinity, IoPriority, Scheduler};

/// A process of a container. In a [`Config`](super::Config) it holds the defaults; in a
/// [`Process`](crate::Process) what is set replaces them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessSpec {
    /// The program and its arguments; a program without a slash is looked up in the PATH of
    /// [`ProcessSpec::env`], inside the container.
    pub args: Vec<String>,
    /// The whole environment, `KEY=VALUE` each; HOME is added where it is missing.
    pub env: Option<Vec<String>>,
    /// The working directory in the container; `None` is `/`.
    pub cwd: Option<PathBuf>,
    /// Who it runs as; `None` is root of the container.
    pub user: Option<User>,
    /// Supplementary groups that are asked for by number or name.
    pub additional_groups: Option<Vec<Id>>,
    /// Whether the groups that the container's group file lists for the user are added.
    pub groups_from_file: Option<bool>,
    /// The five capability sets; `None` is none at all.
    pub capabilities: Option<Capabilities>,
    /// Resource limits; what is not listed is inherited.
    pub rlimits: Option<Vec<Rlimit>>,
    /// PR_SET_NO_NEW_PRIVS.
    pub no_new_privileges: Option<bool>,
    /// `/proc/PID/oom_score_adj`, -1000 to 1000; `None` inherits.
    pub oom_score_adj: Option<i32>,
    /// The file mode creation mask; `None` is 0o022, or the creator's in an OCI container
    /// ([`Config::oci`](super::Config::oci)).
    pub umask: Option<u32>,
    /// The scheduling policy and its parameters; `None` inherits.
    pub scheduler: Option<Scheduler>,
    /// The priority of disk accesses; `None` inherits.
    pub io_priority: Option<IoPriority>,
    /// The processors of a process executed in a running container; `None` inherits.
    pub exec_affinity: Option<ExecAffinity>,
    /// The signal number that the process gets when the creating process (not thread) ends;
    /// `None` or 0 for none.
    pub parent_death_signal: Option<i32>,
    /// The AppArmor profile to change to on exec.
    pub apparmor_profile: Option<String>,
    /// The SELinux label to take on exec.
    pub selinux_label: Option<String>,
    /// Give the process a pseudo-terminal.
    pub terminal: bool,
    /// The terminal's size at its start: rows, columns.
    pub console_size: Option<(u16, u16)>,
}

/// A user or group: a number, or a name looked up in the container's own files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Id {
    /// Taken as it is, never looked up.
    Number(u32),
    /// Looked up in `/etc/passwd` or `/etc/group` of the container.
    Name(String),
}

/// Who a process runs as: `USER` or `USER:GROUP`, each a number or a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The user.
    pub user: Id,
    /// The primary group; `None` is the one of the user's passwd entry, or 0 where it has none.
    pub group: Option<Id>,
}

impl FromStr for Id {
    type Err = Error;

    /// Strict: all digits is a number below 2^32 - 1 (which means "no change" to the kernel);
    /// anything else must be a possible name.
    fn from_str(text: &str) -> Result<Self, Error> {
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return match text.parse::<u32>() {
                Ok(number) if number != u32::MAX => Ok(Self::Number(number)),
                _ => Err(bad_id(text, "is too large for an id")),
            };
        }
        let legal = |b: u8| b.is_ascii_graphic() && b != b':' && b != b',';
        if text.is_empty() || text.starts_with(['-', '+']) || !text.bytes().all(legal) {
            return Err(bad_id(text, "is neither a number nor a name"));
        }
        Ok(Self::Name(text.to_owned()))
    }
}

fn bad_id(text: &str, what: &str) -> Error {
    let kind = ErrorKind::InvalidConfig { field: "user".into() };
    Error::new(kind, format!("{:?} {what}", shortened(text)))
}

impl FromStr for User {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(match text.split_once(':') {
            None => Self { user: text.parse()?, group: None },
            Some((user, group)) => Self { user: user.parse()?, group: Some(group.parse()?) },
        })
    }
}

/// The five capability sets, by name with or without `CAP_` (capabilities(7)).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// What execve can ever give.
    pub bounding: Vec<String>,
    /// What is in force.
    pub effective: Vec<String>,
    /// What passes an execve of a file with inheritable capabilities.
    pub inheritable: Vec<String>,
    /// What may be made effective.
    pub permitted: Vec<String>,
    /// What passes an execve of any program.
    pub ambient: Vec<String>,
}

impl Capabilities {
    /// Bounding, effective and permitted hold these; inheritable and ambient nothing.
    pub fn of<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        let bounding: Vec<String> = names.into_iter().map(Into::into).collect();
        Self {
            effective: bounding.clone(),
            permitted: bounding.clone(),
            bounding,
            ..Self::default()
        }
    }
}

/// A resource limit (getrlimit(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rlimit {
    /// The kernel's number of the resource, RLIMIT_CPU = 0 to RLIMIT_RTTIME = 15.
    pub resource: u32,
    /// The limit in force; u64::MAX is infinity.
    pub soft: u64,
    /// The ceiling; u64::MAX is infinity.
    pub hard: u64,
}
