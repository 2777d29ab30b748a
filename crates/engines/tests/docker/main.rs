//! Docker on the runtime.

use std::sync::OnceLock;

use engines::{Docker, View};

mod build;
mod checkpoint;
mod configuration;
mod devices;
mod exec;
mod health;
mod life;
mod limits;
mod mounts;
mod namespaces;
mod network;
mod privileges;
mod propagation;
mod remapped;
mod restored;
mod run;
mod terminal;
mod v2;

static DOCKER: OnceLock<Result<Docker, String>> = OnceLock::new();

/// The daemon that all tests here share.
#[track_caller]
fn docker() -> Option<&'static Docker> {
    engines::shared(&DOCKER, || Docker::start("docker", View::Host))
}
