//! What tests of checkpoints share: a container that counts, and a CRIU that is there.

use crate::{Bundle, World, paths, skip, until};

/// A shell that counts into /count, a line a number.
pub const COUNT: &str = "i=0; while true; do echo $i >>/count; i=$((i+1)); sleep 0.05; done";

/// Whether there is none, which is said.
pub fn no_criu() -> bool {
    match paths::criu() {
        Ok(_) => false,
        Err(why) => {
            skip(why);
            true
        }
    }
}

impl World {
    /// A bundle whose container counts, and runs already.
    ///
    /// # Panics
    /// If it does not start.
    #[track_caller]
    pub fn counting(&self) -> Bundle {
        let mut bundle = self.bundle();
        bundle.sh(COUNT);
        bundle.detach();
        bundle.counts_on();
        bundle
    }
}

impl Bundle {
    /// What its container has counted by [`COUNT`].
    ///
    /// # Panics
    /// If there is something else than numbers.
    pub fn counted(&self) -> Vec<u32> {
        let text = std::fs::read_to_string(self.path.join("rootfs/count")).unwrap_or_default();
        text.lines().map(|line| line.parse().unwrap()).collect()
    }

    /// Waits until it has counted some more.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn goes_on(&self) {
        let before = self.counted().len();
        until("it counts", || self.counted().len() > before + 2);
    }

    /// Waits until it has counted some more, without a number twice or left out.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn counts_on(&self) {
        self.goes_on();
        let all = self.counted();
        assert_eq!(all, (0..all.len() as u32).collect::<Vec<_>>());
    }
}
