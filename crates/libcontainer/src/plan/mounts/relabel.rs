//! Which SELinux label a bind's source is given (`relabel`).

use std::path::{Component, Path};

use super::{Field, Planner};
use crate::config::mount_flags::MountOptions;
use crate::config::{Mount, Relabel};
use crate::{Error, Result};

/// Directories that the host's own programs live by: with a container's label these could use them
/// no more. The same again by their inodes when the source is open (`rootfs/relabel.rs`).
pub(crate) const HOSTS_OWN: [&str; 26] = [
    "/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/libx32", "/media",
    "/mnt", "/opt", "/proc", "/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/usr/bin",
    "/usr/lib", "/var", "/var/lib", "/var/log",
];

/// Of these nothing at all: what is in there is the host's as well.
const WHOLLY: [&str; 7] = ["/bin", "/boot", "/dev", "/etc", "/proc", "/sys", "/usr"];

/// Only a bind has a source to be labelled.
pub(super) fn check(mount: &Mount, options: &MountOptions, field: Field<'_>) -> Result<()> {
    let bind = (options.bind || mount.fstype == "bind") && !options.remount;
    if mount.relabel.is_none() || bind {
        return Ok(());
    }
    Err(Error::invalid(format!("{field}.relabel"), "only the source of a bind can be relabelled"))
}

impl Planner<'_> {
    /// The label for the source at `path`, if it shall have one.
    pub(super) fn relabel(
        &self,
        mount: &Mount,
        path: &Path,
        field: Field<'_>,
    ) -> Result<Option<String>> {
        let Some(relabel) = mount.relabel else { return Ok(None) };
        let refused = |what: String| Err(Error::invalid(format!("{field}.relabel"), what));
        if is_hosts_own(path) {
            return refused(format!("{} is the host's own and keeps its label", path.display()));
        }
        if !self.facts.selinux {
            // The same file serves on hosts with SELinux and without.
            return Ok(None);
        }
        match self.config.mount_label.as_deref().filter(|label| !label.is_empty()) {
            None => refused("there is no mount_label to give".to_owned()),
            Some(label) if relabel == Relabel::Shared => Ok(Some(shared(label))),
            Some(label) => Ok(Some(label.to_owned())),
        }
    }
}

fn is_hosts_own(path: &Path) -> bool {
    let mut clean = std::path::PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => {
                clean.pop();
            }
            _ => {}
        }
    }
    HOSTS_OWN.iter().any(|own| clean == Path::new(own))
        || clean.parent() == Some(Path::new("/home"))
        || WHOLLY.iter().any(|own| clean.starts_with(own))
}

/// `user:role:type:level` at the lowest level, without categories: any container may use it.
fn shared(label: &str) -> String {
    let mut parts = label.splitn(4, ':');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(user), Some(role), Some(kind), Some(_)) => format!("{user}:{role}:{kind}:s0"),
        _ => label.to_owned(),
    }
}

#[cfg(test)]
mod tests;
