//! When a container's hooks run on the host, and what becomes of it when one fails
//! (runtime.md, "Lifecycle").

use std::os::fd::BorrowedFd;

use rustix::process::Pid;

use crate::config::{Config, Hook};
use crate::container::child::Child;
use crate::container::handle::{Container, locked};
use crate::hooks::{self, Kind, Runner, State};
use crate::init::STAGE_WAITING;
use crate::plan::hooks::{each, subject};
use crate::procfs::Procfs;
use crate::{Error, Result};

/// Whose hooks they are.
struct Of<'a> {
    config: &'a Config,
    /// Its init's, if it has one.
    pid: Option<i32>,
    /// See [`Runner::peer`].
    peer: Option<BorrowedFd<'a>>,
}

impl Container {
    /// Those that run while the container is made, with its init before the root file system.
    /// When somebody ends that, its end of `socket` is closed, and they have lost their purpose.
    pub(super) fn run_creators_hooks(
        &self,
        config: &Config,
        pid: Pid,
        socket: BorrowedFd<'_>,
    ) -> Result<()> {
        let of = Of { config, pid: Some(pid.as_raw_nonzero().get()), peer: Some(socket) };
        self.run_hooks(Kind::Prestart, &config.hooks.prestart, &of)?;
        self.run_hooks(Kind::CreateRuntime, &config.hooks.create_runtime, &of)
    }

    /// Whether its init has been let go and runs hooks before its program.
    pub(super) fn runs_start_hooks(&self, pid: i32) -> bool {
        let record = locked(&self.record);
        record.as_ref().is_some_and(|record| record.brief.start_hooks)
            && Procfs::open()
                .and_then(|proc| proc.read(format!("{pid}/comm")))
                .is_ok_and(|name| name.strip_suffix(b"\n") == Some(STAGE_WAITING.to_bytes()))
    }

    /// Those that run when the program does.
    pub(super) fn poststart(&self) -> Result<()> {
        let Some(record) = locked(&self.record).clone() else { return Ok(()) };
        let config = record.config()?;
        if config.hooks.poststart.is_empty() {
            return Ok(());
        }
        // A short program has ended by now: then the state names no process.
        let pid = self.init()?.map(|(pid, _)| pid);
        let of = Of { config, pid, peer: None };
        self.run_hooks(Kind::Poststart, &config.hooks.poststart, &of)
    }

    fn run_hooks(&self, kind: Kind, list: &[Hook], of: &Of<'_>) -> Result<()> {
        if list.is_empty() {
            return Ok(());
        }
        let subject = subject(of.config, &self.id)?;
        let state = State { subject: &subject, pid: of.pid };
        let runner = Runner { spawn: &hooks::on_host(&state), peer: of.peer };
        hooks::run(kind, &each(list, kind.name())?, &state, &runner)
    }

    /// Those that run when nothing is left but the record: a line for each that failed.
    pub(super) fn run_poststop(&self, config: &Config) -> Result<Vec<String>> {
        let list = &config.hooks.poststop;
        if list.is_empty() {
            return Ok(Vec::new());
        }
        let subject = subject(config, &self.id)?;
        let state = State { subject: &subject, pid: None };
        let kind = Kind::Poststop;
        let runner = Runner { spawn: &hooks::on_host(&state), peer: None };
        Ok(hooks::run_all(kind, &each(list, kind.name())?, &state, &runner))
    }

    /// The `poststart` hooks of a container whose init is this child: it ends when one fails.
    pub(super) fn run_poststart(&self, mut child: Child) -> Result<Child> {
        match self.poststart() {
            Ok(()) => Ok(child),
            Err(error) => {
                let killed = self.kill().and_then(|()| child.wait());
                let removed = killed.and_then(|_| self.destroy());
                Err(self.after_failed_hook(error, removed))
            }
        }
    }

    /// Ends and destroys a container for a hook of its that failed.
    pub(super) fn end_after_hook(&self, error: Error) -> Error {
        let removed = self.kill().and_then(|()| self.destroy());
        self.after_failed_hook(error, removed)
    }

    /// The hook's error is told, with what else went wrong.
    pub(super) fn after_failed_hook(&self, error: Error, removed: Result<Vec<String>>) -> Error {
        match removed {
            Ok(warnings) if warnings.is_empty() => error,
            Ok(warnings) => error.with_hint(warnings.join("; ")),
            Err(other) => error.with_hint(format!("and then: {other}")),
        }
    }
}
