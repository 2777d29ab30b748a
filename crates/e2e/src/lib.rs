//! What black-box tests of a runtime share. It is given by its path ($NSINIT, $NSRUN), and
//! nothing of it is linked, so that the same tests can judge any runtime.
//!
//! ```no_run
//! use e2e::{World, each_view};
//!
//! #[test]
//! fn the_exit_code_is_the_commands() {
//!     each_view(|world: &World| {
//!         let root = world.busybox();
//!         let before = world.snapshot();
//!         root.nsinit(["exec", "/bin/sh", "-c", "exit 3"]).run().code(3);
//!         before.assert_restored();
//!     });
//! }
//! ```
//! The body runs in a world of its own (see [`World`]), first as the host's control groups are,
//! then in the v2 view. A test that lacks something says [`skip`] and returns.
#![forbid(unsafe_code)]

pub mod attack;
mod bundle;
mod cgroups;
mod command;
pub mod counting;
mod paths;
mod pty;
mod receiver;
pub mod resources;
mod rootfs;
pub mod rootless;
pub mod schema;
mod snapshot;
mod systemd;
pub mod trace;
mod user;
mod world;

pub use bundle::Bundle;
pub use cgroups::{Hierarchy, has_controller, hierarchies, is_out_of_reach, mount_seldom_ones};
pub use command::{Background, Cmd, Run};
pub use paths::{criu, data, nsinit, nsrun, probe, workspace};
pub use pty::{Pty, WindowSize};
pub use receiver::Receiver;
pub use rootfs::Rootfs;
pub use snapshot::Snapshot;
pub use systemd::Systemd;
pub use user::User;
pub use world::{View, World, each_view, is_in_a_world, on_this_host, v2_only};

use std::time::{Duration, Instant};

/// Says why a test cannot run here; `scripts/test` counts it as skipped.
pub fn skip(reason: impl std::fmt::Display) {
    println!("SKIP: {reason}");
}

/// A cell of the table that the tests print (docs/testing.md): what was shown to hold, and where:
/// [`World::place`], "v2 systemd" or "v2 rootless".
pub fn cell(place: &str, what: &str) {
    println!("MATRIX: {place} | {what} | ok");
}

/// A cell that cannot be filled there.
pub fn no_cell(place: &str, what: &str, why: &str) {
    println!("MATRIX: {place} | {what} | none: {why}");
}

/// So many seconds, times $PATIENCE: a machine that is emulated takes longer for everything.
pub fn seconds(count: u64) -> Duration {
    let patience = std::env::var("PATIENCE").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    Duration::from_secs(count * patience)
}

/// Looks every 5 ms until `condition` holds.
///
/// # Panics
/// After ten [`seconds`], with `what` was waited for.
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + seconds(10);
    while !condition() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What containerd permits, without mkdir: large enough for its filter to be kept.
pub fn containerds_profile_without_mkdir() -> serde_json::Value {
    let file = workspace().join("crates/seccomp/tests/libseccomp/data/containerd.json");
    let mut profile: serde_json::Value =
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    for rule in profile["syscalls"].as_array_mut().unwrap() {
        let names = rule["names"].as_array_mut().unwrap();
        names.retain(|name| name != "mkdir" && name != "mkdirat");
    }
    profile
}
