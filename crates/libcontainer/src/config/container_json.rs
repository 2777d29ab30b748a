//! container.json: three forms, 2014 to 2015, told apart by their shape, into one [`Config`].
//!
//! What a file does not mention is as in the template; what it does mention, be it as null or as
//! an empty list, is taken at its word.

mod cgroups;
mod common;
mod devices;
mod extensions;
mod form_2014;
mod form_2015;
mod mounts;
mod networks;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Result;

use super::node::Node;
use super::parsed::{Form, Parsed};
use super::{Config, NamespaceKind, Rootfs, template};

/// Reads a container.json found in `dir`.
pub(super) fn read(root: &Node<'_>, dir: &Path) -> Result<Parsed> {
    let form = form(root)?;
    let mut config = template::without_seccomp(Rootfs::Directory(dir.to_owned()));
    let mut warnings = Vec::new();
    common::read(root, &mut config)?;
    let named = match form {
        Form::May2014 | Form::June2014 => form_2014::read(root, dir, &mut config)?,
        Form::Json2015 | Form::Oci => {
            let named = form_2015::read(root, dir, &mut config)?;
            extensions::read(root, &mut config, &mut warnings)?;
            named
        }
    };
    networks::read(root, &mut config)?;
    without_a_place(root, &mut config)?;
    common::seccomp(root, &mut config)?;
    if root.written("environment")?.is_none() {
        config.process.env = Some(template::environment(config.hostname.as_deref()));
    }
    let rootfs_fallback = named.map(|path| {
        config.rootfs = Rootfs::Directory(path);
        dir.to_owned()
    });
    Ok(Parsed { config, form, warnings, rootfs_fallback })
}

pub(super) use mounts::lacks_system;

/// The limits that a `cgroups` object without `resources` would be read as.
pub(super) fn limits_of(value: &Value) -> Result<::cgroups::Resources> {
    cgroups::limits(&Node::root(value))
}

/// Which form it is: 2014 had namespaces as an object, May had mounts and the capability mask
/// where June has `mount_config` and a list.
fn form(root: &Node<'_>) -> Result<Form> {
    let may = ["capabilities_mask", "context"];
    let june = ["mount_config", "restrict_sys", "root_fs"];
    let has = |keys: &[&str]| -> Result<bool> {
        keys.iter().try_fold(false, |found, key| Ok(found || root.get(key)?.is_some()))
    };
    let mut old = root.get("namespaces")?.is_some_and(|namespaces| namespaces.is_object());
    let mut old_mounts = false;
    if let Some(mounts) = root.get("mounts")? {
        for mount in mounts.list()? {
            old_mounts |= mount.get("type")?.is_some();
        }
    }
    old |= old_mounts || has(&may)? || has(&june)?;
    Ok(match old {
        false => Form::Json2015,
        true if has(&may)? || old_mounts => Form::May2014,
        true => Form::June2014,
    })
}

/// Takes out what the template has and only a namespace of the container's own can have: who did
/// not ask for it is not to be told that it cannot be.
fn without_a_place(root: &Node<'_>, config: &mut Config) -> Result<()> {
    let own = |kind| config.namespaces.iter().any(|n| n.kind == kind && n.path.is_none());
    let (uts, network) = (own(NamespaceKind::Uts), own(NamespaceKind::Network));
    if !uts && root.written("hostname")?.is_none() {
        config.hostname = None;
    }
    if !network && root.written("networks")?.is_none() {
        config.networks.clear();
    }
    Ok(())
}

/// A root file system that the file names; `None` where it leaves that to the directory.
fn rootfs(root: &Node<'_>, key: &str, dir: &Path) -> Result<Option<PathBuf>> {
    Ok(root.text_of(key)?.map(|text| dir.join(text)))
}

#[cfg(test)]
mod tests;
