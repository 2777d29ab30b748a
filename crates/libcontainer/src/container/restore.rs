//! A container is brought back by CRIU.

mod groups;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::thread::{self, ScopedJoinHandle};

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use sys::Context;
use sys::namespace::flag;

use crate::checkpoint::{
    CgroupsMode, Directories, Failure, Message, Note, Program, Response, RestoreOptions, Stream,
    Type, check_contents, devices_of, option, sources_of,
};
use crate::config::{Config, NamespaceKind, Rootfs};
use crate::container::checkpoint::{
    EXTERNAL_NETWORK, EXTERNAL_PIDS, check, check_features, common, groups, joined, refused,
};
use crate::container::child::Child;
use crate::container::exec::Streams;
use crate::container::factory::Factory;
use crate::container::handle::{Container, locked};
use crate::container::lock::Lock;
use crate::container::process::Process;
use crate::container::record::{InitRecord, Made, Record};
use crate::error::Step;
use crate::parent::{Boot, RunningCriu, null};
use crate::plan::{ContainerPlan, CriuPlan, Layout};
use crate::{Error, ErrorKind, Result, network};

impl Factory {
    /// Brings a saved container back, as [`create`](Factory::create) and
    /// [`restore`](Container::restore) do. A container of this id that is
    /// [`Checkpointed`](crate::Status::Checkpointed) makes place for it.
    ///
    /// # Errors
    /// As of these two. Nothing is left then.
    pub fn restore(
        &self,
        id: &str,
        config: Config,
        process: Process,
        options: &RestoreOptions,
    ) -> Result<(Container, Child)> {
        let step = || format!("restoring container {id:?}");
        // Who cannot is told that, and not of what else there is.
        Program::find(options.criu.program.as_deref()).step(step)?;
        if let Ok(saved) = self.load(id)
            && saved.status()?.can_restore()
        {
            // It is not given up for what cannot be restored.
            options.check().step(step)?;
            saved.destroy().step(step)?;
        }
        let container = self.create(id, config)?;
        match container.restore(process, options) {
            Ok(child) => Ok((container, child)),
            Err(error) => {
                self.dismiss();
                Err(match container.destroy() {
                    Ok(_) => error,
                    Err(left) => error.with_hint(format!("and something is left: {left}")),
                })
            }
        }
    }
}

impl RestoreOptions {
    /// Looks whether there is something to restore, and CRIU to do it: [`Container::restore`]
    /// does so, too.
    ///
    /// # Errors
    /// What is missing, or has been tampered with.
    pub fn check(&self) -> Result<()> {
        Program::find(self.criu.program.as_deref())?;
        let directories = Directories::check(&self.criu, LOG)?;
        Note::read(directories.images.as_fd()).map(|_| ())
    }
}

/// What CRIU's log is called.
const LOG: &str = "restore.log";

/// Where it comes back from.
struct Source<'a> {
    directories: Directories,
    note: Note,
    options: &'a RestoreOptions,
}

/// Whether its hooks have made the network: there were devices that we know nothing of. They make
/// it again (as Docker's do, on its bridge), and CRIU has to keep off.
fn hooks_fill_network(source: &Source<'_>, record: &Record) -> Result<bool> {
    let hooks = &record.config()?.hooks;
    if hooks.prestart.is_empty() && hooks.create_runtime.is_empty() {
        return Ok(false);
    }
    let devices = devices_of(source.directories.images.as_fd())?;
    Ok(devices.iter().any(|name| !record.links.iter().any(|link| link.peer_name == *name)))
}

/// Whether a path of the host's is reached when /tmp is covered.
fn is_outside_tmp(path: &Path) -> bool {
    let is_outside = |path: &Path| !path.starts_with("/tmp") && path != Path::new("/");
    is_outside(path) && path.canonicalize().is_ok_and(|real| is_outside(&real))
}

