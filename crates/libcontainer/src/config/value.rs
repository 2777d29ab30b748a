//! The syntax of single values, checked where the file's path is still known.

use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};

use crate::Result;

use super::node::Node;
use super::{Clock, IdMap, Propagation, Rlimit, TimeOffset};

/// An address with its prefix length: `10.0.0.2/24`.
pub(super) fn network(node: &Node<'_>) -> Result<(IpAddr, u8)> {
    let text = node.text()?;
    let parsed = text.split_once('/').and_then(|(address, length)| {
        let address: IpAddr = address.parse().ok()?;
        let length = length.parse().ok().filter(|length| *length <= widest(address))?;
        Some((address, length))
    });
    parsed.ok_or_else(|| {
        node.error(format!("{text:?} is not an address with its prefix length, like 10.0.0.2/24"))
    })
}

/// A destination as ip-route(8) takes it: a network, or a single address.
pub(super) fn destination(node: &Node<'_>) -> Result<(IpAddr, u8)> {
    match node.text()?.parse::<IpAddr>() {
        Ok(address) => Ok((address, widest(address))),
        Err(_) => network(node),
    }
}

fn widest(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// An address without a prefix length.
pub(super) fn address(node: &Node<'_>) -> Result<IpAddr> {
    let text = node.text()?;
    text.parse().map_err(|_| node.error(format!("{text:?} is not an address")))
}

/// A hardware address of Ethernet: six octets in hexadecimal.
pub(super) fn mac_address(node: &Node<'_>) -> Result<String> {
    let text = node.text()?;
    let octet = |octet: &str| octet.len() == 2 && octet.bytes().all(|b| b.is_ascii_hexdigit());
    if text.split(':').count() == 6 && text.split(':').all(octet) {
        Ok(text.to_owned())
    } else {
        Err(node.error(format!("{text:?} is not a hardware address like 02:42:ac:11:00:02")))
    }
}

/// A network interface's name as the kernel takes it (dev_valid_name): 1 to 15 bytes.
pub(super) fn interface(node: &Node<'_>) -> Result<String> {
    let text = node.text()?;
    let legal = |c: char| c != '/' && c != ':' && !c.is_ascii_whitespace() && !c.is_ascii_control();
    if text.is_empty() || text.len() > 15 || text == "." || text == ".." || !text.chars().all(legal)
    {
        return Err(node.error(format!("{text:?} is not a name of a network interface")));
    }
    Ok(text.to_owned())
}

/// A path that starts at the root.
pub(super) fn absolute(node: &Node<'_>) -> Result<PathBuf> {
    let text = node.text()?;
    if text.starts_with('/') {
        Ok(PathBuf::from(text))
    } else {
        Err(node.error(format!("{text:?} is not an absolute path")))
    }
}

/// A control group below the hierarchies' roots; a slash at its start is only their root.
pub(super) fn cgroup(node: &Node<'_>) -> Result<PathBuf> {
    let mut path = PathBuf::new();
    for part in Path::new(node.text()?).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                return Err(node.error("a control group may not have .. in its path"));
            }
        }
    }
    Ok(path)
}

/// Processors or memory nodes as cpuset(7) lists them: `0-3,7`.
pub(super) fn cpu_list(node: &Node<'_>) -> Result<String> {
    let text = node.text()?;
    let number = |text: &str| text.trim().parse::<u32>().is_ok();
    let range = |part: &str| match part.split_once('-') {
        Some((first, last)) => number(first) && number(last),
        None => number(part),
    };
    if text.split(',').all(range) {
        Ok(text.to_owned())
    } else {
        Err(node.error(format!("{text:?} is not a list of numbers and ranges like 0-3,7")))
    }
}

/// A size of huge pages as the kernel names its control files: `2MB`, `64KB`, `1GB`.
pub(super) fn page_size(node: &Node<'_>) -> Result<String> {
    let text = node.text()?;
    let digits = text.trim_end_matches(['K', 'M', 'G', 'B']);
    let unit = &text[digits.len()..];
    let numeric = !digits.starts_with('0') && digits.parse::<u64>().is_ok();
    if numeric && matches!(unit, "KB" | "MB" | "GB") {
        Ok(text.to_owned())
    } else {
        Err(node.error(format!("{text:?} is not a page size like 2MB")))
    }
}

/// A user or group id; 2^32 - 1 means "no change" to the kernel and is none.
pub(super) fn id(node: &Node<'_>) -> Result<u32> {
    match node.number()? {
        u32::MAX => Err(node.error("4294967295 is too large for an id")),
        id => Ok(id),
    }
}

/// A range of ids (user_namespaces(7)), by the names that the format has for its fields.
pub(super) fn id_map(node: &Node<'_>, container: &str, host: &str) -> Result<IdMap> {
    let map = IdMap {
        container_id: id(&node.need(container)?)?,
        host_id: id(&node.need(host)?)?,
        size: node.need("size")?.number()?,
    };
    let first = map.container_id.max(map.host_id);
    if map.size == 0 || first.checked_add(map.size - 1).is_none_or(|last| last == u32::MAX) {
        return Err(node.need("size")?.error(format!("{} is not a possible size", map.size)));
    }
    Ok(map)
}

