//! The path of a group below the roots of its hierarchies.

use std::path::{Component, Path, PathBuf};

use crate::{Error, Result};

/// Checks a group's path and makes it relative: `/a/b`, `a/b` and `a/./b` all mean `a/b`.
///
/// `..` is refused rather than resolved, and so is the root, which is nobody's to limit.
pub(crate) fn relative(path: &Path) -> Result<PathBuf> {
    let wrong = |reason: &str| Err(Error::invalid("cgroup path", format!("{path:?}: {reason}")));
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::RootDir | Component::CurDir => {}
            Component::Normal(name) if name.as_encoded_bytes().contains(&b'\n') => {
                return wrong("a name must not contain a newline");
            }
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => return wrong("\"..\" is not allowed"),
            Component::Prefix(_) => return wrong("not a Unix path"),
        }
    }
    if clean.as_os_str().is_empty() {
        return wrong("the root group cannot be a container's");
    }
    Ok(clean)
}

/// Checks a directory that comes from a record: absolute, and without `..`.
pub(crate) fn recorded(path: &Path) -> Result<PathBuf> {
    if !path.is_absolute() {
        return Err(Error::invalid("cgroup path", format!("{path:?} is not absolute")));
    }
    Ok(Path::new("/").join(relative(path)?))
}

#[cfg(test)]
mod tests;
