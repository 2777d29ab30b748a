//! A creator that is a process of its own, run under strace(1), which kills it or makes its system
//! calls fail at chosen points.
#![allow(dead_code, unused_imports)] // Each test program uses a part.

mod creator;
mod devices;
mod points;
mod world;

pub use creator::{creator, is_creator, trace_init};
pub use points::Point;
pub use world::World;

/// What the creator does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Creates and runs a container with a veth pair on a bridge and, where they can be had,
    /// limits.
    Run,
    /// The same in a user namespace.
    UserNamespace,
    /// The same without a control group: only the record tells what belongs to the container.
    Bare,
    /// Creates a container and starts its init held.
    Held,
    /// Creates and runs a container with hooks of all kinds.
    Hooks,
    /// Creates and runs a container that gets a network device of the host's in a network namespace
    /// that outlives it.
    Devices,
    /// Lets a held init go that has hooks before its program, and after.
    Release,
    /// Executes a process in a container that runs.
    Exec,
    /// Kills and destroys a container that runs, and has hooks for that.
    Destroy,
}

impl Scenario {
    pub const ALL: [Self; 9] = [
        Self::Run,
        Self::UserNamespace,
        Self::Bare,
        Self::Held,
        Self::Hooks,
        Self::Devices,
        Self::Release,
        Self::Exec,
        Self::Destroy,
    ];

    pub fn name(self) -> String {
        format!("{self:?}")
    }

    pub fn of_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|scenario| scenario.name() == name).unwrap()
    }
}
