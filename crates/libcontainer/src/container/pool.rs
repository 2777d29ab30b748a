//! Containers that wait before their program.

use std::collections::VecDeque;
use std::fmt;
use std::path::Path;

use crate::config::CgroupManager;
use crate::container::child::Child;
use crate::container::factory::Factory;
use crate::container::handle::Container;
use crate::container::process::Process;
use crate::{Config, Error, ErrorKind, Result};

/// Containers that are made ahead, for a program that starts many which are alike: what is left of
/// a start is to let one's program go, a quarter of a millisecond (docs/benchmarks.md).
///
/// Each that waits is a whole container, as [`Container::start`] leaves it: it has its namespaces,
/// mounts, control group, record and id, and one process, whose program is the only thing that is
/// missing. So nothing of one container's is ever given to another, and all that is checked and
/// reported of a container holds. What that costs: the process (some 400 KiB), the kernel's own
/// objects, and the time to make it, which [`fill`](Pool::fill) spends when its caller can.
///
/// A pool has one configuration and one way to make a process; for another, make another pool. The
/// streams are each container's own ([`Stdio::Pipe`](crate::Stdio::Pipe) tells them apart).
///
/// Those that nobody has taken go with the pool. If the program is killed they stay, held, in the
/// list of containers, and are destroyed as any others ([`Container::kill`],
/// [`Container::destroy`]). A reader of the state root sees them as
/// [`Status::Created`](crate::Status::Created).
pub struct Pool {
    factory: Factory,
    prefix: String,
    config: Config,
    process: Box<dyn FnMut() -> Process + Send>,
    size: usize,
    /// Of the next one's id.
    number: u64,
    ready: VecDeque<Taken>,
}

/// A container and its first process.
#[derive(Debug)]
pub struct Taken {
    /// The container: whoever has it destroys it.
    pub container: Container,
    /// Its init.
    pub child: Child,
}

impl Pool {
    /// A pool of `size` containers, which are made by [`fill`](Pool::fill). The ids are `prefix-0`,
    /// `prefix-1` and so on, but for those that are there already; the control groups, where there
    /// are any, are called by the ids, below [`Config::cgroup`].
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] for a size of 0, and for what only one container can have: a
    /// device of the host's network, a unit of systemd's or a control group that was delegated.
    pub fn new(
        factory: &Factory,
        prefix: &str,
        config: Config,
        size: usize,
        process: impl FnMut() -> Process + Send + 'static,
    ) -> Result<Self> {
        let refused = |field, why| Err(Error::invalid(field, why));
        if size == 0 {
            return refused("size", "a pool of no containers is none");
        }
        if !config.net_devices.is_empty() {
            return refused("net_devices", "a network device can be in one container only");
        }
        if config.cgroup.is_some() && config.cgroup_manager != CgroupManager::Files {
            let why = "a pool makes control groups by itself, in their file system";
            return refused("cgroup_manager", why);
        }
        Ok(Self {
            factory: factory.clone(),
            prefix: prefix.to_owned(),
            config,
            process: Box::new(process),
            size,
            number: 0,
            ready: VecDeque::new(),
        })
    }

    /// How many wait.
    pub fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Makes those that are missing. From a program's idle moments, or a thread of its own: a
    /// pool is `Send`, and held by a mutex meanwhile.
    ///
    /// # Errors
    /// As [`Factory::create`] and [`Container::start`]; those that are made by then wait.
    pub fn fill(&mut self) -> Result<()> {
        while self.ready.len() < self.size {
            let made = self.make(Container::start)?;
            self.ready.push_back(made);
        }
        Ok(())
    }

    /// A container whose program runs: the one that has waited longest, or a new one where none
    /// waits. One that has ended while it waited is destroyed and passed over.
    ///
    /// # Errors
    /// As [`Container::release`], and, where a new one is made, as [`fill`](Pool::fill). A
    /// container whose program cannot be executed is destroyed.
    pub fn take(&mut self) -> Result<Taken> {
        while let Some(taken) = self.ready.pop_front() {
            match taken.container.release() {
                Ok(()) => return Ok(taken),
                Err(error) => {
                    taken.end();
                    if *error.kind() != ErrorKind::NotRunning {
                        return Err(error);
                    }
                }
            }
        }
        self.make(Container::run)
    }

    fn make(&mut self, start: impl FnOnce(&Container, Process) -> Result<Child>) -> Result<Taken> {
        let container = loop {
            let id = format!("{}-{}", self.prefix, self.number);
            self.number += 1;
            let mut config = self.config.clone();
            config.cgroup = config.cgroup.map(|parent| parent.join(Path::new(&id)));
            match self.factory.create(&id, config) {
                Err(error) if *error.kind() == ErrorKind::IdInUse => {}
                created => break created?,
            }
        };
        match start(&container, (self.process)()) {
            Ok(child) => Ok(Taken { container, child }),
            Err(error) => {
                // Its record stays where this fails, for whoever destroys it then.
                let _ = container.kill().and_then(|()| container.destroy());
                Err(error)
            }
        }
    }
}

impl Taken {
    /// Where this fails, its record stays.
    fn end(mut self) {
        if self.container.kill().is_ok() {
            let _ = self.child.wait();
            let _ = self.container.destroy();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.ready.drain(..).for_each(Taken::end);
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("prefix", &self.prefix)
            .field("size", &self.size)
            .field("ready", &self.ready)
            .finish_non_exhaustive()
    }
}
