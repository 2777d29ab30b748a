//! containerd on the runtime.

use std::sync::OnceLock;

use engines::{Containerd, View};

mod checkpoint;
mod kubernetes;
mod run;
mod soak;
mod tasks;
mod v2;

static CONTAINERD: OnceLock<Result<Containerd, String>> = OnceLock::new();

/// The daemon that all tests here share.
#[track_caller]
fn containerd() -> Option<&'static Containerd> {
    engines::shared(&CONTAINERD, || Containerd::start("containerd", View::Host))
}
