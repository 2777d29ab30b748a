//! Further processes of a running container, and the streams of all.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use cgroups::Manager;
use rustix::fs::{Mode, OFlags, open};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Pid;
use sys::Context;
use sys::namespace::flag;

use crate::config::Config;
use crate::container::agent::Asker;
use crate::container::child::Child;
use crate::container::group;
use crate::container::handle::Container;
use crate::container::kept::Kept;
use crate::container::process::{Process, Stdio};
use crate::container::unwaited::Started;
use crate::error::Step;
use crate::init::STAGE_1;
use crate::parent::{Launch, Launched, launch};
use crate::plan::capabilities::SYS_PTRACE;
use crate::plan::process::ProcessPlan;
use crate::plan::{self, Descriptor, InitPlan, Systemd};
use crate::procfs::Procfs;
use crate::{Error, ErrorKind, Result, Status};

impl Container {
    /// Executes a further process in the running container, and returns when its program runs.
    ///
    /// # Errors
    /// [`ErrorKind::NotRunning`], [`ErrorKind::Paused`], and
    /// [`ErrorKind::ProcessNotExecuted`] where the program cannot be executed.
    pub fn exec(&self, process: Process) -> Result<Child> {
        self.join(process).step(|| format!("executing in container {:?}", self.id))
    }

    fn join(&self, process: Process) -> Result<Child> {
        let (status, init) = self.status_and_init()?;
        match status {
            status if status.can_exec() => {}
            Status::Paused if process.ignore_paused => {}
            Status::Paused => {
                let error = Error::new(ErrorKind::Paused, "container paused");
                return Err(error.with_hint("resume it first"));
            }
            _ => return Err(Error::new(ErrorKind::NotRunning, "container not running")),
        }
        let (pid, pidfd) = init.ok_or_else(|| self.no_init())?;
        if !self.is_complete() && still_builds(pid)? {
            let message = "container not running: its init still builds it";
            return Err(Error::new(ErrorKind::NotRunning, message));
        }
        let record = self.record()?;
        let config = record.config()?;
        let mut kept = Kept::default();
        let filters = kept
            .filters(self.shared.store.path(), config)
            .map_err(|error| config.own_words(error))?;
        let (process_plan, mut warnings) = plan::process_of(
            config,
            &process.spec,
            &filters,
            &record.keyring(),
            false,
            config.landlock_version(),
        )
        .map_err(|error| config.own_words(error))?;
        let orders = plan::join(record.namespaces, record.chroot, process_plan);
        let root = match record.chroot {
            true => Some(Procfs::open()?.open_link(format!("{pid}/root"))?),
            false => None,
        };
        let ignore_paused = process.ignore_paused;
        let own = process.cgroups.is_empty();
        let group = self.group_below(&process.cgroups)?;
        let mut streams = Streams::open(process, orders.process.terminal)?;
        let delegated = record.cgroup_delegated;
        let watched = record.namespaces & flag::CGROUP != 0
            && may_trace(config, &orders.process, record.namespaces);
        let joining = Joining {
            orders,
            streams: &streams,
            pid,
            init: &pidfd,
            root,
            ignore_paused,
            delegated,
            systemd: record.systemd.clone(),
            watched,
        };
        let mut launched = self.launch_into(group, &joining);
        if let Err(error) = &launched
            && own
            && group::is_unfit(error)
            && let Some(group) = self.group_of_init(pid)
        {
            launched = self.launch_into(Some(group), &joining);
        }
        let launched = launched.map_err(|error| config.own_words(error))?;
        self.shared.close_single();
        kept.keep();
        let mut child = Child::executed(launched.pid, launched.pidfd);
        child.terminal = launched.terminal;
        warnings.extend(launched.warnings);
        child.warnings = warnings;
        streams.hand_over(&mut child);
        Ok(child)
    }

    fn launch_into(&self, group: Option<Manager>, joining: &Joining<'_>) -> Result<Launched> {
        let mut orders = joining.orders.clone();
        let boot = self.shared.boot(orders.process.parent_death_signal.is_some())?;
        let directory = match &group {
            // Born in it, or, lest CAP_SYS_ADMIN is needed after the birth, moved there.
            Some(group) if !joining.watched => group.directory()?,
            _ => None,
        };
        let mut descriptors = joining.streams.descriptors(&mut orders.descriptors);
        let moved = match &directory {
            Some(directory) => joining.is_moved_into(directory.as_fd())?,
            None => false,
        };
        let others = [
            (Descriptor::Init, Some(joining.init)),
            (Descriptor::Cgroup, directory.as_ref().filter(|_| !moved)),
            (Descriptor::Root, joining.root.as_ref()),
        ];
        for (purpose, fd) in others {
            if let Some(fd) = fd {
                orders.descriptors.push(purpose);
                descriptors.push(fd.as_fd());
            }
        }
        if let Some(group) = group.as_ref().filter(|_| joining.delegated) {
            // As for the first process: before its user id changes.
            self.lead_into(group, joining.systemd.as_ref(), boot.pid())?;
        }
        let frozen = || {
            let freezing = |group: &Manager| group.freezing().unwrap_or(false);
            !joining.ignore_paused && group.as_ref().is_some_and(freezing)
        };
        let mut born = None;
        let launched = launch(
            boot,
            Launch {
                plan: orders,
                descriptors,
                maps: (&[], &[]),
                meanwhile: &mut || Ok(()),
                born: &mut |pid: Pid, pidfd: BorrowedFd<'_>| {
                    born = pidfd.try_clone_to_owned().ok();
                    match &group {
                        Some(group) if moved => Ok(group.attach_v2(pid)?),
                        Some(group) if joining.watched => {
                            group.attach(pid)?;
                            Ok(group.attach_v2(pid)?)
                        }
                        Some(group) if !joining.delegated => Ok(group.attach(pid)?),
                        _ => Ok(()),
                    }
                },
                hooks: &mut |_, _| Ok(()),
                agent: &mut |process, listener| {
                    let process = process.as_raw_nonzero().get();
                    let asker = Asker { pid: process, init: joining.pid, status: "running" };
                    self.tell_agent(&asker, listener)
                },
                frozen: &frozen,
            },
        );
        if launched.is_err()
            && let Some(pidfd) = born
        {
            // One that came into a paused container dies only when that is resumed or killed.
            Started::executed(pidfd);
        }
        launched
    }
}

