//! The group that a process is in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rustix::process::Pid;

use crate::detect::text_of;
use crate::{Host, Manager, Result};

impl Manager {
    /// The handle of the group that a process is in now, in each hierarchy (proc_pid_cgroup(5)).
    ///
    /// Errors: [`crate::Error::Invalid`] for a group outside of the caller's cgroup namespace;
    /// [`crate::Error::System`] for a process that is gone.
    pub fn of_process(host: &Host, pid: Pid) -> Result<Self> {
        let file = format!("/proc/{}/cgroup", pid.as_raw_nonzero());
        Self::from_paths(paths(host, &text_of(Path::new(&file))?))
    }
}

/// The directories of the groups that a text like `4:cpu,cpuacct:/a` has a line each for.
pub(crate) fn paths(host: &Host, text: &str) -> BTreeMap<String, PathBuf> {
    let mut paths = BTreeMap::new();
    for line in text.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let below = path.trim_start_matches('/');
        if let (true, Some(unified)) = (controllers.is_empty(), &host.v2) {
            paths.insert(String::new(), unified.mountpoint.join(below));
        }
        for hierarchy in &host.v1 {
            for controller in controllers.split(',') {
                if hierarchy.controllers.iter().any(|own| own == controller) {
                    paths.insert(controller.to_owned(), hierarchy.mountpoint.join(below));
                }
            }
        }
    }
    paths
}

#[cfg(test)]
mod tests;
