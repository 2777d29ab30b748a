//! Device nodes, and the links that belong to a fresh /dev.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{DeviceNode, Field, MountNamespace, MountOp, Node, Planner, Source, check};
use crate::config::{Device, DeviceKind};
use crate::{Error, Result};

/// What programs expect in /dev beside devices (config-linux.md, "Default Devices"; the kernel's
/// admin-guide/devices.txt, "Compulsory links").
const LINKS: [(&str, &str); 4] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
];

/// The number of /dev/fuse (admin-guide/devices.txt).
const FUSE: (u32, u32) = (10, 229);

/// Where /dev comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dev {
    /// The image.
    Image,
    /// An empty file system.
    Fresh,
    /// The host: nothing is made there.
    Bound,
}

impl Planner<'_> {
    /// The nodes of the config, by directory, and the links.
    pub(super) fn nodes(&mut self) -> Result<()> {
        let dev = self.dev();
        let mut groups: Vec<(PathBuf, Vec<Node>)> = Vec::new();
        let mut seen: BTreeMap<PathBuf, &Device> = BTreeMap::new();
        for (index, device) in self.config.devices.iter().enumerate() {
            let field = format_args!("devices[{index}]");
            let path = check::destination(&device.path, format_args!("{field}.path"))?;
            if let Some(other) = seen.get(&path) {
                if same(device, other) {
                    continue;
                }
                let what = format!("{} is listed before as another device", path.display());
                return Err(Error::invalid(format!("{field}.path"), what));
            }
            seen.insert(path.clone(), device);
            if dev == Dev::Bound && path.starts_with("/dev") {
                continue;
            }
            let (directory, name) = split(&path, field)?;
            let node = self.node(device, path, name, field)?;
            add(&mut groups, directory, node);
        }
        // What config.json's default devices are, they are wherever /dev comes from.
        if dev == Dev::Fresh || (dev == Dev::Image && self.config.oci) {
            self.links(&mut groups);
        }
        let ops = groups.into_iter();
        self.ops.extend(ops.map(|(directory, nodes)| MountOp::Nodes { directory, nodes }));
        Ok(())
    }

    fn dev(&self) -> Dev {
        let last = self.ops.iter().rev().find_map(|op| match op {
            MountOp::Filesystem(fs) if fs.target == Path::new("/dev") => Some(Dev::Fresh),
            MountOp::Bind { target, .. } if target == Path::new("/dev") => Some(Dev::Bound),
            _ => None,
        });
        last.unwrap_or(Dev::Image)
    }

    fn links(&self, groups: &mut Vec<(PathBuf, Vec<Node>)>) {
        let mut link = |name: &str, target: &str| {
            let node = Node::Link { name: name.into(), target: target.into() };
            add(groups, PathBuf::from("/dev"), node);
        };
        for (name, target) in LINKS {
            link(name, target);
        }
        if self.has_devpts() {
            link("ptmx", "pts/ptmx");
        }
        add(groups, PathBuf::from("/dev"), Node::Core);
    }

    /// Made, or the host's own where the kernel would not let it be made or used.
    fn node(
        &mut self,
        device: &Device,
        path: PathBuf,
        name: String,
        field: Field<'_>,
    ) -> Result<Node> {
        let Device { kind, major, minor, mode, uid, gid, .. } = *device;
        if mode & !0o7777 != 0 {
            return Err(Error::invalid(format!("{field}.mode"), format!("{mode:o} is no mode")));
        }
        if self.facts.mknod || kind == DeviceKind::Fifo {
            return Ok(Node::Device(DeviceNode { name, kind, major, minor, mode, uid, gid }));
        }
        if self.facts.mount_namespace == MountNamespace::Host {
            let what = "devices cannot be made in a user namespace, nor bound without a mount \
                        namespace";
            return Err(Error::invalid(field.to_string(), what));
        }
        let device = Some((kind, major, minor));
        // The template has it, and not every host; engines name it where they want it.
        let optional = !self.config.oci && (major, minor) == FUSE && path == Path::new("/dev/fuse");
        let source = self.source(Source { path, device, optional, ..Source::default() });
        Ok(Node::Bound { name, source })
    }
}

fn same(one: &Device, other: &Device) -> bool {
    (one.kind, one.major, one.minor) == (other.kind, other.major, other.minor)
}

fn add(groups: &mut Vec<(PathBuf, Vec<Node>)>, directory: PathBuf, node: Node) {
    match groups.iter_mut().find(|(other, _)| *other == directory) {
        Some((_, nodes)) => nodes.push(node),
        None => groups.push((directory, vec![node])),
    }
}

fn split(path: &Path, field: Field<'_>) -> Result<(PathBuf, String)> {
    let name = path.file_name().and_then(|name| name.to_str());
    match (path.parent(), name) {
        (Some(parent), Some(name)) => Ok((parent.to_owned(), name.to_owned())),
        _ => Err(Error::invalid(format!("{field}.path"), "has a name that is not UTF-8")),
    }
}
