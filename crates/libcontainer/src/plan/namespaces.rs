//! Which namespaces are made, joined or left the host's, and what goes with each.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sys::namespace::flag;

use crate::config::{Clock, Config, IdMap, NamespaceKind, TimeOffset};
use crate::{Error, Result};

/// How init enters its namespaces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespacePlan {
    /// Joined by path, mount last.
    pub join: Vec<(NamespaceKind, PathBuf)>,
    /// The CLONE_NEW* flags of those that stage 1 is born into.
    pub born: u64,
    /// A new user namespace, made before the others so that it owns them.
    pub user: bool,
    /// A new cgroup namespace, made when stage 1 is in its control group.
    pub cgroup: bool,
    /// A new time namespace, made before stage 1 is born, with these offsets.
    pub time: Option<Vec<(Clock, TimeOffset)>>,
}

impl NamespacePlan {
    /// Whether the init lives in a PID namespace whose PID 1 is another's.
    pub fn joins_pid(&self) -> bool {
        self.join.iter().any(|(kind, _)| *kind == NamespaceKind::Pid)
    }
}

/// Whose a namespace of the container is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The host's.
    Host,
    /// Another container's, by path.
    Joined,
    /// Its own.
    New,
}

/// Whose the namespace of this kind is.
pub fn owner(config: &Config, kind: NamespaceKind) -> Owner {
    match config.namespaces.iter().find(|namespace| namespace.kind == kind) {
        None => Owner::Host,
        Some(namespace) if namespace.path.is_some() => Owner::Joined,
        Some(_) => Owner::New,
    }
}

/// The CLONE_NEW* flag of a kind.
pub fn flag_of(kind: NamespaceKind) -> u64 {
    match kind {
        NamespaceKind::Cgroup => flag::CGROUP,
        NamespaceKind::Ipc => flag::IPC,
        NamespaceKind::Network => flag::NETWORK,
        NamespaceKind::Mount => flag::MOUNT,
        NamespaceKind::Pid => flag::PID,
        NamespaceKind::Time => flag::TIME,
        NamespaceKind::User => flag::USER,
        NamespaceKind::Uts => flag::UTS,
    }
}

/// Plans the namespaces, and refuses what they cannot give.
pub fn plan(config: &Config) -> Result<NamespacePlan> {
    let mut plan = NamespacePlan::default();
    let mut seen = 0;
    for (index, namespace) in config.namespaces.iter().enumerate() {
        let flag = flag_of(namespace.kind);
        if seen & flag != 0 {
            let message = format!("{} is listed twice", namespace.kind.clone_name());
            return Err(Error::invalid(format!("namespaces[{index}]"), message));
        }
        seen |= flag;
        match (&namespace.path, namespace.kind) {
            (Some(path), kind) => plan.join.push((kind, path.clone())),
            (None, NamespaceKind::User) => plan.user = true,
            (None, NamespaceKind::Cgroup) => plan.cgroup = true,
            (None, NamespaceKind::Time) => {
                let offsets = config.time_offsets.iter();
                plan.time = Some(offsets.map(|(clock, offset)| (*clock, *offset)).collect());
            }
            (None, _) => plan.born |= flag,
        }
    }
    plan.join.sort_by_key(|(kind, _)| *kind == NamespaceKind::Mount);
    check(config)?;
    Ok(plan)
}

fn check(config: &Config) -> Result<()> {
    let needs = |set: bool, field: &str, kind: NamespaceKind, least: Owner| {
        let has = owner(config, kind);
        if !set || has == Owner::New || (has == Owner::Joined && least == Owner::Joined) {
            return Ok(());
        }
        let whose = if has == Owner::Joined { "another's" } else { "the host's" };
        let message = format!(
            "needs a {} namespace of the container's own, but it is {whose}",
            kind.proc_name()
        );
        Err(Error::invalid(field, message))
    };
    // HOST_NAME_MAX of gethostname(2); the domain name has the same.
    for (field, name) in [("hostname", &config.hostname), ("domainname", &config.domainname)] {
        if name.as_ref().is_some_and(|name| name.len() > 64) {
            return Err(Error::invalid(field, "is longer than 64 bytes"));
        }
    }
    needs(config.hostname.is_some(), "hostname", NamespaceKind::Uts, Owner::Joined)?;
    needs(config.domainname.is_some(), "domainname", NamespaceKind::Uts, Owner::Joined)?;
    needs(!config.networks.is_empty(), "networks", NamespaceKind::Network, Owner::New)?;
    let devices = !config.net_devices.is_empty();
    needs(devices, "net_devices", NamespaceKind::Network, Owner::Joined)?;
    needs(!config.routes.is_empty(), "routes", NamespaceKind::Network, Owner::New)?;
    needs(!config.time_offsets.is_empty(), "time_offsets", NamespaceKind::Time, Owner::New)?;
    for (field, maps) in
        [("uid_mappings", &config.uid_mappings), ("gid_mappings", &config.gid_mappings)]
    {
        // Beside a path they say what the joined namespace has: engines write both.
        let least = if config.oci { Owner::Joined } else { Owner::New };
        needs(!maps.is_empty(), field, NamespaceKind::User, least)?;
        if maps.is_empty() && owner(config, NamespaceKind::User) == Owner::New {
            let message = "a new user namespace needs at least one mapping";
            return Err(Error::invalid(field, message));
        }
        check_maps(field, maps)?;
    }
    if owner(config, NamespaceKind::User) == Owner::New
        && owner(config, NamespaceKind::Mount) == Owner::Host
    {
        let message = "a new user namespace needs a new mount namespace: the kernel lets it \
                       change no mount of the host's";
        return Err(Error::invalid("namespaces", message));
    }
    Ok(())
}

/// Checks that ranges of ids are possible and do not overlap.
pub(super) fn check_maps(field: &str, maps: &[IdMap]) -> Result<()> {
    for (index, map) in maps.iter().enumerate() {
        let at = format!("{field}[{index}]");
        if map.size == 0 {
            return Err(Error::invalid(format!("{at}.size"), "is 0"));
        }
        let last = |first: u32| u64::from(first) + u64::from(map.size) - 1;
        if last(map.container_id) >= u64::from(u32::MAX) || last(map.host_id) >= u64::from(u32::MAX)
        {
            return Err(Error::invalid(at, "goes beyond the largest id, 4294967294"));
        }
        let meets = |a: u32, b: u32, other: &IdMap| {
            u64::from(a) < u64::from(b) + u64::from(other.size)
                && u64::from(b) < u64::from(a) + u64::from(map.size)
        };
        for (before, other) in maps[..index].iter().enumerate() {
            if meets(map.container_id, other.container_id, other)
                || meets(map.host_id, other.host_id, other)
            {
                return Err(Error::invalid(at, format!("overlaps with the one at {before}")));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
