//! Networks and routes in the fields of 2015.

use std::net::IpAddr;

use serde::Serialize;

use super::super::Veth;

/// An interface; a loopback has nothing but its type.
#[derive(Serialize, Default)]
pub(super) struct Network<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    bridge: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    mac_address: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ipv6_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ipv6_gateway: Option<IpAddr>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    addresses: Vec<String>,
    #[serde(skip_serializing_if = "<[IpAddr]>::is_empty")]
    gateways: &'a [IpAddr],
    #[serde(skip_serializing_if = "is_zero")]
    mtu: u32,
    #[serde(skip_serializing_if = "is_zero")]
    txqueuelen: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    host_interface_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    veth_prefix: &'a str,
    #[serde(skip_serializing_if = "super::is_false")]
    hairpin_mode: bool,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl<'a> Network<'a> {
    pub(super) fn of(network: &'a super::super::Network) -> Self {
        match network {
            super::super::Network::Loopback => Self { r#type: "loopback", ..Self::default() },
            super::super::Network::Veth(veth) => Self::veth(veth),
        }
    }

    /// The reader takes `address`, `ipv6_address` and `addresses` in this order, and the gateways
    /// likewise.
    fn veth(veth: &'a Veth) -> Self {
        let Veth {
            name,
            host_name,
            host_prefix,
            bridge,
            mac_address,
            addresses,
            gateways,
            mtu,
            tx_queue_len,
            hairpin,
        } = veth;
        let (address, rest) = first(addresses, |(address, _)| address.is_ipv4());
        let (ipv6_address, rest) = first(rest, |(address, _)| address.is_ipv6());
        let (gateway, others) = first(gateways, IpAddr::is_ipv4);
        let (ipv6_gateway, gateways) = first(others, IpAddr::is_ipv6);
        Self {
            r#type: "veth",
            name,
            bridge,
            mac_address,
            address: address.map(cidr),
            gateway: gateway.copied(),
            ipv6_address: ipv6_address.map(cidr),
            ipv6_gateway: ipv6_gateway.copied(),
            addresses: rest.iter().map(cidr).collect(),
            gateways,
            mtu: *mtu,
            txqueuelen: *tx_queue_len,
            host_interface_name: host_name,
            veth_prefix: host_prefix,
            hairpin_mode: *hairpin,
        }
    }
}

/// The first element if it is such a one, and the rest.
fn first<T>(list: &[T], such: impl Fn(&T) -> bool) -> (Option<&T>, &[T]) {
    match list.split_first() {
        Some((first, rest)) if such(first) => (Some(first), rest),
        _ => (None, list),
    }
}

fn cidr((address, length): &(IpAddr, u8)) -> String {
    format!("{address}/{length}")
}

/// A route.
#[derive(Serialize)]
pub(super) struct Route<'a> {
    destination: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<IpAddr>,
    #[serde(skip_serializing_if = "str::is_empty")]
    interface_name: &'a str,
}

impl<'a> Route<'a> {
    pub(super) fn of(route: &'a super::super::Route) -> Self {
        let super::super::Route { destination, source, gateway, interface } = route;
        Self {
            destination: destination.as_ref().map_or_else(|| "default".to_owned(), cidr),
            source: *source,
            gateway: *gateway,
            interface_name: interface,
        }
    }
}
