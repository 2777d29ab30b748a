//! Podman on the runtime.

use std::sync::OnceLock;

use engines::{Podman, View};

mod build;
mod checkpoint;
mod configuration;
mod corners;
mod errors;
mod life;
mod options;
mod pods;
mod rootless;
mod run;
mod v2;

static PODMAN: OnceLock<Result<Podman, String>> = OnceLock::new();

/// The storage that all tests here share.
#[track_caller]
fn podman() -> Option<&'static Podman> {
    engines::shared(&PODMAN, || Podman::start("podman", View::Host))
}
