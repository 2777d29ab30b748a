//! Devices of the host's that a container has for its life (config-linux.md, "Network Devices").
//!
//! A device is moved by its name, and loses its addresses on the way: those that last are given
//! to it again. What it was is noted before ([`Taken`]), so that a start that fails, or whose
//! creator is killed, can put it back. When the container ends, its device stays what the kernel
//! makes of it: physical ones return to the host, virtual ones go (network_namespaces(7)).

mod address;

#[cfg(test)]
mod tests;

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::link::LinkAttribute;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use sys::Context;
use sys::namespace::flag;

use self::address::Address;
use super::host::read_link;
use super::link::{self, Link};
use super::names::Mac;
use super::netlink::{Body, Netlink, Request};
use super::plan::Device;
use crate::procfs::Procfs;
use crate::{Error, ErrorKind, Result, Step};

/// A device that is moved, as it was on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    device: Device,
    /// Tells it from another that has its name by now.
    mac: Mac,
    up: bool,
    addresses: Vec<Address>,
}

/// Looks at the devices, and at whether they can be moved to `namespace`. Nothing is changed.
///
/// # Errors
/// A device that the host does not have, a name that the namespace has already, a namespace that
/// is the host's own.
pub fn look(devices: &[Device], namespace: BorrowedFd<'_>) -> Result<Vec<Taken>> {
    let mut host = Netlink::open()?;
    let mut inside = open_inside(namespace)?;
    let own = own_namespace()?;
    let identity = |fd: BorrowedFd<'_>| {
        rustix::fs::fstat(fd).sys("fstat", || "a namespace").map(|stat| (stat.st_dev, stat.st_ino))
    };
    if identity(own.as_fd())? == identity(namespace)? {
        let what = "needs a network namespace of the container's own, but it joins the host's";
        return Err(Error::invalid("net_devices", what));
    }
    let all = host.dump(address::all())?;
    devices.iter().map(|device| look_at(&mut host, &mut inside, device, &all)).collect()
}

fn look_at(
    host: &mut Netlink,
    inside: &mut Netlink,
    device: &Device,
    addresses: &[Vec<u8>],
) -> Result<Taken> {
    let Device { name, inside: wanted, .. } = device;
    let Some(link) = read_link(host, link::get(name))? else {
        let why = format!("the host has no network device {name:?}");
        return Err(Error::invalid(device.field(), why));
    };
    if !device.is_template() && read_link(inside, link::get(wanted))?.is_some() {
        let why = format!("the container's network namespace has a device {wanted:?} already");
        return Err(Error::invalid(device.field(), why));
    }
    let addresses = Address::lasting(addresses, link.index);
    Ok(Taken { device: device.clone(), mac: link.mac, up: link.up, addresses })
}

/// Moves the devices to `namespace`, under their names there, with their addresses, and up.
/// After a failure [`put_back`] is due.
pub fn take(devices: &[Taken], namespace: BorrowedFd<'_>) -> Result<()> {
    let mut host = Netlink::open()?;
    let mut inside = open_inside(namespace)?;
    for taken in devices {
        let name = &taken.device.name;
        take_one(taken, &mut host, &mut inside, namespace)
            .step(|| format!("moving the network device {name} into the container"))?;
    }
    Ok(())
}

fn take_one(
    taken: &Taken,
    host: &mut Netlink,
    inside: &mut Netlink,
    namespace: BorrowedFd<'_>,
) -> Result<()> {
    let Device { name, inside: wanted, meanwhile } = &taken.device;
    // The kernel does not say what it makes of a template, so the device is found by a name that
    // only it has.
    let template = taken.device.is_template();
    let first = if template { meanwhile } else { wanted };
    let index = host.index_of(name)?;
    host.ask(moved(index, first, namespace, name)).map_err(Error::from).map_err(
        |error| match error.errno().map(Errno::from_raw_os_error) {
            Some(Errno::PERM) => error
                .with_hint("it takes CAP_NET_ADMIN on the host and over the container's namespace"),
            Some(Errno::INVAL) => error.with_hint("not every device can leave its namespace"),
            _ => error,
        },
    )?;
    let index = inside.index_of(first)?;
    if template {
        inside.ask(renamed(index, wanted))?;
    }
    let now = read_link(inside, link::get_by_index(index, name))?
        .map_or_else(|| wanted.clone(), |link| link.name);
    inside.run(&configured(taken, index, &now, true, NLM_F_EXCL))?;
    Ok(())
}

