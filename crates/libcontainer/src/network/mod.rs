//! The container's network: loopback, veth pairs, addresses, routes, statistics, and devices of
//! the host's that it is given ([`take`]).
//!
//! [`plan()`] resolves a configuration into plain data without a system call. The parent, in the
//! host's network namespace, makes the pairs with [`attach`] as soon as the container's namespace
//! exists: their container ends are born in there under their final names. The container's init
//! then gives them addresses and routes with [`configure`]. [`detach`] removes the host ends, and
//! [`statistics`] reads the container ends.
//!
//! Everything goes through rtnetlink(7), but for loopback, which one ioctl brings up: a container
//! without veth pairs opens no netlink socket.

mod configure;
mod device;
mod host;
mod link;
mod names;
mod netlink;
mod plan;
mod statistics;

#[cfg(test)]
mod testing;

pub use configure::{configure, loopback_up};
pub use device::{Taken, look, put_back, take};
pub use host::{adopt, attach, detach};
pub use plan::{ContainerNetwork, Device, VethHost, plan, plan_devices};
pub use statistics::{InterfaceStats, statistics};

/// How the alias of a host end begins, before the container's id.
const ALIAS: &str = "libcontainer:";
