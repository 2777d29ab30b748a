//! A config's file systems as a list of operations: every path, option and rule checked once.

mod cgroup;
mod check;
mod host;
mod idmap;
mod nodes;
mod ops;
mod relabel;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::mount_flags::{self, MountOptions, attr};
use crate::config::{Config, Mount, NamespaceKind, Propagation, Rootfs};
use crate::plan::hooks;
use crate::plan::namespaces::{Owner, owner};
use crate::{Error, Result};

pub use host::{host_mounts, mounts_on};
pub(crate) use relabel::HOSTS_OWN;

pub use ops::{
    Attributes, DeviceNode, Entry, Filesystem, Idmap, Layer, MappedLayers, MountOp, Node,
    RootSource, RootfsPlan, Source, Users, Writes,
};

/// What the plan needs to know beside the config.
#[derive(Debug, Clone, Default)]
pub struct MountFacts {
    /// Which mount namespace the container has.
    pub mount_namespace: MountNamespace,
    /// Device nodes can be made: the init has CAP_MKNOD in the first user namespace.
    pub mknod: bool,
    /// The container has a user namespace of its own.
    pub user_namespace: bool,
    /// The container's control group: its directory on the host by controller, and by the empty
    /// name on the version 2 tree. Empty where it stays in the caller's, and that is not shown.
    pub cgroup_paths: BTreeMap<String, PathBuf>,
    /// They are the caller's, which the container may see and not change.
    pub cgroup_borrowed: bool,
    /// Root of the container is a user of the host, who may change control groups of his own.
    pub guard_groups: bool,
    /// Where the version 2 tree is, on a host that has only that.
    pub cgroup_unified: Option<PathBuf>,
    /// The container has a control group namespace of its own.
    pub cgroup_namespace: bool,
    /// The first process gets a terminal.
    pub terminal: bool,
    /// What [`host_mounts`] found, where the root is a view of the host; else nothing.
    pub host_mounts: Vec<Layer>,
    /// Mounts can have an SELinux label.
    pub selinux: bool,
}

/// Which mount namespace a container has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MountNamespace {
    /// Its own.
    #[default]
    New,
    /// Somebody else's, by path.
    Joined,
    /// The caller's.
    Host,
}

/// Plans the file systems of a container. One that joins a mount namespace takes its root and
/// mounts as they are: it has no plan, and [`check_joined`] instead.
///
/// # Errors
/// [`InvalidConfig`](crate::ErrorKind::InvalidConfig) with the field's path: `mounts[1].options[0]`.
pub fn plan(config: &Config, facts: &MountFacts) -> Result<RootfsPlan> {
    check::nothing_to_mount(config, facts.mount_namespace)?;
    let entry = match (facts.mount_namespace, config.no_pivot_root) {
        (MountNamespace::Joined, _) => {
            let what = "the container has the root of the mount namespace that it joins, and no \
                        other";
            let error = Error::invalid("rootfs", what);
            return Err(if config.oci { error.with_hint("root.path is / there") } else { error });
        }
        (MountNamespace::Host, _) => Entry::Chroot,
        (MountNamespace::New, true) if facts.user_namespace => {
            let what = "cannot be had in a user namespace: the host's mounts would stay in reach";
            return Err(Error::invalid("no_pivot_root", what));
        }
        (MountNamespace::New, true) => Entry::Move,
        (MountNamespace::New, false) => Entry::Pivot,
    };
    if config.mount_label.as_ref().is_some_and(|label| !label.is_empty()) && !facts.selinux {
        let what = "SELinux is not enabled in this kernel: no mount can have a label";
        return Err(Error::invalid("mount_label", what));
    }
    let mut planner = Planner { config, facts, sources: Vec::new(), ops: Vec::new() };
    let root = planner.root()?;
    let root_idmap = planner.root_idmap()?;
    for (index, mount) in config.mounts.iter().enumerate() {
        planner.mount(mount, format_args!("mounts[{index}]"))?;
    }
    planner.nodes()?;
    planner.covers()?;
    if facts.terminal && !planner.has_devpts() {
        let what = "a terminal needs a devpts mounted at /dev/pts";
        return Err(Error::invalid("process.terminal", what));
    }
    Ok(RootfsPlan {
        root,
        root_idmap,
        entry,
        in_place: entry == Entry::Pivot && hooks::look_at_root(config),
        propagation: config.rootfs_propagation.unwrap_or(Propagation::Private),
        readonly: config.readonly_rootfs,
        sources: planner.sources,
        ops: planner.ops,
        label: config.mount_label.clone().filter(|label| !label.is_empty()),
        terminal: facts.terminal,
    })
}

/// Checks that a config that joins a mount namespace asks for nothing to be mounted in it.
///
/// # Errors
/// [`InvalidConfig`](crate::ErrorKind::InvalidConfig) with the field's path.
pub fn check_joined(config: &Config) -> Result<()> {
    check::nothing_to_mount(config, MountNamespace::Joined)
}

/// The file system of message queues: its root is labelled once it is made, since kernels refuse
/// the parameter.
pub(crate) const MQUEUE: &str = "mqueue";

