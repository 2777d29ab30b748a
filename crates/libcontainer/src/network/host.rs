//! The host half: veth pairs are made, and removed.

mod claim;

#[cfg(test)]
mod tests;

use std::os::fd::{AsRawFd, BorrowedFd};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::link::{
    InfoBridgePort, InfoData, InfoKind, InfoPortData, InfoPortKind, InfoVeth, LinkAttribute,
    LinkInfo,
};
use rustix::io::Errno;

use super::link::{self, Link};
use super::netlink::{Body, Failure, Netlink, Request};
use super::plan::VethHost;
use crate::{Error, Result, Step};

/// Makes the veth pairs: the host ends here, up and on their bridges; the container ends in
/// `netns`, a descriptor of the container's network namespace, down and without addresses.
///
/// An address of a container on a bridge is claimed as an alternative name of the host end,
/// `ADDRESS@BRIDGE`: those are unique in a network namespace, and go with the interface. So two
/// containers on one bridge cannot have the same address, at no cost that grows with their number.
///
/// # Errors
/// A bridge that does not exist or is none, an address or a name that is taken, no CAP_NET_ADMIN
/// here or in the container's namespace. Whatever was made is removed again.
pub fn attach(host: &[VethHost], netns: BorrowedFd<'_>) -> Result<()> {
    if host.is_empty() {
        return Ok(());
    }
    let mut netlink = Netlink::open()?;
    for (done, veth) in host.iter().enumerate() {
        if let Err(error) = attach_one(&mut netlink, veth, netns) {
            for earlier in &host[..done] {
                // The first error is the one to tell; `detach` meets what is left here again.
                let _ = detach_one(&mut netlink, earlier);
            }
            return Err(error.within(format!("making the veth pair {}", veth.name)));
        }
    }
    Ok(())
}

/// Makes host ends that CRIU has made, and knows by their names only, what [`attach`] makes of its
/// own. (Their peers have come back as they were.)
///
/// # Errors
/// As of [`attach`].
pub fn adopt(host: &[VethHost]) -> Result<()> {
    if host.is_empty() {
        return Ok(());
    }
    let mut netlink = Netlink::open()?;
    for veth in host {
        adopt_one(&mut netlink, veth)
            .step(|| format!("taking over the veth pair {}", veth.name))?;
    }
    Ok(())
}

fn adopt_one(netlink: &mut Netlink, veth: &VethHost) -> Result<()> {
    let mut attributes = vec![LinkAttribute::Address(veth.mac.to_vec())];
    if !veth.bridge.is_empty() {
        attributes.push(LinkAttribute::Controller(find_bridge(netlink, veth)?));
        claim::check_host(netlink, veth)?;
    }
    let index = netlink.index_of(&veth.name)?;
    let body = Body::NewLink(link::up(link::message(index, attributes)));
    netlink.ask(Request::new(body, 0, format!("{} address, bridge", veth.name)))?;
    finish(netlink, veth, index)
}

/// Removes the host ends, and with them the pairs, that [`attach`] made; those that are gone
/// already are passed over.
///
/// The kernel removes a pair by itself when the container's network namespace ends, but some
/// time later, and not at all where the namespace lives on. A device of the same name that does
/// not carry the hardware address of this container's is left alone.
pub fn detach(host: &[VethHost]) -> Result<()> {
    if host.is_empty() {
        return Ok(());
    }
    let mut netlink = Netlink::open()?;
    for veth in host {
        detach_one(&mut netlink, veth).step(|| format!("removing the veth pair {}", veth.name))?;
    }
    Ok(())
}

fn attach_one(netlink: &mut Netlink, veth: &VethHost, netns: BorrowedFd<'_>) -> Result<()> {
    let bridge = if veth.bridge.is_empty() { None } else { Some(find_bridge(netlink, veth)?) };
    if bridge.is_some() {
        claim::check_host(netlink, veth)?;
    }
    if let Err(failure) = netlink.ask(create(veth, bridge, netns)) {
        return Err(explain_creation(netlink, veth, failure));
    }
    let finished = netlink
        .index_of(&veth.name)
        .map_err(Error::from)
        .and_then(|index| finish(netlink, veth, index));
    if finished.is_err() {
        // As above: the error that led here is the one to tell.
        let _ = detach_one(netlink, veth);
    }
    finished
}

