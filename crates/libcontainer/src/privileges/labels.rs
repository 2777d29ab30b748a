//! What the security modules do at execve: AppArmor's profile (apparmor(7)), SELinux' label
//! (getexeccon(3)).

use rustix::io::Errno;

use super::Procfs;
use crate::plan::process::ProcessPlan;
use crate::{Error, Result};

/// Asks the kernel for profile and label at the next execve. Both go through the verified procfs
/// handle, so no mount over `/proc` can swallow them (CVE-2019-16884).
pub(super) fn apply(plan: &ProcessPlan, proc: &Procfs) -> Result<()> {
    if let Some(profile) = &plan.apparmor_profile {
        apparmor(profile, proc)?;
    }
    if let Some(label) = &plan.selinux_label {
        selinux(label, plan.keyring.is_some(), proc)?;
    }
    Ok(())
}

fn apparmor(profile: &str, proc: &Procfs) -> Result<()> {
    let step = || format!("changing to the AppArmor profile {profile:?}");
    // The directory is there where the kernel has AppArmor.
    match proc.open_file("thread-self/attr/apparmor/exec", rustix::fs::OFlags::WRONLY) {
        Ok(_) => {}
        // Where nothing confines, "unconfined" is what the process is.
        Err(error) if missing(&error) && profile == "unconfined" => return Ok(()),
        Err(error) if missing(&error) => {
            return Err(error
                .within(step())
                .with_hint("AppArmor is not enabled in this kernel: set no profile"));
        }
        Err(error) => return Err(error.within(step())),
    }
    let ask = |how: &str| {
        proc.write("thread-self/attr/apparmor/exec", format!("{how} {profile}").as_bytes())
    };
    ask("exec")
        // Who is confined himself may not change to what he likes. His profile may let him add to
        // it (`change_profile -> &NAME`, apparmor.d(5)): the container is held by both then.
        .or_else(|refused| match errno(&refused) {
            Some(Errno::ACCESS | Errno::PERM) => ask("stack").map_err(|_| refused),
            _ => Err(refused),
        })
        .map_err(|error| {
            let hint = match errno(&error) {
                Some(Errno::NOENT) => "no such profile is loaded: see apparmor_parser(8)",
                Some(Errno::ACCESS | Errno::PERM) => "the caller's own profile does not allow it",
                Some(Errno::INVAL) => "it is not the name of a profile",
                _ => "see apparmor(7)",
            };
            error.within(step()).with_hint(hint)
        })
}

fn selinux(label: &str, keyring: bool, proc: &Procfs) -> Result<()> {
    let write = |file: &str| {
        proc.write(file, label.as_bytes()).map_err(|error| {
            let step = format!("taking the SELinux label {label:?}");
            let hint = match (selinux_runs(proc), errno(&error)) {
                (Ok(false), _) => "SELinux is not enabled in this kernel: set no label",
                (_, Some(Errno::INVAL)) => "the loaded policy knows no such label",
                _ => "the policy may not allow it: see AVC messages in the audit log",
            };
            error.within(step).with_hint(hint)
        })
    };
    if keyring {
        write("thread-self/attr/keycreate")?;
    }
    write("thread-self/attr/exec")
}

fn selinux_runs(proc: &Procfs) -> Result<bool> {
    let text = proc.read("filesystems")?;
    Ok(String::from_utf8_lossy(&text).contains("selinuxfs"))
}

fn missing(error: &Error) -> bool {
    errno(error) == Some(Errno::NOENT)
}

fn errno(error: &Error) -> Option<Errno> {
    error.errno().map(Errno::from_raw_os_error)
}

#[cfg(test)]
mod tests;
