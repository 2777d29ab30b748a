//! What tests without privileges share: a container.json with a user namespace, and a place of the
//! user's own.

use crate::{Cmd, Rootfs, User, World};

const NAMESPACES: [&str; 6] = ["NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWUSER"];

/// A container.json of these namespaces, with the user's own ids as 0, and more fields.
pub fn json(user: &User, without: &[&str], more: &str) -> String {
    let own = format!(r#"[{{"container_id": 0, "host_id": {}, "size": 1}}]"#, user.id);
    json_of(without, &format!(r#", "uid_mappings": {own}, "gid_mappings": {own}{more}"#))
}

/// A container.json of these namespaces, with more fields, each after a comma.
pub fn json_of(without: &[&str], more: &str) -> String {
    let names = NAMESPACES.iter().filter(|name| !without.contains(name));
    let list: Vec<_> = names.map(|name| format!(r#"{{"type": "{name}"}}"#)).collect();
    format!(r#"{{"namespaces": [{}]{more}}}"#, list.join(", "))
}

/// A root file system of the user's, and nsinit's directory, which stays.
///
/// # Panics
/// If they cannot be made.
pub fn place(world: &World, user: &User) -> Rootfs {
    let root = world.busybox();
    user.own_all(&root.path);
    let state = user.runtime_dir.join("nsinit");
    std::fs::create_dir_all(&state).unwrap();
    user.own(&state);
    root
}

/// `nsinit exec /bin/sh -c SCRIPT` by him.
pub fn sh(user: &User, root: &Rootfs, script: &str) -> Cmd {
    user.run(root.sh(script))
}
