//! Device nodes and device rules, by the field names of 2014 and of 2015.

use cgroups::{Access, DeviceRule};

use crate::{Error, Result};

use super::super::node::Node;
use super::super::{Device, DeviceKind, value};

/// A node to make: {type, path, major, minor, file_mode, uid, gid}, or with `_number`.
pub(super) fn device(node: &Node<'_>) -> Result<Device> {
    let kind = kind(&node.need("type")?)?;
    let number = |keys| {
        let found = number(node, keys)?;
        match found {
            Some((field, None)) => Err(field_error(node, field, "a device node needs a number")),
            Some((_, Some(number))) => Ok(number),
            None => Ok(0),
        }
    };
    let (kind, major, minor) = match kind {
        Code::Fifo => (DeviceKind::Fifo, 0, 0),
        Code::Char => (DeviceKind::Char, number(MAJOR)?, number(MINOR)?),
        Code::Block => (DeviceKind::Block, number(MAJOR)?, number(MINOR)?),
        Code::All => return Err(node.need("type")?.error("a device node is of one type")),
    };
    Ok(Device {
        path: value::absolute(&node.need("path")?)?,
        kind,
        major,
        minor,
        mode: value::mode(node, "file_mode")?,
        uid: owner(node, "uid")?,
        gid: owner(node, "gid")?,
    })
}

/// A rule: {type, major, minor, permissions}, or with `_number` and `cgroup_permissions`.
pub(super) fn rule(node: &Node<'_>, allow: bool) -> Result<DeviceRule> {
    let type_node = node.need("type")?;
    let kind = match kind(&type_node)? {
        Code::All => cgroups::DeviceKind::All,
        Code::Char => cgroups::DeviceKind::Char,
        Code::Block => cgroups::DeviceKind::Block,
        Code::Fifo => return Err(type_node.error("no rule is about a FIFO")),
    };
    let number = |keys| match number(node, keys)? {
        Some((_, number)) => Ok::<_, Error>(number.map(i64::from)),
        None => Ok(Some(0)),
    };
    Ok(DeviceRule {
        allow,
        kind,
        major: number(MAJOR)?,
        minor: number(MINOR)?,
        access: access(node)?,
    })
}

fn access(node: &Node<'_>) -> Result<Access> {
    for key in ["permissions", "cgroup_permissions"] {
        if let Some(field) = node.get(key)? {
            return value::access(&field);
        }
    }
    Ok(Access::ALL)
}

/// What the code of a character stands for.
enum Code {
    All,
    Char,
    Block,
    Fifo,
}

fn kind(node: &Node<'_>) -> Result<Code> {
    let letter = if node.is_text() {
        let text = node.text()?;
        Some(text).filter(|text| text.len() == 1).and_then(|text| text.chars().next())
    } else {
        char::from_u32(node.number()?)
    };
    match letter {
        Some('a') => Ok(Code::All),
        Some('b') => Ok(Code::Block),
        Some('c' | 'u') => Ok(Code::Char),
        Some('p') => Ok(Code::Fifo),
        _ => Err(node.error("unknown device type, known are 99 (c), 98 (b), 97 (a) and 112 (p)")),
    }
}

const MAJOR: [&str; 2] = ["major", "major_number"];
const MINOR: [&str; 2] = ["minor", "minor_number"];

/// A device number, -1 for any; `None` if there is none, which Go programs write for 0.
fn number<'k>(node: &Node<'_>, keys: [&'k str; 2]) -> Result<Option<(&'k str, Option<u32>)>> {
    for key in keys {
        if let Some(field) = node.get(key)? {
            return Ok(Some((key, value::device_number(&field, keys == MAJOR)?)));
        }
    }
    Ok(None)
}

fn field_error(node: &Node<'_>, key: &str, message: &str) -> Error {
    match node.need(key) {
        Ok(field) => field.error(message),
        Err(error) => error,
    }
}

fn owner(node: &Node<'_>, key: &str) -> Result<u32> {
    Ok(node.get(key)?.map(|field| value::id(&field)).transpose()?.unwrap_or(0))
}
