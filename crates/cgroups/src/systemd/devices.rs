//! Device rules as properties of a unit: DevicePolicy and DeviceAllow.

use super::Property;
use super::value::Value;
use crate::Result;
use crate::devices::DeviceRule;
use crate::devices::rules::{Exception, Policy};

/// What says the same as the rules to systemd, or lets more pass where it cannot say so much: on
/// version 2 our own program stands beside that of systemd, and both must agree. `names` is the
/// text of /proc/devices.
///
/// systemd knows no exceptions from a general leave; there it is told to restrict nothing.
pub(crate) fn properties(rules: &[DeviceRule], names: &str) -> Result<Vec<Property>> {
    let Policy { allow, exceptions } = Policy::unrestricted().apply(rules)?;
    let list = |all| Property::new("DeviceAllow", Value::Array("(ss)".to_owned(), all));
    let policy = |name| Property::new("DevicePolicy", Value::text(name));
    // A list is added to what is there, but for an empty one.
    if allow {
        return Ok(vec![policy("auto"), list(Vec::new())]);
    }
    let mut allowed = Vec::new();
    for exception in &exceptions {
        for place in places(exception, names) {
            let access = Value::text(exception.access.to_string());
            allowed.push(Value::Tuple(vec![Value::Text(place), access]));
        }
    }
    let mut all = vec![policy("strict"), list(Vec::new())];
    if !allowed.is_empty() {
        all.push(list(allowed));
    }
    Ok(all)
}

/// How systemd writes which devices: a node by its numbers, a group of /proc/devices by its name,
/// or all.
fn places(exception: &Exception, names: &str) -> Vec<String> {
    let (kind, long) = if exception.block { ("block", "Block") } else { ("char", "Character") };
    match (exception.major, exception.minor) {
        (Some(major), Some(minor)) => vec![format!("/dev/{kind}/{major}:{minor}")],
        (Some(major), None) => match named(names, long, major) {
            Some(name) => vec![format!("{kind}-{name}")],
            // Nobody has that number: there is nothing to be allowed, but there may be later.
            None => vec![format!("{kind}-*")],
        },
        (None, _) => vec![format!("{kind}-*")],
    }
}

/// The name of a major number in the text of /proc/devices.
fn named<'a>(names: &'a str, section: &str, major: u32) -> Option<&'a str> {
    let lines = names.lines().skip_while(|line| !line.starts_with(section)).skip(1);
    lines.take_while(|line| !line.is_empty()).find_map(|line| {
        let (number, name) = line.trim().split_once(' ')?;
        (number.parse() == Ok(major)).then_some(name.trim())
    })
}

#[cfg(test)]
mod tests;
