//! Resource limits (getrlimit(2)).

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit, setrlimit};
use sys::SysError;

use crate::config::Rlimit;
use crate::{Error, Result};

/// The resources and their names, by the kernel's number.
const RESOURCES: [(Resource, &str); 16] = [
    (Resource::Cpu, "RLIMIT_CPU"),
    (Resource::Fsize, "RLIMIT_FSIZE"),
    (Resource::Data, "RLIMIT_DATA"),
    (Resource::Stack, "RLIMIT_STACK"),
    (Resource::Core, "RLIMIT_CORE"),
    (Resource::Rss, "RLIMIT_RSS"),
    (Resource::Nproc, "RLIMIT_NPROC"),
    (Resource::Nofile, "RLIMIT_NOFILE"),
    (Resource::Memlock, "RLIMIT_MEMLOCK"),
    (Resource::As, "RLIMIT_AS"),
    (Resource::Locks, "RLIMIT_LOCKS"),
    (Resource::Sigpending, "RLIMIT_SIGPENDING"),
    (Resource::Msgqueue, "RLIMIT_MSGQUEUE"),
    (Resource::Nice, "RLIMIT_NICE"),
    (Resource::Rtprio, "RLIMIT_RTPRIO"),
    (Resource::Rttime, "RLIMIT_RTTIME"),
];

/// Raises the ceilings that are too low; the limits in force stay.
pub(super) fn raise(limits: &[Rlimit]) -> Result<()> {
    for limit in limits {
        let (resource, name) = find(limit)?;
        let now = getrlimit(resource);
        let wanted = finite(limit.hard);
        // `None` is infinity.
        let enough = match (now.maximum, wanted) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(now), Some(wanted)) => now >= wanted,
        };
        if !enough {
            let raised = rustix::process::Rlimit { current: now.current, maximum: wanted };
            setrlimit(resource, raised).map_err(|errno| refused(name, limit, errno))?;
        }
    }
    Ok(())
}

/// Sets the limits; lowering a ceiling needs no privilege.
pub(super) fn set(limits: &[Rlimit]) -> Result<()> {
    for limit in limits {
        let (resource, name) = find(limit)?;
        let wanted =
            rustix::process::Rlimit { current: finite(limit.soft), maximum: finite(limit.hard) };
        setrlimit(resource, wanted).map_err(|errno| refused(name, limit, errno))?;
    }
    Ok(())
}

fn find(limit: &Rlimit) -> Result<(Resource, &'static str)> {
    RESOURCES.get(limit.resource as usize).copied().ok_or_else(|| {
        let message = format!("{} is not the number of a resource", limit.resource);
        Error::invalid("process.rlimits", message)
    })
}

fn finite(value: u64) -> Option<u64> {
    (value != u64::MAX).then_some(value)
}

fn refused(name: &str, limit: &Rlimit, errno: Errno) -> Error {
    let show = |value: u64| finite(value).map_or("infinity".to_owned(), |v| v.to_string());
    let args = format!("{name} to {}, hard {}", show(limit.soft), show(limit.hard));
    let error = Error::from(SysError::new("setrlimit", args, errno));
    match (errno, name) {
        (Errno::PERM, "RLIMIT_NOFILE") => error.with_hint(
            "raising a hard limit needs CAP_SYS_RESOURCE, and nothing exceeds fs.nr_open",
        ),
        (Errno::PERM, _) => error.with_hint("raising a hard limit needs CAP_SYS_RESOURCE"),
        _ => error,
    }
}

#[cfg(test)]
mod tests;
