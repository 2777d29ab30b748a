//! Mounts of container.json: those a file lists, and the system's that it need not list.

use std::path::{Path, PathBuf};

use crate::Result;

use super::super::mount_flags::{self, names_of_ms_flags, split_data};
use super::super::node::Node;
use super::super::{Mount, Relabel, template, value};

/// A mount as 2014 has it: {type, source, destination, writable, private}. `None` for devtmpfs,
/// which asks for the fresh /dev that there is anyway.
pub(super) fn of_2014(node: &Node<'_>, dir: &Path) -> Result<Option<Mount>> {
    let kind = node.need("type")?;
    let writable = node.boolean_of("writable")?;
    let mut options: Vec<&str> = match kind.text()? {
        "devtmpfs" => return devtmpfs(node),
        "bind" => vec!["rbind"],
        "tmpfs" => vec!["nosuid", "nodev", "noexec"],
        other => {
            return Err(kind.error(format!(
                "unknown mount type {other:?}, known are bind, tmpfs and devtmpfs"
            )));
        }
    };
    // A bind that is silent about it is read-only, as it was then; a tmpfs would be of no use.
    let read_only =
        if kind.text()? == "bind" { writable != Some(true) } else { writable == Some(false) };
    if read_only {
        options.push("ro");
    }
    if node.boolean_of("private")? == Some(true) {
        options.push("rprivate");
    }
    let mount = Mount {
        destination: destination(node)?,
        fstype: kind.text()?.to_owned(),
        source: match kind.text()? {
            "bind" => Some(dir.join(node.need("source")?.text()?)),
            _ => node.text_of("source")?.map(PathBuf::from),
        },
        options: options.into_iter().map(str::to_owned).collect(),
        relabel: relabel(node)?,
        ..Mount::default()
    };
    Ok(Some(mount))
}

fn devtmpfs(node: &Node<'_>) -> Result<Option<Mount>> {
    match node.get("destination")?.filter(|field| !field.is_empty()) {
        Some(field) if Path::new(field.text()?) != Path::new("/dev") => {
            Err(field.error("devtmpfs is the container's /dev and cannot be elsewhere"))
        }
        _ => Ok(None),
    }
}

/// A mount as 2015 has it: {source, destination, device, flags, propagation_flags, data}, with our
/// `options` by name beside them.
pub(super) fn of_2015(node: &Node<'_>, dir: &Path) -> Result<Mount> {
    let mut options = options_of_2015(node)?;
    let named = node.texts_of("options")?;
    node.inside(mount_flags::parse(&named))?;
    options.extend(named);
    for key in ["premount_cmds", "postmount_cmds"] {
        if let Some(commands) = node.get(key)?.filter(|commands| !commands.is_empty()) {
            return Err(commands.error("not supported yet"));
        }
    }
    let fstype = node.text_of("device")?.unwrap_or_default();
    let bind = mount_flags::parse(&options)?.bind || fstype == "bind";
    let source = node.text_of("source")?;
    let source = source.map(|source| if bind { dir.join(source) } else { PathBuf::from(source) });
    let id_map = |item: &Node<'_>| value::id_map(item, "container_id", "host_id");
    Ok(Mount {
        destination: destination(node)?,
        fstype,
        source,
        options,
        uid_mappings: node.each("uid_mappings", id_map)?,
        gid_mappings: node.each("gid_mappings", id_map)?,
        relabel: relabel(node)?,
    })
}

/// The names for `flags`, `propagation_flags` and `data`, each checked at its place.
fn options_of_2015(node: &Node<'_>) -> Result<Vec<String>> {
    let mut options = Vec::new();
    if let Some(flags) = node.get("flags")? {
        options.extend(flag_names(&flags)?);
    }
    if let Some(list) = node.get("propagation_flags")? {
        for flags in list.list()? {
            options.extend(flag_names(&flags)?);
        }
    }
    if let Some(field) = node.get("data")? {
        let data: Vec<String> = split_data(field.text()?).map(str::to_owned).collect();
        field.at(mount_flags::parse(&data))?;
        options.extend(data);
    }
    Ok(options)
}

fn flag_names(node: &Node<'_>) -> Result<Vec<String>> {
    let names = names_of_ms_flags(node.number()?)
        .map_err(|bits| node.error(format!("the bits {bits:#x} are no option of mount(2)")))?;
    node.at(mount_flags::parse(&names))?;
    Ok(names)
}

fn relabel(node: &Node<'_>) -> Result<Option<Relabel>> {
    let Some(field) = node.get("relabel")?.filter(|field| !field.is_empty()) else {
        return Ok(None);
    };
    match field.text()? {
        "z" => Ok(Some(Relabel::Shared)),
        "Z" => Ok(Some(Relabel::Private)),
        other => Err(field.error(format!("unknown value {other:?}, known are z and Z"))),
    }
}

/// Where, from the container's root, with or without a slash at its start.
fn destination(node: &Node<'_>) -> Result<PathBuf> {
    let field = node.need("destination")?;
    if field.is_empty() {
        return Err(field.error("is empty"));
    }
    Ok(Path::new("/").join(field.text()?))
}

/// The listed mounts, and the system's whose destination is not among them. One of these stands
/// first unless something it would be hidden by is listed: then right after that.
pub(super) fn with_system(listed: Vec<Mount>) -> Vec<Mount> {
    let mut all: Vec<(Mount, bool)> = listed.into_iter().map(|mount| (mount, false)).collect();
    for system in template::mounts() {
        if all.iter().any(|(mount, _)| mount.destination == system.destination) {
            continue;
        }
        let covers =
            |(mount, _): &(Mount, bool)| system.destination.starts_with(&mount.destination);
        let after = all.iter().rposition(covers).map_or(0, |place| place + 1);
        let own = all.iter().skip(after).take_while(|(_, system)| *system).count();
        all.insert(after + own, (system, true));
    }
    all.into_iter().map(|(mount, _)| mount).collect()
}

/// Whether the system's mounts must be switched off to get just these.
pub(in crate::config) fn lacks_system(mounts: &[Mount]) -> bool {
    with_system(mounts.to_vec()).len() != mounts.len()
}