/// A process that is to join, but for the control group.
struct Joining<'a> {
    orders: InitPlan,
    streams: &'a Streams,
    /// The container's init.
    pid: i32,
    init: &'a OwnedFd,
    /// The container's root, where that cannot be entered with its mount namespace.
    root: Option<OwnedFd>,
    ignore_paused: bool,
    /// The container's control group was delegated to its creator.
    delegated: bool,
    /// What systemd has to do with that group.
    systemd: Option<Systemd>,
    /// A process of the container's may trace it, and it must enter a cgroup namespace.
    watched: bool,
}

/// Whether somebody in the container may trace the host's processes, had he only seen them.
fn may_trace(config: &Config, process: &ProcessPlan, namespaces: u64) -> bool {
    let configured = config.process.capabilities.as_ref();
    let configured =
        configured.and_then(|sets| plan::capabilities::resolve(sets, &mut Vec::new()).ok());
    let all = configured.map_or(0, |sets| sets.all()) | process.capabilities.all();
    namespaces & flag::USER == 0 && all & SYS_PTRACE != 0
}

impl Joining<'_> {
    /// Whether it must be moved into this group, which is the container's user's to divide: stage 0
    /// will have given up what it takes to let somebody be born in another's.
    fn is_moved_into(&self, directory: BorrowedFd<'_>) -> Result<bool> {
        if self.delegated {
            return Ok(false);
        }
        let owner = rustix::fs::fstat(directory).sys("fstat", || "a control group")?.st_uid;
        Ok(owner != rustix::process::geteuid().as_raw())
    }
}

/// Whether an init has not come to its program, nor to waiting before it. Its creator's lock says
/// so too, until that is killed: then there is a moment in which init is alive, half-way, with the
/// host's file systems still in view.
fn still_builds(pid: i32) -> Result<bool> {
    let name = Procfs::open()?.read(format!("{pid}/comm"))?;
    Ok(name.strip_suffix(b"\n") == Some(STAGE_1.to_bytes()))
}

/// The streams of a process to be: what it gets, and what its creator keeps.
pub(super) struct Streams {
    /// The number that the program finds each at; what is inherited is not here.
    given: Vec<(i32, OwnedFd)>,
    kept: [Option<OwnedFd>; 3],
}

impl Streams {
    pub(super) fn open(process: Process, terminal: bool) -> Result<Self> {
        let mut streams = Self { given: Vec::new(), kept: [None, None, None] };
        let three = [process.stdin, process.stdout, process.stderr];
        for (number, stdio) in (0..).zip(three) {
            // A terminal takes the place of all three.
            if !terminal {
                streams.add(number, stdio)?;
            }
        }
        streams.given.extend((3..).zip(process.extra_fds));
        Ok(streams)
    }

    fn add(&mut self, number: i32, stdio: Stdio) -> Result<()> {
        let given = match stdio {
            Stdio::Inherit => return Ok(()),
            Stdio::Fd(fd) => fd,
            Stdio::Null => open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
                .sys("open", || "/dev/null")?,
            Stdio::Pipe => {
                let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).sys("pipe", || "")?;
                let (given, kept) = if number == 0 { (reader, writer) } else { (writer, reader) };
                self.kept[number as usize] = Some(kept);
                given
            }
        };
        self.given.push((number, given));
        Ok(())
    }

    pub(super) fn descriptors(&self, purposes: &mut Vec<Descriptor>) -> Vec<BorrowedFd<'_>> {
        purposes.extend(self.given.iter().map(|(number, _)| Descriptor::Program(*number)));
        self.given.iter().map(|(_, fd)| fd.as_fd()).collect()
    }

    /// What the program would find at 0, 1 or 2: this program's own where nothing else was said.
    pub(super) fn given_at(&self, number: i32) -> BorrowedFd<'_> {
        match self.given.iter().find(|(given, _)| *given == number) {
            Some((_, fd)) => fd.as_fd(),
            None if number == 0 => rustix::stdio::stdin(),
            None if number == 1 => rustix::stdio::stdout(),
            None => rustix::stdio::stderr(),
        }
    }

    pub(super) fn hand_over(&mut self, child: &mut Child) {
        let [stdin, stdout, stderr] = self.kept.each_mut().map(|end| end.take().map(File::from));
        (child.stdin, child.stdout, child.stderr) = (stdin, stdout, stderr);
    }
}
