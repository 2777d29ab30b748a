//! What `cgroup` mounts show: the container's own control group and nothing above it, but for one
//! exception.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Attributes, Field, Filesystem, MountOp, Node, Planner, Source};
use crate::config::mount_flags::{MountOptions, attr};
use crate::config::{Mount, Propagation};
use crate::{Error, Result};

impl Planner<'_> {
    /// The container's own directory of each hierarchy is bound: that is what a mount inside a
    /// control group namespace shows as well, and needs neither the namespace nor to be in the
    /// group by then.
    pub(super) fn cgroup(
        &mut self,
        mount: &Mount,
        target: PathBuf,
        options: MountOptions,
        field: Field<'_>,
    ) -> Result<()> {
        if let Some((name, _)) = options.data.first() {
            let what = format!("{name:?} would change the host's own control groups");
            return Err(Error::invalid(format!("{field}.options"), what));
        }
        let borrowed = if self.facts.cgroup_borrowed { attr::RDONLY } else { 0 };
        let set = options.new_attributes() | borrowed;
        match (&self.facts.cgroup_unified, self.facts.cgroup_paths.get("").cloned()) {
            (Some(tree), Some(_)) if self.config.oci && !self.facts.cgroup_namespace => {
                self.cgroup_tree(tree.clone(), target, set);
            }
            (Some(_), Some(path)) => self.cgroup_bind(path, target, set),
            (Some(_), None) if self.facts.cgroup_namespace => self.cgroup_seen(target, set),
            // The whole tree, which it may not change.
            (Some(tree), None) => self.cgroup_bind(tree.clone(), target, set | attr::RDONLY),
            (None, own) if mount.fstype == "cgroup2" => match own {
                Some(path) => self.cgroup_bind(path, target, set),
                None => {
                    let what = "the container has no group on the version 2 tree to show";
                    return Err(Error::invalid(format!("{field}.type"), what));
                }
            },
            (None, _) => self.cgroup_v1(target, set, field)?,
        }
        Ok(())
    }

    /// Whoever asks an engine for the host's control group namespace on a version 2 host expects
    /// the host's tree, as the paths in /proc/self/cgroup have it. In a user namespace it may
    /// belong to the user who made that, and is not to be changed (CVE-2023-25809).
    fn cgroup_tree(&mut self, tree: PathBuf, target: PathBuf, set: u64) {
        let read_only = if self.facts.user_namespace { attr::RDONLY } else { 0 };
        self.cgroup_bind(tree, target, set | read_only);
    }

    fn cgroup_bind(&mut self, path: PathBuf, target: PathBuf, set: u64) {
        let source = self.source(Source { path, ..Source::default() });
        let propagation = vec![(Propagation::Private, false)];
        let attributes = Attributes { set, propagation, ..Attributes::default() };
        self.ops.push(MountOp::Bind { source, target, attributes });
    }

    /// A container that stays in the caller's group sees that one, in a namespace of its own.
    /// (A mount in the host's namespace would set anew the options of the host's own mount, with
    /// a wait of 10 ms for every processor.)
    fn cgroup_seen(&mut self, target: PathBuf, attributes: u64) {
        let params = vec![("source".to_owned(), Some("cgroup".to_owned()))];
        let fstype = "cgroup2".to_owned();
        let filesystem = Filesystem { fstype, params, target, attributes, ..Filesystem::default() };
        self.ops.push(MountOp::Filesystem(filesystem));
    }

    /// A tmpfs with a directory for each hierarchy, and a link for each of its controllers where
    /// they are several (cgroups(7), "Mounting v1 controllers").
    fn cgroup_v1(&mut self, target: PathBuf, set: u64, field: Field<'_>) -> Result<()> {
        if self.facts.cgroup_paths.is_empty() {
            let what = "the container has no control group of its own to show";
            return Err(Error::invalid(field.to_string(), what));
        }
        let mut params = vec![
            ("source".to_owned(), Some("cgroup".to_owned())),
            ("mode".to_owned(), Some("755".to_owned())),
        ];
        params.extend(self.label());
        // Read-only when its directories are made.
        let attributes = set & !attr::RDONLY;
        let fstype = "tmpfs".to_owned();
        let base = Filesystem { fstype, params, attributes, ..Filesystem::default() };
        self.ops.push(MountOp::Filesystem(Filesystem { target: target.clone(), ..base }));
        let mut links = Vec::new();
        for (path, controllers) in by_path(&self.facts.cgroup_paths) {
            let names: Vec<String> = controllers.iter().map(|name| directory_name(name)).collect();
            let name = names.join(",");
            if names.len() > 1 {
                let target = PathBuf::from(&name);
                let link = |name| Node::Link { name, target: target.clone() };
                links.extend(names.into_iter().map(link));
            }
            self.cgroup_bind(path.to_owned(), target.join(name), set);
        }
        if !links.is_empty() {
            self.ops.push(MountOp::Nodes { directory: target.clone(), nodes: links });
        }
        if set & attr::RDONLY != 0 {
            let attributes = Attributes { set: attr::RDONLY, ..Attributes::default() };
            self.ops.push(MountOp::Change { target, params: Vec::new(), attributes });
        }
        Ok(())
    }
}

/// Controllers that are mounted together have the same directory.
fn by_path(paths: &BTreeMap<String, PathBuf>) -> Vec<(&Path, Vec<&str>)> {
    let mut groups: Vec<(&Path, Vec<&str>)> = Vec::new();
    for (controller, path) in paths {
        match groups.iter_mut().find(|(other, _)| *other == path) {
            Some((_, controllers)) => controllers.push(controller),
            None => groups.push((path, vec![controller])),
        }
    }
    groups
}

/// The names of hier(7) and of systemd: `systemd` for `name=systemd`, `unified` for version 2.
fn directory_name(controller: &str) -> String {
    match controller {
        "" => "unified".to_owned(),
        name => name.strip_prefix("name=").unwrap_or(name).to_owned(),
    }
}
