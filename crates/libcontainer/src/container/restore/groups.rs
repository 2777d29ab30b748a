//! The control groups of a restore: CRIU's way through the container's own.

use cgroups::Manager;
use rustix::process::Pid;

use crate::Result;
use crate::container::handle::Container;
use crate::plan::{ContainerPlan, Systemd};

impl Container {
    /// CRIU makes the first process in the container's group: that and its children can be found
    /// there, should this process be killed.
    pub(super) fn enter_group(&self, plan: &ContainerPlan, criu: Pid) -> Result<()> {
        if let Some(group) = &plan.cgroup {
            group.attach(criu)?;
            group.attach_v2(criu)?;
        }
        Ok(())
    }

    /// The first process is there, and makes the others: what CRIU itself needs from now on shall not
    /// count against the container's limits.
    pub(super) fn leave_group(&self, plan: &ContainerPlan, criu: Pid) -> Result<()> {
        if plan.cgroup.is_none() {
            return Ok(());
        }
        match Manager::of_process(&self.shared.facts()?.cgroups, rustix::process::getpid()) {
            Ok(own) => {
                own.attach(criu)?;
                own.attach_v2(criu)?;
                Ok(())
            }
            // Whoever came from outside of this cgroup namespace (nsenter) has a group that has no
            // name here. CRIU stays until it ends, which is soon.
            Err(cgroups::Error::Invalid { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The limits, when all is there.
    pub(super) fn limit(&self, plan: &ContainerPlan) -> Result<()> {
        let Some(group) = &plan.cgroup else { return Ok(()) };
        let mut limits = plan.resources.clone();
        limits.pids = limits.pids.or(plan.late_pids);
        group.set(&limits)?;
        if let Some(Systemd::Unit(unit)) = &plan.systemd {
            unit.set(group, &limits)?;
        }
        if let Some(uid) = plan.cgroup_owner {
            group.give_to(uid)?;
        }
        Ok(())
    }

    /// The container's group in each hierarchy, as /proc/self/cgroup would have it.
    pub(super) fn group_roots(&self, plan: &ContainerPlan) -> Result<Vec<(String, String)>> {
        let Some(group) = &plan.cgroup else { return Ok(Vec::new()) };
        let host = &self.shared.facts()?.cgroups;
        let mut roots = Vec::new();
        for (controller, path) in group.paths() {
            let top = match controller.as_str() {
                "" => host.v2.as_ref().map(|tree| &tree.mountpoint),
                name => {
                    let has = |all: &&cgroups::Hierarchy| all.controllers.iter().any(|c| c == name);
                    host.v1.iter().find(has).map(|hierarchy| &hierarchy.mountpoint)
                }
            };
            if let Some(below) = top.and_then(|top| path.strip_prefix(top).ok()) {
                roots.push((controller.clone(), format!("/{}", below.display())));
            }
        }
        Ok(roots)
    }
}
