//! The handle over a container: what it is and does.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cgroups::{Manager, Notifier, Pressure, Resources};

use crate::config::{Config, NamespaceKind};
use crate::container::brief::Brief;
use crate::container::child::{self, ExitStatus};
use crate::container::factory::Shared;
use crate::container::group;
use crate::container::lock::Lock;
use crate::container::record::{self, Made, Record};
use crate::container::stats::Stats;
use crate::container::status::{State, Status};
use crate::container::store::Entry;
use crate::container::unwaited;
use crate::error::Step;
use crate::init::STAGES;
use crate::plan::{ContainerPlan, Systemd};
use crate::procfs::Procfs;
use crate::{Error, ErrorKind, Result, network};

/// Which of a container's processes a signal is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Its init.
    Init,
    /// All of them.
    All,
}

/// A container. The handle may be used from several threads at once, and by several programs over
/// the same state root.
#[derive(Debug)]
pub struct Container {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: String,
    pub(crate) entry: Entry,
    pub(crate) record: Mutex<Option<Arc<Record>>>,
    /// From [`create`](crate::Factory::create) to the end of the first start.
    pub(crate) making: Mutex<Option<(Lock, Box<ContainerPlan>)>>,
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Container {
    pub(crate) fn created(
        shared: Arc<Shared>,
        entry: Entry,
        record: Record,
        plan: ContainerPlan,
        lock: Lock,
    ) -> Self {
        Self {
            shared,
            id: record.id.clone(),
            entry,
            record: Mutex::new(Some(Arc::new(record))),
            making: Mutex::new(Some((lock, Box::new(plan)))),
        }
    }

    pub(crate) fn loaded(shared: Arc<Shared>, id: &str, entry: Entry) -> Result<Self> {
        let record = match entry.read(id)? {
            Some(record) => Some(record),
            None => {
                // Its maker may be between the directory and the record, or gone for ever.
                shared.store.settle()?;
                entry.read(id)?
            }
        };
        let (record, making) = (Mutex::new(record.map(Arc::new)), Mutex::new(None));
        Ok(Self { shared, id: id.to_owned(), entry, record, making })
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it was made from.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when its maker ended before it was recorded.
    pub fn config(&self) -> Result<Config> {
        Ok(self.record()?.config()?.clone())
    }

    /// What `look` sees in what it was made from, without a copy of all that.
    ///
    /// # Errors
    /// As [`config`](Container::config).
    pub fn look_at_config<T>(&self, look: impl FnOnce(&Config) -> T) -> Result<T> {
        Ok(look(self.record()?.config()?))
    }

    /// What is known of that without reading all of it.
    ///
    /// # Errors
    /// As [`config`](Container::config).
    pub fn brief(&self) -> Result<Brief> {
        Ok(self.record()?.brief.clone())
    }

    /// The user id of whoever created it, as this program's user namespace has it.
    pub fn owner(&self) -> Result<u32> {
        self.entry.owner()
    }

    /// The record, read again while the init is not in it: another handle may have started it.
    pub(crate) fn record(&self) -> Result<Arc<Record>> {
        let mut cached = locked(&self.record);
        match &*cached {
            Some(record) if record.init.is_some() => return Ok(record.clone()),
            _ => *cached = self.entry.read(&self.id)?.map(Arc::new),
        }
        cached.clone().ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("container does not exist: {:?}", self.id))
        })
    }

    /// The group, where the container has one of its own.
    pub(crate) fn cgroup(&self) -> Result<Option<Manager>> {
        let record = self.record()?;
        if record.cgroup.is_empty() {
            return Ok(None);
        }
        Ok(Some(Manager::from_paths(record.cgroup.clone())?))
    }

    fn own_cgroup(&self, for_what: &str) -> Result<Manager> {
        self.cgroup()?.ok_or_else(|| {
            let message = format!("{for_what} needs a control group of the container's own");
            Error::invalid("cgroup", message).with_hint(cgroups::HOW_TO_DELEGATE)
        })
    }

    /// Its init, if that is there and has not ended: its pid in this program's PID namespace, and
    /// a pidfd.
    pub fn init(&self) -> Result<Option<(i32, OwnedFd)>> {
        let record = match self.record() {
            Ok(record) => record,
            Err(error) if *error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(init) = record.init else { return Ok(None) };
        Ok(init.living()?.map(|pidfd| (init.pid, pidfd)))
    }

    pub(crate) fn living_init(&self) -> Result<(i32, OwnedFd)> {
        self.init()?.ok_or_else(|| self.no_init())
    }

    pub(crate) fn no_init(&self) -> Error {
        Error::new(ErrorKind::NotRunning, format!("container not running: {:?}", self.id))
    }

    /// What it is doing now.
    pub fn status(&self) -> Result<Status> {
        Ok(self.status_and_init()?.0)
    }

    /// What it is doing now, and [`init`](Container::init) from the same look.
    pub fn status_and_init(&self) -> Result<(Status, Option<(i32, OwnedFd)>)> {
        let (status, init) = self.progress_and_init()?;
        let paused = status.can_pause() && self.is_paused()?;
        Ok((if paused { Status::Paused } else { status }, init))
    }

    /// Whether its group is frozen, or told to be.
    pub(crate) fn is_paused(&self) -> Result<bool> {
        Ok(self.cgroup()?.is_some_and(|group| group.freezing().unwrap_or(false)))
    }

    /// How far it is, paused or not.
    pub(crate) fn progress(&self) -> Result<Status> {
        Ok(self.progress_and_init()?.0)
    }

    fn progress_and_init(&self) -> Result<(Status, Option<(i32, OwnedFd)>)> {
        if locked(&self.making).is_some() {
            return Ok((Status::Creating, None));
        }
        let mut init = self.init()?;
        let begun = locked(&self.record).as_ref().is_some_and(|record| record.init.is_some());
        if !begun {
            if self.is_busy()? {
                return Ok((Status::Creating, init));
            }
            // Now that nobody makes it any more, the record tells all; it may just have been
            // completed.
            init = self.init()?;
        }
        let Some((pid, _)) = init else {
            let saved = self.entry.is_checkpointed();
            return Ok((if saved { Status::Checkpointed } else { Status::Stopped }, None));
        };
        // The init is recorded before it has built the container: who joined it now would be in
        // the host's file systems.
        let status = match self.made() {
            Some(Made::Begun) => Status::Running,
            None if self.is_being_made(pid)? => Status::Creating,
            _ if self.entry.has_start_socket() || self.runs_start_hooks(pid) => Status::Created,
            _ => Status::Running,
        };
        Ok((status, init))
    }

    /// What the record says of its creator's work.
    fn made(&self) -> Option<Made> {
        locked(&self.record).as_ref()?.init?.made
    }

    /// Whether its record says that its init has built it.
    pub(super) fn is_complete(&self) -> bool {
        self.made().is_some()
    }

    /// Notes that it is complete, for the holder of its lock. Where that cannot be written, the lock
    /// goes on telling.
    pub(super) fn note_made(&self, lock: &Lock, made: Made) {
        let mut cached = locked(&self.record);
        if let Some(init) = cached.as_mut().and_then(|record| Arc::make_mut(record).init.as_mut()) {
            init.made = Some(made);
            let _ = lock.write_init(Some(*init));
        }
    }

    /// Whether somebody makes it, whose init is there already. Its program may begin a moment
    /// before its creator lets go of it: for that moment, this waits.
    fn is_being_made(&self, init: i32) -> Result<bool> {
        const MOMENT: Duration = Duration::from_millis(1);
        for _ in 0..100 {
            if !self.is_busy()? {
                return Ok(false);
            }
            let name = Procfs::open()?.read(format!("{init}/comm")).unwrap_or_default();
            if name.starts_with(STAGES) {
                return Ok(true);
            }
            std::thread::sleep(MOMENT);
        }
        Ok(true)
    }

    /// Whether somebody makes or destroys it at this moment.
    fn is_busy(&self) -> Result<bool> {
        match self.entry.is_locked() {
            Err(error) if *error.kind() == ErrorKind::NotFound => Ok(false),
            result => result,
        }
    }

    /// Waits while it is being made by somebody else.
    pub fn settle(&self) -> Result<()> {
        self.entry.wait_unlocked()
    }

    /// When it was created, in milliseconds since 1970.
    pub fn created_at(&self) -> Result<u64> {
        Ok(self.record()?.created)
    }

    /// Everything known of it.
    pub fn state(&self) -> Result<State> {
        let (status, init) = self.status_and_init()?;
        let record = self.record()?;
        let mut namespace_paths = BTreeMap::new();
        let mut start = String::new();
        if let Some((pid, _)) = &init {
            for kind in NamespaceKind::ALL {
                let path = format!("/proc/{pid}/ns/{}", kind.proc_name());
                namespace_paths.insert(kind.clone_name().to_owned(), PathBuf::from(path));
            }
            start = record::start_time(*pid).map(|ticks| ticks.to_string()).unwrap_or_default();
        }
        Ok(State {
            id: self.id.clone(),
            status,
            init_process_pid: init.map_or(0, |(pid, _)| pid),
            init_process_start: start,
            cgroup_paths: record.cgroup.clone(),
            namespace_paths,
            created: record.created,
            config: record.config()?.clone(),
        })
    }

    /// The ids of all its processes in this program's PID namespace; without a control group of
    /// its own, of its init only.
    pub fn processes(&self) -> Result<Vec<i32>> {
        match self.cgroup()? {
            Some(group) => {
                Ok(group.pids()?.into_iter().map(|pid| pid.as_raw_nonzero().get()).collect())
            }
            None => Ok(self.init()?.map(|(pid, _)| pid).into_iter().collect()),
        }
    }

    /// What it uses now.
    pub fn stats(&self) -> Result<Stats> {
        let step = || format!("statistics of container {:?}", self.id);
        self.living_init()?;
        let record = self.record()?;
        let interfaces = if record.namespaces & sys::namespace::flag::NETWORK != 0 {
            network::statistics(&record.links).step(step)?
        } else {
            Vec::new()
        };
        let cgroup = match record.cgroup.is_empty() {
            true => None,
            false => Some(Manager::from_paths(record.cgroup.clone())?.stats().step(step)?),
        };
        let intel_rdt = match &record.resctrl {
            Some(place) => Some(place.stats().step(step)?),
            None => None,
        };
        Ok(Stats { interfaces, cgroup, intel_rdt })
    }

    /// Changes its limits: what is `Some` is set, the rest stays.
    pub fn set(&self, resources: &Resources) -> Result<()> {
        let step = || format!("changing the limits of container {:?}", self.id);
        let group = self.own_cgroup("a limit")?;
        group::set_limits(&group, resources, self.record()?.cgroup_delegated).step(step)?;
        match &self.record()?.systemd {
            Some(Systemd::Unit(unit)) => unit.set(&group, resources).step(step),
            _ => Ok(()),
        }
    }

    /// Sends a signal by number to its init or to all of its processes.
    ///
    /// # Errors
    /// [`ErrorKind::NotRunning`] when there is none.
    pub fn signal(&self, signal: i32, target: Target) -> Result<()> {
        if target == Target::All
            && let Some(group) = self.cgroup()?
        {
            return group
                .kill(child::signal_of(signal)?)
                .step(|| format!("signalling the processes of container {:?}", self.id));
        }
        let (_, pidfd) = self.living_init()?;
        child::send(pidfd.as_fd(), signal)
    }

    /// Freezes all of its processes, and returns when they are; one that was interrupted is brought
    /// to its end. Where that takes too long, all run again.
    pub fn pause(&self) -> Result<()> {
        match self.status()? {
            status if status.can_pause() => {}
            Status::Paused if self.own_cgroup("pausing")?.frozen()? => {
                return Err(Error::new(ErrorKind::Paused, "container paused"));
            }
            Status::Paused => {}
            _ => {
                let message = "cannot pause a container that is not running";
                return Err(Error::new(ErrorKind::NotRunning, message));
            }
        }
        self.own_cgroup("pausing")?.freeze().step(|| format!("pausing container {:?}", self.id))
    }

    /// Lets frozen processes run again.
    pub fn resume(&self) -> Result<()> {
        if !self.status()?.can_resume() {
            let message = "cannot resume a container that is not paused";
            return Err(Error::new(ErrorKind::NotRunning, message));
        }
        self.own_cgroup("resuming")?.thaw().step(|| format!("resuming container {:?}", self.id))
    }

    /// Tells when the kernel kills a process of it for want of memory.
    pub fn notify_oom(&self) -> Result<Notifier> {
        let group = self.own_cgroup("a notification")?;
        group.oom_notifier().step(|| format!("watching the memory of container {:?}", self.id))
    }

    /// Tells all that the kernel tells of its control group, but for pressure
    /// ([`Manager::events`]): memory, processes that could not be made, its last process.
    pub fn events(&self) -> Result<Notifier> {
        let group = self.own_cgroup("a notification")?;
        group.events().step(|| format!("watching container {:?}", self.id))
    }

    /// Tells when it has to wait for memory.
    pub fn notify_memory_pressure(&self, pressure: Pressure) -> Result<Notifier> {
        let group = self.own_cgroup("a notification")?;
        group
            .memory_pressure_notifier(pressure)
            .step(|| format!("watching the memory of container {:?}", self.id))
    }

    /// Waits until its init has ended; the exit status comes from the kernel where this program
    /// is not its parent.
    ///
    /// # Errors
    /// [`ErrorKind::NotRunning`] when it has ended before; [`ErrorKind::System`] when the status
    /// cannot be had (before Linux 6.15).
    pub fn wait(&self) -> Result<ExitStatus> {
        let (_, pidfd) = self.living_init()?;
        unwaited::wait_for_init(pidfd.as_fd(), None)?;
        child::collect(pidfd.as_fd())
    }
}
