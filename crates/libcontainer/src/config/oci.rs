//! config.json of the OCI runtime specification 1.3 (config.md, config-linux.md) to a [`Config`].
//!
//! Fields that we do not know are ignored, as the specification asks; those that we know and
//! cannot honour yet are refused by name.

mod features;
pub(super) mod hooks;
mod linux;
mod mounts;
mod names;
mod process;
mod resources;
mod scheduling;
mod seccomp;
mod version;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Result;

use super::document::Document;
use super::node::Node;
use super::parsed::{Form, Parsed};
use super::{Config, Landlock, ProcessSpec, Rootfs, landlock, value};

pub use features::features;
pub(crate) use names::field;
pub(super) use resources::change;
pub(super) use seccomp::profile as seccomp;
pub(crate) use version::MOST as VERSION;

/// Reads a `process` that stands alone.
pub(super) fn process(node: &Node<'_>, warnings: &mut Vec<String>) -> Result<ProcessSpec> {
    process::read(node, warnings)
}

/// Reads a config.json found in the bundle `dir`; `ahead` is shown it without its profile of system
/// calls.
pub(super) fn read(
    document: &Document<'_>,
    dir: &Path,
    ahead: impl FnOnce(&Config),
) -> Result<Parsed> {
    let mut parsed = without_seccomp(&Node::root(&document.value), dir)?;
    ahead(&parsed.config);
    parsed.config.seccomp.extend(seccomp::of(document)?);
    Ok(parsed)
}

fn without_seccomp(root: &Node<'_>, dir: &Path) -> Result<Parsed> {
    let version = version::check(&root.need("ociVersion")?)?;
    let mut warnings = Vec::new();
    let mut config = Config { new_keyring: true, oci: true, ..Config::default() };
    let root_field = root.need("root")?;
    let path = root_field.need("path")?;
    if path.is_empty() {
        return Err(path.error("is empty"));
    }
    config.rootfs = Rootfs::Directory(dir.join(path.text()?));
    config.readonly_rootfs = root_field.boolean_of("readonly")?.unwrap_or(false);
    config.hostname = root.text_of("hostname")?;
    config.domainname = root.text_of("domainname")?;
    config.mounts = root.each("mounts", |item| mounts::read(item, dir, &mut warnings))?;
    config.annotations = annotations(root)?;
    config.landlock = restrictions(root)?;
    config.rootfs_idmap = idmapped_root(root)?;
    config.hooks = hooks::read(root)?;
    config.bundle = Some(dir.to_owned());
    if let Some(node) = root.get("process")? {
        config.process = process::read(&node, &mut warnings)?;
    }
    linux::read(root, &mut config)?;
    if linux::joins_mounts(&config) && config.rootfs == Rootfs::Directory(PathBuf::from("/")) {
        // Its root is that of the mount namespace that it joins.
        config.rootfs = Rootfs::Directory(PathBuf::new());
    }
    // Before 1.3 said that 0 is a limit, it was written for none: by Podman 4, for one.
    if version < (1, 3) && config.resources.pids == Some(0) {
        config.resources.pids = None;
    }
    Ok(Parsed { config, form: Form::Oci, warnings, rootfs_fallback: None })
}

fn annotations(root: &Node<'_>) -> Result<BTreeMap<String, String>> {
    let Some(map) = root.get("annotations")? else { return Ok(BTreeMap::new()) };
    if let Some((_, value)) = map.entries()?.find(|(key, _)| key.is_empty()) {
        return Err(value.error("its key is empty"));
    }
    root.text_map_of("annotations")
}

/// The annotation whose value is the JSON text of a `landlock` as container.json has it: the
/// specification has no field for it.
pub(crate) const LANDLOCK: &str = "org.nsrun.landlock";

fn restrictions(root: &Node<'_>) -> Result<Option<Landlock>> {
    let Some(map) = root.get("annotations")? else { return Ok(None) };
    let Some(field) = map.get(LANDLOCK)? else { return Ok(None) };
    let value: Value = serde_json::from_str(field.text()?)
        .map_err(|error| field.error(format!("not JSON: {error}")))?;
    field.inside(landlock::read(&Node::root(&value))).map(Some)
}

/// The annotation `true` that says [`Config::rootfs_idmap`]: the specification has no field for it.
const ROOTFS_IDMAP: &str = "org.nsrun.rootfs-idmap";

fn idmapped_root(root: &Node<'_>) -> Result<bool> {
    let Some(map) = root.get("annotations")? else { return Ok(false) };
    let Some(field) = map.get(ROOTFS_IDMAP)? else { return Ok(false) };
    match field.text()? {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(field.error("is neither true nor false")),
    }
}

/// The absolute paths in the list `key`.
fn paths(node: &Node<'_>, key: &str) -> Result<Vec<PathBuf>> {
    node.each(key, value::absolute)
}

#[cfg(test)]
mod tests;
