//! From a configuration to what is to be done, checked, without a system call.

mod device;
mod route;
mod veth;

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use self::device::{Device, plan_devices};
use super::names::Mac;
use crate::config::{Network, Route};
use crate::{Error, Result};

/// The whole network of a container, resolved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkPlan {
    /// What the parent makes on the host; kept in the record, since [`super::detach`] takes it.
    pub host: Vec<VethHost>,
    /// What the container's init does in its network namespace.
    pub container: ContainerNetwork,
}

/// A veth pair, as the host makes it (veth(4)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VethHost {
    /// Where the configuration asks for it, for errors: `networks[1]`.
    pub field: String,
    /// The host end's name.
    pub name: String,
    /// The host end's hardware address, which marks it as this container's.
    pub mac: Mac,
    /// The host end's alias, for people who look at it with ip-link(8).
    pub alias: String,
    /// The bridge that the host end joins; empty for none.
    pub bridge: String,
    /// Whether the bridge may send a frame back out of this port.
    pub hairpin: bool,
    /// Of both ends, in bytes; 0 keeps the kernel's.
    pub mtu: u32,
    /// Of both ends, in packets; 0 keeps the kernel's.
    pub tx_queue_len: u32,
    /// The container end's name.
    pub peer_name: String,
    /// The container end's hardware address; `None` lets the kernel choose.
    pub peer_mac: Option<Mac>,
    /// The container's addresses, claimed on the bridge.
    pub addresses: Vec<(IpAddr, u8)>,
    /// The container's gateways: likely addresses of the bridge.
    pub gateways: Vec<IpAddr>,
}

impl VethHost {
    /// How CRIU is told to make it again (criu(8), `--external veth`); its bridge it joins later.
    pub fn for_criu(&self) -> String {
        format!("veth[{}]:{}", self.peer_name, self.name)
    }
}

/// What the init does in the container's network namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerNetwork {
    /// Whether `lo` is brought up.
    pub loopback: bool,
    /// The interfaces.
    pub links: Vec<LinkPlan>,
    /// The routes, besides the links' default gateways.
    pub routes: Vec<RoutePlan>,
}

/// An interface inside the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkPlan {
    /// Its name.
    pub name: String,
    /// Its addresses with their prefix lengths.
    pub addresses: Vec<(IpAddr, u8)>,
    /// The default gateways reached through it.
    pub gateways: Vec<IpAddr>,
}

/// A route inside the container (ip-route(8)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutePlan {
    /// The destination network, its host bits zero; length 0 is the default route.
    pub destination: (IpAddr, u8),
    /// The preferred source address.
    pub source: Option<IpAddr>,
    /// The next hop.
    pub gateway: Option<IpAddr>,
    /// The outgoing interface; empty lets the kernel find it.
    pub interface: String,
}

/// Resolves the network part of a configuration.
///
/// `id` is the container's and `scope` tells it from others of the same id on this host (the
/// state root's path): made host names and hardware addresses come from both.
///
/// # Errors
/// [`crate::ErrorKind::InvalidConfig`] with the path of the field, as container.json spells it.
pub fn plan(networks: &[Network], routes: &[Route], id: &str, scope: &str) -> Result<NetworkPlan> {
    let mut plan = NetworkPlan::default();
    let mut seen = veth::Seen::default();
    for (index, network) in networks.iter().enumerate() {
        if let Network::Veth(veth) = network {
            seen.name_inside(index, &veth.name)?;
        }
    }
    for (index, network) in networks.iter().enumerate() {
        match network {
            Network::Loopback => plan.container.loopback = true,
            Network::Veth(veth) => {
                let host = seen.veth(index, veth, id, scope)?;
                plan.container.links.push(LinkPlan {
                    name: host.peer_name.clone(),
                    addresses: host.addresses.clone(),
                    gateways: host.gateways.clone(),
                });
                plan.host.push(host);
            }
        }
    }
    for (index, route) in routes.iter().enumerate() {
        plan.container.routes.push(route::resolve(index, route)?);
    }
    Ok(plan)
}

fn check_prefix_length(field: &str, address: IpAddr, length: u8) -> Result<()> {
    let most = if address.is_ipv4() { 32 } else { 128 };
    if length > most {
        let why = format!("the prefix length of {address}/{length} is more than {most}");
        return Err(Error::invalid(field, why));
    }
    Ok(())
}

fn check_gateway(field: &str, gateway: IpAddr) -> Result<()> {
    if gateway.is_unspecified() || gateway.is_multicast() || gateway.is_loopback() {
        return Err(Error::invalid(field, format!("{gateway} is no gateway's address")));
    }
    Ok(())
}
