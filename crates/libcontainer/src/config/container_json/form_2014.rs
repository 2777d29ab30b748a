//! container.json of 2014: namespaces as an object of truths, May's capability mask and mounts,
//! June's `mount_config`.

use std::path::{Path, PathBuf};

use crate::Result;

use super::super::node::Node;
use super::super::{Capabilities, Config, Namespace, NamespaceKind, capability};
use super::{cgroups, devices, mounts, rootfs};

/// Reads what only the files of 2014 have. Returns the root file system that the file names.
pub(super) fn read(root: &Node<'_>, dir: &Path, config: &mut Config) -> Result<Option<PathBuf>> {
    namespaces(root, config)?;
    capabilities_mask(root, config)?;
    context(root, config)?;
    cgroups::read(root, config)?;
    file_systems(root, dir, config)?;
    if root.boolean_of("restrict_sys")? == Some(false) {
        unrestricted(config);
    }
    rootfs(root, "root_fs", dir)
}

fn namespaces(root: &Node<'_>, config: &mut Config) -> Result<()> {
    let Some(map) = root.written("namespaces")? else { return Ok(()) };
    let mut namespaces = Vec::new();
    for (name, wanted) in map.entries()? {
        let kind = NamespaceKind::ALL.into_iter().find(|kind| kind.clone_name() == name);
        let Some(kind) = kind else { return Err(wanted.error("unknown namespace")) };
        if wanted.boolean()? {
            namespaces.push(Namespace { kind, path: None });
        }
    }
    config.namespaces = namespaces;
    Ok(())
}

/// Capabilities that were part of another when the mask was written, and go with it.
const SPLIT_OFF: [(&str, &str); 4] = [
    ("PERFMON", "SYS_ADMIN"),
    ("BPF", "SYS_ADMIN"),
    ("CHECKPOINT_RESTORE", "SYS_ADMIN"),
    ("AUDIT_READ", "AUDIT_CONTROL"),
];

/// False is dropped, true or not listed is kept.
fn capabilities_mask(root: &Node<'_>, config: &mut Config) -> Result<()> {
    let Some(mask) = root.get("capabilities_mask")? else { return Ok(()) };
    let mut listed = Vec::new();
    for (name, keep) in mask.entries()? {
        let known = capability::normal(name);
        let Some(known) = known else { return Err(keep.error("unknown capability")) };
        listed.push((known, keep.boolean()?));
    }
    let kept = |name: &str| {
        let find =
            |name: &str| listed.iter().find(|(listed, _)| listed == name).map(|(_, keep)| *keep);
        let whole = SPLIT_OFF.iter().find(|(part, _)| *part == name).map(|(_, whole)| *whole);
        find(name).or(whole.and_then(find)).unwrap_or(true)
    };
    let names = capability::NAMES.into_iter().filter(|name| kept(name));
    config.process.capabilities = Some(Capabilities::of(names));
    Ok(())
}

/// May's place for labels.
fn context(root: &Node<'_>, config: &mut Config) -> Result<()> {
    let Some(context) = root.get("context")? else { return Ok(()) };
    let process = &mut config.process;
    process.apparmor_profile =
        context.text_of("apparmor_profile")?.or(process.apparmor_profile.take());
    process.selinux_label = context.text_of("process_label")?.or(process.selinux_label.take());
    config.mount_label = context.text_of("mount_label")?.or(config.mount_label.take());
    if let Some(field) = context.get("restrictions")?.filter(|field| !field.is_empty()) {
        let restricted = match field.is_text() {
            true => match field.text()? {
                "true" => true,
                "false" => false,
                other => return Err(field.error(format!("{other:?} is not true or false"))),
            },
            false => field.boolean()?,
        };
        if !restricted {
            unrestricted(config);
        }
    }
    Ok(())
}

fn unrestricted(config: &mut Config) {
    config.masked_paths.clear();
    config.readonly_paths.clear();
}

/// Mounts and devices, in May beside the rest and in June in `mount_config`.
fn file_systems(root: &Node<'_>, dir: &Path, config: &mut Config) -> Result<()> {
    let mut listed = root.each("mounts", |item| mounts::of_2014(item, dir))?;
    config.readonly_rootfs = root.boolean_of("readonly_fs")?.unwrap_or(false);
    if let Some(inner) = root.get("mount_config")? {
        listed.extend(inner.each("mounts", |item| mounts::of_2014(item, dir))?);
        if inner.written("device_nodes")?.is_some() {
            config.devices = inner.each("device_nodes", devices::device)?;
        }
        config.mount_label = inner.text_of("mount_label")?.or(config.mount_label.take());
        config.no_pivot_root |= inner.boolean_of("no_pivot_root")?.unwrap_or(false);
        config.readonly_rootfs |= inner.boolean_of("readonly_fs")?.unwrap_or(false);
    }
    config.mounts = mounts::with_system(listed.into_iter().flatten().collect());
    Ok(())
}
