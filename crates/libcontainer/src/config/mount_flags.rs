//! The one table of mount options: what each name of mount(8) and of the OCI specification
//! (config.md, "Linux mount options") does in the terms of mount_setattr(2) and fsconfig(2), and
//! which bit of mount(2) the container.json of 2015 writes for it.

use crate::{Error, Result};

use super::Propagation;
use super::node::shortened;

mod legacy;
mod table;

pub use legacy::names_of_ms_flags;
pub(super) use legacy::{join_data, ms_flags_of, propagation_flag_of, split_data};
use table::{Action, TABLE};

/// `MOUNT_ATTR_*` of linux/mount.h, as mount_setattr(2) and fsmount(2) take them.
pub mod attr {
    /// Read-only.
    pub const RDONLY: u64 = 0x01;
    /// Set-user-ID, set-group-ID and file capabilities are not honoured.
    pub const NOSUID: u64 = 0x02;
    /// Device nodes are not honoured.
    pub const NODEV: u64 = 0x04;
    /// Programs are not executed.
    pub const NOEXEC: u64 = 0x08;
    /// The field of access-time modes: a change of the mode clears all of it first.
    pub const ATIME: u64 = 0x70;
    /// Access times relative to modification times: the kernel's default.
    pub const RELATIME: u64 = 0x00;
    /// No access times.
    pub const NOATIME: u64 = 0x10;
    /// Every access is noted.
    pub const STRICTATIME: u64 = 0x20;
    /// No access times of directories.
    pub const NODIRATIME: u64 = 0x80;
    /// Symbolic links are not followed.
    pub const NOSYMFOLLOW: u64 = 0x0020_0000;
}

/// What a mount's options come to.
///
/// The attribute masks are applied as mount_setattr(2) does: `clear` first, then `set`; the
/// recursive ones after the others. A new mount has nothing to clear:
/// [`new_attributes`](Self::new_attributes) for fsmount(2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MountOptions {
    /// A bind mount (`bind` or `rbind`).
    pub bind: bool,
    /// With what is mounted below the source (`rbind`).
    pub recursive: bool,
    /// Attributes to set on the mount, [`attr`].
    pub set: u64,
    /// Attributes to clear on the mount: only a bind inherits any.
    pub clear: u64,
    /// Attributes to set on the mount and on all below it (`rro`, …), by AT_RECURSIVE.
    pub rec_set: u64,
    /// Attributes to clear on the mount and on all below it (`rrw`, …).
    pub rec_clear: u64,
    /// Options of the superblock that every file system has (`sync`, `lazytime`, …), for
    /// FSCONFIG_SET_FLAG. `ro` is an attribute of the mount and not among them: a file system on a
    /// block device, which would else be written by its own journal, needs [`Self::read_only`] too.
    pub superblock: Vec<(String, Option<String>)>,
    /// Changes of propagation, in order, each with whether it is recursive.
    pub propagation: Vec<(Propagation, bool)>,
    /// The file system's own options: a value for FSCONFIG_SET_STRING, none for a flag.
    pub data: Vec<(String, Option<String>)>,
    /// Copy what the mount covers into it (`tmpcopyup`, for a tmpfs).
    pub copy_up: bool,
    /// Change what is mounted there already (`remount`).
    pub remount: bool,
    /// Map the ids that a bind shows, and whether of all that is mounted below it as well
    /// (`idmap`, `ridmap`).
    pub idmap: Option<bool>,
}

impl MountOptions {
    /// Whether the mount itself is to be read-only.
    pub fn read_only(&self) -> bool {
        self.new_attributes() & attr::RDONLY != 0
    }

    /// The attributes of a new mount with these options: recursive ones come after the others.
    pub fn new_attributes(&self) -> u64 {
        (self.set & !self.rec_clear) | self.rec_set
    }

    fn apply(&mut self, name: &str, action: &Action) -> std::result::Result<(), &'static str> {
        match *action {
            Action::Nothing => {}
            Action::Bind { recursive } => {
                self.bind = true;
                self.recursive |= recursive;
            }
            Action::Attr { set, clear } => change(&mut self.set, &mut self.clear, set, clear),
            Action::Recursive { set, clear } => {
                change(&mut self.rec_set, &mut self.rec_clear, set, clear);
            }
            Action::Superblock { opposite } => {
                self.superblock.retain(|(other, _)| other != opposite && other != name);
                self.superblock.push((name.to_owned(), None));
            }
            Action::Propagation { kind, recursive } => self.propagation.push((kind, recursive)),
            Action::CopyUp => self.copy_up = true,
            Action::Remount => self.remount = true,
            Action::Idmap { recursive } => {
                self.idmap = Some(recursive || self.idmap == Some(true));
            }
            Action::Refused(reason) => return Err(reason),
        }
        Ok(())
    }
}

/// The later of two options that contradict each other counts, as in mount(8).
fn change(all_set: &mut u64, all_clear: &mut u64, set: u64, clear: u64) {
    *all_set = (*all_set & !clear) | set;
    // The access-time field must be cleared even when it is set anew (mount_setattr(2)).
    *all_clear = (*all_clear & !(set & !attr::ATIME)) | clear;
}

/// Reads the options of one mount. A name that the table does not have is the file system's own,
/// as config.md asks.
///
/// # Errors
/// An option that cannot be honoured here, with its place, `options[2]`: the caller puts
/// `mounts[1].` before it.
pub fn parse(options: &[String]) -> Result<MountOptions> {
    let mut all = MountOptions::default();
    for (index, text) in options.iter().enumerate() {
        // mount(2) joins its options with commas, so one element may have held several.
        for option in split_data(text) {
            one(&mut all, option).map_err(|reason| {
                Error::invalid(
                    format!("options[{index}]"),
                    format!("{:?} {reason}", shortened(option)),
                )
            })?;
        }
    }
    Ok(all)
}

/// The options that the table has and that can be had.
pub(super) fn recognised() -> impl Iterator<Item = &'static str> {
    let had = |known: &&table::Known| !matches!(known.action, Action::Refused(_));
    TABLE.iter().filter(had).map(|known| known.name)
}

fn one(all: &mut MountOptions, option: &str) -> std::result::Result<(), &'static str> {
    if let Some(known) = TABLE.iter().find(|known| known.name == option) {
        return all.apply(option, &known.action);
    }
    if option.starts_with("X-") && option != "X-mount.mkdir" {
        return Err("is for mount(8) and has no effect here");
    }
    // Comments, says mount(8); and mount points are made here without being asked for.
    if option.starts_with("x-") || option.starts_with("comment=") || option.starts_with("X-") {
        return Ok(());
    }
    all.data.push(match option.split_once('=') {
        Some((key, value)) => (key.to_owned(), Some(unquoted(value).to_owned())),
        None => (option.to_owned(), None),
    });
    Ok(())
}

/// The quotes around a value with commas, as in `context="a:b:c1,c2"`, are not part of it.
fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
}

#[cfg(test)]
mod tests;
