//! What the tests of the network share: namespaces of their own, and a second way to look at
//! them: the full decoder of netlink-packet-route, which the library does not use.

use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage,
    NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage};
use netlink_packet_route::route::{RouteAttribute, RouteHeader, RouteMessage, RouteType};
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, recv, sendto, socket};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

use super::netlink::{Body, Netlink, Request};
use super::plan::{ContainerNetwork, LinkPlan, NetworkPlan, plan};
use super::{attach, configure, link};
use crate::Result;
use crate::config::{Network, Route, Veth};

/// A network namespace, alive as long as this is.
pub struct Namespace(OwnedFd);

impl Namespace {
    #[allow(deprecated)] // Of a thread that shares nothing but memory, it is safe.
    pub fn new() -> Self {
        let fd = std::thread::spawn(|| {
            rustix::thread::unshare(UnshareFlags::NEWNET).unwrap();
            std::fs::File::open("/proc/thread-self/ns/net").unwrap().into()
        });
        Self(fd.join().unwrap())
    }

    /// Runs `work` in a thread that has entered the namespace.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let kind = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(self.0.as_fd(), kind).unwrap();
                work()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// The names of its interfaces but `lo`, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.links().iter().map(link_name).filter(|name| name != "lo").collect();
        names.sort();
        names
    }

    pub fn links(&self) -> Vec<LinkMessage> {
        let message = RouteNetlinkMessage::GetLink(LinkMessage::default());
        let answers = self.dump(message);
        answers
            .into_iter()
            .filter_map(|answer| match answer {
                RouteNetlinkMessage::NewLink(link) => Some(link),
                _ => None,
            })
            .collect()
    }

    pub fn link(&self, name: &str) -> LinkMessage {
        self.links().into_iter().find(|link| link_name(link) == name).unwrap()
    }

    /// `ADDRESS/LENGTH` of an interface, link-local ones left out, with their broadcast addresses.
    pub fn addresses(&self, name: &str) -> Vec<String> {
        let index = self.link(name).header.index;
        let answers = self.dump(RouteNetlinkMessage::GetAddress(AddressMessage::default()));
        let mut found = Vec::new();
        for answer in answers {
            let RouteNetlinkMessage::NewAddress(message) = answer else { continue };
            if message.header.index != index {
                continue;
            }
            let mut text = String::new();
            for attribute in &message.attributes {
                match attribute {
                    AddressAttribute::Address(ip) => {
                        text.insert_str(0, &format!("{ip}/{}", message.header.prefix_len));
                    }
                    AddressAttribute::Broadcast(ip) => text += &format!(" brd {ip}"),
                    _ => {}
                }
            }
            if !text.starts_with("fe80:") {
                found.push(text);
            }
        }
        found.sort();
        found
    }

    /// Unicast routes of the main table that are not link-local: `DST via GW dev N src SRC`.
    pub fn routes(&self) -> Vec<String> {
        let links = self.links();
        let answers = self.dump(RouteNetlinkMessage::GetRoute(RouteMessage::default()));
        let mut found = Vec::new();
        for answer in answers {
            let RouteNetlinkMessage::NewRoute(route) = answer else { continue };
            let header = &route.header;
            if header.table == RouteHeader::RT_TABLE_MAIN && header.kind == RouteType::Unicast {
                found.push(route_text(&route, &links));
            }
        }
        found.retain(|route| !route.starts_with("fe80:") && !route.starts_with("ff00:"));
        found.sort();
        found
    }

    fn dump(&self, message: RouteNetlinkMessage) -> Vec<RouteNetlinkMessage> {
        self.run(|| {
            let socket = socket(AddressFamily::NETLINK, SocketType::RAW, None).unwrap();
            let mut header = NetlinkHeader::default();
            header.flags = NLM_F_REQUEST | NLM_F_DUMP;
            let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
            message.finalize();
            let mut bytes = vec![0; message.buffer_len()];
            message.serialize(&mut bytes);
            let kernel = SocketAddrNetlink::new(0, 0);
            sendto(&socket, &bytes, SendFlags::empty(), &kernel).unwrap();
            let mut answers = Vec::new();
            loop {
                let mut buffer = vec![0; 64 << 10];
                let (_, length) = recv(&socket, buffer.as_mut_slice(), RecvFlags::empty()).unwrap();
                let mut rest = &buffer[..length];
                while !rest.is_empty() {
                    let message = NetlinkMessage::deserialize(rest).unwrap();
                    rest = &rest[(message.header.length as usize).next_multiple_of(4)..];
                    match message.payload {
                        NetlinkPayload::InnerMessage(inner) => answers.push(inner),
                        NetlinkPayload::Done(_) => return answers,
                        other => panic!("{other:?}"),
                    }
                }
            }
        })
    }

    /// Makes a bridge that is up and has addresses.
    pub fn bridge(&self, name: &str, addresses: &[(IpAddr, u8)]) {
        self.make(name, InfoKind::Bridge);
        let link =
            LinkPlan { name: name.to_owned(), addresses: addresses.to_vec(), gateways: Vec::new() };
        let network = ContainerNetwork { links: vec![link], ..ContainerNetwork::default() };
        self.run(|| configure(&network)).unwrap();
        for (address, _) in addresses {
            self.wait_for_local_route(*address);
        }
    }

    /// The kernel adds the route that makes an IPv6 address its own a little later, from a queue.
    fn wait_for_local_route(&self, address: IpAddr) {
        let destination = RouteAttribute::Destination(address.into());
        for _ in 0..500 {
            let answers = self.dump(RouteNetlinkMessage::GetRoute(RouteMessage::default()));
            let there = answers.iter().any(|answer| match answer {
                RouteNetlinkMessage::NewRoute(route) => {
                    route.header.kind == RouteType::Local && route.attributes.contains(&destination)
                }
                _ => false,
            });
            if there {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        panic!("the host never had {address}");
    }

    pub fn make(&self, name: &str, kind: InfoKind) {
        let attributes = vec![
            LinkAttribute::IfName(name.to_owned()),
            LinkAttribute::LinkInfo(vec![LinkInfo::Kind(kind)]),
        ];
        let body = Body::NewLink(link::message(0, attributes));
        let request = Request::new(body, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, name);
        self.run(|| Netlink::open().unwrap().ask(request)).unwrap();
    }
}

pub fn link_name(link: &LinkMessage) -> String {
    let name = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name.clone()),
        _ => None,
    });
    name.unwrap()
}

