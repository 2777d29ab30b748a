//! Veth pairs: names, addresses and limits are checked against each other.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use super::{VethHost, check_gateway, check_prefix_length};
use crate::config::Veth;
use crate::network::ALIAS;
use crate::network::names::{self, Unique};
use crate::{Error, Result};

/// What may be there only once.
#[derive(Default)]
pub struct Seen {
    inside: BTreeSet<String>,
    host: BTreeSet<String>,
    addresses: BTreeMap<IpAddr, usize>,
    gateway: BTreeMap<bool, usize>,
}

impl Seen {
    /// Notes a name that the configuration gives to an interface of the container.
    pub fn name_inside(&mut self, index: usize, name: &str) -> Result<()> {
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

    /// Resolves the pair at `networks[index]`.
    pub fn veth(&mut self, index: usize, veth: &Veth, id: &str, scope: &str) -> Result<VethHost> {
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
            alias: alias(id),
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

/// What ip-link(8) shows beside the host end; the kernel takes 255 bytes (IFALIASZ).
fn alias(id: &str) -> String {
    let mut alias = format!("{ALIAS}{id}");
    while alias.len() > 255 {
        alias.pop();
    }
    alias
}

/// The key of container.json for a value of this family.
fn spelled(address: IpAddr, key: &str) -> String {
    if address.is_ipv4() { key.to_owned() } else { format!("ipv6_{key}") }
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
