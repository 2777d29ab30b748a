//! What stage 0 is told that shall become CRIU (`checkpoint`).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::plan::mounts::{RootfsPlan, Source};

/// The orders of one CRIU. The descriptors beside them are a null device, the directories of
/// images and of logs, and what it inherits, which it finds from [`CriuPlan::INHERITED`] up.
#[derive(Debug, Serialize, Deserialize)]
pub struct CriuPlan {
    /// The program, an absolute path.
    pub program: PathBuf,
    /// Its whole environment.
    pub env: Vec<String>,
    /// It goes on when its caller ends: a container that it has in its hands would be lost.
    pub survives: bool,
    /// For a restore, what it mounts.
    pub layout: Option<Layout>,
}

impl CriuPlan {
    /// The number at which CRIU finds its socket.
    pub const SOCKET: i32 = 3;
    /// That of the images' directory.
    pub const IMAGES: i32 = 4;
    /// That of the logs' directory.
    pub const WORK: i32 = 5;
    /// That of the first of the others.
    pub const INHERITED: i32 = 6;
}

/// A place where a restored container's root and some sources of its binds are mounted, each under
/// its own name, in a mount namespace that is CRIU's alone: nothing of it is seen outside, and it
/// goes with CRIU.
#[derive(Debug, Serialize, Deserialize)]
pub struct Layout {
    /// A directory of the host's, which is covered: the state root, whose parents anybody may pass.
    pub place: PathBuf,
    /// What the container is made of.
    pub rootfs: RootfsPlan,
    /// The images, below the directory that stands for theirs: it holds their parents, too.
    pub images: PathBuf,
    /// The host's /tmp is covered, too: CRIU makes a directory in there, which would stay if it were
    /// killed.
    pub covers_tmp: bool,
}

impl Layout {
    /// Where the root is.
    pub fn root(&self) -> PathBuf {
        self.place.join("root")
    }

    /// Where a source is: at its own path, or in the place, where it must be a certain device, its
    /// ids are mapped, or the place covers it. (CRIU takes what a mount receives of the host's from
    /// the mount that its source is on, which must show all that several of them show.)
    pub fn source(&self, index: usize) -> PathBuf {
        match self.rootfs.sources.get(index) {
            Some(source) if !self.is_in_place(source) => source.path.clone(),
            _ => self.place.join(index.to_string()),
        }
    }

    /// Whether a source is mounted in the place.
    pub fn is_in_place(&self, source: &Source) -> bool {
        source.device.is_some() || source.idmap.is_some() || source.path.starts_with(&self.place)
    }

    /// Where the device is that hides files.
    pub fn null(&self) -> PathBuf {
        self.place.join("null")
    }
}
