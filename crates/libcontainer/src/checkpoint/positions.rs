//! What the host's open files were, and where they stood, is forgotten: at a restore others take
//! their places, which may be pipes or terminals, where CRIU could not seek; or new files, in which
//! it would leave a hole.

use std::io::Write;
use std::os::fd::BorrowedFd;

use rustix::fs::{Mode, OFlags, openat, renameat};
use sys::Context;

use crate::Result;
use crate::checkpoint::Message;
use crate::checkpoint::contents::{HEAD, read_whole, split};
use crate::checkpoint::protobuf::{Fields, Value};

const NAME: &str = "files.img";
const NEW: &str = "files.img.new";

/// `file_entry`: the message about a regular file (or a device).
const REGULAR: u64 = 3;

/// `reg_file_entry`
const POSITION: u64 = 3;
const EXTERNAL: u64 = 9;
/// By what CRIU would know it again: size, mode, build id and checksum.
const MARKS: [u64; 6] = [8, 10, 11, 12, 13, 14];

/// What CRIU does not seek to.
const NOWHERE: u64 = u64::MAX;

/// Rewrites the image of open files, if there are any of the host's in it.
pub fn forget(images: BorrowedFd<'_>) -> Result<()> {
    let text = read_whole(images, NAME)?;
    let Some(new) = forgotten(&text).filter(|new| *new != text) else { return Ok(()) };
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW;
    let mode = Mode::RUSR | Mode::WUSR;
    let file = openat(images, NEW, flags | OFlags::CLOEXEC, mode).sys("open", || NEW)?;
    std::fs::File::from(file).write_all(&new).sys("write", || NEW)?;
    Ok(renameat(images, NEW, images, NAME).sys("rename", || NAME)?)
}

/// The image without these positions; nothing if it cannot be read.
fn forgotten(image: &[u8]) -> Option<Vec<u8>> {
    let mut new = image.get(..HEAD)?.to_vec();
    for entry in split(image)? {
        let entry = replaced(&entry, |number, value| match value {
            Value::Bytes(file) if number == REGULAR => {
                let is_external = Fields::of(file).number(EXTERNAL) == Some(1);
                let other = |number, _: &Value<'_>| match number {
                    POSITION => {
                        let mut new = Message::default();
                        new.number(POSITION, NOWHERE);
                        Some(new)
                    }
                    _ if MARKS.contains(&number) => Some(Message::default()),
                    _ => None,
                };
                let mut new = Message::default();
                new.nested(REGULAR, &replaced(file, other)?);
                is_external.then_some(new)
            }
            _ => None,
        })?;
        new.extend(u32::try_from(entry.as_bytes().len()).ok()?.to_le_bytes());
        new.extend(entry.as_bytes());
    }
    Some(new)
}

/// A message with some fields replaced. All others are numbers in CRIU's short form, or bytes.
fn replaced(
    message: &[u8],
    replace: impl Fn(u64, &Value<'_>) -> Option<Message>,
) -> Option<Message> {
    let mut new = Message::default();
    for field in Fields::of(message) {
        let (number, value) = field?;
        match (replace(number, &value), value) {
            (Some(other), _) => new.append(&other),
            (None, Value::Number(value)) => new.number(number, value),
            (None, Value::Bytes(bytes)) => new.text(number, bytes),
        };
    }
    Some(new)
}

#[cfg(test)]
mod tests;
