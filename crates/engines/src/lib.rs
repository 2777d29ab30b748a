//! What the tests of engines share: worlds in which an engine is alone, the engines themselves
//! with their own directories and sockets, and images made from this machine's own root file
//! systems. The runtime is given by its path ($NSRUN) and may be any that speaks the OCI
//! command line.
//!
//! One engine serves all tests of a file. `make test-engines` runs them.
#![forbid(unsafe_code)]

mod buildah;
mod containerd;
pub mod cri;
mod docker;
mod docs;
mod podman;
mod sandbox;

pub use buildah::Buildah;
pub use containerd::Containerd;
pub use docker::Docker;
pub use docs::documented;
pub use podman::{Json, Podman};
pub use sandbox::{Sandbox, View};

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// The runtime under test: $NSRUN, else what make has built, else the release build, else the debug
/// build.
///
/// # Errors
/// If there is none.
pub fn runtime() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("NSRUN") {
        return Ok(PathBuf::from(path));
    }
    // target/TRIPLE/PROFILE/deps/this-test
    let exe = std::env::current_exe().map_err(|error| error.to_string())?;
    let triple = exe.ancestors().nth(3).unwrap_or(Path::new("/"));
    let mut places =
        ["../release", "release", "debug"].map(|dir| triple.join(dir).join("nsrun")).into_iter();
    let found = places.find(|path| path.is_file());
    found.ok_or("no nsrun: cargo build --release -p nsrun".to_owned())
}

/// A root file system of scripts/images: below $IMAGES, else `.cache/images`.
pub fn image(name: &str) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let images = std::env::var_os("IMAGES");
    images.map_or_else(|| workspace.join(".cache/images"), PathBuf::from).join(name)
}

/// Whether there is time for another test: $ENGINES_UNTIL, seconds since 1970, has not come.
/// Says why not, as a test that skips does.
pub fn in_time() -> bool {
    let until = std::env::var("ENGINES_UNTIL").ok().and_then(|text| text.parse::<u64>().ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let late = until.is_some_and(|until| now >= until);
    if late {
        e2e::skip("the budget of the engines' lane is spent");
    }
    !late
}

/// Whether checkpoints can be made here. Says why not, as a test that skips does.
pub fn has_criu() -> bool {
    e2e::criu().map_err(e2e::skip).is_ok()
}

/// The engine that all tests of a file share, started by the first of them; none when the lane's
/// time is over.
///
/// # Panics
/// If it did not start, with what it said.
#[track_caller]
pub fn shared<E>(
    place: &'static OnceLock<Result<E, String>>,
    start: impl FnOnce() -> Result<E, String>,
) -> Option<&'static E> {
    if !in_time() {
        return None;
    }
    match place.get_or_init(start) {
        Ok(engine) => Some(engine),
        Err(why) => panic!("{why}"),
    }
}