/// Puts devices back where they were, with their names, addresses and state, wherever an
/// interrupted start has left them; `namespace` is the container's, if it is still there. What is
/// back already, or gone, is passed over.
pub fn put_back(devices: &[Taken], namespace: Option<BorrowedFd<'_>>) -> Result<()> {
    let mut host = Netlink::open()?;
    let mut inside = namespace.map(open_inside).transpose()?;
    let own = own_namespace()?;
    for taken in devices.iter().rev() {
        let name = &taken.device.name;
        put_one_back(taken, &mut host, inside.as_mut(), own.as_fd())
            .step(|| format!("putting the network device {name} back"))?;
    }
    Ok(())
}

fn put_one_back(
    taken: &Taken,
    host: &mut Netlink,
    inside: Option<&mut Netlink>,
    own: BorrowedFd<'_>,
) -> Result<()> {
    let name = &taken.device.name;
    if find(host, taken, &[name])?.is_none() {
        if let Some(inside) = inside
            && let Some(link) = find_any(inside, taken)?
        {
            inside.ask(moved(link.index, name, own, name))?;
        } else if let Some(link) = find_any(host, taken)? {
            // The kernel has brought a physical one back from a namespace that ended.
            host.ask(renamed(link.index, name))?;
        } else {
            return Ok(());
        }
    }
    let index = host.index_of(name)?;
    host.run(&configured(taken, index, name, taken.up, NLM_F_REPLACE))?;
    Ok(())
}

/// The device under one of the names that it may have by now.
fn find_any(netlink: &mut Netlink, taken: &Taken) -> Result<Option<Link>> {
    let Device { name, inside, meanwhile } = &taken.device;
    if !taken.device.is_template() {
        return find(netlink, taken, &[inside, meanwhile, name]);
    }
    let stem = inside.strip_suffix("%d").unwrap_or(inside);
    match find(netlink, taken, &[meanwhile, name])? {
        Some(link) => Ok(Some(link)),
        None => {
            let made: Vec<String> = (0..16).map(|number| format!("{stem}{number}")).collect();
            find(netlink, taken, &made.iter().collect::<Vec<_>>())
        }
    }
}

fn find(netlink: &mut Netlink, taken: &Taken, names: &[&String]) -> Result<Option<Link>> {
    for name in names {
        let found = read_link(netlink, link::get(name))?.filter(|link| link.mac == taken.mac);
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// What moves the link `index` to `namespace`, where it is called `name` (do_setlink moves first
/// and renames then).
fn moved(index: u32, name: &str, namespace: BorrowedFd<'_>, what: &str) -> Request {
    let attributes =
        vec![LinkAttribute::IfName(name.to_owned()), LinkAttribute::NetNsFd(namespace.as_raw_fd())];
    let what = if what == name { name.to_owned() } else { format!("{what} name {name}") };
    Request::new(Body::NewLink(link::message(index, attributes)), 0, what)
}

fn renamed(index: u32, name: &str) -> Request {
    let attributes = vec![LinkAttribute::IfName(name.to_owned())];
    Request::new(Body::NewLink(link::message(index, attributes)), 0, format!("name {name}"))
}

/// What gives a moved link its state and its addresses.
fn configured(taken: &Taken, index: u32, name: &str, up: bool, how: u16) -> Vec<Request> {
    let mut requests = Vec::with_capacity(1 + taken.addresses.len());
    if up {
        let body = Body::NewLink(link::up(link::message(index, Vec::new())));
        requests.push(Request::new(body, 0, format!("{name} up")));
    }
    for address in &taken.addresses {
        let body = Body::NewAddress(address.message(index, &taken.device.name, name));
        requests.push(Request::new(body, NLM_F_CREATE | how, format!("{address} dev {name}")));
    }
    requests
}

fn own_namespace() -> Result<OwnedFd> {
    Procfs::open()?.open_link("thread-self/ns/net")
}

/// A socket in another network namespace: made by a thread that enters it, and ends.
fn open_inside(namespace: BorrowedFd<'_>) -> Result<Netlink> {
    let opened = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            sys::namespace::enter(namespace, flag::NETWORK)?;
            Netlink::open()
        });
        thread.join()
    });
    match opened {
        Ok(opened) => opened
            .step(|| "entering the container's network namespace")
            .hint(|| "it takes CAP_SYS_ADMIN"),
        Err(_) => Err(Error::new(ErrorKind::System, "a thread of the library's has panicked")),
    }
}
