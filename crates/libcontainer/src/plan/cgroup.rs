//! The control group: where it is made, and what limits it has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cgroups::systemd::{Instance, Shared, Unit};
use cgroups::{Access, DeviceRule, HOW_TO_DELEGATE, Hierarchy, Manager, Mode, Resources};
use serde::{Deserialize, Serialize};

use crate::config::{CgroupManager, Config, DeviceKind, Id, Mount, NamespaceKind};
use crate::host::HostFacts;
use crate::plan::namespaces::{Owner, owner};
use crate::plan::start::Place;
use crate::{Error, Result};

/// What is planned of it.
#[derive(Debug)]
pub struct Group {
    /// The group, if the container gets one of its own.
    pub manager: Option<Manager>,
    /// What systemd has to do with it.
    pub systemd: Option<Systemd>,
    /// Its limits.
    pub resources: Resources,
    /// Who owns it, if that is not the caller.
    pub owner: Option<u32>,
    /// What is missing, and does not stop a start; one line each.
    pub warnings: Vec<String>,
}

/// Plans it. Who does not administer the host gets a group where one is delegated to him. Where
/// none is, limits are refused; a group without limits is done without.
///
/// # Errors
/// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) for limits without a group.
pub fn plan(config: &Config, place: &Place<'_>) -> Result<Group> {
    let facts = place.facts;
    let mut warnings = Vec::new();
    let mut resources = resources(config, facts.mknod);
    let in_v1 = |it: &Hierarchy| it.controllers.iter().any(|one| one == "memory");
    // It tells the kernel what to reclaim first, and limits nothing.
    if config.oci
        && resources.memory.swappiness.take_if(|_| !facts.cgroups.v1.iter().any(in_v1)).is_some()
    {
        warnings.push(
            "linux.resources.memory.swappiness has no effect: control groups of version 2 have \
             none of their own"
                .to_owned(),
        );
    }
    let mut systemd = None;
    let manager = match &config.cgroup {
        None => None,
        Some(path) if config.cgroup_manager != CgroupManager::Files => {
            let (group, whose) = by_systemd(config, place, path)?;
            systemd = Some(whose);
            Some(group)
        }
        Some(path) if facts.administrator => Some(Manager::new(&facts.cgroups, path)?),
        Some(path) => Manager::delegated(&facts.cgroups, path)?,
    };
    if facts.administrator {
        let owner = owner_of(config, facts);
        return Ok(Group { manager, systemd, resources, owner, warnings });
    }
    if let Some(path) = &config.cgroup {
        let rules = !std::mem::take(&mut resources.devices).is_empty();
        let denied = "its device rules are not in force: they take CAP_SYS_ADMIN on the host";
        match &manager {
            None if resources != Resources::default() => {
                let lacking = resources.only_in_version_1().filter(|_| facts.cgroups.v1.is_empty());
                if let Some(limit) = lacking {
                    let what = format!(
                        "{limit} is a limit of version 1 of control groups only, which this host does \
                         not have; leave it out"
                    );
                    return Err(Error::invalid("resources", what));
                }
                let what = "limits need a control group, and this user may make none";
                return Err(Error::invalid("resources", what).with_hint(HOW_TO_DELEGATE));
            }
            None if config.cgroup_implied => {}
            None => {
                let rules = if rules { " its device rules are not in force;" } else { "" };
                let path = path.display();
                warnings.push(format!(
                    "the container stays in the caller's control group, since this user may not \
                     make {path};{rules} {HOW_TO_DELEGATE}"
                ));
            }
            Some(_) if rules && !config.cgroup_implied => warnings.push(denied.to_owned()),
            Some(_) => {}
        }
    }
    Ok(Group { manager, systemd, resources, owner: None, warnings })
}

/// What systemd has to do with a container's group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Systemd {
    /// It makes this unit, and the group with it.
    Unit(Unit),
    /// The group is below this one, which is there for all.
    Shared(Shared),
}

/// The group that systemd will make, or let be made: the system's for its administrator, for
/// others the user's own.
fn by_systemd(config: &Config, place: &Place<'_>, path: &Path) -> Result<(Manager, Systemd)> {
    let facts = place.facts;
    let instance = if facts.administrator { Instance::System } else { Instance::User };
    let host = &facts.cgroups;
    if config.cgroup_manager == CgroupManager::Delegated {
        let shared = Shared::plan(host, instance, "libcontainer-delegated")?;
        return Ok((shared.group(host, path)?, Systemd::Shared(shared)));
    }
    let path = path.to_string_lossy();
    let description = format!("Container {}, recorded in {}", place.id, place.scope);
    let (unit, manager) =
        Unit::plan(host, instance, &path, &description).map_err(|error| match error {
            cgroups::Error::Invalid { reason, .. } => Error::invalid("cgroup", reason),
            other => other.into(),
        })?;
    Ok((manager, Systemd::Unit(unit)))
}

/// The host's id of the container's user, where the group is his to divide: on version 2, in a
/// cgroup namespace of the container's own, with the control groups mounted for writing
/// (config-linux.md, "Cgroup ownership").
fn owner_of(config: &Config, facts: &HostFacts) -> Option<u32> {
    let writable = |mount: &Mount| {
        let source = mount.source.as_deref().is_some_and(|source| source == Path::new("cgroup"));
        let read_only = mount.options.iter().any(|option| option == "ro");
        source && mount.destination == Path::new("/sys/fs/cgroup") && !read_only
    };
    let own = config.oci
        && facts.cgroups.mode == Mode::V2
        && owner(config, NamespaceKind::Cgroup) == Owner::New
        && config.mounts.iter().any(writable);
    let user = config.process.user.as_ref().filter(|_| own)?;
    let Id::Number(uid) = user.user else { return None };
    let host = match owner(config, NamespaceKind::User) {
        Owner::Host => Some(uid),
        _ => config.uid_mappings.iter().find_map(|map| {
            let offset = uid.checked_sub(map.container_id).filter(|offset| *offset < map.size)?;
            map.host_id.checked_add(offset)
        }),
    };
    // Root has it already.
    host.filter(|uid| *uid != 0)
}

/// The caller's own groups, for a container that stays in them and has control groups to show.
/// Nothing for the host's administrator, who sees all of them.
pub fn borrowed(config: &Config, facts: &HostFacts) -> Result<(BTreeMap<String, PathBuf>, bool)> {
    let shown = config.mounts.iter().any(|mount| mount.fstype.starts_with("cgroup"));
    if facts.administrator || !shown {
        return Ok((BTreeMap::new(), false));
    }
    Ok((Manager::inherited(&facts.cgroups)?, true))
}

/// The limits, with leave for the init to make the nodes that the configuration lists: it is in
/// the group already, and what may be opened stays as it is.
fn resources(config: &Config, mknod: bool) -> Resources {
    let mut resources = config.resources.clone();
    if resources.devices.is_empty() || !mknod || owner(config, NamespaceKind::User) != Owner::Host {
        return resources;
    }
    for device in &config.devices {
        let kind = match device.kind {
            DeviceKind::Char => cgroups::DeviceKind::Char,
            DeviceKind::Block => cgroups::DeviceKind::Block,
            DeviceKind::Fifo => continue,
        };
        resources.devices.push(DeviceRule {
            allow: true,
            kind,
            major: Some(i64::from(device.major)),
            minor: Some(i64::from(device.minor)),
            access: Access::MKNOD,
        });
    }
    resources
}
