//! What went through the container's interfaces.

use serde::{Deserialize, Serialize};

use super::host::read_link;
use super::link;
use super::netlink::Netlink;
use super::plan::VethHost;
use crate::{Result, Step};

#[cfg(test)]
mod tests;

/// The figures of an interface, as the container sees it: what it received is `Rx`.
///
/// These are the kernel's own for the container's end of the pair (`struct rtnl_link_stats64`),
/// the same as under /sys/class/net/NAME/statistics in the container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InterfaceStats {
    /// The interface's present name in the container.
    pub name: String,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Packets received.
    pub rx_packets: u64,
    /// Packets that came in damaged.
    pub rx_errors: u64,
    /// Packets that came in and were dropped.
    pub rx_dropped: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Packets that could not be sent.
    pub tx_errors: u64,
    /// Packets dropped on their way out.
    pub tx_dropped: u64,
}

/// Reads the figures of the container's ends of the pairs, from the host's network namespace.
///
/// The kernel answers for a link of another namespace (IFLA_TARGET_NETNSID, Linux 4.15), so no
/// thread has to enter the container, and the host end's figures, whose drops are not the
/// container end's, need not stand in. A pair that is gone is left out.
///
/// # Errors
/// EPERM without CAP_NET_ADMIN over the container's network namespace.
pub fn statistics(host: &[VethHost]) -> Result<Vec<InterfaceStats>> {
    let mut all = Vec::with_capacity(host.len());
    if host.is_empty() {
        return Ok(all);
    }
    let mut netlink = Netlink::open()?;
    for veth in host {
        let stats = read(&mut netlink, veth)
            .step(|| format!("reading the statistics of {}", veth.peer_name))?;
        all.extend(stats);
    }
    Ok(all)
}

fn read(netlink: &mut Netlink, veth: &VethHost) -> Result<Option<InterfaceStats>> {
    let Some(end) = read_link(netlink, link::get(&veth.name))?.filter(|end| end.mac == veth.mac)
    else {
        return Ok(None);
    };
    let Some(index) = end.peer_index else { return Ok(None) };
    let peer = match end.peer_namespace {
        Some(namespace) => link::get_in_namespace(index, namespace, &veth.name),
        None => link::get_by_index(index, &veth.name),
    };
    let peer = match read_link(netlink, peer) {
        Ok(Some(peer)) => peer,
        Ok(None) => return Ok(None),
        // The container ended since: its namespace has no id here any more.
        Err(_) if read_link(netlink, link::get(&veth.name))?.is_none() => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(figures) = peer.statistics else { return Ok(None) };
    Ok(Some(InterfaceStats {
        name: peer.name,
        rx_bytes: figures.rx_bytes,
        rx_packets: figures.rx_packets,
        rx_errors: figures.rx_errors,
        rx_dropped: figures.rx_dropped,
        tx_bytes: figures.tx_bytes,
        tx_packets: figures.tx_packets,
        tx_errors: figures.tx_errors,
        tx_dropped: figures.tx_dropped,
    }))
}
