//! Devices of the host's: their names, checked against each other.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::ContainerNetwork;
use crate::network::names::{self, Unique};
use crate::{Error, Result};

/// A device of the host's that is moved into the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its name on the host.
    pub name: String,
    /// Its name in the container; a `%d` at its end is a number of the kernel's choice.
    pub inside: String,
    /// What it is called until the kernel has chosen.
    pub meanwhile: String,
}

impl Device {
    /// Whether the kernel chooses its name.
    pub fn is_template(&self) -> bool {
        self.inside.ends_with("%d")
    }

    /// Where the configuration asks for it.
    pub fn field(&self) -> String {
        format!("net_devices[{:?}]", self.name)
    }
}

/// Resolves the devices of a configuration, each with its name in the container, beside the
/// interfaces of its own that it has there.
///
/// # Errors
/// As [`super::plan`].
pub fn plan_devices(
    devices: &BTreeMap<String, String>,
    own: &ContainerNetwork,
    id: &str,
    scope: &str,
) -> Result<Vec<Device>> {
    let mut taken: BTreeSet<&str> = own.links.iter().map(|link| link.name.as_str()).collect();
    let mut all = Vec::with_capacity(devices.len());
    for (index, (name, inside)) in devices.iter().enumerate() {
        // Far from the numbers of veth pairs, which have names by the same rule.
        let meanwhile = Unique::new(scope, id, usize::MAX - index).name("moving");
        let device = Device { name: name.clone(), inside: inside.clone(), meanwhile };
        let field = device.field();
        names::check(&field, name)?;
        names::check(&field, inside.strip_suffix("%d").unwrap_or(inside))?;
        if inside.len() > 15 {
            return Err(Error::invalid(field, format!("{inside:?} is longer than 15 bytes")));
        }
        if name == "lo" {
            return Err(Error::invalid(field, "the loopback device cannot be moved"));
        }
        if inside == "lo" || (!device.is_template() && !taken.insert(inside)) {
            return Err(Error::invalid(field, format!("the container has {inside:?} already")));
        }
        all.push(device);
    }
    Ok(all)
}
