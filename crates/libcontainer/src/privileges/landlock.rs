//! Landlock (landlock(7)): a set of rules is made as root of the container, and comes into force
//! directly before the program.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use rustix::io::Errno;
use sys::Context;
use sys::landlock::{self, Handled};

use super::{below, failed};
use crate::plan::landlock::{AllowedPath, LandlockPlan, OF_FILES};
use crate::{Error, ErrorKind, Result};

/// Makes the rules, whose paths are the container's: its root is this process's. Root makes them,
/// since the program's user may not reach each path. The strings are warnings.
pub(super) fn prepare(plan: &LandlockPlan, warnings: &mut Vec<String>) -> Result<OwnedFd> {
    let handled = Handled { files: plan.files, network: plan.network, scopes: plan.scopes };
    let rules = landlock::create(&handled)
        .map_err(|error| failed(error, "making Landlock's rules", &[]))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = open("/", flags, Mode::empty()).sys("open", || "/")?;
    for allowed in &plan.paths {
        match allow(rules.as_fd(), root.as_fd(), allowed) {
            Err(error) if plan.best_effort && is_missing(&error) => {
                warnings.push(format!(
                    "{}: {} is not there",
                    field(allowed),
                    allowed.path.display()
                ));
            }
            done => done?,
        }
    }
    for (port, access) in &plan.ports {
        landlock::allow_port(rules.as_fd(), *port, *access)?;
    }
    Ok(rules)
}

fn allow(rules: BorrowedFd<'_>, root: BorrowedFd<'_>, allowed: &AllowedPath) -> Result<()> {
    let named = |error: sys::SysError| {
        Error::from(error).as_kind(ErrorKind::InvalidConfig { field: field(allowed) })
    };
    let path = || allowed.path.display().to_string();
    let file =
        below::open(root, &allowed.path, OFlags::PATH).sys("openat2", path).map_err(named)?;
    let kind = fstat(&file).sys("fstat", path)?.st_mode;
    let access = match FileType::from_raw_mode(kind) {
        FileType::Directory => allowed.access,
        _ => allowed.access & OF_FILES,
    };
    if access == 0 {
        return Ok(());
    }
    landlock::allow_path(rules, file.as_fd(), access).map_err(named)
}

fn field(allowed: &AllowedPath) -> String {
    let (rule, path) = allowed.place;
    format!("landlock.filesystem.rules[{rule}].paths[{path}]")
}

fn is_missing(error: &Error) -> bool {
    let errno = error.errno().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::NOENT | Errno::NOTDIR))
}

/// From here on the process is restricted, with no_new_privs or CAP_SYS_ADMIN in force.
pub(super) fn restrict(plan: &LandlockPlan, rules: &OwnedFd) -> Result<()> {
    let advice = [(Errno::TOOBIG, "the kernel stacks at most 16 sets, with those of the caller")];
    landlock::restrict_self(rules, plan.flags)
        .map_err(|error| failed(error, "putting Landlock's rules into force", &advice))
}
