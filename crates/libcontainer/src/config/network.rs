//! The network part of a [`Config`](super::Config).

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// An interface of the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Bring `lo` up.
    Loopback,
    /// A pair of virtual Ethernet devices, one end in the container (veth(4)).
    Veth(Veth),
}

/// A veth pair.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Veth {
    /// The interface's name in the container, for instance `eth0`; empty takes the first free
    /// `ethN`.
    pub name: String,
    /// The host end's name, at most 15 bytes; empty makes one from [`Veth::host_prefix`] and the
    /// container's id.
    pub host_name: String,
    /// The start of a made host name; empty is `veth`.
    pub host_prefix: String,
    /// The bridge that the host end is attached to; empty attaches it to none.
    pub bridge: String,
    /// The container end's hardware address, `02:42:ac:11:00:02`; empty lets the kernel choose.
    pub mac_address: String,
    /// Addresses with their prefix lengths.
    pub addresses: Vec<(IpAddr, u8)>,
    /// Default gateways, at most one of a family.
    pub gateways: Vec<IpAddr>,
    /// In bytes; 0 keeps the kernel's.
    pub mtu: u32,
    /// The transmit queue's length in packets; 0 keeps the kernel's.
    pub tx_queue_len: u32,
    /// Let the bridge send frames back out of the port they came in by.
    pub hairpin: bool,
}

/// A route of the container's network namespace (ip-route(8)).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Route {
    /// The destination and its prefix length; `None` is the default route.
    pub destination: Option<(IpAddr, u8)>,
    /// The preferred source address.
    pub source: Option<IpAddr>,
    /// The next hop.
    pub gateway: Option<IpAddr>,
    /// The outgoing interface, as named in the container; empty lets the kernel find it.
    pub interface: String,
}