fn route_text(route: &RouteMessage, links: &[LinkMessage]) -> String {
    let mut destination = "default".to_owned();
    let mut rest = String::new();
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Destination(ip) => {
                destination = format!("{}/{}", ip_text(ip), route.header.destination_prefix_length);
            }
            RouteAttribute::Gateway(ip) => rest.insert_str(0, &format!(" via {}", ip_text(ip))),
            RouteAttribute::Oif(index) => {
                let link = links.iter().find(|link| link.header.index == *index).unwrap();
                rest += &format!(" dev {}", link_name(link));
            }
            _ => {}
        }
    }
    for attribute in &route.attributes {
        if let RouteAttribute::PrefSource(ip) = attribute {
            rest += &format!(" src {}", ip_text(ip));
        }
    }
    destination + &rest
}

fn ip_text(ip: &netlink_packet_route::route::RouteAddress) -> String {
    use netlink_packet_route::route::RouteAddress;
    match ip {
        RouteAddress::Inet(ip) => ip.to_string(),
        RouteAddress::Inet6(ip) => ip.to_string(),
        other => panic!("{other:?}"),
    }
}

/// `10.0.0.2/24`
pub fn net(text: &str) -> (IpAddr, u8) {
    let (address, length) = text.split_once('/').unwrap();
    (address.parse().unwrap(), length.parse().unwrap())
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A host's namespace with a bridge `br0` that has 10.9.0.1/24 and fd09::1/64.
pub fn host() -> Namespace {
    let host = Namespace::new();
    host.bridge("br0", &[net("10.9.0.1/24"), net("fd09::1/64")]);
    host
}

/// A pair on `br0`, with addresses.
pub fn veth(addresses: &[&str]) -> Veth {
    let addresses = addresses.iter().map(|address| net(address)).collect();
    Veth { bridge: "br0".to_owned(), addresses, ..Veth::default() }
}

/// A container that is nothing but a network namespace.
pub struct Container {
    pub namespace: Namespace,
    pub plan: NetworkPlan,
}

/// Makes the network of a container and configures it.
pub fn start(
    host: &Namespace,
    id: &str,
    networks: &[Network],
    routes: &[Route],
) -> Result<Container> {
    let namespace = Namespace::new();
    let plan = plan(networks, routes, id, "/run/test")?;
    host.run(|| attach(&plan.host, namespace.fd()))?;
    namespace.run(|| configure(&plan.container))?;
    Ok(Container { namespace, plan })
}
