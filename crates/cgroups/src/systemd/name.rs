//! Names of units, and the groups that they have (systemd.unit(5), systemd.slice(5)).

use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The longest name that systemd takes (UNIT_NAME_MAX).
const LONGEST: usize = 255;

/// A unit and the slice that it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// The slice, for instance `system.slice`.
    pub(crate) slice: String,
    /// The unit: a scope, or a slice of the container's own.
    pub(crate) unit: String,
}

impl Name {
    /// Reads `slice:prefix:name`, as engines write a control group's path for systemd.
    ///
    /// An empty slice is `default`. The unit is `prefix-name.scope`, or `name` itself where that
    /// ends in `.slice`.
    ///
    /// Errors: [`Error::Invalid`]
    pub(crate) fn parse(path: &str, default: &str) -> Result<Self> {
        let parts: Vec<&str> = path.split(':').collect();
        let [slice, prefix, name] = parts[..] else {
            let reason = format!(
                "expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, \
                 got {path:?} instead"
            );
            return Err(Error::invalid("cgroup path", reason));
        };
        if name.is_empty() {
            return Err(invalid(path, "the unit has no name"));
        }
        let slice = if slice.is_empty() { default } else { slice };
        expand(slice)?;
        if name.ends_with(".slice") {
            expand(name)?;
            return Ok(Self { slice: slice.to_owned(), unit: name.to_owned() });
        }
        let unit = format!("{}-{}.scope", escape(prefix)?, escape(name)?);
        if unit.len() > LONGEST {
            return Err(invalid(&unit, "a unit's name has at most 255 characters"));
        }
        Ok(Self { slice: slice.to_owned(), unit })
    }

    /// The group that the unit has below the group of its manager.
    pub(crate) fn group(&self) -> Result<PathBuf> {
        if self.unit.ends_with(".slice") {
            return expand(&self.unit);
        }
        Ok(expand(&self.slice)?.join(&self.unit))
    }
}

/// The group of a slice, below that of its manager: `a-b.slice` is in `a.slice`, and `-.slice` is
/// the manager's own.
///
/// Errors: [`Error::Invalid`] for what systemd takes for no slice.
pub(crate) fn expand(slice: &str) -> Result<PathBuf> {
    let Some(stem) = slice.strip_suffix(".slice").filter(|_| slice.len() <= LONGEST) else {
        return Err(invalid(slice, "a slice's name ends in .slice"));
    };
    if stem == "-" {
        return Ok(PathBuf::new());
    }
    if stem.bytes().any(|byte| !is_plain(byte)) {
        return Err(invalid(slice, "a slice's name is made of letters, digits and :-_.\\"));
    }
    if stem.split('-').any(str::is_empty) {
        return Err(invalid(slice, "a slice's name has no empty part between its dashes"));
    }
    let ends = stem.match_indices('-').map(|(at, _)| at).chain([stem.len()]);
    Ok(ends.map(|end| format!("{}.slice", &stem[..end])).collect())
}

/// A part of a unit's name, with what systemd does not take there written as `\xNN`.
fn escape(part: &str) -> Result<String> {
    if part.contains('/') {
        return Err(invalid(part, "a unit's name has no slash"));
    }
    let mut escaped = String::with_capacity(part.len());
    for byte in part.bytes() {
        match byte {
            byte if is_plain(byte) => escaped.push(char::from(byte)),
            byte => escaped.push_str(&format!("\\x{byte:02x}")),
        }
    }
    Ok(escaped)
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b":-_.\\".contains(&byte)
}

fn invalid(name: &str, reason: &str) -> Error {
    Error::invalid("cgroup path", format!("{name:?}: {reason}"))
}

/// Where a unit is on the bus: `/org/freedesktop/systemd1/unit/web_2escope`.
pub(crate) fn object(unit: &str) -> String {
    let mut path = "/org/freedesktop/systemd1/unit/".to_owned();
    for (at, byte) in unit.bytes().enumerate() {
        let letter = byte.is_ascii_alphabetic() || (at > 0 && byte.is_ascii_digit());
        match letter {
            true => path.push(char::from(byte)),
            false => path.push_str(&format!("_{byte:02x}")),
        }
    }
    path
}

/// The group of the manager, from that of its process: systemd itself is in `init.scope` below it.
pub(crate) fn without_init_scope(group: &Path) -> &Path {
    match group.parent() {
        Some(parent) if group.ends_with("init.scope") => parent,
        _ => group,
    }
}

#[cfg(test)]
mod tests;
