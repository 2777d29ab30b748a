//! The agent of a container's seccomp profile gets the listener of each of its processes.

use std::os::fd::{AsFd, OwnedFd};

use crate::container::handle::Container;
use crate::hooks::State;
use crate::plan::filters::agent_of;
use crate::plan::hooks::Subject;
use crate::{Error, Result, parent};

/// Whose listener it is.
pub(super) struct Asker<'a> {
    /// The process.
    pub pid: i32,
    /// The container's init, which may be the same.
    pub init: i32,
    /// What the container is doing (runtime.md, "State").
    pub status: &'a str,
}

impl Container {
    /// Hands the listener to the agent that the configuration names; our copy is closed then.
    pub(super) fn tell_agent(&self, asker: &Asker<'_>, listener: OwnedFd) -> Result<()> {
        let record = self.record()?;
        let config = record.config()?;
        let Some(agent) = agent_of(&config.seccomp)? else {
            return Err(Error::invalid("seccomp", "a listener has come, and nobody is to have it"));
        };
        let subject = Subject {
            id: self.id().to_owned(),
            bundle: config.bundle.clone().unwrap_or_default(),
            annotations: config.annotations.clone().into_iter().collect(),
        };
        let state = State { subject: &subject, pid: Some(asker.init) };
        parent::hand_over(&agent, listener.as_fd(), asker.pid, &state, asker.status)
    }
}
