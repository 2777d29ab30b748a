//! What the integration tests share: a runner, a place for a test's files, configurations, and
//! snapshots of the host.
//!
//! The tests have no harness (`harness = false`): a program that makes containers begins its
//! `main` with `libcontainer::init()`, and so do they:
//!
//! ```ignore
//! mod common;
//!
//! fn main() -> std::process::ExitCode {
//!     libcontainer::init();
//!     common::run(vec![common::test("name", name), common::test("other", other).in_both_views()])
//! }
//! ```
// Each test program uses a part.
#![allow(dead_code, unused_imports, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod harness;
mod place;
mod snapshot;

pub use harness::{
    Test, deadline, has_program, mark_adopted, reap_adopted, rounds, run, skip, test, v2_view,
};
pub use place::{Place, output, prefix};
pub use snapshot::HostSnapshot;
