//! Writing kernel parameters.

use rustix::io::Errno;

use crate::plan::sysctl::Sysctl;
use crate::procfs::Procfs;
use crate::{Result, Step};

/// Writes each value to its file below `/proc/sys`, as [`crate::plan::sysctl`] checked them: one
/// open and one write each, so no value can set another parameter. The caller is in the namespaces
/// that own them.
pub fn write(parameters: &[Sysctl], proc: &Procfs) -> Result<()> {
    for Sysctl { key, path, value } in parameters {
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

#[cfg(test)]
mod tests;
