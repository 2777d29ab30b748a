//! Makes and finds containers below a state root.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use sys::Context;

use crate::Result;
use crate::config::{Config, Rootfs};
use crate::container::brief::Brief;
use crate::container::handle::{Container, locked};
use crate::container::lifecycle::GROUP_IN_USE;
use crate::container::record::{Configured, Record, VERSION};
use crate::container::store::Store;
use crate::error::Step;
use crate::host::{self, HostFacts};
use crate::parent::{Boot, Sealed};
use crate::plan::{self, Place, Systemd};

/// Makes and finds containers below a state root. It is cheap to clone, and clones share what
/// they have learned of the host.
#[derive(Debug, Clone)]
pub struct Factory {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Store,
    program: Option<PathBuf>,
    sealed: OnceLock<Sealed>,
    facts: OnceLock<HostFacts>,
    /// Made ahead by [`Factory::prepare`].
    spare: Mutex<Option<Boot>>,
    /// What an init of [`Prepared`] was executed from.
    single: Mutex<Option<Sealed>>,
    /// For containers of the same device rules.
    pub(crate) device_programs: cgroups::DevicePrograms,
}

/// An init that starts up while the program has yet to find out where its records are: see
/// [`Factory::prepare`], and [`Factory::with_prepared`] for what becomes of it.
#[derive(Debug)]
pub struct Prepared {
    boot: Boot,
    sealed: Sealed,
}

impl Prepared {
    /// Spawns this program as an init; it goes with this, or with this thread.
    ///
    /// # Errors
    /// As clone3(2) and execveat(2), and whatever keeps the program from being sealed.
    pub fn spawn() -> Result<Self> {
        let sealed = Sealed::new(None)?;
        Ok(Self { boot: Boot::spawn(&sealed, false)?, sealed })
    }
}

impl Factory {
    /// Over the state root `root`, for instance `/run/nsinit`, which is made (mode 0700) when the
    /// first container is. The program itself becomes the containers' init: its `main` must begin
    /// with [`init()`](crate::init()).
    pub fn new(root: impl AsRef<Path>) -> Self {
        Self::over(root.as_ref(), None)
    }

    /// The same, with another program for init; its `main` must begin with
    /// [`init()`](crate::init()), of this very version of the library.
    pub fn with_init(root: impl AsRef<Path>, program: impl Into<PathBuf>) -> Self {
        Self::over(root.as_ref(), Some(program.into()))
    }

    /// The same as [`new`](Factory::new), with an init that has been spawned ahead.
    pub fn with_prepared(root: impl AsRef<Path>, prepared: Prepared) -> Self {
        let factory = Self::new(root);
        *locked(&factory.shared.spare) = Some(prepared.boot);
        *locked(&factory.shared.single) = Some(prepared.sealed);
        factory
    }

    /// Ends what [`prepare`](Factory::prepare) has spawned and nobody has used.
    pub fn dismiss(&self) {
        *locked(&self.shared.spare) = None;
    }

    fn over(root: &Path, program: Option<PathBuf>) -> Self {
        Self {
            shared: Arc::new(Shared {
                store: Store::new(root),
                program,
                sealed: OnceLock::new(),
                facts: OnceLock::new(),
                spare: Mutex::new(None),
                single: Mutex::new(None),
                device_programs: cgroups::DevicePrograms::default(),
            }),
        }
    }

    /// Spawns the init of this thread's next container, or of its next process in one, ahead of
    /// time, so that it starts up while the program decides what it shall do. It holds nothing
    /// of the host's, and goes with the factory or with this thread. One that waits already is
    /// kept.
    pub fn prepare(&self) -> Result<()> {
        if locked(&self.shared.spare).as_ref().is_some_and(|boot| boot.fits(false)) {
            return Ok(());
        }
        let boot = Boot::spawn(self.shared.program()?, false)?;
        *locked(&self.shared.spare) = Some(boot);
        Ok(())
    }

    /// Tells the init that was spawned ahead what the next container will want, as far as that is
    /// known: it begins with it at once. A container that is not as expected costs time only.
    ///
    /// What [`create`](Factory::create) gets need not be told before, unless there is something to do
    /// meanwhile: see [`parse_oci_ahead`](crate::config::parse_oci_ahead).
    pub fn expect(&self, config: &Config) {
        if let Some(spare) = &mut *locked(&self.shared.spare) {
            spare.ahead(plan::Ahead::of(config));
        }
    }

