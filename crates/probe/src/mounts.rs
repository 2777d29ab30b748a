//! The mounts that this process sees, from /proc/self/mountinfo (proc_pid_mountinfo(5)).

use std::process::ExitCode;

use sys::Context;

use crate::{Outcome, line};

/// Prints one line a mount with these columns, tabs between:
/// mount point, type, source, mount options, super block's options, propagation (`private`
/// where there is none), root of the mount in its file system, major:minor.
pub fn print() -> Outcome {
    let path = "/proc/self/mountinfo";
    let text = std::fs::read_to_string(path).sys("open", || path)?;
    for mount in text.lines().filter_map(columns) {
        line(&mount.join("\t"));
    }
    Ok(ExitCode::SUCCESS)
}

fn columns(mount: &str) -> Option<[String; 8]> {
    let (before, after) = mount.split_once(" - ")?;
    let before: Vec<&str> = before.split(' ').collect();
    let after: Vec<&str> = after.splitn(3, ' ').collect();
    let [_id, _parent, device, root, point, options, propagation @ ..] = before.as_slice() else {
        return None;
    };
    let [kind, source, superblock] = after.as_slice() else { return None };
    let propagation =
        if propagation.is_empty() { "private".to_owned() } else { propagation.join(",") };
    Some([
        unescape(point),
        (*kind).to_owned(),
        unescape(source),
        (*options).to_owned(),
        (*superblock).to_owned(),
        propagation,
        unescape(root),
        (*device).to_owned(),
    ])
}

/// Undoes the kernel's `\040` for blanks, tabs, newlines and backslashes.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        match after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                out.push(char::from(byte));
                rest = &after[3..];
            }
            None => {
                out.push('\\');
                rest = after;
            }
        }
    }
    out + rest
}

#[cfg(test)]
mod tests;
