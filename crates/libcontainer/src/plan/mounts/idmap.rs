//! Which ids an idmapped bind shows (config.md, "Linux mount options", `idmap`).

use super::{Field, Idmap, MappedLayers, Planner, Source, Users, Writes};
use crate::config::mount_flags::MountOptions;
use crate::config::{Mount, NamespaceKind, Rootfs};
use crate::plan::namespaces::check_maps;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// The paths of lowerdir: between colons, with those that are part of a path behind a backslash
/// (filesystems/overlayfs.rst, "Multiple lower layers").
fn layers(text: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        match letter {
            ':' => all.push(String::new()),
            '\\' => all.last_mut().into_iter().for_each(|last| last.extend(rest.next())),
            _ => all.last_mut().into_iter().for_each(|last| last.push(letter)),
        }
    }
    all
}

/// Whether a mount asks for it. Mappings without the option are as old as the option is not.
pub(super) fn is_asked(mount: &Mount, options: &MountOptions) -> bool {
    options.idmap.is_some() || !mount.uid_mappings.is_empty() || !mount.gid_mappings.is_empty()
}

impl Planner<'_> {
    /// The mount's own mappings, or else those of the container's user namespace.
    pub(super) fn idmap(
        &self,
        mount: &Mount,
        options: &MountOptions,
        field: Field<'_>,
    ) -> Result<Option<Idmap>> {
        if !is_asked(mount, options) {
            return Ok(None);
        }
        let Mount { uid_mappings, gid_mappings, .. } = mount;
        let users = match (uid_mappings.is_empty(), gid_mappings.is_empty()) {
            (false, false) => {
                check_maps(&format!("{field}.uid_mappings"), uid_mappings)?;
                check_maps(&format!("{field}.gid_mappings"), gid_mappings)?;
                Users::New(uid_mappings.clone(), gid_mappings.clone())
            }
            (true, true) => {
                let what = "an idmapped mount needs mappings of its own, or a container with a user \
                            namespace";
                self.users().ok_or_else(|| Error::invalid(format!("{field}.options"), what))?
            }
            _ => {
                let what = "has only one of uid_mappings and gid_mappings";
                return Err(Error::invalid(field.to_string(), what));
            }
        };
        Ok(Some(Idmap { users, recursive: options.idmap == Some(true) && options.recursive }))
    }

    /// The directories of an overlay whose ids are mapped, taken out of its parameters: the kernel
    /// maps those of no overlay itself.
    pub(super) fn mapped_layers(
        &mut self,
        mount: &Mount,
        options: &mut MountOptions,
        field: Field<'_>,
    ) -> Result<Option<MappedLayers>> {
        let Some(idmap) = self.idmap(mount, options, field)? else { return Ok(None) };
        let idmap = Idmap { recursive: false, ..idmap };
        let of = |what: String| Error::invalid(format!("{field}.options"), what);
        let mut take = |key: &str| {
            let at = options.data.iter().position(|(name, _)| name == key)?;
            options.data.remove(at).1
        };
        let (lower, upper, work) = (take("lowerdir"), take("upperdir"), take("workdir"));
        let absolute = |path: &str| match Path::new(path) {
            path if path.is_absolute() => Ok(path.to_owned()),
            _ => Err(of(format!("{path:?} is not an absolute path of an idmapped layer"))),
        };
        let lower = lower.ok_or_else(|| of("an overlay needs lowerdir".to_owned()))?;
        let lower = layers(&lower).iter().map(|path| absolute(path)).collect::<Result<Vec<_>>>()?;
        let mut source = |path: PathBuf| {
            let idmap = Some(idmap.clone());
            self.source(Source { path, idmap, ..Source::default() })
        };
        let lower = lower.into_iter().map(&mut source).collect();
        let writes = match (upper, work) {
            (None, None) => None,
            (Some(upper), Some(work)) => {
                let (upper, work) = (absolute(&upper)?, absolute(&work)?);
                // One mount for both: overlayfs asks for that.
                let common: PathBuf = (upper.components().zip(work.components()))
                    .take_while(|(upper, work)| upper == work)
                    .map(|(upper, _)| upper)
                    .collect();
                let below = |path: &Path| path.strip_prefix(&common).map(Path::to_owned);
                let (Ok(upper), Ok(work)) = (below(&upper), below(&work)) else { return Ok(None) };
                Some(Writes { source: source(common), upper, work })
            }
            _ => return Err(of("an overlay needs both upperdir and workdir, or none".to_owned())),
        };
        Ok(Some(MappedLayers { lower, writes }))
    }

    /// The container's user namespace.
    fn users(&self) -> Option<Users> {
        let config = self.config;
        let user = config.namespaces.iter().find(|own| own.kind == NamespaceKind::User)?;
        Some(match &user.path {
            Some(path) => Users::At(path.clone()),
            None => Users::New(config.uid_mappings.clone(), config.gid_mappings.clone()),
        })
    }

    /// Which ids the root directory shows.
    pub(super) fn root_idmap(&self) -> Result<Option<Idmap>> {
        if !self.config.rootfs_idmap {
            return Ok(None);
        }
        let invalid = |what| Error::invalid("rootfs_idmap", what);
        if self.config.rootfs == Rootfs::Host {
            return Err(invalid("a view of the host shows the ids that the host has"));
        }
        let users = self.users().ok_or_else(|| {
            invalid("an idmapped root needs a container with a user namespace of its own")
        })?;
        Ok(Some(Idmap { users, recursive: false }))
    }
}
