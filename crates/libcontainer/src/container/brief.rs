//! What lists show of a container's configuration, and what else is asked for often.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::{Config, NamespaceKind, Rootfs};

/// What of a container's configuration is known without reading all of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Brief {
    /// See [`Config::bundle`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<PathBuf>,
    /// See [`Config::rootfs`].
    pub rootfs: Rootfs,
    /// See [`Config::annotations`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Whether its init is PID 1 of a PID namespace of the container's own.
    pub own_pids: bool,
    /// It has `startContainer` hooks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) start_hooks: bool,
    /// Its end asks for the configuration.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) intricate_end: bool,
}

impl Brief {
    pub(crate) fn of(config: &Config) -> Self {
        let own_pids =
            |one: &crate::config::Namespace| one.kind == NamespaceKind::Pid && one.path.is_none();
        Self {
            bundle: config.bundle.clone(),
            rootfs: config.rootfs.clone(),
            annotations: config.annotations.clone(),
            own_pids: config.namespaces.iter().any(own_pids),
            start_hooks: !config.hooks.start_container.is_empty(),
            intricate_end: !config.hooks.poststop.is_empty() || !config.net_devices.is_empty(),
        }
    }
}
