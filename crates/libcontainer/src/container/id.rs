//! Which names a container may have.

use crate::{Error, ErrorKind, Result};

/// A name in the state root, in cgroup trees and in messages: 1 to 255 bytes of letters, digits,
/// `_`, `+`, `-` and `.`, not `.` or `..`.
pub(crate) fn check(id: &str) -> Result<()> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"_+-.".contains(&b);
    let why = if id.is_empty() {
        "is empty"
    } else if id.len() > 255 {
        "is longer than 255 bytes"
    } else if id == "." || id == ".." {
        "is a directory's own name"
    } else if !id.bytes().all(legal) {
        "has other characters than letters, digits, '_', '+', '-' and '.'"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::InvalidId, format!("container id {id:?} {why}")))
}
