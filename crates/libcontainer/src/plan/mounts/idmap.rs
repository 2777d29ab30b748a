//! Which ids an idmapped bind shows (config.md, "Linux mount options", `idmap`).

use super::{Idmap, Planner, Users};
use crate::config::mount_flags::MountOptions;
use crate::config::{Mount, NamespaceKind};
use crate::plan::namespaces::check_maps;
use crate::{Error, Result};

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
        field: &str,
    ) -> Result<Option<Idmap>> {
        if !is_asked(mount, options) {
            return Ok(None);
        }
        let Mount { uid_mappings, gid_mappings, .. } = mount;
        let config = self.config;
        let users = match (uid_mappings.is_empty(), gid_mappings.is_empty()) {
            (false, false) => {
                check_maps(&format!("{field}.uid_mappings"), uid_mappings)?;
                check_maps(&format!("{field}.gid_mappings"), gid_mappings)?;
                Users::New(uid_mappings.clone(), gid_mappings.clone())
            }
            (true, true) => {
                let user = config.namespaces.iter().find(|own| own.kind == NamespaceKind::User);
                match user.map(|user| &user.path) {
                    Some(Some(path)) => Users::At(path.clone()),
                    Some(None) => {
                        Users::New(config.uid_mappings.clone(), config.gid_mappings.clone())
                    }
                    None => {
                        let what = "an idmapped mount needs mappings of its own, or a container \
                                    with a user namespace";
                        return Err(Error::invalid(format!("{field}.options"), what));
                    }
                }
            }
            _ => {
                let what = "has only one of uid_mappings and gid_mappings";
                return Err(Error::invalid(field, what));
            }
        };
        Ok(Some(Idmap { users, recursive: options.idmap == Some(true) && options.recursive }))
    }
}
