//! No two on a bridge have one address: a container's are claimed, as far as the kernel can keep
//! claims.

use std::net::IpAddr;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::link::{LinkAttribute, Prop};
use netlink_packet_route::route::{RouteAttribute, RouteMessage, RouteType};
use rustix::io::Errno;

use super::read_link;
use crate::network::ALIAS;
use crate::network::link;
use crate::network::netlink::{Body, Netlink, Request};
use crate::network::plan::VethHost;
use crate::{Error, Result};

/// Claims the addresses of the pair whose host end has this index, as alternative names
/// `ADDRESS@BRIDGE` of it (Linux 5.5): they are unique in a network namespace.
pub fn addresses(netlink: &mut Netlink, veth: &VethHost, index: u32) -> Result<()> {
    for (address, _) in claims(veth) {
        let name = name(veth, *address);
        let names = vec![LinkAttribute::PropList(vec![Prop::AltIfName(name.clone())])];
        let body = Body::NewLinkProperties(link::message(index, names));
        let flags = NLM_F_CREATE | NLM_F_EXCL;
        match netlink.ask(Request::new(body, flags, format!("{} altname {name}", veth.name))) {
            Err(failure) if failure.errno() == Errno::EXIST => {
                return Err(taken(netlink, veth, *address));
            }
            claimed => claimed?,
        };
    }
    Ok(())
}

/// The addresses that others on the bridge must not have.
fn claims(veth: &VethHost) -> &[(IpAddr, u8)] {
    if veth.bridge.is_empty() { &[] } else { &veth.addresses }
}

fn name(veth: &VethHost, address: IpAddr) -> String {
    format!("{address}@{}", veth.bridge)
}

/// Refuses addresses that the host itself has: it would answer for them on the bridge.
pub fn check_host(netlink: &mut Netlink, veth: &VethHost) -> Result<()> {
    for (address, _) in &veth.addresses {
        let mut route = RouteMessage::default();
        let (family, length) = match address {
            IpAddr::V4(_) => (AddressFamily::Inet, 32),
            IpAddr::V6(_) => (AddressFamily::Inet6, 128),
        };
        route.header.address_family = family;
        route.header.destination_prefix_length = length;
        route.attributes.push(RouteAttribute::Destination((*address).into()));
        let ask = Request::new(Body::GetRoute(route), 0, address.to_string());
        // An error says that there is no way there: it is not the host's.
        let Ok(answer) = netlink.ask(ask) else { continue };
        // struct rtmsg: the eighth byte is the route's type.
        if answer.get(7).is_some_and(|kind| RouteType::from(*kind) == RouteType::Local) {
            return Err(refuse(veth, *address, "this host"));
        }
    }
    Ok(())
}

/// The error for an address that another interface has claimed.
fn taken(netlink: &mut Netlink, veth: &VethHost, address: IpAddr) -> Error {
    let owner = read_link(netlink, link::get_by_alternative_name(&name(veth, address)));
    let owner = match owner {
        Ok(Some(owner)) => match owner.alias.strip_prefix(ALIAS) {
            Some(id) => format!("container {id:?} (interface {})", owner.name),
            None => format!("interface {}", owner.name),
        },
        _ => "another container".to_owned(),
    };
    refuse(veth, address, &format!("{owner} on bridge {}", veth.bridge))
}

fn refuse(veth: &VethHost, address: IpAddr, owner: &str) -> Error {
    let key = if address.is_ipv4() { "address" } else { "ipv6_address" };
    let field = format!("{}.{key}", veth.field);
    Error::invalid(field, format!("{address} is already taken by {owner}"))
}
