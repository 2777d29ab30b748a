//! The requests that we make, and their bytes.

use netlink_packet_core::{Emitable, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader};
use netlink_packet_route::address::AddressMessage;
use netlink_packet_route::link::LinkMessage;
use netlink_packet_route::route::RouteMessage;
use rustix::io::Errno;
use sys::SysError;

use super::{HEADER, aligned};

/// One request to the kernel.
pub struct Request {
    body: Body,
    flags: u16,
    /// What it is about, for a reader: the arguments of the error.
    what: String,
}

/// The requests that we make.
pub enum Body {
    NewLink(LinkMessage),
    GetLink(LinkMessage),
    DeleteLink(LinkMessage),
    NewLinkProperties(LinkMessage),
    NewAddress(AddressMessage),
    GetAddress(AddressMessage),
    NewRoute(RouteMessage),
    GetRoute(RouteMessage),
}

impl Body {
    /// Name, number in `linux/rtnetlink.h`, and content of the message.
    fn parts(&self) -> (&'static str, u16, &dyn Emitable) {
        match self {
            Self::NewLink(link) => ("RTM_NEWLINK", 16, link),
            Self::DeleteLink(link) => ("RTM_DELLINK", 17, link),
            Self::GetLink(link) => ("RTM_GETLINK", 18, link),
            Self::NewAddress(address) => ("RTM_NEWADDR", 20, address),
            Self::GetAddress(address) => ("RTM_GETADDR", 22, address),
            Self::NewRoute(route) => ("RTM_NEWROUTE", 24, route),
            Self::GetRoute(route) => ("RTM_GETROUTE", 26, route),
            Self::NewLinkProperties(link) => ("RTM_NEWLINKPROP", 108, link),
        }
    }
}

impl Request {
    /// A request with `NLM_F_*` flags besides those of every request.
    pub fn new(body: Body, flags: u16, what: impl Into<String>) -> Self {
        Self { body, flags: flags | NLM_F_REQUEST | NLM_F_ACK, what: what.into() }
    }

    /// The error for the errno that the kernel answered.
    pub fn error(&self, errno: Errno) -> SysError {
        let (call, ..) = self.body.parts();
        SysError::new(call, self.what.clone(), errno)
    }

    /// What is asked.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// The same, for all that there are.
    pub fn dump(mut self) -> Self {
        self.flags |= NLM_F_DUMP;
        self
    }

    /// Appends the message to a batch.
    pub fn emit(&self, sequence: u32, batch: &mut Vec<u8>) {
        let (_, number, content) = self.body.parts();
        let length = HEADER + content.buffer_len();
        let mut header = NetlinkHeader::default();
        header.length = length as u32;
        header.message_type = number;
        header.flags = self.flags;
        header.sequence_number = sequence;
        let start = batch.len();
        batch.resize(start + aligned(length), 0);
        header.emit(&mut batch[start..start + HEADER]);
        content.emit(&mut batch[start + HEADER..start + length]);
    }
}
