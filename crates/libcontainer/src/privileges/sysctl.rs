//! Writing kernel parameters.

use rustix::fs::{AtFlags, statat};
use rustix::io::Errno;

use crate::plan::sysctl::Sysctl;
use crate::procfs::Procfs;
use crate::{Error, Result, Step};

/// Writes each value to its file below `/proc/sys`, as [`crate::plan::sysctl`] checked them: one
/// open and one write each, so no value can set another parameter. The caller is a child of the
/// container's creator, in the namespaces that own them.
///
/// # Errors
/// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) where such a namespace is the
/// creator's own, joined by path.
pub fn write(parameters: &[Sysctl], proc: &Procfs) -> Result<()> {
    if parameters.is_empty() {
        return Ok(());
    }
    let creator = parent(proc)?;
    let mut checked = Vec::new();
    for Sysctl { key, path, value } in parameters {
        let namespace = namespace(path);
        if !checked.contains(&namespace) {
            if shared(proc, creator, namespace) {
                let message = format!("the container's {namespace} namespace is its creator's own");
                return Err(Error::invalid(format!("sysctl[{key:?}]"), message));
            }
            checked.push(namespace);
        }
        proc.write(format!("sys/{path}"), value.as_bytes())
            .step(|| format!("setting the kernel parameter {key}"))
            .map_err(|error| match error.errno().map(Errno::from_raw_os_error) {
                Some(Errno::NOENT) => {
                    error.with_hint("this kernel has no such parameter in the namespace")
                }
                Some(Errno::INVAL | Errno::RANGE) => {
                    error.with_hint(format!("the kernel does not take {value:?}"))
                }
                Some(Errno::ACCESS | Errno::PERM) => {
                    error.with_hint("the container's user namespace does not own it")
                }
                _ => error,
            })?;
    }
    Ok(())
}

/// The file of the namespace below `/proc/PID/ns` that a parameter belongs to.
fn namespace(path: &str) -> &'static str {
    match path.split_once('/') {
        Some(("net", _)) => "net",
        Some(("user", _)) => "user",
        Some(("kernel", "domainname")) => "uts",
        _ => "ipc",
    }
}

/// Whether this process and `other` are in the same one. A process that may not look is root of a
/// user namespace of its own, to which the kernel opens nothing of the creator's.
fn shared(proc: &Procfs, other: u32, namespace: &str) -> bool {
    // The links of /proc/PID/ns lead to the namespaces themselves.
    let identity = |process: &str| {
        let stat = statat(proc, format!("{process}/ns/{namespace}"), AtFlags::empty()).ok()?;
        Some((stat.st_dev, stat.st_ino))
    };
    let ours = identity("self");
    ours.is_some() && ours == identity(&other.to_string())
}

/// The parent's id as this procfs sees it, which may be of another PID namespace than ours
/// (proc_pid_stat(5)).
fn parent(proc: &Procfs) -> Result<u32> {
    let stat = proc.read("self/stat")?;
    let stat = String::from_utf8_lossy(&stat);
    // The name in parentheses may hold anything.
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    after.split_whitespace().nth(1).and_then(|field| field.parse().ok()).ok_or_else(|| {
        Error::new(crate::ErrorKind::System, "/proc/self/stat does not name the parent")
    })
}

#[cfg(test)]
mod tests;
