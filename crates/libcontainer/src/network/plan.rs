//! From a configuration to what is to be done, checked, without a system call.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::names::{self, Mac, Unique};
use crate::config::{Network, Route, Veth};
use crate::{Error, Result};

#[cfg(test)]
mod tests;

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
    let mut seen = Seen::default();
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
        plan.container.routes.push(resolve_route(index, route)?);
    }
    Ok(plan)
}

/// What may be there only once.
#[derive(Default)]
struct Seen {
    inside: BTreeSet<String>,
    host: BTreeSet<String>,
    addresses: BTreeMap<IpAddr, usize>,
    gateway: BTreeMap<bool, usize>,
}

impl Seen {
    fn name_inside(&mut self, index: usize, name: &str) -> Result<()> {
        if name.is_empty() {
            return Ok(());
        }
        let field = format!("networks[{index}].name");
        names::check(&field, name)?;
        if name == "lo" || !self.inside.insert(name.to_owned()) {
            return Err(Error::invalid(field, format!("the container has {name:?} already")));
        }
        Ok(())
    }

    fn veth(&mut self, index: usize, veth: &Veth, id: &str, scope: &str) -> Result<VethHost> {
        let field = format!("networks[{index}]");
        let unique = Unique::new(scope, id, index);
        let name = self.host_name(&field, veth, &unique)?;
        if !veth.bridge.is_empty() {
            names::check(&format!("{field}.bridge"), &veth.bridge)?;
        } else if veth.hairpin {
            let field = format!("{field}.hairpin_mode");
            return Err(Error::invalid(
                field,
                "hairpin is a bridge port's, and no bridge is given",
            ));
        }
        for (address, length) in &veth.addresses {
            self.address(index, *address, *length)?;
        }
        for gateway in &veth.gateways {
            self.gateway(index, *gateway, veth)?;
        }
        check_mtu(&field, veth)?;
        let peer_name = if veth.name.is_empty() {
            let name = names::first_free(&self.inside);
            self.inside.insert(name.clone());
            name
        } else {
            veth.name.clone()
        };
        let peer_mac = match veth.mac_address.as_str() {
            "" => None,
            text => Some(names::parse_mac(&format!("{field}.mac_address"), text)?),
        };
        Ok(VethHost {
            field,
            name,
            mac: unique.mac(),
            alias: format!("libcontainer:{id}"),
            bridge: veth.bridge.clone(),
            hairpin: veth.hairpin,
            mtu: veth.mtu,
            tx_queue_len: veth.tx_queue_len,
            peer_name,
            peer_mac,
            addresses: veth.addresses.clone(),
            gateways: veth.gateways.clone(),
        })
    }

    fn host_name(&mut self, field: &str, veth: &Veth, unique: &Unique) -> Result<String> {
        let field = format!("{field}.host_interface_name");
        let name = if veth.host_name.is_empty() {
            let prefix = if veth.host_prefix.is_empty() { "veth" } else { &veth.host_prefix };
            names::check_prefix(&field, prefix)?;
            unique.name(prefix)
        } else {
            names::check(&field, &veth.host_name)?;
            veth.host_name.clone()
        };
        if !self.host.insert(name.clone()) {
            return Err(Error::invalid(field, format!("{name:?} is given twice")));
        }
        Ok(name)
    }

    fn address(&mut self, index: usize, address: IpAddr, length: u8) -> Result<()> {
        let field = format!("networks[{index}].{}", spelled(address, "address"));
        check_prefix_length(&field, address, length)?;
        if address.is_unspecified() || address.is_multicast() || address == Ipv4Addr::BROADCAST {
            return Err(Error::invalid(field, format!("no interface can have {address}")));
        }
        match self.addresses.insert(address, index) {
            Some(other) => {
                Err(Error::invalid(field, format!("{address} is taken by networks[{other}]")))
            }
            None => Ok(()),
        }
    }

    fn gateway(&mut self, index: usize, gateway: IpAddr, veth: &Veth) -> Result<()> {
        let field = format!("networks[{index}].{}", spelled(gateway, "gateway"));
        check_gateway(&field, gateway)?;
        if veth.addresses.iter().any(|(address, _)| *address == gateway) {
            let why = format!("{gateway} is the interface's own address");
            return Err(Error::invalid(field, why));
        }
        match self.gateway.insert(gateway.is_ipv4(), index) {
            Some(other) => {
                let why = format!("networks[{other}] gives a default gateway of this family");
                Err(Error::invalid(field, why))
            }
            None => Ok(()),
        }
    }
}

/// The key of container.json for a value of this family.
fn spelled(address: IpAddr, key: &str) -> String {
    if address.is_ipv4() { key.to_owned() } else { format!("ipv6_{key}") }
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

/// The limits of veth's MTU (`min_mtu` and `max_mtu` of an Ethernet device), and of IPv6 (RFC
/// 8200, section 5), which the kernel switches off on an interface below it.
fn check_mtu(field: &str, veth: &Veth) -> Result<()> {
    let ipv6 = veth.addresses.iter().any(|(address, _)| address.is_ipv6());
    let least = if ipv6 { 1280 } else { 68 };
    if veth.mtu != 0 && !(least..=65535).contains(&veth.mtu) {
        let why = format!("{} is not between {least} and 65535", veth.mtu);
        return Err(Error::invalid(format!("{field}.mtu"), why));
    }
    Ok(())
}

fn resolve_route(index: usize, route: &Route) -> Result<RoutePlan> {
    let field = |key: &str| format!("routes[{index}].{key}");
    if let Some(gateway) = route.gateway {
        check_gateway(&field("gateway"), gateway)?;
    } else if route.interface.is_empty() {
        let why = "a route needs a gateway, an interface_name, or both";
        return Err(Error::invalid(format!("routes[{index}]"), why));
    }
    if !route.interface.is_empty() {
        names::check(&field("interface_name"), &route.interface)?;
    }
    let destination = match (route.destination, route.gateway.or(route.source)) {
        (Some((address, length)), _) => {
            check_prefix_length(&field("destination"), address, length)?;
            (network_of(address, length), length)
        }
        (None, Some(IpAddr::V6(_))) => (IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0),
        (None, _) => (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
    };
    for (key, value) in [("gateway", route.gateway), ("source", route.source)] {
        if let Some(value) = value
            && value.is_ipv4() != destination.0.is_ipv4()
        {
            let why = format!("{value} is not of the family of the route's other addresses");
            return Err(Error::invalid(field(key), why));
        }
    }
    let interface = route.interface.clone();
    Ok(RoutePlan { destination, source: route.source, gateway: route.gateway, interface })
}

/// The address with its host bits cleared: the kernel wants no other as a destination.
fn network_of(address: IpAddr, length: u8) -> IpAddr {
    let length = u32::from(length);
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}