/// Whether configuration and checkpoint are of one kind.
fn check_note(config: &Config, note: &Note) -> Result<()> {
    if !matches!(config.rootfs, Rootfs::Directory(_)) {
        return Err(refused("its root must be a directory"));
    }
    let pairs =
        [(NamespaceKind::Network, note.external_network), (NamespaceKind::Pid, note.external_pids)];
    for (kind, external) in pairs {
        if joined(config, kind) != external {
            let (was, is) = match external {
                true => ("had", "names none"),
                false => ("did not have", "names one"),
            };
            let message = format!(
                "the saved container {was} another's {} namespace, and the configuration {is}",
                kind.proc_name()
            );
            return Err(refused(&message));
        }
    }
    if config.process.terminal != note.terminal {
        let (was, is) = if note.terminal { ("a", "none") } else { ("no", "one") };
        let message =
            format!("the saved container had {was} terminal, and the configuration has {is}");
        return Err(Error::invalid("process.terminal", message));
    }
    Ok(())
}

impl Container {
    /// Brings a saved container back in the place of a first process: as this one, with what its
    /// configuration names of the host (its root, the sources of its binds, its control group and
    /// limits) and the streams of `process`, whose other parts are as they were saved.
    ///
    /// Its `prestart`, `createRuntime` and `poststart` hooks run; `createContainer` and
    /// `startContainer` hooks do not, since what they made comes back.
    ///
    /// # Errors
    /// [`ErrorKind::System`] with CRIU's own words and the place of its log. No process is left
    /// then; the container is there, for [`destroy`](Container::destroy) to remove.
    pub fn restore(&self, process: Process, options: &RestoreOptions) -> Result<Child> {
        let step = || format!("restoring container {:?}", self.id);
        let Some((lock, plan)) = locked(&self.making).take() else {
            let message = "only a container that was just created can be restored";
            return Err(Error::new(ErrorKind::NotStopped, message).within(step()));
        };
        match self.bring_back(process, options, &plan, &lock) {
            Ok(child) => {
                self.note_made(&lock, Made::Begun);
                drop(lock);
                self.run_poststart(child)
            }
            Err(error) => {
                let killed = self.kill();
                self.undo(&plan, &lock);
                Err(match killed {
                    Ok(()) => error,
                    Err(left) => error.with_hint(format!("and something is left: {left}")),
                })
            }
        }
        .step(step)
    }

    fn bring_back(
        &self,
        process: Process,
        options: &RestoreOptions,
        plan: &ContainerPlan,
        lock: &Lock,
    ) -> Result<Child> {
        let directories = Directories::check(&options.criu, LOG)?;
        let note = Note::read(directories.images.as_fd())?;
        check_contents(directories.images.as_fd(), options.cgroups != CgroupsMode::Ignore)?;
        let program = Program::find(options.criu.program.as_deref())?;
        let record = self.record()?;
        check_note(record.config()?, &note)?;
        let source = Source { directories, note, options };
        self.try_bring_back(process, program, &source, &record, plan, lock)
    }

