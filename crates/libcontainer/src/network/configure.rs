//! The container half: what the init does in the new network namespace.

use std::net::{IpAddr, Ipv4Addr};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::route::{
    RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use rustix::io::Errno;
use rustix::net::{SocketFlags, SocketType, socket_with};
use sys::Context;

use super::link;
use super::netlink::{Body, Failure, Netlink, Request};
use super::plan::{ContainerNetwork, LinkPlan, RoutePlan};
use crate::{Error, Result, Step};

#[cfg(test)]
mod tests;

/// Configures the calling thread's network namespace: `lo` up, then the links that
/// [`super::attach`] put there up and with their addresses, then the routes.
///
/// IPv6 addresses skip the detection of duplicates, so that they can be bound at once.
///
/// # Errors
/// Each names the interface and the value: an address or a route that is there already, a gateway
/// that no address of the interface reaches, IPv6 switched off.
pub fn configure(network: &ContainerNetwork) -> Result<()> {
    if network.loopback {
        loopback_up()
            .hint(|| {
                "it takes CAP_NET_ADMIN, which the container has in a user namespace of its own; \
                 the caller's network (nsinit: --net host) is up already"
            })
            .step(|| "bringing the loopback interface up")?;
    }
    if network.links.is_empty() && network.routes.is_empty() {
        return Ok(());
    }
    let mut netlink = Netlink::open()?;
    let mut requests = Vec::new();
    for link in &network.links {
        let index = netlink.index_of(&link.name)?;
        bring_up(&mut requests, link, index);
    }
    routes(&netlink, &mut requests, network)?;
    match netlink.run(&requests) {
        Ok(_) => Ok(()),
        Err(failure) => Err(explain(&requests, failure)),
    }
}

/// Brings up `lo` in the calling thread's network namespace. One socket, two ioctls: this is on the way of each start. Any family's socket does, and a
/// Unix one is the cheapest.
pub fn loopback_up() -> sys::Result<()> {
    let family = rustix::net::AddressFamily::UNIX;
    let socket = socket_with(family, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
        .sys("socket", || "AF_UNIX")?;
    sys::network::bring_up(&socket, "lo")
}

fn bring_up(requests: &mut Vec<Request>, link: &LinkPlan, index: u32) {
    let up = link::up(link::message(index, Vec::new()));
    requests.push(Request::new(Body::NewLink(up), 0, format!("{} up", link.name)));
    for (address, length) in &link.addresses {
        let what = format!("{address}/{length} dev {}", link.name);
        let body = Body::NewAddress(address_message(*address, *length, index));
        requests.push(Request::new(body, NLM_F_CREATE | NLM_F_EXCL, what));
    }
}

fn address_message(address: IpAddr, length: u8, index: u32) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = family_of(address);
    message.header.prefix_len = length;
    message.header.index = index;
    message.attributes.push(AddressAttribute::Local(address));
    message.attributes.push(AddressAttribute::Address(address));
    match address {
        IpAddr::V4(v4) => {
            let broadcast = broadcast(v4, length).map(AddressAttribute::Broadcast);
            message.attributes.extend(broadcast);
        }
        IpAddr::V6(_) => message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad)),
    }
    message
}

/// The broadcast address of a network; those of one or two addresses have none (RFC 3021).
fn broadcast(address: Ipv4Addr, length: u8) -> Option<Ipv4Addr> {
    let hosts = u32::MAX.checked_shr(u32::from(length))?;
    (length <= 30).then(|| Ipv4Addr::from_bits(address.to_bits() | hosts))
}

/// Routes in the order in which they need each other: networks that are on a link, then the
/// default gateways, which may lie in one of them, then what lies behind gateways.
fn routes(
    netlink: &Netlink,
    requests: &mut Vec<Request>,
    network: &ContainerNetwork,
) -> Result<()> {
    let (behind, on_link): (Vec<_>, Vec<_>) =
        network.routes.iter().partition(|route| route.gateway.is_some());
    for route in on_link {
        requests.push(route_request(netlink, route)?);
    }
    for link in &network.links {
        for gateway in &link.gateways {
            let anywhere: IpAddr = match gateway {
                IpAddr::V4(_) => [0; 4].into(),
                IpAddr::V6(_) => [0; 16].into(),
            };
            requests.push(route_request(
                netlink,
                &RoutePlan {
                    destination: (anywhere, 0),
                    source: None,
                    gateway: Some(*gateway),
                    interface: link.name.clone(),
                },
            )?);
        }
    }
    for route in behind {
        requests.push(route_request(netlink, route)?);
    }
    Ok(())
}

fn route_request(netlink: &Netlink, route: &RoutePlan) -> Result<Request> {
    let (destination, length) = route.destination;
    let mut message = RouteMessage::default();
    message.header.address_family = family_of(destination);
    message.header.destination_prefix_length = length;
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = RouteProtocol::Boot;
    message.header.kind = RouteType::Unicast;
    message.header.scope =
        if route.gateway.is_some() { RouteScope::Universe } else { RouteScope::Link };
    let mut what =
        if length == 0 { "default".to_owned() } else { format!("{destination}/{length}") };
    if length != 0 {
        message.attributes.push(RouteAttribute::Destination(destination.into()));
    }
    if let Some(gateway) = route.gateway {
        what += &format!(" via {gateway}");
        message.attributes.push(RouteAttribute::Gateway(gateway.into()));
    }
    if !route.interface.is_empty() {
        what += &format!(" dev {}", route.interface);
        let index = netlink.index_of(&route.interface).step(|| format!("adding route {what}"))?;
        message.attributes.push(RouteAttribute::Oif(index));
    }
    if let Some(source) = route.source {
        what += &format!(" src {source}");
        message.attributes.push(RouteAttribute::PrefSource(source.into()));
    }
    Ok(Request::new(Body::NewRoute(message), NLM_F_CREATE | NLM_F_EXCL, what))
}

fn family_of(address: IpAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }
}

fn explain(requests: &[Request], failure: Failure) -> Error {
    let body = requests.get(failure.index).map(Request::body);
    let hint = match (body, failure.errno()) {
        (Some(Body::NewAddress(_)), Errno::EXIST) => "the interface has this address already",
        (Some(Body::NewRoute(_)), Errno::EXIST) => "there is a route to this destination already",
        (Some(Body::NewRoute(_)), Errno::NETUNREACH | Errno::HOSTUNREACH) => {
            "the gateway must lie in a network of an address of the interface"
        }
        (Some(Body::NewAddress(address)), Errno::ACCESS | Errno::OPNOTSUPP)
            if address.header.family == AddressFamily::Inet6 =>
        {
            "IPv6 is switched off: sysctl net.ipv6.conf.all.disable_ipv6"
        }
        _ => return failure.into(),
    };
    Error::from(failure.error).with_hint(hint)
}