/// The path of a field, which is only put together for an error.
type Field<'a> = std::fmt::Arguments<'a>;

/// The plan while it grows.
struct Planner<'a> {
    config: &'a Config,
    facts: &'a MountFacts,
    sources: Vec<Source>,
    ops: Vec<MountOp>,
}

impl Planner<'_> {
    fn root(&mut self) -> Result<RootSource> {
        match &self.config.rootfs {
            Rootfs::Directory(path) if path.is_absolute() => {
                Ok(RootSource::Directory(path.clone()))
            }
            Rootfs::Directory(path) if path.as_os_str().is_empty() => {
                Err(Error::invalid("rootfs", "there is no root file system"))
            }
            Rootfs::Directory(path) => {
                let what = format!("{} is not an absolute path", path.display());
                Err(Error::invalid("rootfs", what))
            }
            Rootfs::Host => self.host_root(),
        }
    }

    fn mount(&mut self, mount: &Mount, field: Field<'_>) -> Result<()> {
        let options =
            mount_flags::parse(&mount.options).map_err(|error| check::in_field(error, field))?;
        relabel::check(mount, &options, field)?;
        if options.remount {
            return self.remount(mount, options, field);
        }
        let target = check::destination(&mount.destination, format_args!("{field}.destination"))?;
        let bind = options.bind || mount.fstype == "bind";
        check::proc_rules(&target, &mount.fstype, bind, format_args!("{field}.destination"))?;
        if options.copy_up && (bind || mount.fstype != "tmpfs") {
            let what = "tmpcopyup is an option of a tmpfs";
            return Err(Error::invalid(format!("{field}.options"), what));
        }
        if bind {
            return self.bind(mount, target, options, field);
        }
        if mount.fstype != "overlay" && idmap::is_asked(mount, &options) {
            let what = "only binds and the layers of an overlay can be idmapped";
            return Err(Error::invalid(format!("{field}.options"), what));
        }
        match mount.fstype.as_str() {
            "" | "none" => {
                let what = "needs a file-system type, or the option bind or rbind";
                Err(Error::invalid(format!("{field}.type"), what))
            }
            "cgroup" | "cgroup2" => self.cgroup(mount, target, options, field),
            _ => {
                let mut options = options;
                let layers = self.mapped_layers(mount, &mut options, field)?;
                let filesystem = Filesystem { layers, ..self.filesystem(mount, target, options) };
                self.ops.push(MountOp::Filesystem(filesystem));
                Ok(())
            }
        }
    }

    fn bind(
        &mut self,
        mount: &Mount,
        target: PathBuf,
        options: MountOptions,
        field: Field<'_>,
    ) -> Result<()> {
        // Those that every file system has (`sync`, …) have no effect here, says mount(8).
        if let Some((name, _)) = options.data.first() {
            let what = format!("{name:?} is an option of a file system, and a bind makes none");
            return Err(Error::invalid(format!("{field}.options"), what));
        }
        let path = check::source(mount.source.as_deref(), format_args!("{field}.source"))?;
        let recursive = options.recursive;
        let mut attributes = self.attributes(&options, recursive);
        if self.facts.guard_groups && recursive && attributes.set & attr::RDONLY != 0 {
            check::read_only_sys(&path, &mut attributes);
        }
        let idmap = self.idmap(mount, &options, field)?;
        let image = match &self.config.rootfs {
            Rootfs::Directory(root) if root != Path::new("/") && path.starts_with(root) => {
                Some(root.clone())
            }
            _ => None,
        };
        let label = self.relabel(mount, &path, field)?;
        let source = Source { path, recursive, idmap, image, label, ..Source::default() };
        let source = self.source(source);
        self.ops.push(MountOp::Bind { source, target, attributes });
        Ok(())
    }

    /// A change of what is mounted: what the options do not name stays as it is (mount(8),
    /// "remount").
    fn remount(&mut self, mount: &Mount, options: MountOptions, field: Field<'_>) -> Result<()> {
        let destination = &mount.destination;
        let target = check::mount_point(destination, format_args!("{field}.destination"))?;
        if options.copy_up || idmap::is_asked(mount, &options) {
            let what = "what is mounted already cannot be idmapped or filled";
            return Err(Error::invalid(format!("{field}.options"), what));
        }
        let mut params = options.superblock;
        params.extend(options.data);
        let own = |op: &MountOp| matches!(op, MountOp::Filesystem(fs) if fs.target == target);
        let last = self.ops.iter().rev().find(|op| op.target() == Some(&target));
        if let Some((name, _)) = params.first()
            && (options.bind || !last.is_some_and(own))
        {
            let what = format!("{name:?} would change a file system that is not the container's");
            return Err(Error::invalid(format!("{field}.options"), what));
        }
        let MountOptions { set, clear, rec_set, rec_clear, propagation, .. } = options;
        let attributes = Attributes { set, clear, rec_set, rec_clear, propagation };
        self.ops.push(MountOp::Change { target, params, attributes });
        Ok(())
    }

    /// What a bind with these options is made to be.
    fn attributes(&self, options: &MountOptions, recursive: bool) -> Attributes {
        let mut attributes = Attributes {
            set: options.set,
            clear: options.clear,
            rec_set: options.rec_set,
            rec_clear: options.rec_clear,
            propagation: options.propagation.clone(),
        };
        if attributes.propagation.is_empty() {
            // What it would have inherited, had it been bound inside the container.
            let kind = match self.config.rootfs_propagation {
                None | Some(Propagation::Slave) => Propagation::Slave,
                Some(Propagation::Private | Propagation::Unbindable) => Propagation::Private,
                Some(Propagation::Shared) => Propagation::Shared,
            };
            attributes.propagation.push((kind, true));
        }
        let first_shared = attributes.propagation.first().map(|(kind, _)| *kind);
        if self.facts.user_namespace && first_shared == Some(Propagation::Shared) {
            // A user namespace's root must not mount anything in the host: first a slave.
            attributes.propagation.insert(0, (Propagation::Slave, true));
        }
        if !recursive {
            attributes.flatten();
        }
        attributes
    }

    fn filesystem(&self, mount: &Mount, target: PathBuf, options: MountOptions) -> Filesystem {
        let source = match &mount.source {
            Some(source) => source.to_string_lossy().into_owned(),
            None => mount.fstype.clone(),
        };
        let attributes = options.new_attributes();
        let mut params = Vec::new();
        if options.read_only() && source.starts_with('/') {
            // Or its own journal would write to the device.
            params.push(("ro".to_owned(), None));
        }
        params.push(("source".to_owned(), Some(source)));
        params.extend(options.superblock);
        params.extend(options.data);
        // Its own word holds.
        let named = params.iter().any(|(key, _)| key == "context");
        if !named && !["proc", "sysfs", MQUEUE].contains(&mount.fstype.as_str()) {
            params.extend(self.label());
        }
        let mut propagation = options.propagation;
        propagation.iter_mut().for_each(|(_, recursive)| *recursive = false);
        Filesystem {
            fstype: mount.fstype.clone(),
            params,
            target,
            attributes,
            propagation,
            copy_up: options.copy_up,
            stand_in: self.stand_in(&mount.fstype),
            layers: None,
        }
    }

    /// The parameter that gives a file system the SELinux label of the container's mounts.
    fn label(&self) -> Option<(String, Option<String>)> {
        let label = self.config.mount_label.as_ref().filter(|label| !label.is_empty())?;
        Some(("context".to_owned(), Some(label.clone())))
    }

    /// The host's mount that shows the same as a new one of this type would.
    fn stand_in(&self, fstype: &str) -> Option<PathBuf> {
        let (kind, path) = match fstype {
            "proc" => (NamespaceKind::Pid, "/proc"),
            "sysfs" => (NamespaceKind::Network, "/sys"),
            "mqueue" => (NamespaceKind::Ipc, "/dev/mqueue"),
            _ => return None,
        };
        let shared = match owner(self.config, kind) {
            // The host's interfaces in place of others do less harm than no /sys at all. (A new one
            // is refused where the host is a container itself that covers parts of its /sys.)
            Owner::New | Owner::Joined => fstype == "sysfs",
            Owner::Host => true,
        };
        shared.then(|| path.into())
    }

    /// Adds what is taken from the host.
    fn source(&mut self, source: Source) -> usize {
        self.sources.push(source);
        self.sources.len() - 1
    }

    /// Read-only paths first: a masked one below stays masked.
    fn covers(&mut self) -> Result<()> {
        for (index, path) in self.config.readonly_paths.iter().enumerate() {
            let path = check::destination(path, format_args!("readonly_paths[{index}]"))?;
            self.ops.push(MountOp::Readonly(path));
        }
        for (index, path) in self.config.masked_paths.iter().enumerate() {
            let path = check::destination(path, format_args!("masked_paths[{index}]"))?;
            self.ops.push(MountOp::Mask(path));
        }
        Ok(())
    }

    /// Whether /dev/pts is a devpts, or part of a tree of the host.
    fn has_devpts(&self) -> bool {
        self.ops.iter().any(|op| match op {
            MountOp::Filesystem(fs) => fs.fstype == "devpts" && fs.target == Path::new("/dev/pts"),
            MountOp::Bind { target, .. } => Path::new("/dev/pts").starts_with(target),
            _ => false,
        })
    }
}

impl Attributes {
    /// Nothing passes in or out.
    pub fn private() -> Self {
        Self { propagation: vec![(Propagation::Private, false)], ..Self::default() }
    }

    /// For one mount with nothing below it: recursive changes are plain ones.
    fn flatten(&mut self) {
        self.set = (self.set & !self.rec_clear) | self.rec_set;
        self.clear = (self.clear & !(self.rec_set & !attr::ATIME)) | self.rec_clear;
        (self.rec_set, self.rec_clear) = (0, 0);
        // A change of the access-time mode names the whole field.
        if self.set & attr::ATIME != 0 {
            self.clear |= attr::ATIME;
        }
        self.propagation.iter_mut().for_each(|(_, recursive)| *recursive = false);
    }
}

#[cfg(test)]
mod tests;