    fn try_bring_back(
        &self,
        process: Process,
        program: Program,
        source: &Source<'_>,
        record: &Record,
        plan: &ContainerPlan,
        lock: &Lock,
    ) -> Result<Child> {
        let config = record.config()?;
        check(config, record)?;
        let mut rootfs =
            plan.start.rootfs.clone().ok_or_else(|| refused("it has no root of its own"))?;
        let groups = plan.cgroup.iter().flat_map(|group| group.paths().values());
        let groups: Vec<_> = groups.collect();
        for source in &mut rootfs.sources {
            // They are made while it is laid out, and there before CRIU mounts them.
            source.optional |= groups.iter().any(|group| source.path.starts_with(group));
        }
        let place = self.shared.store.path().to_owned();
        let mut needed = vec![place.as_path(), program.path()];
        needed.extend(source.options.criu.config.as_deref());
        needed.extend(config.namespaces.iter().filter_map(|one| one.path.as_deref()));
        needed.extend(rootfs.sources.iter().map(|source| source.path.as_path()));
        let covers_tmp = needed.into_iter().all(is_outside_tmp);
        let (top, images) = source.directories.together()?;
        let layout = Layout { place, rootfs, images, covers_tmp };
        let mut streams = Streams::open(process, config.process.terminal)?;
        let null = null()?;
        let given = Given::of(source, record, &streams, &null)?;
        let message = self.restore_options(source, record, plan, &layout, &given)?;
        self.make_rdt(record)?;
        let orders = program.plan(false, Some(layout));
        let work = source.directories.work.as_fd();
        let mut descriptors = vec![null.as_fd(), top.as_fd(), work];
        descriptors.extend(given.descriptors.iter().map(|(_, fd)| fd.as_fd()));
        // Not one that was made ahead: that may be in a network namespace of its own by now.
        let boot = Boot::spawn(self.shared.program()?, false)?;
        if let (CgroupsMode::Strict, Some(group)) = (source.options.cgroups, &plan.cgroup)
            && let Some(path) = group.paths().values().find(|path| path.exists())
        {
            let message = format!("the control group {} is there already", path.display());
            return Err(refused(&message));
        }
        let mut back = Back { lock, completed: record.clone(), init: None, terminal: None };
        // Groups take their time, and who moves between them waits for all processors, 6 ms and more:
        // meanwhile CRIU starts, and later works.
        thread::scope(|scope| {
            let criu = boot.pid();
            let entering = scope.spawn(move || {
                // Limits come when CRIU has done.
                self.make_group(plan, criu, &cgroups::Resources::default())?;
                self.enter_group(plan, criu)
            });
            let (running, socket) =
                RunningCriu::launch(boot, orders, &descriptors).step(|| "starting CRIU")?;
            let called = || {
                let session = program.greet(socket).map_err(Failure::Ours)?;
                let lazy = source.options.lazy_pages;
                check_features(&session, false, lazy).map_err(Failure::Ours)?;
                ended(entering).map_err(Failure::Ours)?;
                let mut leaving = None;
                let notified = &mut |heard: &Response, descriptor: Option<OwnedFd>| {
                    if heard.script == "post-restore" {
                        leaving.take().map_or(Ok(()), ended)?;
                    }
                    self.heard(heard, descriptor, plan, &session, &mut back)?;
                    if heard.script == "setup-namespaces" {
                        leaving = Some(scope.spawn(move || self.leave_group(plan, criu)));
                    }
                    Ok(())
                };
                session.call(Type::Restore, Some(&message), notified)
            };
            let called = called();
            running.finish();
            called.map_err(|error| source.directories.explain(error))
        })?;
        let Some((pid, pidfd)) = back.init else {
            return Err(refused("CRIU did not tell of the first process"));
        };
        *locked(&self.record) = Some(back.completed.into());
        let guest = plan.start.namespaces.joins_pid();
        let mut child = Child::init(pid, pidfd, guest);
        child.terminal = back.terminal;
        child.warnings = plan.warnings.clone();
        streams.hand_over(&mut child);
        Ok(child)
    }

    /// What CRIU tells on its way.
    fn heard(
        &self,
        heard: &Response,
        descriptor: Option<OwnedFd>,
        plan: &ContainerPlan,
        session: &crate::checkpoint::Session,
        back: &mut Back<'_>,
    ) -> Result<()> {
        match heard.script.as_str() {
            "setup-namespaces" => {
                let pid = heard.script_pid.and_then(Pid::from_raw);
                let pid = pid.ok_or_else(|| refused("CRIU named no process"))?;
                let pidfd = pidfd_open(pid, PidfdFlags::empty()).sys("pidfd_open", || "")?;
                back.completed.init = Some(InitRecord::of(pid, pidfd.as_fd())?);
                back.lock.write_init(back.completed.init)?;
                back.init = Some((pid, pidfd));
                self.run_creators_hooks(back.completed.config()?, pid, session.as_fd())
            }
            "orphan-pts-master" => {
                back.terminal = descriptor;
                Ok(())
            }
            // All is there, and stands still.
            "post-restore" => {
                network::adopt(&plan.links)?;
                self.limit(plan)
            }
            _ => Ok(()),
        }
    }

