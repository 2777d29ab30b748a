//! From a flag's text to what it asks for.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use libcontainer::config::{Mount, NamespaceKind, Relabel, signal};
use libcontainer::{Error, Result};
use rustix::io::Errno;
use sys::SysError;

use super::{VethPart, What, Where};

/// How many ids a user namespace gets: the 16-bit range that distributions use.
pub(super) const IDS: u32 = 65536;

/// What `--flag value` asks for.
pub(super) fn parse(flag: &str, value: &str) -> Result<What> {
    Ok(match flag {
        "rootfs" => What::Rootfs(directory(value)?),
        "mnt" => What::Namespace(NamespaceKind::Mount, namespace(value)?),
        "pid" => What::Namespace(NamespaceKind::Pid, namespace(value)?),
        "ipc" => What::Namespace(NamespaceKind::Ipc, namespace(value)?),
        "net" => What::Namespace(NamespaceKind::Network, namespace(value)?),
        "uts" => What::Namespace(NamespaceKind::Uts, namespace(value)?),
        "userns-root-uid" => What::UserNamespace(user(value)?),
        "security" => What::Security(value.parse().map_err(|_| not("high, medium or low"))?),
        "hostname" => What::Hostname(filled(value)?),
        "read-only" => What::ReadOnly,
        "bind" => What::Mount(bind(value)?),
        "tmpfs" => What::Mount(tmpfs(value)?),
        "cgroup" => What::Cgroup,
        "memory-limit" => What::MemoryLimit(bytes(value)?),
        "memory-swap" => What::MemorySwap(bytes(value)?),
        "memory-swappiness" => What::MemorySwappiness(number(value)?),
        "cpushares" => What::CpuShares(number(value)?),
        "cpuset-cpus" => What::CpusetCpus(filled(value)?),
        "cpuset-mems" => What::CpusetMems(filled(value)?),
        "groups" => What::Group(value.parse()?),
        "sysctl" => match value.split_once('=') {
            Some((key, value)) if !key.is_empty() => What::Sysctl(key.into(), value.into()),
            _ => return Err(not("KEY=VALUE")),
        },
        "parent-death-signal" => What::ParentDeathSignal(death_signal(value)?),
        "apparmor-profile" => What::Apparmor(filled(value)?),
        "process-label" => What::ProcessLabel(filled(value)?),
        "mount-label" => What::MountLabel(filled(value)?),
        "veth-bridge" => What::Veth(VethPart::Bridge(filled(value)?)),
        "veth-address" => What::Veth(address(value)?),
        "veth-gateway" => {
            let gateway = IpAddr::from_str(value).map_err(|_| not("an IP address"))?;
            What::Veth(VethPart::Gateway(gateway))
        }
        "veth-mtu" => What::Veth(VethPart::Mtu(number(value)?)),
        "init" => What::Init,
        "seccomp" => What::Seccomp(Box::new(profile(value)?)),
        _ => return Err(not("a flag")),
    })
}

fn not(what: &str) -> Error {
    Error::invalid("", format!("is not {what}"))
}

/// A profile as config-linux.md has it, in a file of its own.
fn profile(value: &str) -> Result<seccomp::Profile> {
    let file = |error: &dyn std::fmt::Display| Error::invalid("", error.to_string());
    let text = std::fs::read(value).map_err(|error| file(&error))?;
    serde_json::from_slice(&text).map_err(|error| file(&error))
}

fn filled(value: &str) -> Result<String> {
    if value.is_empty() { Err(Error::invalid("", "is empty")) } else { Ok(value.to_owned()) }
}

fn number<T: FromStr>(value: &str) -> Result<T> {
    value.parse().map_err(|_| not("a whole number in range"))
}

/// A path of the host, which stays what it is wherever it is used.
fn absolute(value: &str) -> Result<PathBuf> {
    std::path::absolute(value).map_err(|_| not("a path"))
}

fn directory(value: &str) -> Result<PathBuf> {
    let path = absolute(value)?;
    match std::fs::canonicalize(&path) {
        Ok(path) if path.is_dir() => Ok(path),
        Ok(_) => Err(not("a directory")),
        Err(error) => Err(unseen(&error, "there is no such directory")),
    }
}

