//! `ociVersion`, and which ones are understood.

use crate::Result;

use super::super::node::Node;

/// The first version that is understood whole; of 0, what it has in common with this one.
pub(super) const LEAST: &str = "1.0.0";

/// The newest version that is understood whole.
pub(crate) const MOST: &str = "1.3.0";

/// Versions 0 and 1, in the form of SemVer 2.0.0: a newer minor version may have fields that are
/// unknown here, and these are ignored. Its major and minor number.
pub(super) fn check(node: &Node<'_>) -> Result<(u64, u64)> {
    let text = node.text()?;
    match numbers(text) {
        Some(version @ (0 | 1, _)) => Ok(version),
        Some(_) => {
            Err(node.error(format!("version {text} is not supported, {LEAST} to {MOST} are")))
        }
        None => Err(node.error(format!("{text:?} is not a version like {MOST}"))),
    }
}

/// The first two numbers of MAJOR.MINOR.PATCH[-PRERELEASE][+BUILD].
fn numbers(text: &str) -> Option<(u64, u64)> {
    let (rest, build) = split(text, '+');
    let (core, pre) = split(rest, '-');
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let words = |part: Option<&str>| part.is_none_or(|part| part.split('.').all(word));
    let number = |part: &str| {
        let plain = part == "0" || !part.starts_with('0');
        (plain && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse::<u64>().ok())?
    };
    let mut parts = core.split('.').map(number);
    let (major, minor, patch) = (parts.next()??, parts.next()??, parts.next()?);
    let three = patch.is_some() && parts.next().is_none();
    (three && words(pre) && words(build)).then_some((major, minor))
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}
