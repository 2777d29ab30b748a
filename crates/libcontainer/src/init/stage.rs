//! Stage 1: the container's first process, from its birth to the program.

use std::convert::Infallible;
use std::ffi::{CStr, CString};
use std::mem::discriminant;
use std::os::fd::AsFd;

use rustix::process::{
    Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit, setsid,
};
use rustix::system::{setdomainname, sethostname};
use sys::Context;
use sys::namespace::{flag, unshare};

use crate::error::Step;
use crate::hooks::Kind as HookKind;
use crate::init::boot::{become_root, join};
use crate::init::descriptors::Descriptors;
use crate::init::hooks::{self, Likeness};
use crate::init::{exec, reaper};
use crate::plan::StartPlan;
use crate::plan::hooks::InitHooks;
use crate::plan::process::ProcessPlan;
use crate::privileges::{Applied, Identity, Prepared};
use crate::procfs::Procfs;
use crate::wire::{FromInit, Received, Socket, ToInit};
use crate::{Error, ErrorKind, Result, console, network, privileges, rootfs};

/// What stage 1 is called by, until it executes its program or waits before that.
pub const STAGE_1: &CStr = c"libcontainer:1";

/// What a held init is called by, from its waiting to its program.
pub const STAGE_WAITING: &CStr = c"libcontainer:w";

/// What the names of all stages begin with.
pub const STAGES: &[u8] = b"libcontainer:";

/// Everything that stage 0 hands over.
pub struct Inside<'a> {
    /// To the creator.
    pub socket: &'a mut Socket,
    /// What is executed.
    pub process: ProcessPlan,
    /// Whether to wait at the start socket.
    pub hold: bool,
    /// How this process came here.
    pub kind: Kind,
    /// The program's descriptors, and the start socket.
    pub descriptors: Descriptors,
    /// The host's procfs, but for one that was prepared before its birth.
    pub proc: Option<Procfs>,
    /// The limit on descriptors that the program gets back.
    pub limits: Rlimit,
    /// Whether it is in another user namespace than before, and not yet root there.
    pub newcomer: bool,
    /// The CLONE_NEW* flags of the namespaces that must be made by that root.
    pub late: u64,
    /// Whether the creator has said anything to this stage.
    pub heard: bool,
}

/// How stage 1 came to be.
pub enum Kind {
    /// It is to build the container.
    Start {
        /// What.
        start: Box<StartPlan>,
        /// What stage 0 opened for it in the host's view.
        sources: Option<rootfs::Sources>,
    },
    /// It is in a running one.
    Join {
        /// Who it becomes, and what has been done for it before its birth.
        prepared: Option<(Identity, Prepared)>,
        /// Whether the cgroup namespace is still to be entered.
        cgroup: bool,
    },
}

/// The rest of the way; returns only when something failed.
pub fn inside(stage: &mut Inside<'_>) -> Result<Infallible> {
    sys::thread::set_name(STAGE_1);
    if stage.newcomer {
        become_root()?;
    }
    if stage.late != 0 {
        unshare(stage.late)?;
    }
    if let (Kind::Join { cgroup: true, .. }, Some(init)) = (&stage.kind, &stage.descriptors.init) {
        join(init.as_fd(), flag::CGROUP)?;
    }
    set_parent_process_death_signal(Some(Signal::KILL)).sys("prctl", || "PR_SET_PDEATHSIG")?;
    // A session of its own always: no ioctl of the program's reaches the caller's terminal.
    setsid().sys("setsid", || "")?;
    let terminal = stage.enter()?;
    if let Some(terminal) = &terminal {
        console::attach(terminal.peer.as_fd(), stage.process.console_size)?;
    }
    let (identity, applied) = stage.become_program()?;
    let env = privileges::environment(&stage.process, &identity);
    let program = match stage.process.args.is_empty() {
        true => CString::default(),
        false => privileges::find_program(&stage.process, &identity)?,
    };
    if stage.hooks().is_none() {
        stage.await_word(&ToInit::Go)?;
    }
    privileges::in_group(&stage.process.scheduling)?;
    if let Some(terminal) = &terminal {
        stage.socket.send(&FromInit::Terminal, &[terminal.master.as_fd()])?;
    }
    drop(terminal);
    // From here on the container lives by its record, not by its creator.
    set_parent_process_death_signal(None).sys("prctl", || "PR_SET_PDEATHSIG")?;
    if let Some(signal) = stage.process.parent_death_signal {
        sys::death_signal::set(signal).step(|| "setting the parent death signal")?;
        if stage.socket.is_hung_up() {
            return Err(creator_gone());
        }
    }
    let strangers = stage.hooks().is_some_and(|hooks| !hooks.start_container.is_empty());
    if stage.hold || strangers {
        stage.let_go_of_the_host();
    }
    if stage.hold {
        sys::thread::set_name(STAGE_WAITING);
        stage.socket.send(&FromInit::Built(applied.warnings().to_vec()), &[])?;
        // Its end tells the creator that this init waits.
        *stage.socket = Socket::pair()?.0;
        *stage.socket = exec::wait_for_start(&stage.descriptors)?;
    }
    if let Some(hooks) = stage.hooks() {
        let program = Some((&applied, &stage.process));
        let like = Likeness { limits: &stage.limits, program };
        hooks::run(HookKind::StartContainer, hooks, like, stage.socket)?;
    }
    let applied = match &stage.kind {
        Kind::Start { start, .. } if start.reaper => {
            reaper::split(stage.socket, &stage.process, applied)?
        }
        _ => applied,
    };
    if !stage.process.rlimits.iter().any(|limit| limit.resource == Resource::Nofile as u32) {
        setrlimit(Resource::Nofile, stage.limits).sys("setrlimit", || "RLIMIT_NOFILE")?;
    }
    stage.socket.send(&FromInit::Executing(applied.warnings().to_vec()), &[])?;
    exec::execute(&stage.process, applied, &program, &env, &stage.descriptors, stage.socket)
}

