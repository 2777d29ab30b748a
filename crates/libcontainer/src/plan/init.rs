//! What the init is told: everything resolved and checked, nothing left to decide.

use serde::{Deserialize, Serialize};

use crate::network::ContainerNetwork;
use crate::plan::hooks::InitHooks;
use crate::plan::mounts::RootfsPlan;
use crate::plan::namespaces::NamespacePlan;
use crate::plan::process::ProcessPlan;
use crate::plan::sysctl::Sysctl;

/// The orders of one init.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InitPlan {
    /// Makes a container, or enters one.
    pub entry: Entry,
    /// What is executed, and as whom.
    pub process: ProcessPlan,
    /// Wait at the start socket before the program is executed.
    pub hold: bool,
    /// What the descriptors beside the plan are, in order.
    pub descriptors: Vec<Descriptor>,
}

/// How the init comes into the container.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Entry {
    /// It makes it.
    Start(Box<StartPlan>),
    /// It enters the running one.
    Join(JoinPlan),
}

/// A container to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StartPlan {
    /// Its namespaces.
    pub namespaces: NamespacePlan,
    /// Its root file system; `None` where a joined mount namespace has one already.
    pub rootfs: Option<RootfsPlan>,
    /// Its end of the network.
    pub network: ContainerNetwork,
    /// The parent says when the control groups are joined and the links are there.
    pub wants_joined: bool,
    /// sethostname(2)
    pub hostname: Option<String>,
    /// setdomainname(2)
    pub domainname: Option<String>,
    /// Kernel parameters of its namespaces.
    pub sysctl: Vec<Sysctl>,
    /// Stay as a PID 1 that reaps.
    pub reaper: bool,
    /// Programs that it runs or waits for on its way, if any.
    pub hooks: Option<Box<InitHooks>>,
}

/// A container to be entered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JoinPlan {
    /// The CLONE_NEW* flags of the namespaces that are not the host's.
    pub namespaces: u64,
    /// The container shares the host's mount namespace and lives in a chroot.
    pub chroot: bool,
}

/// What a descriptor beside the plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Descriptor {
    /// Becomes this number of the program's.
    Program(i32),
    /// The directory of the v2 control group that stage 1 is born into.
    Cgroup,
    /// The pidfd of the running container's init.
    Init,
    /// The root directory of the running container's init.
    Root,
    /// The listening start socket.
    StartSocket,
}

impl InitPlan {
    /// Whether the parent is asked to write id maps.
    pub fn wants_maps(&self) -> bool {
        matches!(&self.entry, Entry::Start(start) if start.namespaces.user)
    }

    /// Whether stage 1 waits for the creator's hooks ([`crate::wire::ToInit::HooksRun`]).
    pub fn wants_hooks(&self) -> bool {
        match &self.entry {
            Entry::Start(start) => start.hooks.as_ref().is_some_and(|hooks| hooks.creators),
            Entry::Join(_) => false,
        }
    }

    /// How many listeners come before that of the program: each `startContainer` hook has its own.
    pub fn listeners_of_hooks(&self) -> usize {
        match &self.entry {
            Entry::Start(start) if self.process.listener.is_some() => {
                start.hooks.as_ref().map_or(0, |hooks| hooks.start_container.len())
            }
            _ => 0,
        }
    }

    /// Whether stage 1 waits for [`crate::wire::ToInit::Joined`].
    pub fn wants_joined(&self) -> bool {
        match &self.entry {
            Entry::Start(start) => start.wants_joined,
            Entry::Join(_) => false,
        }
    }
}
