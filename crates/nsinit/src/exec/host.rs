//! `nsinit exec --host`: on a copy-on-write view of this host.

use std::time::{SystemTime, UNIX_EPOCH};

use libcontainer::config::{Id, Rootfs, User, template};
use libcontainer::{Config, Result};
use sys::Context;

use crate::place::Place;
use crate::source::ordinary;

/// An id that no other call has: every call is a container of its own.
pub fn id() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    format!("host-{}-{:08x}", std::process::id(), now as u32)
}

/// The template on a view of this host, where cwd, user, groups, HOME and PATH are the caller's.
pub fn config(place: &Place) -> Result<Config> {
    let mut config = template(Rootfs::Host);
    if !rustix::process::geteuid().is_root() {
        ordinary::by_himself(&mut config);
        config.process.user = Some(User { user: Id::Number(0), group: Some(Id::Number(0)) });
    }
    let process = &mut config.process;
    process.cwd = Some(place.path().to_owned());
    if process.user.is_none() {
        process.user = Some(User {
            user: Id::Number(rustix::process::getuid().as_raw()),
            group: Some(Id::Number(rustix::process::getgid().as_raw())),
        });
        let groups = rustix::process::getgroups().sys("getgroups", || "")?;
        let groups = groups.into_iter().map(|group| Id::Number(group.as_raw())).collect();
        process.additional_groups = Some(groups);
    }
    process.groups_from_file = Some(false);
    let env = process.env.get_or_insert_default();
    for name in ["HOME", "PATH", "TERM", "USER", "LOGNAME", "LANG"] {
        if let Ok(value) = std::env::var(name) {
            env.push(format!("{name}={value}"));
        }
    }
    Ok(config)
}