    /// Makes a container; no process of it runs yet, and nothing but its record exists.
    ///
    /// Until the container's first [`start`](Container::start) or [`run`](Container::run) ends,
    /// or the handle is dropped, others see it as [`Status::Creating`](crate::Status::Creating).
    ///
    /// # Errors
    /// [`ErrorKind::IdInUse`](crate::ErrorKind::IdInUse),
    /// [`ErrorKind::InvalidId`](crate::ErrorKind::InvalidId), and everything that is wrong with
    /// the configuration, as [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig).
    pub fn create(&self, id: &str, config: Config) -> Result<Container> {
        crate::container::id::check(id)?;
        let step = || format!("creating container {id:?}");
        self.expect(&config);
        let plan = self.shared.plan(&config, id).step(step)?;
        if let Some(group) = &plan.cgroup {
            // Before a record names it: who destroys the container would end those in the group.
            let vacant = group.check_vacant().map_err(|error| match &plan.systemd {
                Some(Systemd::Unit(unit)) => unit.is_taken(error),
                _ => error,
            });
            let vacant = vacant.step(step).hint(|| GROUP_IN_USE);
            // Most likely a namesake's own.
            vacant.map_err(|error| self.shared.store.taken(id).unwrap_or(error))?;
        }
        if let Some(place) = &plan.resctrl {
            place.check().map_err(|error| config.own_words(error)).step(step)?;
        }
        let (entry, mut lock) = self.shared.store.create(id)?;
        let record = Record {
            version: VERSION,
            id: id.to_owned(),
            created: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_millis() as u64),
            cgroup: plan.cgroup.as_ref().map(|group| group.paths().clone()).unwrap_or_default(),
            cgroup_levels: config.cgroup.as_ref().map_or(0, |path| {
                path.components()
                    .filter(|part| matches!(part, std::path::Component::Normal(_)))
                    .count()
            }),
            cgroup_delegated: plan.delegated,
            systemd: plan.systemd.clone(),
            links: plan.links.clone(),
            resctrl: plan.resctrl.clone(),
            namespaces: plan.namespaces,
            chroot: plan.chroot,
            brief: Brief::of(&config),
            configured: Configured::by(config),
            init: None,
        };
        if let Err(error) = lock.write(&record) {
            let _ = self.shared.store.remove(id, &entry);
            return Err(error.within(step()));
        }
        Ok(Container::created(self.shared.clone(), entry, record, plan, lock))
    }

    /// The container of this id, made by whichever program over the same state root.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound).
    pub fn load(&self, id: &str) -> Result<Container> {
        let entry = self.shared.store.open(id)?;
        Container::loaded(self.shared.clone(), id, entry)
    }

    /// All containers, sorted by id. One whose record cannot be read is an error of its own; so is,
    /// with [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), one that goes meanwhile.
    pub fn load_all(&self) -> Result<impl Iterator<Item = Result<Container>>> {
        let all = self.shared.store.open_all()?.into_iter();
        Ok(all.flat_map(move |(root, ids)| {
            ids.into_iter().map(move |id| {
                let entry = self.shared.store.below(root.as_fd(), &id)?;
                Container::loaded(self.shared.clone(), &id, entry)
            })
        }))
    }

    /// The ids of all containers, sorted.
    pub fn list(&self) -> Result<Vec<String>> {
        self.shared.store.list()
    }
}

impl Shared {
    pub(crate) fn facts(&self) -> Result<&HostFacts> {
        match self.facts.get() {
            Some(facts) => Ok(facts),
            None => {
                let facts = HostFacts::read().step(|| "looking at the host")?;
                Ok(self.facts.get_or_init(|| facts))
            }
        }
    }

    pub(crate) fn plan(&self, config: &Config, id: &str) -> Result<plan::ContainerPlan> {
        let mountinfo = match (&config.rootfs, &config.intel_rdt) {
            (Rootfs::Directory(_), None) => Vec::new(),
            _ => host::mountinfo()?,
        };
        let labelled = config.mount_label.is_some()
            || config.mounts.iter().any(|mount| mount.relabel.is_some());
        let selinux = labelled && host::has_selinux()?;
        let scope = self.store.path().to_string_lossy();
        let (facts, mountinfo) = (self.facts()?, mountinfo.as_slice());
        plan::start(config, &Place { id, scope: &scope, facts, mountinfo, selinux })
            .map_err(|error| config.own_words(error))
    }

    /// An init that waits for its plan: the one made ahead, or a new one.
    pub(crate) fn boot(&self, lasting: bool) -> Result<Boot> {
        let spare = locked(&self.spare).take_if(|boot| boot.fits(lasting));
        spare.map_or_else(|| Boot::spawn(self.program()?, lasting), Ok)
    }

    /// Closes what an init of [`Prepared`] was executed from, when its program runs. The mount's end
    /// waits for grace periods of the kernel's: beside the program, and with no lock held.
    pub(crate) fn close_single(&self) {
        let single = locked(&self.single).take();
        drop(single);
    }

    /// Where the init program is.
    pub(crate) fn program_path(&self) -> Result<PathBuf> {
        match &self.program {
            Some(path) => Ok(std::path::absolute(path).unwrap_or_else(|_| path.clone())),
            None => Ok(std::env::current_exe().sys("readlink", || "/proc/self/exe")?),
        }
    }

    /// The init program, sealed once and reused: nobody can write to it through a container.
    pub(crate) fn program(&self) -> Result<&Sealed> {
        match self.sealed.get() {
            Some(sealed) => Ok(sealed),
            None => {
                let sealed = Sealed::new(self.program.as_deref())?;
                Ok(self.sealed.get_or_init(|| sealed))
            }
        }
    }
}
