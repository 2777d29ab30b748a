//! Values for control files, written in an order that the kernel takes.

use std::borrow::Cow;

use rustix::io::Errno;

use crate::file::Dir;
use crate::{Error, Result};

/// What to do where a control file is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    /// The limit cannot be kept: [`Error::Unsupported`].
    Refuse,
    /// The kernel has nothing to limit, or keeps the limit in another way.
    Ignore,
}

/// One value to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    /// The control file and its value; the first whose file is there is written.
    pub(crate) choices: Vec<(Cow<'static, str>, String)>,
    /// What if none is.
    pub(crate) absent: Absent,
}

impl Setting {
    /// A value for the one file that takes it.
    pub(crate) fn new(file: impl Into<Cow<'static, str>>, value: impl ToString) -> Self {
        Self { choices: vec![(file.into(), value.to_string())], absent: Absent::Refuse }
    }

    /// The same where another file takes the value on other kernels.
    pub(crate) fn or(mut self, file: &'static str, value: impl ToString) -> Self {
        self.choices.push((file.into(), value.to_string()));
        self
    }

    /// The same, but a missing file does not matter.
    pub(crate) fn if_there(mut self) -> Self {
        self.absent = Absent::Ignore;
        self
    }

    fn write(&self, dir: &Dir) -> Result<Written> {
        for (file, value) in &self.choices {
            match dir.write(file, value) {
                Ok(()) => return Ok(Written::Yes),
                Err(error) if error.errno() == Some(Errno::NOENT) => {}
                Err(error) if self.absent == Absent::Ignore && is_unsupported(&error) => {
                    return Ok(Written::Yes);
                }
                Err(error) => {
                    let Some(errno) = error.errno() else { return Err(error) };
                    return Err(error.hinted(errno, || hint(file, errno).to_owned()));
                }
            }
        }
        Ok(Written::NoFile)
    }
}

enum Written {
    Yes,
    NoFile,
}

/// ENOTSUPP (524) is the kernel's own number; it reaches user space from some control files.
fn is_unsupported(error: &Error) -> bool {
    error.errno().is_some_and(|errno| errno == Errno::OPNOTSUPP || errno.raw_os_error() == 524)
}

/// Writes all settings.
///
/// Some files refuse a value that another file's present value forbids (memory above memory and
/// swap, a quota below the burst): such writes are tried again after the others, as long as any
/// of them succeeds, so that both raising and lowering works without reading what is there.
///
/// `no_file` is called where a file is not there: it makes it appear and says true, or gives up.
pub(crate) fn write_all(
    dir: &Dir,
    settings: &[Setting],
    mut no_file: impl FnMut(&str) -> Result<bool>,
) -> Result<()> {
    let mut left: Vec<&Setting> = settings.iter().collect();
    while !left.is_empty() {
        let before = left.len();
        let mut refused = None;
        let mut again = Vec::new();
        for setting in left {
            match setting.write(dir) {
                Ok(Written::Yes) => {}
                Ok(Written::NoFile) if setting.absent == Absent::Ignore => {}
                Ok(Written::NoFile) => {
                    let file = setting.choices.first().map_or("", |(file, _)| file.as_ref());
                    if no_file(file)? {
                        again.push(setting);
                    }
                }
                Err(error) if matches!(error.errno(), Some(Errno::INVAL | Errno::BUSY)) => {
                    refused.get_or_insert(error);
                    again.push(setting);
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(error) = refused.filter(|_| again.len() == before) {
            return Err(error);
        }
        left = again;
    }
    Ok(())
}

/// What the kernel means by an errno for a control file; empty where its words say it all.
fn hint(file: &str, errno: Errno) -> &'static str {
    match (file, errno) {
        ("memory.limit_in_bytes" | "memory.memsw.limit_in_bytes", Errno::BUSY) => {
            "more is in use and cannot be reclaimed"
        }
        ("cpuset.cpus" | "cpuset.mems", Errno::ACCESS) => "the parent group does not have them all",
        ("cpuset.cpus" | "cpuset.mems", Errno::RANGE) => "this host has none of that number",
        (_, Errno::INVAL) => hint_invalid(file),
        _ => "",
    }
}

fn hint_invalid(file: &str) -> &'static str {
    match file {
        "memory.limit_in_bytes" => "must not be more than the limit of memory and swap",
        "memory.memsw.limit_in_bytes" => "must not be less than the limit of memory",
        "cpu.cfs_quota_us" | "cpu.cfs_period_us" | "cpu.max" => {
            "a quota is at least 1000 µs and the burst, a period 1000 to 1000000 µs, and the parent \
             group must have as much"
        }
        "cpu.cfs_burst_us" | "cpu.max.burst" => "must not be more than the quota",
        "cpu.shares" | "cpu.weight" => "a group that is idle (cpu.idle) has none",
        "cpu.rt_runtime_us" => "must fit into what the parent group has",
        "pids.max" => "the kernel takes 0 to 4194304, and max",
        "memory.use_hierarchy" => "this kernel lets groups below share limits, always",
        "cpuset.cpus" => "must be processors that the parent group has",
        "cpuset.mems" => "must be memory nodes that the parent group has",
        _ => "",
    }
}
