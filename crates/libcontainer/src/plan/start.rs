//! From a configuration and the host's facts to everything a start does.

use std::path::PathBuf;

use cgroups::systemd::Property;
use cgroups::{Manager, Mode, Resources};
use sys::namespace::flag;

use crate::config::{Config, NamespaceKind, ProcessSpec, Rootfs};
use crate::host::HostFacts;
use crate::network::{self, VethHost};
use crate::plan::cgroup::{self, Group, Systemd};
use crate::plan::filters::Filters;
use crate::plan::hooks;
use crate::plan::mounts::{self, MountFacts, MountNamespace};
use crate::plan::namespaces::{self, Owner, flag_of, owner};
use crate::plan::process::{self, ProcessPlan, Surroundings};
use crate::plan::sysctl::{self, Owned};
use crate::plan::{Entry, InitPlan, JoinPlan, StartPlan};
use crate::resctrl;
use crate::{Error, Result};

/// A limit of processes below this is set when the container's first process is there.
const FEW: i64 = 16;

/// A container, resolved; what differs from process to process is not in it.
#[derive(Debug, Clone)]
pub struct ContainerPlan {
    /// What the init makes.
    pub start: StartPlan,
    /// The control group, if it gets one of its own.
    pub cgroup: Option<Manager>,
    /// What systemd has to do with that.
    pub systemd: Option<Systemd>,
    /// What is asked of systemd for its unit besides limits.
    pub properties: Vec<Property>,
    /// Its limits.
    pub resources: Resources,
    /// Who owns it, if that is not the caller.
    pub cgroup_owner: Option<u32>,
    /// The limit of its processes that must not be set before the first is there: on version 2
    /// that is born in the group, and where none may be born it could not.
    pub late_pids: Option<i64>,
    /// The host's ends of its network.
    pub links: Vec<VethHost>,
    /// Devices of the host's that it gets.
    pub devices: Vec<network::Device>,
    /// Its class of service in resctrl.
    pub resctrl: Option<resctrl::Place>,
    /// The CLONE_NEW* flags of the namespaces that are not the host's.
    pub namespaces: u64,
    /// It shares the host's mount namespace, and is a chroot.
    pub chroot: bool,
    /// The control group is one that was delegated to this user.
    pub delegated: bool,
    /// What is missing, and does not stop a start; one line each.
    pub warnings: Vec<String>,
}

/// Where and as what a container is made.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Its id.
    pub id: &'a str,
    /// What tells it from others of the same id on this host: the state root's path.
    pub scope: &'a str,
    /// The host.
    pub facts: &'a HostFacts,
    /// The text of /proc/self/mountinfo where the root is a view of the host or resctrl is wanted,
    /// else empty.
    pub mountinfo: &'a [u8],
    /// Mounts can have an SELinux label; looked at only where one is asked for.
    pub selinux: bool,
}

/// Plans a container. Nothing is changed, and everything that can be known to be wrong is found
/// here, with the path of its field.
pub fn start(config: &Config, place: &Place<'_>) -> Result<ContainerPlan> {
    let Place { id, scope, facts, .. } = *place;
    let namespaces = namespaces::plan(config)?;
    let Group { manager: cgroup, systemd, mut resources, owner: cgroup_owner, warnings } =
        cgroup::plan(config, place)?;
    let properties = match &systemd {
        Some(Systemd::Unit(_)) => cgroups::systemd::annotated(&config.annotations)?,
        _ => Vec::new(),
    };
    let network = network::plan(&config.networks, &config.routes, id, scope)?;
    let devices = network::plan_devices(&config.net_devices, &network.container, id, scope)?;
    let resctrl = match &config.intel_rdt {
        Some(rdt) => Some(resctrl::plan(rdt, id, resctrl::find(place.mountinfo))?),
        None => None,
    };
    let mount = owner(config, NamespaceKind::Mount);
    let joined_root = mount == Owner::Joined && config.rootfs == Rootfs::Directory(PathBuf::new());
    let rootfs = if joined_root {
        mounts::check_joined(config)?;
        None
    } else {
        Some(mounts::plan(config, &mount_facts(config, place, cgroup.as_ref())?)?)
    };
    let own = |kind| owner(config, kind) != Owner::Host;
    let owned = Owned {
        ipc: own(NamespaceKind::Ipc),
        network: own(NamespaceKind::Network),
        uts: own(NamespaceKind::Uts),
        user: own(NamespaceKind::User),
    };
    // Where stage 0 counts as well, it needs room beside stage 1 and what helps them.
    let few = if matches!(systemd, Some(Systemd::Unit(_))) { FEW } else { 1 };
    let attached = cgroup.is_some() && facts.cgroups.mode != Mode::V2;
    let all = config.namespaces.iter().map(|namespace| flag_of(namespace.kind));
    Ok(ContainerPlan {
        start: StartPlan {
            wants_joined: !network.host.is_empty()
                || !devices.is_empty()
                || (namespaces.cgroup && attached),
            namespaces,
            rootfs,
            network: network.container,
            hostname: config.hostname.clone(),
            domainname: config.domainname.clone(),
            sysctl: sysctl::plan(&config.sysctl, owned)?,
            reaper: config.reaper,
            hooks: hooks::plan(config, id)?,
        },
        delegated: cgroup.is_some() && !facts.administrator,
        cgroup,
        cgroup_owner,
        late_pids: resources.pids.take_if(|limit| (0..few).contains(limit)),
        systemd,
        properties,
        resources,
        warnings,
        links: network.host,
        devices,
        resctrl,
        namespaces: all.fold(0, |flags, flag| flags | flag),
        chroot: mount == Owner::Host,
    })
}

