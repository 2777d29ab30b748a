//! What an ordinary user's container has that nobody has configured: a user namespace, without
//! which the kernel gives him no other, and in there the ids that are his.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use libcontainer::Config;
use libcontainer::config::{IdMap, Namespace, NamespaceKind};
use rustix::process::{getegid, geteuid, getuid};

/// Adds what root does not need: a user namespace in which the caller is root, with the further
/// ids that the host gives him from 1 on (subuid(5)), if they can be mapped.
pub fn adapt(config: &mut Config) {
    if geteuid().is_root() {
        return;
    }
    by_himself(config);
    let name = name();
    let of = |file: &str| further(&fs::read_to_string(file).unwrap_or_default(), name.as_deref());
    let (users, groups) = (of("/etc/subuid"), of("/etc/subgid"));
    // Each helper for itself would leave root of the container without one of both.
    let helped = ["newuidmap", "newgidmap"].iter().all(|name| is_privileged(name));
    if helped && !users.is_empty() && !groups.is_empty() {
        config.uid_mappings.extend(users);
        config.gid_mappings.extend(groups);
    }
}

/// A user namespace in which the caller is root, and nobody else is anything.
pub fn by_himself(config: &mut Config) {
    let own = |id: u32| vec![IdMap { container_id: 0, host_id: id, size: 1 }];
    config.namespaces.push(Namespace { kind: NamespaceKind::User, path: None });
    config.uid_mappings = own(geteuid().as_raw());
    config.gid_mappings = own(getegid().as_raw());
}

/// Whether a container.json says itself what namespaces there are.
pub fn is_decided(text: &[u8]) -> bool {
    let file: serde_json::Value = serde_json::from_slice(text).unwrap_or_default();
    ["namespaces", "uid_mappings", "gid_mappings"].iter().any(|key| file.get(key).is_some())
}

/// The caller's name, as the host's account file has it.
fn name() -> Option<String> {
    let text = fs::read_to_string("/etc/passwd").ok()?;
    let own = getuid().as_raw().to_string();
    let fields = |line: &str| line.split(':').take(3).map(str::to_owned).collect::<Vec<_>>();
    text.lines().map(fields).find(|it| it.get(2) == Some(&own))?.into_iter().next()
}

/// The ranges of /etc/subuid or /etc/subgid that are the caller's, side by side from 1 on.
fn further(text: &str, name: Option<&str>) -> Vec<IdMap> {
    let own = getuid().as_raw().to_string();
    let mut next = 1_u32;
    let mut maps = Vec::new();
    for line in text.lines() {
        let mut fields = line.trim().split(':');
        let (owner, first, size) = (fields.next(), fields.next(), fields.next());
        let number = |text: Option<&str>| text.and_then(|text| text.parse::<u32>().ok());
        let his = owner.is_some() && (owner == name || owner == Some(&own));
        if let (true, Some(host_id), Some(size @ 1..)) = (his, number(first), number(size))
            && let Some(end) = next.checked_add(size)
            && host_id.checked_add(size).is_some()
        {
            maps.push(IdMap { container_id: next, host_id, size });
            next = end;
        }
    }
    maps
}

/// Whether the host has that program for everybody, with root's privileges or a part of them.
fn is_privileged(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':').map(|directory| Path::new(directory).join(program)).any(|path| {
        let Ok(stat) = fs::metadata(&path) else { return false };
        let set_user_id = stat.permissions().mode() & 0o4001 == 0o4001;
        let mut value = [0; 64];
        stat.uid() == 0
            && (set_user_id
                || rustix::fs::getxattr(&path, "security.capability", &mut value[..]).is_ok())
    })
}

#[cfg(test)]
mod tests;
