//! The child: from the re-executed binary to the user's program.
//!
//! Stage 0 starts in the host's view, opens what must be opened from there, and enters; stage 1
//! is born inside and builds the container around itself. Both are single-threaded, and a failure
//! anywhere travels to the creator as an [`Error`](crate::Error).

mod ahead;
mod boot;
mod criu;
mod descriptors;
mod exec;
mod hooks;
mod reaper;
mod stage;

pub use boot::{ARG0, init};
pub use stage::{STAGE_1, STAGE_WAITING, STAGES};
