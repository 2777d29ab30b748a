//! The formats of control files (cgroup-v2.rst, "Interface Files").

use std::collections::BTreeMap;

/// A number; nothing for `max`, and for what is none.
pub(crate) fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// `KEY VALUE` lines. Lines without a number are left out.
pub(crate) fn flat(text: &str) -> BTreeMap<String, u64> {
    let pair = |line: &str| {
        let (key, value) = line.split_once(' ')?;
        Some((key.to_owned(), number(value)?))
    };
    text.lines().filter_map(pair).collect()
}

/// One value of `KEY VALUE` lines.
pub(crate) fn flat_value(text: &str, key: &str) -> Option<u64> {
    let value = |line: &str| number(line.strip_prefix(key)?.strip_prefix(' ')?);
    text.lines().find_map(value)
}

/// `KEY SUB=VALUE SUB=VALUE` lines. A value of `max` is nothing.
pub(crate) fn nested(text: &str) -> impl Iterator<Item = (&str, BTreeMap<&str, Option<u64>>)> {
    text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let key = words.next()?;
        let values = words.filter_map(|word| word.split_once('='));
        Some((key, values.map(|(name, value)| (name, number(value))).collect()))
    })
}

/// A device's `MAJOR:MINOR`.
pub(crate) fn device(text: &str) -> Option<(u64, u64)> {
    let (major, minor) = text.split_once(':')?;
    Some((number(major)?, number(minor)?))
}

#[cfg(test)]
mod tests;
