//! What each flag does to a configuration. Doing it twice changes nothing more.

use std::path::PathBuf;

use libcontainer::Config;
use libcontainer::config::{
    IdMap, Mount, Namespace, NamespaceKind, Network, Rootfs, Veth, cgroup_mount,
};

use super::parse::IDS;
use super::{VethPart, What, Where};

/// The interface that flags describe.
const INTERFACE: &str = "eth0";

pub(super) fn apply(what: &What, config: &mut Config) {
    match what {
        What::Rootfs(path) => config.rootfs = Rootfs::Directory(path.clone()),
        What::Namespace(kind, place) => namespace(config, *kind, place),
        What::UserNamespace(first) => user_namespace(config, *first),
        What::Security(level) => level.apply(config),
        What::Hostname(name) => config.set_hostname(name),
        What::ReadOnly => config.readonly_rootfs = true,
        What::Mount(wanted) => mount(config, wanted.clone()),
        What::Cgroup => mount(config, cgroup_mount()),
        What::MemoryLimit(bytes) => config.resources.memory.limit = Some(*bytes),
        What::MemorySwap(bytes) => config.resources.memory.swap = Some(*bytes),
        What::MemorySwappiness(value) => config.resources.memory.swappiness = Some(*value),
        What::CpuShares(shares) => config.resources.cpu.shares = Some(*shares),
        What::CpusetCpus(list) => config.resources.cpu.cpus = Some(list.clone()),
        What::CpusetMems(list) => config.resources.cpu.mems = Some(list.clone()),
        What::Group(group) => {
            let groups = config.process.additional_groups.get_or_insert_default();
            if !groups.contains(group) {
                groups.push(group.clone());
            }
        }
        What::Sysctl(key, value) => {
            config.sysctl.insert(key.clone(), value.clone());
        }
        What::ParentDeathSignal(signal) => config.process.parent_death_signal = Some(*signal),
        What::Apparmor(name) => config.process.apparmor_profile = Some(name.clone()),
        What::ProcessLabel(label) => config.process.selinux_label = Some(label.clone()),
        What::MountLabel(label) => config.mount_label = Some(label.clone()),
        What::Veth(part) => interface(config, part),
        What::Init => config.reaper = true,
        What::Seccomp(profile) => {
            if !config.seccomp.contains(profile) {
                config.seccomp.push((**profile).clone());
            }
        }
    }
}

/// Replaces what is mounted there already.
fn mount(config: &mut Config, wanted: Mount) {
    match config.mounts.iter_mut().find(|mount| mount.destination == wanted.destination) {
        Some(mount) => *mount = wanted,
        None => config.mounts.push(wanted),
    }
}

fn namespace(config: &mut Config, kind: NamespaceKind, place: &Where) {
    let path = match place {
        Where::Private => None,
        Where::Path(path) => Some(path.clone()),
        Where::Host => {
            config.namespaces.retain(|namespace| namespace.kind != kind);
            return without(config, kind, place);
        }
    };
    match config.namespaces.iter_mut().find(|namespace| namespace.kind == kind) {
        Some(namespace) => namespace.path = path,
        None => config.namespaces.push(Namespace { kind, path }),
    }
    if *place != Where::Private {
        without(config, kind, place);
    }
}

/// Leaves out what would change a namespace that is not the container's own.
fn without(config: &mut Config, kind: NamespaceKind, place: &Where) {
    match kind {
        NamespaceKind::Mount => {
            config.mounts.clear();
            config.masked_paths.clear();
            config.readonly_paths.clear();
            config.devices.clear();
            config.rootfs_propagation = None;
            if *place != Where::Host {
                // Its root is that of the namespace.
                config.rootfs = Rootfs::Directory(PathBuf::new());
            }
        }
        NamespaceKind::Network => {
            config.networks.clear();
            config.routes.clear();
        }
        NamespaceKind::Uts => {
            config.hostname = None;
            config.domainname = None;
        }
        _ => {}
    }
}

/// The container's ids from 0 up are the host's from `first` up, users and groups alike.
fn user_namespace(config: &mut Config, first: u32) {
    let user = |namespace: &Namespace| namespace.kind == NamespaceKind::User;
    if !config.namespaces.iter().any(user) {
        config.namespaces.push(Namespace { kind: NamespaceKind::User, path: None });
    }
    let map = IdMap { container_id: 0, host_id: first, size: IDS };
    config.uid_mappings = vec![map];
    config.gid_mappings = vec![map];
}

/// Changes the interface, which is made where there is none.
fn interface(config: &mut Config, part: &VethPart) {
    for network in &mut config.networks {
        if let Network::Veth(pair) = network
            && pair.name == INTERFACE
        {
            return veth(pair, part);
        }
    }
    let mut pair = Veth { name: INTERFACE.to_owned(), ..Veth::default() };
    veth(&mut pair, part);
    config.networks.push(Network::Veth(pair));
}

fn veth(veth: &mut Veth, part: &VethPart) {
    match part {
        VethPart::Bridge(name) => veth.bridge = name.clone(),
        VethPart::Address(address, length) => veth.addresses = vec![(*address, *length)],
        VethPart::Gateway(gateway) => veth.gateways = vec![*gateway],
        VethPart::Mtu(bytes) => veth.mtu = *bytes,
    }
}
