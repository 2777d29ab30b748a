//! Addresses that go along with a device, attribute by attribute as the kernel tells them.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use netlink_packet_core::{DefaultNla, NlasIterator};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use serde::{Deserialize, Serialize};

use super::super::netlink::{Body, Request, text};

/// `struct ifaddrmsg` and its attributes (linux/if_addr.h).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    family: u8,
    prefix: u8,
    flags: u32,
    attributes: Vec<(u16, Vec<u8>)>,
}

const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_LABEL: u16 = 3;
const IFA_FLAGS: u16 = 8;
const IFA_TARGET_NETNSID: u16 = 10;

const RT_SCOPE_UNIVERSE: u8 = 0;
const IFA_F_PERMANENT: u32 = 0x80;
/// What a user may ask for: NODAD, OPTIMISTIC, HOMEADDRESS, MANAGETEMPADDR, NOPREFIXROUTE,
/// MCAUTOJOIN. The others are the kernel's findings.
const ASKED: u32 = 0x02 | 0x04 | 0x10 | 0x100 | 0x200 | 0x400;

/// The sizes of ifaddrmsg, and of IPv6's family number.
const HEADER: usize = 8;
const AF_INET6: u8 = 10;

/// Asks for all addresses of the namespace.
pub fn all() -> Request {
    Request::new(Body::GetAddress(AddressMessage::default()), 0, "addresses")
}

impl Address {
    /// Those of the link `index` that config-linux.md wants kept: permanent, and global.
    pub fn lasting(messages: &[Vec<u8>], index: u32) -> Vec<Self> {
        messages.iter().filter_map(|message| Self::read(message, index)).collect()
    }

    fn read(message: &[u8], wanted: u32) -> Option<Self> {
        // Family, prefix length, flags, scope, index (u32).
        let (header, attributes) = message.split_first_chunk::<HEADER>()?;
        let [family, prefix, flags, scope, a, b, c, d] = *header;
        if u32::from_ne_bytes([a, b, c, d]) != wanted || scope != RT_SCOPE_UNIVERSE {
            return None;
        }
        let mut address = Self { family, prefix, flags: u32::from(flags), attributes: Vec::new() };
        for attribute in NlasIterator::new(attributes).flatten() {
            let value: &[u8] = attribute.value();
            match attribute.kind() {
                IFA_FLAGS => address.flags = value.try_into().map_or(0, u32::from_ne_bytes),
                IFA_TARGET_NETNSID => {}
                kind => address.attributes.push((kind, value.to_vec())),
            }
        }
        (address.flags & IFA_F_PERMANENT != 0).then_some(address)
    }

    /// The same address for the link `index`, which was called `before` and is `now`: a label
    /// begins with the link's name.
    pub fn message(&self, index: u32, before: &str, now: &str) -> AddressMessage {
        let mut message = AddressMessage::default();
        message.header.family = AddressFamily::from(self.family);
        message.header.prefix_len = self.prefix;
        message.header.index = index;
        let mut add = |kind, value| {
            message.attributes.push(AddressAttribute::Other(DefaultNla::new(kind, value)));
        };
        for (kind, value) in &self.attributes {
            if *kind != IFA_LABEL {
                add(*kind, value.clone());
            } else if let Some(rest) = text(value).strip_prefix(before)
                && now.len() + rest.len() < 16
            {
                add(IFA_LABEL, format!("{now}{rest}\0").into_bytes());
            }
        }
        add(IFA_FLAGS, (self.flags & ASKED).to_ne_bytes().to_vec());
        message
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let find = |wanted| self.attributes.iter().find(|(kind, _)| *kind == wanted);
        let bytes = find(IFA_LOCAL).or_else(|| find(IFA_ADDRESS));
        let bytes = bytes.map(|(_, value)| value.as_slice()).unwrap_or_default();
        if self.family == AF_INET6 {
            let octets: [u8; 16] = bytes.try_into().unwrap_or_default();
            write!(f, "{}/{}", Ipv6Addr::from(octets), self.prefix)
        } else {
            let octets: [u8; 4] = bytes.try_into().unwrap_or_default();
            write!(f, "{}/{}", Ipv4Addr::from(octets), self.prefix)
        }
    }
}
