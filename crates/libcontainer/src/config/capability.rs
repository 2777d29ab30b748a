//! Capabilities by name (capabilities(7)).

use crate::Result;

use super::Capabilities;
use super::node::{Node, shortened};

/// Every capability, without `CAP_`; the index is the kernel's number (linux/capability.h).
pub const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// The kernel's number of a capability, by its name with or without `CAP_`, in either case.
pub fn number(name: &str) -> Option<u32> {
    let bare = match name.get(..4) {
        Some(prefix) if prefix.eq_ignore_ascii_case("CAP_") => &name[4..],
        _ => name,
    };
    let index = NAMES.iter().position(|known| known.eq_ignore_ascii_case(bare))?;
    u32::try_from(index).ok()
}

/// The name as a [`Capabilities`] of ours holds it: upper case, without `CAP_`.
pub(super) fn normal(name: &str) -> Option<String> {
    let index = usize::try_from(number(name)?).ok()?;
    NAMES.get(index).map(|&name| name.to_owned())
}

/// What to do about a name that no kernel has.
pub(super) enum Unknown<'w> {
    /// It is an error, with its place.
    Refused,
    /// It is left out, with a word about it (config.md, "capabilities").
    Warned(&'w mut Vec<String>),
}

/// A list of capabilities, each once.
pub(super) fn list(node: &Node<'_>, unknown: &mut Unknown<'_>) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for item in node.list()? {
        let text = item.text()?;
        match (normal(text), &mut *unknown) {
            (Some(name), _) if names.contains(&name) => {}
            (Some(name), _) => names.push(name),
            (None, Unknown::Refused) => {
                return Err(item.error(format!("unknown capability {text:?}")));
            }
            (None, Unknown::Warned(warnings)) => {
                let name = shortened(text);
                warnings.push(format!("{}: unknown capability {name:?} is left out", item.path()));
            }
        }
    }
    Ok(names)
}

/// The five sets, each a list under its name.
pub(super) fn sets(node: &Node<'_>, unknown: &mut Unknown<'_>) -> Result<Capabilities> {
    let mut set = |key: &str| match node.get(key)? {
        Some(names) => list(&names, unknown),
        None => Ok(Vec::new()),
    };
    Ok(Capabilities {
        bounding: set("bounding")?,
        effective: set("effective")?,
        inheritable: set("inheritable")?,
        permitted: set("permitted")?,
        ambient: set("ambient")?,
    })
}

/// Leaves out ambient capabilities that are not permitted and inheritable too: the kernel cannot
/// raise those (capabilities(7)), and asking for them is no reason to give more than that.
pub(super) fn drop_unraisable(
    sets: &mut Capabilities,
    node: &Node<'_>,
    warnings: &mut Vec<String>,
) {
    let Capabilities { ambient, inheritable, permitted, .. } = sets;
    let unraisable = |name: &mut String| !(inheritable.contains(name) && permitted.contains(name));
    let left_out: Vec<String> = ambient.extract_if(.., unraisable).collect();
    // One line for all: engines that name every capability here do so for each container.
    if !left_out.is_empty() {
        warnings.push(format!(
            "{}.ambient: {} left out, being not both inheritable and permitted",
            node.path(),
            left_out.join(", "),
        ));
    }
}

#[cfg(test)]
mod tests;
