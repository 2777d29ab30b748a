//! Each feature of a container, seen from inside it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod kit;
mod namespaces;
mod process;

fn main() -> std::process::ExitCode {
    libcontainer::init();
    let tests = [namespaces::tests(), process::tests()];
    common::run(tests.into_iter().flatten().collect())
}
