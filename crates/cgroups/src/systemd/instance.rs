//! Which systemd is asked: that of the system, or a user's.

use std::path::{Path, PathBuf};

use rustix::process::{Pid, getpid};
use serde::{Deserialize, Serialize};

use super::name::without_init_scope;
use super::operation::{Operation, PROPERTIES};
use crate::detect::text_of;
use crate::{Error, Host, Result};

/// A systemd that makes units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Instance {
    /// The init of this host, for its administrator.
    System,
    /// The manager of the user whose bus the environment names (`systemd --user`).
    User,
}

impl Instance {
    /// Whether this host was booted by systemd (sd_booted(3)).
    ///
    /// Errors: [`Error::NoSystemd`]
    pub fn check(self) -> Result<()> {
        match Path::new("/run/systemd/system").is_dir() {
            true => Ok(()),
            false => Err(Error::NoSystemd {
                what: "systemd is not the init of this host, there is no /run/systemd/system"
                    .to_owned(),
            }),
        }
    }

    /// The slice of units that name none.
    pub(crate) fn default_slice(self) -> &'static str {
        match self {
            Self::System => "system.slice",
            Self::User => "user.slice",
        }
    }

    /// The group below which this systemd makes those of its units, relative to the roots of the
    /// hierarchies.
    pub(crate) fn group(self, host: &Host) -> Result<PathBuf> {
        let group = match self {
            Self::System => {
                let text = text_of(Path::new("/proc/1/cgroup"))?;
                without_init_scope(Path::new(own_line(host, &text)?)).to_owned()
            }
            Self::User => {
                let own = format!("/proc/{}/cgroup", getpid().as_raw_nonzero());
                match below_manager(own_line(host, &text_of(Path::new(&own))?)?) {
                    Some(group) => group,
                    None => self.ask_for_group()?,
                }
            }
        };
        Ok(group.strip_prefix("/").map(Path::to_owned).unwrap_or(group))
    }

    fn ask_for_group(self) -> Result<PathBuf> {
        let what = || "asking systemd for its cgroup".to_owned();
        Operation::new(self, what).run(|bus| {
            let manager = "org.freedesktop.systemd1.Manager";
            let path = "/org/freedesktop/systemd1";
            let texts = bus.call(&super::operation::call(
                path,
                PROPERTIES,
                "Get",
                [manager, "ControlGroup"],
            ))?;
            Ok(PathBuf::from(texts.into_iter().next().unwrap_or_default()))
        })
    }
}

/// The group of a process in systemd's own hierarchy, from the text of proc_pid_cgroup(5).
fn own_line<'a>(host: &Host, text: &'a str) -> Result<&'a str> {
    let named = text.lines().find_map(|line| line.split_once(":name=systemd:"));
    let unified = || text.lines().find_map(|line| line.strip_prefix("0::"));
    let found = match host.v1.is_empty() {
        true => unified(),
        false => named.map(|(_, group)| group).or_else(unified),
    };
    found.ok_or_else(|| Error::NoSystemd {
        what: "it has no hierarchy of control groups here".to_owned(),
    })
}

/// The group of the user's manager, where this process is below it: `…/user@1000.service`.
fn below_manager(group: &str) -> Option<PathBuf> {
    let is_manager = |path: &&Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("user@") && name.ends_with(".service")
    };
    Path::new(group).ancestors().find(is_manager).map(Path::to_owned)
}

/// Where systemd's own hierarchy is mounted.
pub(crate) fn hierarchy(host: &Host) -> Result<&Path> {
    let named = host.v1.iter().find(|one| one.controllers.iter().any(|it| it == "name=systemd"));
    let named = named.map(|one| one.mountpoint.as_path());
    named.or(host.v2.as_ref().map(|one| one.mountpoint.as_path())).ok_or_else(|| Error::NoSystemd {
        what: "it has no hierarchy of control groups here".to_owned(),
    })
}

/// Whether a process is in a group whose path ends in `group`.
pub(crate) fn is_in(host: &Host, pid: Pid, group: &Path) -> bool {
    let text = text_of(Path::new(&format!("/proc/{}/cgroup", pid.as_raw_nonzero())));
    text.is_ok_and(|text| own_line(host, &text).is_ok_and(|own| Path::new(own).ends_with(group)))
}
