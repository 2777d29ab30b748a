//! Where the message bus of an instance of systemd listens.

use std::path::{Path, PathBuf};

use rustix::net::SocketAddrUnix;

use super::Instance;

/// A socket, and who is at its other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) socket: SocketAddrUnix,
    /// For messages.
    pub(crate) text: String,
    /// systemd itself, and not a bus that it is on.
    pub(crate) direct: bool,
}

impl Address {
    fn path(path: &Path, direct: bool) -> Option<Self> {
        let socket = SocketAddrUnix::new(path).ok()?;
        Some(Self { socket, text: path.display().to_string(), direct })
    }
}

/// The addresses to be tried, in this order: the bus is asked first, since it passes on those
/// signals only that are wanted, where systemd itself sends everybody all of them.
pub(crate) fn of(instance: Instance) -> Vec<Address> {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let runtime = match instance {
        Instance::System => PathBuf::from("/run"),
        Instance::User => runtime_directory(),
    };
    let (named, bus) = match instance {
        Instance::System => (variable("DBUS_SYSTEM_BUS_ADDRESS"), "dbus/system_bus_socket"),
        Instance::User => (variable("DBUS_SESSION_BUS_ADDRESS"), "bus"),
    };
    let mut all = parse(&named);
    for (path, direct) in [(bus, false), ("systemd/private", true)] {
        all.extend(Address::path(&runtime.join(path), direct));
    }
    all.dedup_by(|one, other| one.socket == other.socket);
    all
}

/// The user's directory for sockets.
pub(crate) fn runtime_directory() -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(directory) if Path::new(&directory).is_absolute() => PathBuf::from(directory),
        _ => PathBuf::from(format!("/run/user/{}", rustix::process::geteuid().as_raw())),
    }
}

/// Reads `unix:path=/run/bus,guid=…;unix:abstract=…` (D-Bus specification, "Server Addresses").
/// Other transports are passed over.
fn parse(text: &str) -> Vec<Address> {
    let one = |address: &str| {
        let keys = address.strip_prefix("unix:")?;
        keys.split(',').find_map(|key| match key.split_once('=')? {
            ("path", path) => Address::path(Path::new(&unescape(path)?), false),
            ("abstract", name) => {
                let name = unescape(name)?;
                let socket = SocketAddrUnix::new_abstract_name(name.as_bytes()).ok()?;
                Some(Address { socket, text: format!("@{name}"), direct: false })
            }
            _ => None,
        })
    };
    text.split(';').filter_map(one).collect()
}

/// `%2f` is a slash.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
