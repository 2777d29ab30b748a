//! container.json of 2015.
//!
//! `pivot_dir` is where the old root stood for a moment; ours stands nowhere, so it has no effect.

use std::path::{Path, PathBuf};

use crate::Result;

use super::super::node::Node;
use super::super::{Config, Namespace, NamespaceKind, Propagation, value};
use super::{cgroups, common, devices, mounts, rootfs};

/// Reads what only the files of 2015 have. Returns the root file system that the file names.
pub(super) fn read(root: &Node<'_>, dir: &Path, config: &mut Config) -> Result<Option<PathBuf>> {
    namespaces(root, config)?;
    let id_map = |item: &Node<'_>| value::id_map(item, "container_id", "host_id");
    config.uid_mappings = root.each("uid_mappings", id_map)?;
    config.gid_mappings = root.each("gid_mappings", id_map)?;
    cgroups::read(root, config)?;
    config.readonly_rootfs = root.boolean_of("readonlyfs")?.unwrap_or(false);
    if root.boolean_of("privatefs")? == Some(true) {
        config.rootfs_propagation = Some(Propagation::Private);
    }
    let listed = root.each("mounts", |item| mounts::of_2015(item, dir))?;
    config.mounts = match root.boolean_of("system_mounts")? {
        Some(false) => listed,
        Some(true) | None => mounts::with_system(listed),
    };
    if root.written("devices")?.is_some() {
        config.devices = root.each("devices", devices::device)?;
    }
    if root.written("mask_paths")?.is_some() {
        config.masked_paths = common::paths(root, "mask_paths")?;
    }
    if root.written("readonly_paths")?.is_some() {
        config.readonly_paths = common::paths(root, "readonly_paths")?;
    }
    config.sysctl = root.text_map_of("system_properties")?;
    rootfs(root, "rootfs", dir)
}

fn namespaces(root: &Node<'_>, config: &mut Config) -> Result<()> {
    let Some(list) = root.written("namespaces")? else { return Ok(()) };
    let mut namespaces: Vec<Namespace> = Vec::new();
    for item in list.list()? {
        let field = item.need("type")?;
        let name = field.text()?;
        let kind = NamespaceKind::ALL.into_iter().find(|kind| kind.clone_name() == name);
        let Some(kind) = kind else {
            return Err(field.error(format!("unknown namespace {name:?}")));
        };
        if namespaces.iter().any(|namespace| namespace.kind == kind) {
            return Err(field.error(format!("{name} is listed twice")));
        }
        let path = item.get("path")?.filter(|path| !path.is_empty());
        let path = path.map(|path| value::absolute(&path)).transpose()?;
        namespaces.push(Namespace { kind, path });
    }
    config.namespaces = namespaces;
    Ok(())
}