    fn restore_options(
        &self,
        source: &Source<'_>,
        record: &Record,
        plan: &ContainerPlan,
        layout: &Layout,
        given: &Given<'_>,
    ) -> Result<Message> {
        let Source { directories, note, options } = source;
        let mut message = common(&options.criu, directories);
        message
            .text(option::ROOT, layout.root().as_os_str().as_encoded_bytes())
            .flag(option::RST_SIBLING, true)
            .flag(option::EXT_UNIX_SK, options.external_unix_sockets)
            .flag(option::TCP_ESTABLISHED, options.tcp_established)
            .flag(option::SHELL_JOB, options.shell_job)
            .flag(option::FILE_LOCKS, options.file_locks)
            .flag(option::AUTO_DEDUP, options.auto_dedup)
            .flag(option::LAZY_PAGES, options.lazy_pages)
            .flag(option::ORPHAN_PTS_MASTER, note.terminal);
        let mode = match options.cgroups {
            _ if plan.cgroup.is_none() => CgroupsMode::Ignore,
            // That the group was not there has been seen; now it is.
            CgroupsMode::Strict => CgroupsMode::Full,
            mode => mode,
        };
        groups(&mut message, mode);
        for (controller, path) in self.group_roots(plan)? {
            let mut root = Message::default();
            if !controller.is_empty() {
                root.text(1, controller.as_bytes());
            }
            root.text(2, path.as_bytes());
            message.nested(option::CG_ROOT, &root);
        }
        let mounts = sources_of(layout, &note.mounts).map_err(|key| {
            let message = format!(
                "the saved container has something of the host's at {key}, and the \
                         configuration has not"
            );
            Error::invalid("mounts", message)
        })?;
        for (key, place) in mounts {
            message.text(option::EXTERNAL, format!("mnt[{key}]:{}", place.display()).as_bytes());
        }
        for veth in &record.links {
            message.text(option::EXTERNAL, veth.for_criu().as_bytes());
        }
        for (number, (key, _)) in (CriuPlan::INHERITED..).zip(&given.descriptors) {
            let mut inherit = Message::default();
            inherit.text(1, key.as_bytes()).signed(2, number);
            message.nested(option::INHERIT_FD, &inherit);
        }
        for namespace in &record.config()?.namespaces {
            let told = matches!(namespace.kind, NamespaceKind::Network | NamespaceKind::Pid);
            if let (Some(path), false) = (&namespace.path, told) {
                let mut join = Message::default();
                join.text(1, namespace.kind.proc_name().as_bytes());
                join.text(2, path.as_os_str().as_encoded_bytes());
                message.nested(option::JOIN_NS, &join);
            }
        }
        if options.empty_network || hooks_fill_network(source, record)? {
            message.number(option::EMPTY_NS, flag::NETWORK);
        }
        if let Some(profile) = &options.lsm_profile {
            message.text(option::LSM_PROFILE, profile.as_bytes());
        }
        if let Some(context) = &options.lsm_mount_context {
            message.text(option::LSM_MOUNT_CONTEXT, context.as_bytes());
        }
        Ok(message)
    }
}

/// What a thread has come to.
fn ended(thread: ScopedJoinHandle<'_, Result<()>>) -> Result<()> {
    thread.join().map_err(|_| Error::new(ErrorKind::System, "a thread has ended"))?
}

/// What has come back so far.
struct Back<'a> {
    /// Whose holder adds to the record.
    lock: &'a Lock,
    completed: Record,
    init: Option<(Pid, OwnedFd)>,
    terminal: Option<OwnedFd>,
}

/// Open files of the host's that the container gets, by CRIU's names for them.
struct Given<'a> {
    descriptors: Vec<(String, Descriptor<'a>)>,
}

/// One of ours, or one that was opened for it.
enum Descriptor<'a> {
    Borrowed(BorrowedFd<'a>),
    Owned(OwnedFd),
}

impl AsFd for Descriptor<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Borrowed(fd) => *fd,
            Self::Owned(fd) => fd.as_fd(),
        }
    }
}

impl<'a> Given<'a> {
    fn of(
        source: &Source<'_>,
        record: &Record,
        streams: &'a Streams,
        null: &'a OwnedFd,
    ) -> Result<Self> {
        let mut descriptors = Vec::new();
        for (key, stream) in &source.note.streams {
            let fd = match stream {
                Stream::Stdin => streams.given_at(0),
                Stream::Stdout => streams.given_at(1),
                Stream::Stderr => streams.given_at(2),
                Stream::Null => null.as_fd(),
            };
            descriptors.push((key.clone(), Descriptor::Borrowed(fd)));
        }
        let pairs =
            [(NamespaceKind::Network, EXTERNAL_NETWORK), (NamespaceKind::Pid, EXTERNAL_PIDS)];
        for (kind, name) in pairs {
            let mut all = record.config()?.namespaces.iter();
            if let Some(path) = all.find(|one| one.kind == kind).and_then(|one| one.path.as_ref()) {
                let file = std::fs::File::open(path).sys("open", || path.display().to_string())?;
                descriptors.push((name.to_owned(), Descriptor::Owned(file.into())));
            }
        }
        Ok(Self { descriptors })
    }
}