/// Why a path cannot be looked at: that nothing is there, or the kernel's own words.
fn unseen(error: &io::Error, nothing: &str) -> Error {
    match Errno::from_io_error(error) {
        Some(errno) if !matches!(errno, Errno::NOENT | Errno::NOTDIR) => {
            Error::invalid("", SysError::new("stat", "", errno).words())
        }
        _ => Error::invalid("", nothing),
    }
}

fn namespace(value: &str) -> Result<Where> {
    match value {
        "private" => Ok(Where::Private),
        "host" => Ok(Where::Host),
        path if path.contains('/') => Ok(Where::Path(absolute(path)?)),
        _ => Err(not("private, host, or the path of a namespace")),
    }
}

fn user(value: &str) -> Result<u32> {
    let first: u32 = number(value)?;
    match first.checked_add(IDS) {
        Some(_) => Ok(first),
        None => Err(Error::invalid("", format!("leaves no room for {IDS} ids"))),
    }
}

fn bind(value: &str) -> Result<Mount> {
    let usage = || not("SRC:DST or SRC:DST:OPTIONS, of ro or rw and z or Z");
    let mut parts = value.split(':');
    let (Some(source), Some(target)) = (parts.next(), parts.next()) else { return Err(usage()) };
    let (words, None) = (parts.next(), parts.next()) else { return Err(usage()) };
    let (mut access, mut relabel) = (None, None);
    for word in words.into_iter().flat_map(|words| words.split(',')) {
        let twice = match word {
            "rw" => access.replace(["rbind", "rw"]).is_some(),
            // All that is mounted below it too: nobody expects a hole in it.
            "ro" => access.replace(["rbind", "rro"]).is_some(),
            "z" => relabel.replace(Relabel::Shared).is_some(),
            "Z" => relabel.replace(Relabel::Private).is_some(),
            _ => return Err(usage()),
        };
        if twice {
            return Err(usage());
        }
    }
    if source.is_empty() || !target.starts_with('/') {
        return Err(usage().with_hint("DST is an absolute path of the container"));
    }
    let source = absolute(source)?;
    std::fs::metadata(&source)
        .map_err(|error| unseen(&error, &format!("there is no {}", source.display())))?;
    let options = access.unwrap_or(["rbind", "rw"]);
    Ok(Mount { relabel, ..mount(target, "bind", Some(source), &options) })
}

fn tmpfs(value: &str) -> Result<Mount> {
    if !value.starts_with('/') {
        return Err(not("an absolute path of the container"));
    }
    Ok(mount(value, "tmpfs", Some("tmpfs".into()), &["nosuid", "nodev", "mode=1777"]))
}

fn mount(target: &str, fstype: &str, source: Option<PathBuf>, options: &[&str]) -> Mount {
    let options = options.iter().map(|&option| option.to_owned()).collect();
    let (destination, fstype) = (Path::new(target).into(), fstype.into());
    Mount { destination, fstype, source, options, ..Mount::default() }
}

/// A number of bytes, with k, m, g or t for powers of 1024; -1 for no limit.
fn bytes(value: &str) -> Result<i64> {
    let usage = || not("a number of bytes, like 67108864, 64m or -1");
    if value == "-1" {
        return Ok(-1);
    }
    let lower = value.to_ascii_lowercase();
    let digits = lower.trim_end_matches('b');
    let (digits, shift) = match digits.chars().last() {
        Some('k') => (&digits[..digits.len() - 1], 10),
        Some('m') => (&digits[..digits.len() - 1], 20),
        Some('g') => (&digits[..digits.len() - 1], 30),
        Some('t') => (&digits[..digits.len() - 1], 40),
        _ => (digits, 0),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(usage());
    }
    let number: i64 = digits.parse().map_err(|_| usage())?;
    number.checked_mul(1 << shift).ok_or_else(usage)
}

fn death_signal(value: &str) -> Result<i32> {
    match value {
        "none" | "0" => Ok(0),
        _ => signal::number(value)
            .ok_or_else(|| Error::invalid("", format!("unknown signal {value:?}"))),
    }
}

fn address(value: &str) -> Result<VethPart> {
    let usage = || not("an address with the length of its prefix, like 10.0.0.2/24");
    let (address, length) = value.split_once('/').ok_or_else(usage)?;
    let address: IpAddr = address.parse().map_err(|_| usage())?;
    let length: u8 = length.parse().map_err(|_| usage())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    if length > most {
        return Err(usage());
    }
    Ok(VethPart::Address(address, length))
}
