//! What a container.json of today can say besides: fields in the manner of 2015 for what came
//! later, so that every [`Config`] can be written down.

use serde::de::DeserializeOwned;

use crate::Result;

use super::super::node::Node;
use super::super::oci::hooks;
use super::super::{Config, Rootfs, capability, intel_rdt, landlock, value};

/// Reads the fields that no file of 2015 has.
pub(super) fn read(root: &Node<'_>, config: &mut Config, warnings: &mut Vec<String>) -> Result<()> {
    if root.boolean_of("host_rootfs")? == Some(true) {
        config.rootfs = Rootfs::Host;
    }
    config.rootfs_idmap = root.boolean_of("rootfs_idmap")?.unwrap_or(false);
    if let Some(field) = root.get("rootfs_propagation")?.filter(|field| !field.is_empty()) {
        config.rootfs_propagation = Some(value::propagation(&field)?);
    }
    config.domainname = root.text_of("domainname")?;
    if let Some(field) = root.get("intel_rdt")? {
        config.intel_rdt = Some(intel_rdt::read(&field, intel_rdt::OURS)?);
    }
    config.net_devices = root.text_map_of("net_devices")?;
    if let Some(offsets) = root.get("time_offsets")? {
        config.time_offsets = value::time_offsets(&offsets)?;
    }
    config.new_keyring = root.boolean_of("new_keyring")?.unwrap_or(config.new_keyring);
    config.oci = root.boolean_of("oci")?.unwrap_or(false);
    config.reaper = root.boolean_of("reaper")?.unwrap_or(false);
    config.annotations = root.text_map_of("annotations")?;
    config.landlock = root.get("landlock")?.map(|field| landlock::read(&field)).transpose()?;
    config.personality = named(root, "personality")?;
    config.memory_policy = named(root, "memory_policy")?;
    config.hooks = hooks::read(root)?;
    config.bundle = root.get("bundle")?.map(|path| value::absolute(&path)).transpose()?;
    process(root, config, warnings)
}

/// A field whose form is that of our own type.
fn named<T: DeserializeOwned>(root: &Node<'_>, key: &str) -> Result<Option<T>> {
    root.get(key)?.map(|field| field.named()).transpose()
}

fn process(root: &Node<'_>, config: &mut Config, warnings: &mut Vec<String>) -> Result<()> {
    let process = &mut config.process;
    process.args = root.texts_of("args")?;
    if root.written("groups_from_file")?.is_some() {
        process.groups_from_file = root.boolean_of("groups_from_file")?;
    }
    if let Some(field) = root.get("capability_sets")? {
        let mut sets = capability::sets(&field, &mut capability::Unknown::Refused)?;
        capability::drop_unraisable(&mut sets, &field, warnings);
        process.capabilities = Some(sets);
    }
    process.no_new_privileges = root.boolean_of("no_new_privileges")?;
    process.oom_score_adj = value::oom_score_adj(root, "oom_score_adj")?;
    process.umask = value::umask(root)?;
    process.scheduler = named(root, "scheduler")?;
    process.io_priority = named(root, "io_priority")?;
    process.exec_affinity = named(root, "exec_affinity")?;
    if let Some(size) = root.get("console_size")? {
        process.console_size =
            Some((size.need("rows")?.number()?, size.need("columns")?.number()?));
    }
    Ok(())
}
