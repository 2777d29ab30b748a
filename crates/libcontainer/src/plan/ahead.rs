//! What an init that idles may do before its plan is complete.

use serde::{Deserialize, Serialize};

use super::namespaces::{Owner, owner};
use crate::config::{Config, NamespaceKind, Network};

/// The container will have a network namespace of its own, owned by the host's user namespace:
/// making one is most of what a birth costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ahead {
    /// Whether its `lo` is to be up.
    pub loopback: bool,
}

impl Ahead {
    /// What can be told from the configuration alone.
    pub fn of(config: &Config) -> Option<Self> {
        let own = owner(config, NamespaceKind::Network) == Owner::New
            && owner(config, NamespaceKind::User) == Owner::Host;
        own.then(|| Self { loopback: config.networks.contains(&Network::Loopback) })
    }
}
