//! The program's streams, so that its user can open `/dev/stdout` and his terminal again.

use rustix::fs::{FileType, fchown, fstat, fstatfs};
use rustix::io::Errno;
use rustix::process::Uid;
use rustix::stdio::{stderr, stdin, stdout};
use rustix::termios::isatty;
use sys::Context;

use super::user::Identity;
use crate::{Result, Step};

/// PIPEFS_MAGIC, linux/magic.h.
const PIPEFS: u64 = 0x5049_5045;

/// Gives the user the pipes among descriptors 0 to 2, and the terminal if it was made for him: a
/// file, a FIFO by name or the caller's own terminal stay whose they are. What the user namespace
/// does not own is left alone too.
pub(super) fn own(identity: &Identity, own_terminal: bool) -> Result<()> {
    if identity.uid == 0 {
        return Ok(());
    }
    for stream in [stdin(), stdout(), stderr()] {
        // The program may have been given none.
        let Ok(stat) = fstat(stream) else { continue };
        let ours = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Fifo => fstatfs(stream).is_ok_and(|fs| fs.f_type as u64 == PIPEFS),
            FileType::CharacterDevice => own_terminal && isatty(stream),
            _ => false,
        };
        if !ours || stat.st_uid == identity.uid {
            continue;
        }
        match fchown(stream, Some(Uid::from_raw(identity.uid)), None) {
            Ok(()) | Err(Errno::PERM | Errno::INVAL) => {}
            failed => failed
                .sys("fchown", || identity.uid.to_string())
                .step(|| "giving the user his streams")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
