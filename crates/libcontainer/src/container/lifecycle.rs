//! From a container's creation to its program.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::process::Pid;

use crate::container::agent::Asker;
use crate::container::child::Child;
use crate::container::exec::Streams;
use crate::container::group;
use crate::container::handle::{Container, locked};
use crate::container::kept::Kept;
use crate::container::lock::Lock;
use crate::container::process::Process;
use crate::container::record::{InitRecord, Made, Record};
use crate::error::Step;
use crate::parent::{Launch, agent_is_there, launch};
use crate::plan::{self, ContainerPlan, Descriptor, Systemd};
use crate::{Error, ErrorKind, Result, network};

/// What to do about a control group that is not this container's.
pub(super) const GROUP_IN_USE: &str = "end what runs there, or name another cgroup";

impl Container {
    /// Makes the container around its init and holds that before `process`'s program;
    /// [`release`](Container::release), from any program, lets it go.
    pub fn start(&self, process: Process) -> Result<Child> {
        self.first(process, true)
    }

    /// Makes the container and executes `process` in it as its init.
    pub fn run(&self, process: Process) -> Result<Child> {
        self.first(process, false)
    }

    fn first(&self, process: Process, hold: bool) -> Result<Child> {
        let making = locked(&self.making).take();
        // What this handle has just written need not be read again.
        let written = making.as_ref().and_then(|_| locked(&self.record).clone());
        let (lock, plan) = match making {
            Some((lock, plan)) => (lock, *plan),
            None => self.take_over()?,
        };
        let record = written.map_or_else(|| self.record(), Ok)?;
        let oci = record.config()?.oci;
        let step = || format!("starting container {:?}", self.id);
        let child = match self.launch_first(process, hold, record, &plan, &lock) {
            Ok(child) => child,
            Err(error) => {
                self.undo(&plan, &lock);
                let error = if oci { error.in_oci_terms() } else { error }.within(step());
                return Err(match error.kind() {
                    ErrorKind::HookFailed => self.after_failed_hook(error, self.remove()),
                    _ => error,
                });
            }
        };
        self.note_made(&lock, if hold { Made::Held } else { Made::Begun });
        drop(lock);
        self.shared.close_single();
        match hold {
            true => Ok(child),
            false => self.run_poststart(child).step(step),
        }
    }

    /// The first start by another handle than the one that made it.
    fn take_over(&self) -> Result<(Lock, ContainerPlan)> {
        let lock = self.entry.lock()?;
        let record = self.record()?;
        if record.init.is_some() {
            let message = match self.init()? {
                Some(_) => "runs already",
                None => "has run and stopped",
            };
            let message = format!("container {:?} {message}", self.id);
            return Err(Error::new(ErrorKind::NotStopped, message)
                .with_hint("a container is started once; destroy it and create it again"));
        }
        let plan = self.shared.plan(record.config()?, &self.id)?;
        Ok((lock, plan))
    }

