//! What images may say of the host: nothing. CRIU mounts, and makes control groups, by what is
//! written in them; so that is read before (its `images/*.proto`), and what would lead out of the
//! container is refused.

use std::os::fd::BorrowedFd;

use rustix::fs::{Dir, Mode, OFlags, openat};
use rustix::io::Errno;
use sys::{Context, SysError};

use crate::checkpoint::protobuf::{Fields, Value};
use crate::{Error, ErrorKind, Result};

/// No image of those that are read is larger.
const LONGEST: u64 = 64 * 1024 * 1024;

/// The two numbers at an image's beginning.
pub(super) const HEAD: usize = 8;

/// `enum fstype`: those whose options name directories of whoever mounts them.
const LAYERED: [(u64, &str); 2] = [(13, "aufs"), (17, "overlay")];

/// Checks the images in a directory.
pub fn check(images: BorrowedFd<'_>, groups: bool) -> Result<()> {
    for entry in Dir::read_from(images).sys("getdents", || "")? {
        let entry = entry.sys("getdents", || "")?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("mountpoints-") {
            for message in read(images, &name)? {
                check_mount(&message).map_err(|what| hostile(&name, &what))?;
            }
        }
    }
    match read(images, "cgroup.img") {
        Ok(messages) if groups => messages.iter().try_for_each(|message| {
            check_groups(message).map_err(|what| hostile("cgroup.img", &what))
        }),
        Err(error) if error.errno() != Some(Errno::NOENT.raw_os_error()) => Err(error),
        _ => Ok(()),
    }
}

/// The network devices in the images but for loopback, by name (`net_device_entry`).
pub fn devices(images: BorrowedFd<'_>) -> Result<Vec<String>> {
    /// `enum nd_type`
    const LOOPBACK: u64 = 1;
    let mut all = Vec::new();
    for entry in Dir::read_from(images).sys("getdents", || "")? {
        let name = entry.sys("getdents", || "")?.file_name().to_string_lossy().into_owned();
        if name.starts_with("netdev-") {
            for message in read(images, &name)? {
                let fields = whole(&message).map_err(|what| hostile(&name, &what))?;
                if fields.number(1) != Some(LOOPBACK) {
                    all.push(text(&fields, 5));
                }
            }
        }
    }
    Ok(all)
}

/// Whether one of the processes has this label (`creds_entry`), which only a CRIU that knows SELinux
/// saves.
pub fn has_label(images: BorrowedFd<'_>, label: &str) -> Result<bool> {
    for entry in Dir::read_from(images).sys("getdents", || "")? {
        let name = entry.sys("getdents", || "")?.file_name().to_string_lossy().into_owned();
        if name.starts_with("core-") {
            let image = read_whole(images, &name)?;
            if image.windows(label.len()).any(|part| part == label.as_bytes()) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn hostile(name: &str, what: &str) -> Error {
    Error::new(ErrorKind::System, format!("{name} of the checkpoint {what}"))
}

/// The messages of an image: each has its length before it.
pub(super) fn read(images: BorrowedFd<'_>, name: &str) -> Result<Vec<Vec<u8>>> {
    let text = read_whole(images, name)?;
    split(&text).ok_or_else(|| SysError::new("read", name, Errno::BADMSG).into())
}

/// An image, as it is.
pub(super) fn read_whole(images: BorrowedFd<'_>, name: &str) -> Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(images, name, flags, Mode::empty()).sys("open", || name)?;
    let mut file = std::io::Read::take(std::fs::File::from(file), LONGEST);
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut file, &mut text).sys("read", || name)?;
    Ok(text)
}

pub(super) fn split(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut rest = text.get(HEAD..)?;
    let mut all = Vec::new();
    while !rest.is_empty() {
        let (length, tail) = rest.split_first_chunk()?;
        let (message, tail) = tail.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        all.push(message.to_vec());
        rest = tail;
    }
    Some(all)
}

/// `mnt_entry`
fn check_mount(message: &[u8]) -> std::result::Result<(), String> {
    let fields = whole(message)?;
    let point = String::from_utf8_lossy(fields.bytes(7).unwrap_or_default()).into_owned();
    // What it is given at the restore, it does not make: the root, and mounts that have a key.
    let given = matches!(point.as_str(), "/" | "./") || fields.bytes(18).is_some();
    let layered = LAYERED.iter().find(|(number, _)| fields.number(1) == Some(*number));
    if let (Some((_, name)), false) = (layered, given) {
        return Err(format!("has an {name} at {point}, whose layers it would find on this host"));
    }
    for field in [6, 7] {
        if has_dots(fields.bytes(field).unwrap_or_default()) {
            return Err(format!("leads out of the container at {point}"));
        }
    }
    Ok(())
}

/// `cgroup_entry`: every group must be one of those below the container's, which get another name
/// together.
fn check_groups(message: &[u8]) -> std::result::Result<(), String> {
    let fields = whole(message)?;
    let mut dirs: Vec<(String, String)> = Vec::new();
    for controller in nested(&fields, 2) {
        let controller = whole(controller)?;
        for dir in nested(&controller, 2) {
            check_dir(dir)?;
            let name = text(&whole(dir)?, 1);
            dirs.extend(nested(&controller, 1).map(|one| (lossy(one), absolute(&name))));
        }
    }
    for set in nested(&fields, 1) {
        for member in nested(&whole(set)?, 2) {
            let member = whole(member)?;
            let (name, path) = (text(&member, 1), text(&member, 2));
            if has_dots(path.as_bytes()) {
                return Err(format!("names the control group {path:?}"));
            }
            // Those of whoever saved it are listed first, and are nobody's at a restore.
            let known = dirs.iter().any(|(one, dir)| *one == name && is_below(&path, dir));
            let savers = Fields::of(set).number(1) == Some(1);
            if !known && !savers && dirs.iter().any(|(one, _)| *one == name) {
                return Err(format!(
                    "names the control group {path:?}, which is not the container's"
                ));
            }
        }
    }
    Ok(())
}

/// `cgroup_dir_entry`
fn check_dir(message: &[u8]) -> std::result::Result<(), String> {
    let fields = whole(message)?;
    let name = text(&fields, 1);
    if has_dots(name.as_bytes()) {
        return Err(format!("names the control group {name:?}"));
    }
    for property in nested(&fields, 3) {
        let property = text(&whole(property)?, 1);
        if property.contains('/') {
            return Err(format!("sets {property:?} of a control group"));
        }
    }
    nested(&fields, 2).try_for_each(check_dir)
}

fn whole(message: &[u8]) -> std::result::Result<Fields<'_>, String> {
    match Fields::of(message).any(|field| field.is_none()) {
        true => Err("cannot be read".to_owned()),
        false => Ok(Fields::of(message)),
    }
}

fn nested<'a>(fields: &Fields<'a>, field: u64) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    fields.clone().flatten().filter_map(move |(number, value)| match value {
        Value::Bytes(bytes) if number == field => Some(bytes),
        _ => None,
    })
}

fn text(fields: &Fields<'_>, field: u64) -> String {
    lossy(fields.bytes(field).unwrap_or_default())
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn absolute(path: &str) -> String {
    format!("/{}", path.trim_start_matches('/'))
}

fn is_below(path: &str, dir: &str) -> bool {
    std::path::Path::new(&absolute(path)).starts_with(dir)
}

fn has_dots(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/').any(|part| part == b"..")
}

#[cfg(test)]
mod tests;
