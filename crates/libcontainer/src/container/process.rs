//! A process to be started, with its streams.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use crate::config::ProcessSpec;

/// Where a standard stream of a process goes.
#[derive(Debug, Default)]
pub enum Stdio {
    /// The creator's own.
    #[default]
    Inherit,
    /// `/dev/null` of the host.
    Null,
    /// A pipe; the creator's end is in the [`Child`](crate::Child).
    Pipe,
    /// This descriptor.
    Fd(OwnedFd),
}

/// A process of a container. What its [`ProcessSpec`] leaves open comes from the container's
/// [`Config::process`](crate::Config::process).
#[derive(Debug, Default)]
pub struct Process {
    /// Everything but the streams.
    pub spec: ProcessSpec,
    /// Standard input.
    pub stdin: Stdio,
    /// Standard output.
    pub stdout: Stdio,
    /// Standard error.
    pub stderr: Stdio,
    /// Further descriptors, which the program finds at 3, 4, and so on.
    pub extra_fds: Vec<OwnedFd>,
    /// The control group that a process executed in a running container joins, below the
    /// container's own, by controller; the empty key is for all hierarchies that are not named.
    /// It must be there.
    pub cgroups: BTreeMap<String, PathBuf>,
    /// Execute it in a paused container, too: it begins when that is resumed, and so does
    /// [`exec`](crate::Container::exec) return then.
    pub ignore_paused: bool,
}

impl Process {
    /// The program and its arguments, all else as the container's configuration has it.
    pub fn new<S: Into<String>>(args: impl IntoIterator<Item = S>) -> Self {
        let args = args.into_iter().map(Into::into).collect();
        Self { spec: ProcessSpec { args, ..ProcessSpec::default() }, ..Self::default() }
    }

    /// The process that the configuration itself describes.
    pub fn configured() -> Self {
        Self::default()
    }

    /// All three streams from and to `/dev/null`.
    #[must_use]
    pub fn silent(mut self) -> Self {
        (self.stdin, self.stdout, self.stderr) = (Stdio::Null, Stdio::Null, Stdio::Null);
        self
    }
}
