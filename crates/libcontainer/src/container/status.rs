//! What a container is doing, and what that allows.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::config::Config;

/// What a container is doing (runtime.md, "State", and paused).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is being made, or has been made and has no process yet.
    Creating,
    /// Its init is complete and held before the program.
    Created,
    /// Its program runs.
    Running,
    /// Its processes are frozen.
    Paused,
    /// Its program has ended, or its maker ended before it began.
    Stopped,
    /// Its processes have been saved, and ended with that.
    Checkpointed,
}

impl Status {
    /// Whether its init may be started.
    pub fn can_start(self) -> bool {
        self == Self::Creating
    }

    /// Whether its held init may be let go.
    pub fn can_release(self) -> bool {
        self == Self::Created
    }

    /// Whether further processes may be executed in it.
    pub fn can_exec(self) -> bool {
        matches!(self, Self::Created | Self::Running)
    }

    /// Whether it may be paused.
    pub fn can_pause(self) -> bool {
        matches!(self, Self::Created | Self::Running)
    }

    /// Whether it may be resumed.
    pub fn can_resume(self) -> bool {
        self == Self::Paused
    }

    /// Whether its processes may be saved.
    pub fn can_checkpoint(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }

    /// Whether it makes place for one of its name that is restored.
    pub fn can_restore(self) -> bool {
        self == Self::Checkpointed
    }

    /// Whether it has an init that may get signals.
    pub fn is_alive(self) -> bool {
        matches!(self, Self::Created | Self::Running | Self::Paused)
    }

    /// Its name, as in a state's JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Checkpointed => "checkpointed",
        }
    }
}

/// Everything known of a container, with the keys that tools read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct State {
    /// Its id.
    pub id: String,
    /// What it is doing.
    pub status: Status,
    /// Its init's pid in this program's PID namespace; 0 when it has none.
    pub init_process_pid: i32,
    /// When its init started, in clock ticks since boot, as a decimal number; empty when it has
    /// none.
    pub init_process_start: String,
    /// The control group's directory in each hierarchy, by subsystem; the v2 tree under "".
    pub cgroup_paths: BTreeMap<String, PathBuf>,
    /// The files of its namespaces by clone name, for instance `NEWNS`.
    pub namespace_paths: BTreeMap<String, PathBuf>,
    /// When it was created, in milliseconds since 1970.
    pub created: u64,
    /// What it was made from.
    pub config: Config,
}
