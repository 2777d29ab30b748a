//! The devices controller of version 1 (cgroup-v1/devices.rst).

use rustix::io::Errno;

use crate::devices::DeviceRule;
use crate::devices::rules::{Access, Exception, Policy};
use crate::file::Dir;
use crate::{Error, Result};

/// Makes the group keep the rules, which are the whole list, applied in order.
///
/// Where the group already denies by default, only the differences are written, what is newly
/// allowed first: a running container never loses a device that it keeps, and a group with
/// groups below it, which cannot change its default, can still be changed.
pub(crate) fn set(dir: &Dir, rules: &[DeviceRule]) -> Result<()> {
    let now = parse(&dir.read("devices.list")?);
    let wanted = Policy::unrestricted().apply(rules)?;
    if wanted.allow {
        // devices.list does not show what an allowing group denies: start again.
        dir.write("devices.allow", "a").map_err(explain)?;
        return dir.write_each("devices.deny", wanted.exceptions.iter().map(ToString::to_string));
    }
    let before = if now.allow {
        dir.write("devices.deny", "a").map_err(explain)?;
        Vec::new()
    } else {
        now.exceptions
    };
    dir.write_each("devices.allow", difference(&wanted.exceptions, &before)).map_err(explain)?;
    dir.write_each("devices.deny", difference(&before, &wanted.exceptions))
}

/// What the group allows. Of a group that allows by default the kernel does not tell what it
/// denies.
pub(crate) fn get(dir: &Dir) -> Result<Policy> {
    Ok(parse(&dir.read("devices.list")?))
}

fn explain(error: Error) -> Error {
    error
        .hinted(Errno::PERM, || "the parent group is denied this".to_owned())
        .hinted(Errno::INVAL, || "the default cannot change while groups are below".to_owned())
}

/// What the exceptions of `these` have that `those` have not, as lines for the kernel.
fn difference(these: &[Exception], those: &[Exception]) -> Vec<String> {
    let mut lines = Vec::new();
    for one in these {
        let same = |other: &&Exception| {
            (other.block, other.major, other.minor) == (one.block, one.major, one.minor)
        };
        let has = those.iter().find(same);
        let access = has.map_or(one.access, |other| one.access.without(other.access));
        if !access.is_empty() {
            lines.push(Exception { access, ..*one }.to_string());
        }
    }
    lines
}

/// Reads devices.list. An allowing group shows one line, `a *:* rwm`, whatever it denies.
pub(crate) fn parse(text: &str) -> Policy {
    let mut policy = Policy { allow: false, exceptions: Vec::new() };
    for line in text.lines() {
        let mut words = line.split([' ', ':']);
        let (kind, major, minor) = (words.next(), words.next(), words.next());
        let access = words.next().and_then(|access| access.parse::<Access>().ok());
        let number = |word: Option<&str>| word.and_then(|word| word.parse::<u32>().ok());
        match (kind, access) {
            (Some("a"), _) => return Policy::unrestricted(),
            (Some(kind), Some(access)) => policy.exceptions.push(Exception {
                block: kind == "b",
                major: number(major),
                minor: number(minor),
                access,
            }),
            _ => {}
        }
    }
    policy
}

#[cfg(test)]
mod tests;
