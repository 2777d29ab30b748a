//! The life of a container with hooks (runtime.md, "Lifecycle"): when they run, as what, and what
//! becomes of the container when one fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod around;
#[path = "../common/mod.rs"]
mod common;
mod failures;
mod order;
mod scene;

fn main() -> std::process::ExitCode {
    libcontainer::init();
    let tests = [order::tests(), around::tests(), failures::tests()];
    common::run(tests.into_iter().flatten().collect())
}
