//! `linux` of an OCI config, but for its resources and seccomp.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::Result;

use super::super::node::Node;
use super::super::{
    Config, Device, DeviceKind, Namespace, NamespaceKind, Network, intel_rdt, template, value,
};
use super::{paths, resources, scheduling};

/// Reads `linux`; a config without it has the standard devices and their rules all the same.
pub(super) fn read(root: &Node<'_>, config: &mut Config) -> Result<()> {
    config.devices = template::standard_devices();
    config.resources.devices = resources::with_standard_rules(Vec::new());
    let Some(linux) = root.get("linux")? else { return Ok(()) };
    if let Some(field) = linux.get("intelRdt")? {
        config.intel_rdt = Some(intel_rdt::read(&field, intel_rdt::OCI)?);
    }
    config.net_devices = net_devices(&linux)?;
    config.personality = scheduling::personality(&linux)?;
    config.memory_policy = scheduling::memory_policy(&linux)?;
    config.namespaces = namespaces(&linux)?;
    let new_network = Namespace { kind: NamespaceKind::Network, path: None };
    if config.namespaces.contains(&new_network) {
        // Programs expect it, and nobody else can bring it up.
        config.networks = vec![Network::Loopback];
    }
    let id_map = |item: &Node<'_>| value::id_map(item, "containerID", "hostID");
    config.uid_mappings = linux.each("uidMappings", id_map)?;
    config.gid_mappings = linux.each("gidMappings", id_map)?;
    if let Some(offsets) = linux.get("timeOffsets")? {
        config.time_offsets = value::time_offsets(&offsets)?;
    }
    devices(&linux, config)?;
    if let Some(path) = linux.get("cgroupsPath")?.filter(|path| !path.is_empty()) {
        config.cgroup = Some(value::cgroup(&path)?);
        if config.cgroup.as_deref() == Some(Path::new("")) {
            return Err(path.error("the root of the hierarchies cannot be a container's"));
        }
    }
    if let Some(field) = linux.get("resources")? {
        config.resources = resources::read(&field)?;
    }
    if let Some(field) = linux.get("rootfsPropagation")?.filter(|field| !field.is_empty()) {
        config.rootfs_propagation = Some(value::propagation(&field)?);
    }
    config.sysctl = linux.text_map_of("sysctl")?;
    config.masked_paths = paths(&linux, "maskedPaths")?;
    config.readonly_paths = paths(&linux, "readonlyPaths")?;
    config.mount_label = linux.text_of("mountLabel")?;
    Ok(())
}

/// Each with its name in the container, which is the host's if nothing else is said.
fn net_devices(linux: &Node<'_>) -> Result<BTreeMap<String, String>> {
    let Some(field) = linux.get("netDevices")? else { return Ok(BTreeMap::new()) };
    let device = |(name, item): (&str, Node<'_>)| {
        let inside = item.text_of("name")?.unwrap_or_else(|| name.to_owned());
        Ok((name.to_owned(), inside))
    };
    field.entries()?.map(device).collect()
}

/// The names that namespaces have here.
pub(super) const NAMESPACES: [(&str, NamespaceKind); 8] = [
    ("pid", NamespaceKind::Pid),
    ("network", NamespaceKind::Network),
    ("mount", NamespaceKind::Mount),
    ("ipc", NamespaceKind::Ipc),
    ("uts", NamespaceKind::Uts),
    ("user", NamespaceKind::User),
    ("cgroup", NamespaceKind::Cgroup),
    ("time", NamespaceKind::Time),
];

fn namespaces(linux: &Node<'_>) -> Result<Vec<Namespace>> {
    let mut namespaces: Vec<Namespace> = Vec::new();
    let Some(list) = linux.get("namespaces")? else { return Ok(namespaces) };
    for item in list.list()? {
        let field = item.need("type")?;
        let name = field.text()?;
        let Some((_, kind)) = NAMESPACES.into_iter().find(|(known, _)| *known == name) else {
            return Err(field.error(format!("unknown namespace {name:?}")));
        };
        if namespaces.iter().any(|namespace| namespace.kind == kind) {
            return Err(field.error("is listed twice"));
        }
        let path = item.get("path")?.filter(|path| !path.is_empty());
        namespaces
            .push(Namespace { kind, path: path.map(|path| value::absolute(&path)).transpose()? });
    }
    Ok(namespaces)
}

/// Whether the container lives in somebody else's mount namespace: with his root, and his devices.
pub(super) fn joins_mounts(config: &Config) -> bool {
    let joined = |one: &Namespace| one.kind == NamespaceKind::Mount && one.path.is_some();
    config.namespaces.iter().any(joined)
}

/// The listed devices take the place of standard ones of the same path. They come first, so that
/// an error names the place that the file has them at.
fn devices(linux: &Node<'_>, config: &mut Config) -> Result<()> {
    let mut standard = std::mem::take(&mut config.devices);
    if joins_mounts(config) {
        standard.clear();
    }
    let Some(list) = linux.get("devices")? else {
        config.devices = standard;
        return Ok(());
    };
    let mut listed: BTreeMap<PathBuf, Device> = BTreeMap::new();
    for item in list.list()? {
        let device = device(&item)?;
        match listed.get(&device.path) {
            // Engines list a device that they are asked for twice as often.
            Some(other) if *other == device => {}
            Some(_) => return Err(item.need("path")?.error("is listed twice, and differs")),
            None => {
                listed.insert(device.path.clone(), device.clone());
                config.devices.push(device);
            }
        }
    }
    config.devices.extend(standard.into_iter().filter(|one| !listed.contains_key(&one.path)));
    Ok(())
}

fn device(node: &Node<'_>) -> Result<Device> {
    let field = node.need("type")?;
    let kind = match field.text()? {
        "c" | "u" => DeviceKind::Char,
        "b" => DeviceKind::Block,
        "p" => DeviceKind::Fifo,
        other => return Err(field.error(format!("unknown device type {other:?}"))),
    };
    let (major, minor) = match kind {
        DeviceKind::Fifo => (0, 0),
        DeviceKind::Char | DeviceKind::Block => value::device_numbers(node)?,
    };
    let id = |key| node.get(key)?.map(|id| value::id(&id)).transpose();
    Ok(Device {
        path: value::absolute(&node.need("path")?)?,
        kind,
        major,
        minor,
        mode: value::mode(node, "fileMode")?,
        uid: id("uid")?.unwrap_or(0),
        gid: id("gid")?.unwrap_or(0),
    })
}