/// How far the clocks are shifted.
pub(super) fn time_offset(node: &Node<'_>) -> Result<TimeOffset> {
    let nanosecs = node.number_of("nanosecs")?.unwrap_or(0);
    if nanosecs > 999_999_999 {
        return Err(node.need("nanosecs")?.error("must be below 1000000000"));
    }
    Ok(TimeOffset { secs: node.number_of("secs")?.unwrap_or(0), nanosecs })
}

/// The clocks of time_namespaces(7) with their offsets.
pub(super) fn time_offsets<C: FromIterator<(Clock, TimeOffset)>>(node: &Node<'_>) -> Result<C> {
    node.entries()?
        .map(|(name, offset)| {
            let clock = match name {
                "monotonic" => Clock::Monotonic,
                "boottime" => Clock::Boottime,
                _ => return Err(offset.error("unknown clock, known are monotonic and boottime")),
            };
            Ok((clock, time_offset(&offset)?))
        })
        .collect()
}

/// The names of getrlimit(2)'s resources, in the order of the kernel's numbers.
pub(super) const RLIMITS: [&str; 16] = [
    "CPU",
    "FSIZE",
    "DATA",
    "STACK",
    "CORE",
    "RSS",
    "NPROC",
    "NOFILE",
    "MEMLOCK",
    "AS",
    "LOCKS",
    "SIGPENDING",
    "MSGQUEUE",
    "NICE",
    "RTPRIO",
    "RTTIME",
];

/// Resource limits; `resource` reads the type. A type may stand there once.
pub(super) fn rlimits(
    list: &Node<'_>,
    resource: impl Fn(&Node<'_>) -> Result<u32>,
) -> Result<Vec<Rlimit>> {
    let mut limits: Vec<Rlimit> = Vec::new();
    for item in list.list()? {
        let kind = item.need("type")?;
        let resource = resource(&kind)?;
        if limits.iter().any(|limit| limit.resource == resource) {
            return Err(kind.error("is listed twice"));
        }
        let soft = item.need("soft")?.number()?;
        limits.push(Rlimit { resource, soft, hard: item.need("hard")?.number()? });
    }
    Ok(limits)
}

/// A resource of getrlimit(2) by its name, with `RLIMIT_` as in the man page or without.
pub(super) fn rlimit_named(node: &Node<'_>) -> Result<u32> {
    let text = node.text()?;
    let name = text.strip_prefix("RLIMIT_").unwrap_or(text);
    let index = RLIMITS.iter().position(|known| *known == name);
    index
        .and_then(|index| u32::try_from(index).ok())
        .ok_or_else(|| node.error(format!("unknown resource limit {text:?}")))
}

/// The permission bits under `key`; 0666 if it is absent. The bits of the file's type, which some
/// programs write with them, are left out.
pub(super) fn mode(node: &Node<'_>, key: &str) -> Result<u32> {
    Ok(node.number_of::<u32>(key)?.map_or(0o666, |mode| mode & 0o7777))
}

/// A major or minor number of mknod(2): the kernel has 12 bits for one and 20 for the other. -1,
/// any number, is `None`.
pub(super) fn device_number(node: &Node<'_>, major: bool) -> Result<Option<u32>> {
    let most = if major { 0xFFF } else { 0xF_FFFF };
    match node.number::<i64>()? {
        -1 => Ok(None),
        number => match u32::try_from(number) {
            Ok(number) if number <= most => Ok(Some(number)),
            _ => Err(node.error(format!("{number} is not a device number (0 to {most})"))),
        },
    }
}

/// What may be done with a device: `r`, `w` and `m`, all of them if empty.
pub(super) fn access(node: &Node<'_>) -> Result<cgroups::Access> {
    let text = node.text()?;
    text.parse().map_err(|_| node.error(format!("{text:?} is not made of r, w and m")))
}

/// The numbers of one device: {major, minor}.
pub(super) fn device_numbers(node: &Node<'_>) -> Result<(u32, u32)> {
    let number = |key, major| {
        let field = node.need(key)?;
        device_number(&field, major)?.ok_or_else(|| field.error("must be one device"))
    };
    Ok((number("major", true)?, number("minor", false)?))
}

/// `/proc/PID/oom_score_adj` (proc(5)), -1000 to 1000.
pub(super) fn oom_score_adj(node: &Node<'_>, key: &str) -> Result<Option<i32>> {
    let Some(field) = node.get(key)? else { return Ok(None) };
    match field.number()? {
        score @ -1000..=1000 => Ok(Some(score)),
        score => Err(field.error(format!("{score} is not within -1000 to 1000"))),
    }
}

/// The permission bits that new files lack (umask(2)).
pub(super) fn umask(node: &Node<'_>) -> Result<Option<u32>> {
    let Some(field) = node.get("umask")? else { return Ok(None) };
    match field.number()? {
        mask @ 0..=0o777 => Ok(Some(mask)),
        mask => Err(field.error(format!("{mask} is not within 0 to 511 (0777)"))),
    }
}

/// A kind of propagation, also by the name of its recursive form: for the root they are the same.
pub(super) fn propagation(node: &Node<'_>) -> Result<Propagation> {
    match node.text()? {
        "private" | "rprivate" => Ok(Propagation::Private),
        "slave" | "rslave" => Ok(Propagation::Slave),
        "shared" | "rshared" => Ok(Propagation::Shared),
        "unbindable" | "runbindable" => Ok(Propagation::Unbindable),
        other => Err(node.error(format!(
            "unknown propagation {other:?}, known are private, slave, shared and unbindable"
        ))),
    }
}
