//! New file systems by fsopen(2), fsconfig(2) and fsmount(2), with the kernel's own words where
//! one is refused.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, FsPickFlags, MountAttrFlags, MountFlags, fsconfig_create,
    fsconfig_reconfigure, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, fspick,
};
use sys::{Context, SysError};

use crate::config::mount_flags::attr;
use crate::procfs::Procfs;
use crate::{Error, Result, Step};

/// A parameter of a file system: a flag has no value.
pub(super) type Param = (String, Option<String>);

/// Makes a file system that is mounted nowhere yet, with MOUNT_ATTR_* `attributes`.
pub(super) fn make(fstype: &str, params: &[Param], attributes: u64) -> Result<OwnedFd> {
    let context = open_context(fstype)?;
    for (key, value) in params {
        configure(context.as_fd(), key, value.as_deref())?;
    }
    mount(context.as_fd(), attributes)
}

/// The longest value of a parameter that fsconfig(2) takes, in bytes.
const LONGEST: usize = 255;

/// Whether a value is too long for fsconfig(2), as the layers of an overlay may be.
pub(super) fn is_long(params: &[Param]) -> bool {
    params.iter().any(|(_, value)| value.as_ref().is_some_and(|value| value.len() > LONGEST))
}

/// Makes a file system and mounts it on `place`, by mount(2): that takes a page of parameters in
/// all, however long each is. The working directory moves.
pub(super) fn mount_on(
    place: BorrowedFd<'_>,
    fstype: &str,
    params: &[Param],
    proc: &Procfs,
) -> Result<()> {
    let mut source = "none";
    let mut words = Vec::new();
    for (key, value) in params {
        match value {
            Some(value) if key == "source" => source = value,
            // Else its categories would be taken for the next option.
            Some(value) if key == "context" => words.push(format!("{key}=\"{value}\"")),
            Some(value) => words.push(format!("{key}={value}")),
            None => words.push(key.clone()),
        }
    }
    let words = words.join(",");
    let data = CString::new(words.as_str()).map_err(|_| Errno::INVAL).sys("mount", || &words)?;
    // The only way to name a descriptor to mount(2); ours, because another procfs may lie.
    let fds = proc.open_file("self/fd", OFlags::PATH | OFlags::DIRECTORY)?;
    rustix::process::fchdir(&fds).sys("fchdir", || "/proc/self/fd")?;
    let name = place.as_raw_fd().to_string();
    let flags = MountFlags::empty();
    Ok(rustix::mount::mount(source, name.as_str(), fstype, flags, data.as_c_str())
        .sys("mount", || words)?)
}

/// fsopen(2)
pub(super) fn open_context(fstype: &str) -> Result<OwnedFd> {
    let opened = fsopen(fstype, FsOpenFlags::FSOPEN_CLOEXEC).sys("fsopen", || fstype);
    match opened {
        Err(error) if error.errno() == Errno::NODEV => {
            Err(error).hint(|| format!("this kernel has no file system \"{fstype}\""))
        }
        done => Ok(done?),
    }
}

/// fsconfig(2), one parameter.
pub(super) fn configure(context: BorrowedFd<'_>, key: &str, value: Option<&str>) -> Result<()> {
    let result = match value {
        Some(value) => fsconfig_set_string(context, key, value),
        None => fsconfig_set_flag(context, key),
    };
    result.map_err(|errno| {
        let args = value.map_or_else(|| key.to_owned(), |value| format!("{key}={value}"));
        refused(context, "fsconfig", args, errno)
    })
}

/// Gives a mounted file system other parameters (fspick(2)).
pub(super) fn reconfigure(mount: BorrowedFd<'_>, params: &[Param]) -> Result<()> {
    let flags = FsPickFlags::FSPICK_CLOEXEC | FsPickFlags::FSPICK_EMPTY_PATH;
    let context = fspick(mount, "", flags).sys("fspick", String::new)?;
    for (key, value) in params {
        configure(context.as_fd(), key, value.as_deref())?;
    }
    fsconfig_reconfigure(&context)
        .map_err(|errno| refused(context.as_fd(), "fsconfig", "reconfigure".into(), errno))
}

/// Makes the configured file system and a mount of it.
pub(super) fn mount(context: BorrowedFd<'_>, attributes: u64) -> Result<OwnedFd> {
    fsconfig_create(context)
        .map_err(|errno| refused(context, "fsconfig", "create".into(), errno))?;
    // What one kernel knows of the bits, another does not: they pass as they are.
    let flags = MountAttrFlags::from_bits_retain(attributes as u32);
    match fsmount(context, FsMountFlags::FSMOUNT_CLOEXEC, flags) {
        Err(Errno::INVAL) if attributes & attr::NOSYMFOLLOW != 0 => {
            let error = SysError::new("fsmount", "nosymfollow", Errno::INVAL);
            Err(Error::from(error).with_hint("nosymfollow needs Linux 5.14"))
        }
        // Nobody in a user namespace gets a new one who cannot see the whole of another.
        Err(Errno::PERM) => {
            let error = SysError::new("fsmount", "", Errno::PERM);
            Err(Error::from(error).with_hint(
                "parts of /proc or /sys are covered or read-only here, so that no new one may be \
                 mounted: the outer container must show its own whole (docker: --security-opt \
                 systempaths=unconfined; podman: --security-opt unmask=ALL; config.json: no \
                 maskedPaths, no readonlyPaths), or this one share its processes",
            ))
        }
        done => done.map_err(|errno| refused(context, "fsmount", String::new(), errno)),
    }
}

/// The error with what the kernel logged to the context (fsopen(2), "message retrieval").
fn refused(context: BorrowedFd<'_>, call: &'static str, args: String, errno: Errno) -> Error {
    let error = Error::from(SysError::new(call, args, errno));
    match last_message(context) {
        Some(message) => error.with_hint(format!("the kernel says: {message}")),
        None => error,
    }
}

/// The last error line: `e tmpfs: Bad value for 'size'` without its `e `.
fn last_message(context: BorrowedFd<'_>) -> Option<String> {
    let mut last = None;
    // The kernel keeps eight lines; each read takes one away, and ENODATA ends them.
    for _ in 0..8 {
        let mut line = [0; 1024];
        let Ok(length) = rustix::io::read(context, &mut line) else { break };
        let text = String::from_utf8_lossy(&line[..length]);
        if let Some(message) = text.strip_prefix("e ") {
            last = Some(message.trim_end().to_owned());
        }
    }
    last
}