impl Inside<'_> {
    /// Builds the container around this process, or just has a look at it.
    fn enter(&mut self) -> Result<Option<console::Pty>> {
        if let Kind::Start { .. } = self.kind {
            return self.build();
        }
        self.process.terminal.then(console::open_inside).transpose()
    }

    fn become_program(&mut self) -> Result<(Identity, Applied)> {
        if let Kind::Join { prepared, .. } = &mut self.kind
            && let Some((identity, prepared)) = prepared.take()
        {
            let applied = privileges::finish(&self.process, &identity, prepared)?;
            return Ok((identity, applied));
        }
        let identity = privileges::resolve_user(&self.process).step(|| "finding the user")?;
        let applied = privileges::apply(&self.process, &identity, self.proc()?)?;
        Ok((identity, applied))
    }

    fn proc(&self) -> Result<&Procfs> {
        self.proc.as_ref().ok_or_else(|| Error::new(ErrorKind::System, "no procfs is at hand"))
    }

    /// Programs of the image run beside this process from now on, and some may open its descriptors.
    fn let_go_of_the_host(&mut self) {
        self.proc = None;
        let Descriptors { cgroup, init, root, .. } = &mut self.descriptors;
        (*cgroup, *init, *root) = (None, None, None);
    }

    fn build(&mut self) -> Result<Option<console::Pty>> {
        let Kind::Start { start, sources } = &mut self.kind else { return Ok(None) };
        let (start, sources) = (start.clone(), sources.take());
        if start.namespaces.cgroup {
            if start.wants_joined {
                self.await_word(&ToInit::Joined)?;
            }
            unshare(flag::CGROUP)?;
        }
        let root = match (&start.rootfs, sources) {
            (Some(plan), Some(sources)) => Some(rootfs::build(plan, sources, self.proc()?)?),
            _ => None,
        };
        if start.wants_joined && !start.namespaces.cgroup {
            self.await_word(&ToInit::Joined)?;
        }
        network::configure(&start.network).step(|| "configuring the network")?;
        if let Some(name) = &start.hostname {
            sethostname(name.as_bytes())
                .sys("sethostname", || format!("{name:?}"))
                .hint(|| NAMES)?;
        }
        if let Some(name) = &start.domainname {
            setdomainname(name.as_bytes())
                .sys("setdomainname", || format!("{name:?}"))
                .hint(|| NAMES)?;
        }
        // Before the sysctls: those of a network interface may be for one that a hook makes.
        if let Some(hooks) = &start.hooks {
            self.run_hooks(hooks)?;
        }
        privileges::sysctl(&start.sysctl, self.proc()?)?;
        let mut terminal = None;
        if let Some(root) = root {
            if self.process.terminal {
                let opened = console::open_in(root.as_fd()).step(|| "opening a terminal")?;
                root.show_terminal(opened.peer.as_fd())?;
                terminal = Some(opened);
            }
            root.enter()?;
        } else if self.process.terminal {
            terminal = Some(console::open_inside()?);
        }
        Ok(terminal)
    }

    fn hooks(&self) -> Option<&InitHooks> {
        match &self.kind {
            Kind::Start { start, .. } => start.hooks.as_deref(),
            Kind::Join { .. } => None,
        }
    }

    /// The hooks before the root file system is entered: the creator's, and then those that run
    /// here. What they do lasts, so the record comes first: it names who may be running them.
    fn run_hooks(&mut self, hooks: &InitHooks) -> Result<()> {
        self.await_word(&ToInit::Go)?;
        if hooks.creators {
            self.socket.send(&FromInit::HooksDue, &[])?;
            self.await_word(&ToInit::HooksRun)?;
        }
        let like = Likeness { limits: &self.limits, program: None };
        hooks::run(HookKind::CreateContainer, hooks, like, self.socket)
    }

    /// Waits for the creator to say so.
    fn await_word(&mut self, due: &ToInit) -> Result<()> {
        let came = self.socket.receive()?;
        self.heard = true;
        match came {
            Received::Message(message, _) if discriminant(&message) == discriminant(due) => Ok(()),
            _ => Err(creator_gone()),
        }
    }
}

/// When the kernel takes a host name.
const NAMES: &str = "at most 64 bytes, in a UTS namespace of the container's user, and where no filter \
                     forbids it: in a container, one of that may (docker: --security-opt \
                     seccomp=unconfined)";

fn creator_gone() -> Error {
    Error::new(ErrorKind::System, "the container's creator ended during the start")
}