    fn launch_first(
        &self,
        process: Process,
        hold: bool,
        record: Arc<Record>,
        plan: &ContainerPlan,
        lock: &Lock,
    ) -> Result<Child> {
        let config = record.config()?;
        let mut kept = Kept::default();
        let filters = kept.filters(self.shared.store.path(), config)?;
        let (process_plan, mut warnings) = plan::process_of(
            config,
            &process.spec,
            &filters,
            &record.keyring(),
            hold,
            config.landlock_version(),
        )?;
        if let Some(agent) = process_plan.listener.as_ref().filter(|_| hold) {
            agent_is_there(agent)?;
        }
        // Spawned first: it starts up while the control group is made.
        let mut boot = self.shared.boot(process_plan.parent_death_signal.is_some())?;
        boot.ahead(plan::Ahead::of(config));
        let idle = process_plan.args.is_empty();
        warnings.splice(..0, plan.warnings.iter().cloned());
        let mut orders = plan::first(plan, process_plan, hold);
        let mut streams = Streams::open(process, orders.process.terminal)?;
        self.make_rdt(&record)?;
        let group_directory = self.make_group(plan, boot.pid(), &plan.resources)?;
        let start_socket = match hold {
            true => Some(self.entry.make_start_socket()?),
            false => None,
        };
        let mut descriptors = streams.descriptors(&mut orders.descriptors);
        if let Some(directory) = &group_directory {
            orders.descriptors.push(Descriptor::Cgroup);
            descriptors.push(directory.as_fd());
        }
        if let Some(socket) = &start_socket {
            orders.descriptors.push(Descriptor::StartSocket);
            descriptors.push(socket.as_fd());
        }
        self.enter_delegated(plan, boot.pid())?;
        let mut completed = Record::clone(&record);
        // While it is held, devices in there can be put back.
        let mut network = None;
        let launched = launch(
            boot,
            Launch {
                plan: orders,
                descriptors,
                maps: (&config.uid_mappings, &config.gid_mappings),
                meanwhile: &mut || match &plan.cgroup {
                    Some(group) if !plan.delegated => {
                        Ok(group.set_first(&plan.resources, &self.shared.device_programs)?)
                    }
                    _ => Ok(()),
                },
                born: &mut |pid, pidfd| {
                    completed.init = Some(InitRecord { idle, ..InitRecord::of(pid, pidfd)? });
                    lock.write_init(completed.init)?;
                    network = self.born(pid, plan, &completed)?;
                    Ok(())
                },
                hooks: &mut |pid, socket| self.run_creators_hooks(config, pid, socket),
                agent: &mut |pid, listener| {
                    let pid = pid.as_raw_nonzero().get();
                    let asker = Asker { pid, init: pid, status: "creating" };
                    self.tell_agent(&asker, listener)
                },
                frozen: &|| false,
            },
        );
        if launched.is_err() && !plan.devices.is_empty() {
            // What fails here, destroy tries again and reports.
            let _ = self.return_devices(network.as_ref().map(AsFd::as_fd));
        }
        let launched = launched?;
        kept.keep();
        // A note that stays only makes destroy look for what is gone.
        let _ = self.keep_devices(&plan.devices);
        let mut child =
            Child::init(launched.pid, launched.pidfd, plan.start.namespaces.joins_pid());
        child.terminal = launched.terminal;
        warnings.extend(launched.warnings);
        child.warnings = warnings;
        streams.hand_over(&mut child);
        *locked(&self.record) = Some(Arc::new(completed));
        Ok(child)
    }

    /// Makes the control group. A scope of systemd's has stage 0 in it from its first moment.
    /// What it begins with there is `limits`.
    pub(super) fn make_group(
        &self,
        plan: &ContainerPlan,
        boot: Pid,
        limits: &cgroups::Resources,
    ) -> Result<Option<OwnedFd>> {
        let Some(group) = &plan.cgroup else { return Ok(None) };
        let host = || Ok::<_, Error>(&self.shared.facts()?.cgroups);
        let made = match &plan.systemd {
            None => group.create(),
            Some(Systemd::Shared(shared)) => {
                let program = self.shared.program_path()?;
                shared.make(host()?, &program).and_then(|()| group.create())
            }
            Some(Systemd::Unit(unit)) => unit
                .start(host()?, boot, limits, &plan.properties)
                .and_then(|()| group.create_around(boot)),
        };
        match made {
            Err(error @ cgroups::Error::UnitExists { .. }) => {
                self.disown_group()?;
                return Err(error.into());
            }
            Err(error @ cgroups::Error::InUse { .. }) => {
                self.disown_group()?;
                return Err(Error::from(error).with_hint(GROUP_IN_USE));
            }
            result => result?,
        }
        Ok(group.directory()?)
    }

    /// The group is somebody else's: the record names it no longer, so that what cleans up after
    /// this container does not end that one's processes.
    fn disown_group(&self) -> Result<()> {
        let mut record = Record::clone(&*self.record()?);
        record.cgroup.clear();
        record.systemd = None;
        self.entry.rewrite(&record)?;
        *locked(&self.record) = Some(Arc::new(record));
        Ok(())
    }

