//! Links as netlink tells them, and the requests for links (rtnetlink(7), `linux/if_link.h`).

use netlink_packet_core::{DefaultNla, NlaBuffer, NlasIterator};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};

use super::names::Mac;
use super::netlink::{Body, Request, text};

/// A link, as far as we care for it.
///
/// Only these attributes are decoded: a later kernel's others cannot make reading fail.
#[derive(Debug, Default)]
pub struct Link {
    pub index: u32,
    pub up: bool,
    pub name: String,
    pub mac: Mac,
    pub alias: String,
    /// `veth`, `bridge`; empty where the driver has none.
    pub kind: String,
    /// A pair's other end: its index, and its network namespace if not the link's.
    pub peer_index: Option<u32>,
    pub peer_namespace: Option<i32>,
    pub statistics: Option<Counters>,
}

/// The first eight figures of `struct rtnl_link_stats64`, in the kernel's order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    pub rx_packets: u64,
    pub tx_packets: u64,
    pub rx_bytes: u64,
    pub tx_bytes: u64,
    pub rx_errors: u64,
    pub tx_errors: u64,
    pub rx_dropped: u64,
    pub tx_dropped: u64,
}

const IFF_UP: u32 = 1;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_LINK: u16 = 5;
const IFLA_LINKINFO: u16 = 18;
const IFLA_IFALIAS: u16 = 20;
const IFLA_STATS64: u16 = 23;
const IFLA_LINK_NETNSID: u16 = 37;
const IFLA_TARGET_NETNSID: u16 = 46;
const IFLA_ALT_IFNAME: u16 = 53;
const IFLA_INFO_KIND: u16 = 1;

impl Link {
    /// Reads the content of an RTM_NEWLINK message; `None` where it is none.
    pub fn read(payload: &[u8]) -> Option<Self> {
        // struct ifinfomsg: family, padding, type (u16), index (i32), flags, change mask.
        let (header, attributes) = payload.split_first_chunk::<16>()?;
        let index = u32::from_ne_bytes([header[4], header[5], header[6], header[7]]);
        let flags = u32::from_ne_bytes([header[8], header[9], header[10], header[11]]);
        let up = flags & IFF_UP != 0;
        let mut link = Self { index, up, ..Self::default() };
        for attribute in NlasIterator::new(attributes).flatten() {
            link.take(&attribute);
        }
        Some(link)
    }

    fn take(&mut self, attribute: &NlaBuffer<&[u8]>) {
        let value = attribute.value();
        match attribute.kind() {
            IFLA_ADDRESS => self.mac = value.try_into().unwrap_or_default(),
            IFLA_IFNAME => self.name = text(value),
            IFLA_LINK => self.peer_index = value.try_into().ok().map(u32::from_ne_bytes),
            IFLA_LINK_NETNSID => {
                self.peer_namespace = value.try_into().ok().map(i32::from_ne_bytes);
            }
            IFLA_IFALIAS => self.alias = text(value),
            IFLA_STATS64 => self.statistics = Counters::read(value),
            IFLA_LINKINFO => {
                let kind = NlasIterator::new(value)
                    .flatten()
                    .find(|attribute| attribute.kind() == IFLA_INFO_KIND);
                self.kind = kind.map(|kind| text(kind.value())).unwrap_or_default();
            }
            _ => {}
        }
    }
}

impl Counters {
    fn read(value: &[u8]) -> Option<Self> {
        let mut figures = value
            .chunks_exact(8)
            .map(|figure| figure.try_into().map(u64::from_ne_bytes).unwrap_or_default());
        Some(Self {
            rx_packets: figures.next()?,
            tx_packets: figures.next()?,
            rx_bytes: figures.next()?,
            tx_bytes: figures.next()?,
            rx_errors: figures.next()?,
            tx_errors: figures.next()?,
            rx_dropped: figures.next()?,
            tx_dropped: figures.next()?,
        })
    }
}

/// A link message about the link `index`; 0 leaves it to the attributes.
pub fn message(index: u32, attributes: Vec<LinkAttribute>) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes = attributes;
    message
}

/// The same message, which brings the link up as well.
pub fn up(mut message: LinkMessage) -> LinkMessage {
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    message
}

/// Asks for the link of this name.
pub fn get(name: &str) -> Request {
    let named = vec![LinkAttribute::IfName(name.to_owned())];
    Request::new(Body::GetLink(message(0, named)), 0, name)
}

/// Asks for the link that has this alternative name (ip-link(8), `altname`).
pub fn get_by_alternative_name(name: &str) -> Request {
    let mut value = name.as_bytes().to_vec();
    value.push(0);
    let named = vec![LinkAttribute::Other(DefaultNla::new(IFLA_ALT_IFNAME, value))];
    Request::new(Body::GetLink(message(0, named)), 0, name)
}

/// Asks for the link `index` of this network namespace.
pub fn get_by_index(index: u32, what: &str) -> Request {
    let body = Body::GetLink(message(index, Vec::new()));
    Request::new(body, 0, format!("the peer of {what}"))
}

/// Asks for the link `index` of another network namespace, by this one's id of it (ip-netns(8)).
pub fn get_in_namespace(index: u32, namespace: i32, what: &str) -> Request {
    let value = namespace.to_ne_bytes().to_vec();
    let target = vec![LinkAttribute::Other(DefaultNla::new(IFLA_TARGET_NETNSID, value))];
    Request::new(Body::GetLink(message(index, target)), 0, format!("the peer of {what}"))
}

/// Deletes the link `index`, and with it the other end of a pair.
pub fn delete(index: u32, name: &str) -> Request {
    Request::new(Body::DeleteLink(message(index, Vec::new())), 0, name)
}
