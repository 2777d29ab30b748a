//! Kernel parameters: only those of namespaces that the container owns (sysctl(8), CVE-2022-0811).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// One parameter to write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sysctl {
    /// The key as the configuration writes it.
    pub key: String,
    /// Its file below `/proc/sys`, for instance `net/ipv4/ip_forward`.
    pub path: String,
    /// The value, one line.
    pub value: String,
}

/// Which namespaces are the container's: new, or joined by path *and* not the caller's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Owned {
    /// System V IPC and POSIX message queues.
    pub ipc: bool,
    /// The network.
    pub network: bool,
    /// Host and domain name.
    pub uts: bool,
    /// User and group ids.
    pub user: bool,
}

/// What below `kernel/` belongs to the IPC namespace (ipc_namespaces(7), linux/ipc/ipc_sysctl.c).
const IPC: [&str; 12] = [
    "auto_msgmni",
    "msg_next_id",
    "msgmax",
    "msgmnb",
    "msgmni",
    "sem",
    "sem_next_id",
    "shm_next_id",
    "shm_rmid_forced",
    "shmall",
    "shmmax",
    "shmmni",
];

/// Checks the parameters against the namespaces.
///
/// # Errors
/// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) naming the key.
pub fn plan(parameters: &BTreeMap<String, String>, owned: Owned) -> Result<Vec<Sysctl>> {
    let mut planned: Vec<Sysctl> = Vec::with_capacity(parameters.len());
    for (key, value) in parameters {
        let refuse = |why: &str| Err(Error::invalid(format!("sysctl[{key:?}]"), why));
        let Some(path) = path(key) else {
            return refuse("is not the name of a kernel parameter");
        };
        if let Err(why) = allowed(&path, owned) {
            return refuse(why);
        }
        if value.is_empty() || value.contains(['\n', '\0']) {
            return refuse("the value must be one line, and not empty");
        }
        if planned.iter().any(|earlier| earlier.path == path) {
            return refuse("is set twice, by two spellings");
        }
        planned.push(Sysctl { key: key.clone(), path, value: value.clone() });
    }
    Ok(planned)
}

/// The file of a key. As in sysctl(8), the first separator says which one separates: after a dot
/// `net.ipv4.conf.eth0/1.forwarding` and after a slash `net/ipv4/conf/eth0.1/forwarding` name the
/// interface `eth0.1`.
fn path(key: &str) -> Option<String> {
    let first = key.find(['.', '/'])?;
    let path: String = match key.as_bytes()[first] {
        b'/' => key.to_owned(),
        _ => key
            .chars()
            .map(|c| match c {
                '.' => '/',
                '/' => '.',
                c => c,
            })
            .collect(),
    };
    let good = |part: &str| {
        !matches!(part, "" | "." | "..") && part.bytes().all(|byte| byte.is_ascii_graphic())
    };
    path.split('/').all(good).then_some(path)
}

fn allowed(path: &str, owned: Owned) -> std::result::Result<(), &'static str> {
    let own = |owned: bool, why: &'static str| if owned { Ok(()) } else { Err(why) };
    match path.split_once('/') {
        Some(("net", _)) => own(owned.network, "needs a network namespace of the container's own"),
        Some(("user", _)) => own(owned.user, "needs a user namespace of the container's own"),
        Some(("fs", rest)) if rest.starts_with("mqueue/") => {
            own(owned.ipc, "needs an IPC namespace of the container's own")
        }
        Some(("kernel", name)) if IPC.contains(&name) => {
            own(owned.ipc, "needs an IPC namespace of the container's own")
        }
        Some(("kernel", "domainname")) => {
            own(owned.uts, "needs a UTS namespace of the container's own")
        }
        Some(("kernel", "hostname")) => Err("is set by the configuration's hostname"),
        _ => Err("belongs to the whole machine, not to a namespace of the container"),
    }
}

#[cfg(test)]
mod tests;