    /// Everything the creator does once stage 1 exists, and is in the record. With its
    /// network namespace, where devices of the host have been moved there.
    fn born(&self, pid: Pid, plan: &ContainerPlan, record: &Record) -> Result<Option<OwnedFd>> {
        match &plan.cgroup {
            // It was born there; stage 0, which counted as well, may be gone by now.
            Some(group) if plan.delegated => group::set_limits(group, &plan.resources, true)?,
            Some(group) => group.attach(pid)?,
            None => {}
        }
        if let (Some(group), Some(uid)) = (&plan.cgroup, plan.cgroup_owner) {
            // Not before: who has entered a user namespace may let nobody be born in another's.
            group.give_to(uid)?;
        }
        if let (Some(group), Some(_)) = (&plan.cgroup, plan.late_pids) {
            let late = cgroups::Resources { pids: plan.late_pids, ..Default::default() };
            group.set(&late)?;
            if let Some(Systemd::Unit(unit)) = &plan.systemd {
                unit.set(group, &late)?;
            }
        }
        if !plan.links.is_empty() {
            let namespace = crate::procfs::Procfs::open()?
                .open_link(format!("{}/ns/net", pid.as_raw_nonzero()))
                .step(|| "reaching the container's network for a veth pair")
                .hint(|| "that takes CAP_NET_ADMIN and CAP_SYS_ADMIN on the host")?;
            network::attach(&plan.links, namespace.as_fd())?;
        }
        if let Some(place) = &record.resctrl {
            place.assign(pid.as_raw_nonzero().get())?;
        }
        self.take_devices(&plan.devices, pid)
    }

    /// Takes back what a failed start made; the record stays, and names nothing that is there.
    pub(super) fn undo(&self, plan: &ContainerPlan, lock: &Lock) {
        // What fails here, destroy tries again and reports.
        if let Some(group) = self.recorded_group() {
            let _ = self.stop_unit();
            let _ = group.destroy();
            let _ = group.prune(self.levels());
        }
        let _ = network::detach(&plan.links);
        if let Ok(Some(mut record)) = self.entry.read(&self.id) {
            if let Some(place) = &record.resctrl {
                let _ = place.remove();
            }
            if record.init.take().is_some() {
                let _ = lock.write_init(None);
            }
            *locked(&self.record) = Some(Arc::new(record));
        }
    }

    /// Stops the unit that systemd has made for it, if any, and forgets it.
    pub(super) fn stop_unit(&self) -> Result<()> {
        let record = self.record()?;
        let Some(Systemd::Unit(unit)) = &record.systemd else { return Ok(()) };
        // Who was killed before he knew that the unit is his may have met another's.
        let doubtful = record.init.is_none();
        match unit.stop(doubtful) {
            // With systemd, its units have gone.
            Err(cgroups::Error::NoSystemd { .. }) => Ok(()),
            stopped => Ok(stopped?),
        }
    }

    /// Moves stage 0 where only its user may, or not even he.
    fn enter_delegated(&self, plan: &ContainerPlan, boot: Pid) -> Result<()> {
        let Some(group) = plan.cgroup.as_ref().filter(|_| plan.delegated) else { return Ok(()) };
        match &plan.systemd {
            // It has been made around it.
            Some(Systemd::Unit(_)) => Ok(()),
            systemd => self.lead_into(group, systemd.as_ref(), boot),
        }
    }

    /// Moves a stage 0 of an unprivileged user's, while it is still this user's own, so that
    /// stage 1 may be born in the group.
    pub(super) fn lead_into(
        &self,
        group: &cgroups::Manager,
        systemd: Option<&Systemd>,
        boot: Pid,
    ) -> Result<()> {
        let Some(systemd) = systemd else {
            // Version 1 lets a user move who has his own user id: stage 1 may soon have another.
            return Ok(group.attach(boot)?);
        };
        let host = &self.shared.facts()?.cgroups;
        if group.may_enter(host)? {
            return Ok(());
        }
        match systemd {
            Systemd::Shared(shared) => Ok(shared.attach(host, group, boot)?),
            Systemd::Unit(unit) => Ok(unit.attach(boot)?),
        }
    }

    fn levels(&self) -> usize {
        self.record().map_or(0, |record| record.cgroup_levels.saturating_sub(1))
    }

    pub(super) fn recorded_group(&self) -> Option<cgroups::Manager> {
        self.cgroup().ok().flatten()
    }
}