fn mount_facts(config: &Config, place: &Place<'_>, cgroup: Option<&Manager>) -> Result<MountFacts> {
    let facts = place.facts;
    let user_namespace = owner(config, NamespaceKind::User) != Owner::Host;
    let (cgroup_paths, cgroup_borrowed) = match cgroup {
        Some(group) => (group.paths().clone(), false),
        None => cgroup::borrowed(config, facts)?,
    };
    Ok(MountFacts {
        mount_namespace: match owner(config, NamespaceKind::Mount) {
            Owner::New => MountNamespace::New,
            Owner::Joined => MountNamespace::Joined,
            Owner::Host => MountNamespace::Host,
        },
        mknod: facts.mknod && !user_namespace,
        user_namespace,
        cgroup_paths,
        cgroup_borrowed,
        guard_groups: user_namespace || !facts.administrator,
        cgroup_unified: match (&facts.cgroups.mode, &facts.cgroups.v2) {
            (Mode::V2, Some(tree)) => Some(tree.mountpoint.clone()),
            _ => None,
        },
        cgroup_namespace: owner(config, NamespaceKind::Cgroup) == Owner::New,
        terminal: config.process.terminal,
        host_mounts: mounts::host_mounts(place.mountinfo),
        selinux: place.selinux,
    })
}

/// Plans a process of the container, which may be held before its program; the strings are
/// warnings. `keyring` names its session keyring, `landlock` is the kernel's version of that, if it
/// is wanted.
pub fn process(
    config: &Config,
    spec: &ProcessSpec,
    filters: &Filters,
    keyring: &str,
    hold: bool,
    landlock: u32,
) -> Result<(ProcessPlan, Vec<String>)> {
    let around = Surroundings {
        id: keyring,
        new_keyring: config.new_keyring,
        filters,
        oci: config.oci,
        hold,
    };
    let (mut plan, mut warnings) = process::plan(&config.process, spec, &around)?;
    if let Some(wanted) = &config.landlock {
        plan.landlock = super::landlock::plan(wanted, landlock, &mut warnings)?;
    }
    if config.oci {
        for line in &mut warnings {
            if let Some((field, rest)) = line.split_once(": ") {
                *line = format!("{}: {rest}", crate::config::oci_field(field));
            }
        }
    }
    plan.scheduling.complete(config)?;
    if config.reaper && plan.scheduling.given().is_some() {
        let message = "the program is a child of the reaper, and would not have this policy";
        return Err(Error::invalid("process.scheduler", message));
    }
    Ok((plan, warnings))
}

/// The orders of the container's first init.
pub fn first(container: &ContainerPlan, mut process: ProcessPlan, hold: bool) -> InitPlan {
    // Affinity is a matter of those that come later (config.md, "execCPUAffinity").
    (process.scheduling.initial_cpus, process.scheduling.final_cpus) = (None, None);
    let entry = Entry::Start(Box::new(container.start.clone()));
    InitPlan { entry, process, hold, descriptors: Vec::new() }
}

/// The orders of an init that enters a running container.
pub fn join(namespaces: u64, chroot: bool, process: ProcessPlan) -> InitPlan {
    // A cgroup namespace is entered only for its view; the group itself is joined by birth.
    let entry = Entry::Join(JoinPlan { namespaces: namespaces & flag::ALL, chroot });
    let process = ProcessPlan { make_cwd: false, ..process };
    InitPlan { entry, process, hold: false, descriptors: Vec::new() }
}