/// What cannot be said while the pair is made: alias, hairpin, claims of addresses.
fn finish(netlink: &mut Netlink, veth: &VethHost, index: u32) -> Result<()> {
    let mut attributes = vec![LinkAttribute::IfAlias(veth.alias.clone())];
    if veth.hairpin {
        attributes.push(LinkAttribute::LinkInfo(vec![
            LinkInfo::PortKind(InfoPortKind::Bridge),
            LinkInfo::PortData(InfoPortData::BridgePort(vec![InfoBridgePort::HairpinMode(true)])),
        ]));
    }
    let what = format!("{} alias, hairpin", veth.name);
    netlink.ask(Request::new(Body::NewLink(link::message(index, attributes)), 0, what))?;
    claim::addresses(netlink, veth, index)
}

/// One message makes both ends, the container's directly in its namespace.
fn create(veth: &VethHost, bridge: Option<u32>, netns: BorrowedFd<'_>) -> Request {
    let mut inside = vec![
        LinkAttribute::IfName(veth.peer_name.clone()),
        LinkAttribute::NetNsFd(netns.as_raw_fd()),
    ];
    inside.extend(veth.peer_mac.map(|mac| LinkAttribute::Address(mac.to_vec())));
    let mut host =
        vec![LinkAttribute::IfName(veth.name.clone()), LinkAttribute::Address(veth.mac.to_vec())];
    host.extend(bridge.map(LinkAttribute::Controller));
    for end in [&mut inside, &mut host] {
        end.extend((veth.mtu != 0).then_some(LinkAttribute::Mtu(veth.mtu)));
        let queue = veth.tx_queue_len;
        end.extend((queue != 0).then_some(LinkAttribute::TxQueueLen(queue)));
    }
    host.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::Veth),
        LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(link::message(0, inside)))),
    ]));
    let body = Body::NewLink(link::up(link::message(0, host)));
    let what = format!("veth {} peer {}", veth.name, veth.peer_name);
    Request::new(body, NLM_F_CREATE | NLM_F_EXCL, what)
}

fn explain_creation(netlink: &mut Netlink, veth: &VethHost, failure: Failure) -> Error {
    let hint = match failure.errno() {
        // The kernel says no more than that one of the two names is taken.
        Errno::EXIST if netlink.index_of(&veth.name).is_ok() => {
            let why = format!("the host has an interface {:?} already", veth.name);
            return Error::invalid(format!("{}.host_interface_name", veth.field), why);
        }
        Errno::EXIST => {
            let name = &veth.peer_name;
            let why =
                format!("the container's network namespace has an interface {name:?} already");
            return Error::invalid(format!("{}.name", veth.field), why);
        }
        Errno::PERM => "it takes CAP_NET_ADMIN on the host and over the container's namespace",
        Errno::OPNOTSUPP => "the kernel has no veth devices: CONFIG_VETH",
        _ => return failure.into(),
    };
    Error::from(failure.error).with_hint(hint)
}

fn find_bridge(netlink: &mut Netlink, veth: &VethHost) -> Result<u32> {
    let field = || format!("{}.bridge", veth.field);
    let name = &veth.bridge;
    match read_link(netlink, link::get(name))? {
        Some(bridge) if bridge.kind == "bridge" => Ok(bridge.index),
        Some(_) => Err(Error::invalid(field(), format!("{name:?} is not a bridge"))),
        None => {
            let error = Error::invalid(field(), format!("this host has no bridge {name:?}"));
            Err(error.with_hint(how_to_make(veth)))
        }
    }
}

/// The command that makes the bridge, as ip-link(8) would have it, with the addresses that the
/// container takes for its gateways.
fn how_to_make(veth: &VethHost) -> String {
    let name = &veth.bridge;
    let mut command = format!("make it: ip link add {name} type bridge");
    for gateway in &veth.gateways {
        let length = veth
            .addresses
            .iter()
            .find(|(address, _)| address.is_ipv4() == gateway.is_ipv4())
            .map_or(if gateway.is_ipv4() { 32 } else { 128 }, |(_, length)| *length);
        command += &format!(" && ip address add {gateway}/{length} dev {name}");
    }
    command + &format!(" && ip link set {name} up")
}

fn detach_one(netlink: &mut Netlink, veth: &VethHost) -> Result<()> {
    let found = read_link(netlink, link::get(&veth.name))?;
    let Some(ours) = found.filter(|link| link.kind == "veth" && link.mac == veth.mac) else {
        return Ok(());
    };
    match netlink.ask(link::delete(ours.index, &veth.name)) {
        // The kernel was quicker.
        Err(failure) if failure.errno() == Errno::NODEV => Ok(()),
        deleted => deleted.map(drop).map_err(Error::from),
    }
}

/// Carries out an RTM_GETLINK; `None` where there is no such link.
pub fn read_link(netlink: &mut Netlink, request: Request) -> Result<Option<Link>> {
    match netlink.ask(request) {
        Err(failure) if failure.errno() == Errno::NODEV => Ok(None),
        answer => Ok(Link::read(&answer?)),
    }
}
