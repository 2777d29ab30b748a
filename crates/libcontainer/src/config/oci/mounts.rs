//! `mounts` of an OCI config (config.md, "Mounts").

use std::path::{Path, PathBuf};

use crate::Result;

use super::super::node::{Node, shortened};
use super::super::{Mount, mount_flags, value};

/// Reads one mount of the bundle `dir`.
pub(super) fn read(node: &Node<'_>, dir: &Path, warnings: &mut Vec<String>) -> Result<Mount> {
    let destination = node.need("destination")?;
    if destination.is_empty() {
        return Err(destination.error("is empty"));
    }
    let mut options = node.texts_of("options")?;
    let parsed = node.inside(mount_flags::parse(&options))?;
    let fstype = node.text_of("type")?.unwrap_or_default();
    let bind = parsed.bind || fstype == "bind";
    if bind && !parsed.data.is_empty() {
        without_data(node, &mut options, warnings)?;
    }
    let id_map = |item: &Node<'_>| value::id_map(item, "containerID", "hostID");
    let uid_mappings = node.each("uidMappings", id_map)?;
    let gid_mappings = node.each("gidMappings", id_map)?;
    if uid_mappings.is_empty() != gid_mappings.is_empty() {
        return Err(node.error("has only one of uidMappings and gidMappings"));
    }
    let source = node.text_of("source")?;
    Ok(Mount {
        // A relative one is deprecated, and taken from the root.
        destination: Path::new("/").join(destination.text()?),
        fstype,
        source: source.map(|text| if bind { dir.join(text) } else { PathBuf::from(text) }),
        options,
        uid_mappings,
        gid_mappings,
        relabel: None,
    })
}

/// What no table has is for the file system, and goes to the fifth argument of mount(2): which
/// has no effect on a bind.
fn without_data(
    node: &Node<'_>,
    options: &mut Vec<String>,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let mut kept = Vec::with_capacity(options.len());
    for option in options.drain(..) {
        if mount_flags::parse(std::slice::from_ref(&option))?.data.is_empty() {
            kept.push(option);
        } else {
            let path = node.path();
            let shown = shortened(&option);
            warnings.push(format!("{path}.options: {shown:?} has no effect on a bind"));
        }
    }
    *options = kept;
    Ok(())
}
