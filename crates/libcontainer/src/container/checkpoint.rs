//! A container is saved by CRIU.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use sys::Context;
use sys::namespace::flag;

use crate::checkpoint::{
    CgroupsMode, CheckpointOptions, Criu, Directories, Failure, Message, Mounts, Note, PageServer,
    Program, Response, Session, Type, check_pipes, forget_positions, has_label, keys_of,
    look_outside, option, unlock_network,
};
use crate::config::{Config, Mount, NamespaceKind};
use crate::container::child;
use crate::container::handle::Container;
use crate::container::record::Record;
use crate::error::Step;
use crate::parent::{Boot, RunningCriu, null};
use crate::plan::CriuPlan;
use crate::plan::mounts::RootSource;
use crate::procfs::Procfs;
use crate::{Error, ErrorKind, Result, Status};

/// How long killed processes may take to end.
const END: rustix::time::Timespec = rustix::time::Timespec { tv_sec: 10, tv_nsec: 0 };

/// The names by which joined namespaces are known to CRIU, at a restore as well.
pub(super) const EXTERNAL_NETWORK: &str = "extRootNetNS";
pub(super) const EXTERNAL_PIDS: &str = "extRootPidNS";

impl Container {
    /// Saves all of its processes in a directory, from which
    /// [`Factory::restore`](crate::Factory::restore) brings them back, and ends them, unless they
    /// are to go on. It is [`Status::Checkpointed`] then.
    ///
    /// # Errors
    /// [`ErrorKind::NotRunning`]; [`ErrorKind::System`] with CRIU's own words and the place of its
    /// log, and then it goes on as before.
    pub fn checkpoint(&self, options: &CheckpointOptions) -> Result<()> {
        self.save(options).step(|| format!("checkpointing container {:?}", self.id))
    }

    fn save(&self, options: &CheckpointOptions) -> Result<()> {
        let status = self.status()?;
        if !status.can_checkpoint() {
            let message = format!("a container that is {} cannot be saved", status.name());
            return Err(Error::new(ErrorKind::NotRunning, message));
        }
        let (pid, pidfd) = self.living_init()?;
        let record = self.record()?;
        let program = Program::find(options.criu.program.as_deref())?;
        if options.lazy_pages {
            check_pipes()?;
        }
        let directories = Directories::make(&options.criu, "dump.log")?;
        let inside = self.look(&record, pid, options)?;
        let message = self.dump_options(options, &record, pid, &directories, &inside)?;
        if !options.pre_dump {
            inside.note.write(directories.images.as_fd()).step(|| "noting what CRIU does not")?;
        }
        let null = null()?;
        let plan = program.plan(true, None);
        let mut descriptors =
            vec![null.as_fd(), directories.images.as_fd(), directories.work.as_fd()];
        descriptors.extend(options.status.as_ref().map(AsFd::as_fd));
        let (running, socket) =
            RunningCriu::launch(Boot::spawn(self.shared.program()?, false)?, plan, &descriptors)
                .step(|| "starting CRIU")?;
        let called = || {
            let session = program.greet(socket).map_err(Failure::Ours)?;
            let tracking = options.pre_dump || options.parent.is_some();
            check_features(&session, tracking, options.lazy_pages).map_err(Failure::Ours)?;
            let kind = if options.pre_dump { Type::PreDump } else { Type::Dump };
            let ends = !options.pre_dump && !options.leave_running;
            let mut notified = |heard: &Response, _: Option<OwnedFd>| match heard.script.as_str() {
                // Everything is on disk.
                "post-dump" if !options.pre_dump => {
                    check_label(directories.images.as_fd(), inside.label.as_deref())?;
                    forget_positions(directories.images.as_fd())?;
                    // Now they end.
                    if ends { self.entry.mark_checkpointed() } else { Ok(()) }
                }
                _ => Ok(()),
            };
            session.call(kind, Some(&message), &mut notified).map(|_| ends)
        };
        let saved = called();
        running.finish();
        match saved {
            Ok(true) => self.end(&pidfd),
            Ok(false) => self.as_before(status),
            Err(error) => {
                let _ = self.entry.unmark_checkpointed();
                let error = directories.explain(error);
                let released = self.put_right(status, &pidfd, &directories.lockers());
                Err(match released.and(self.as_before(status)) {
                    Ok(()) => error,
                    Err(worse) => error.with_hint(format!("and then: {worse}")),
                })
            }
        }
    }

    /// They have been killed: returns when they have ended, frozen ones, too.
    fn end(&self, pidfd: &OwnedFd) -> Result<()> {
        if let Some(group) = self.cgroup()? {
            let _ = group.thaw();
        }
        if child::wait_for_end(pidfd.as_fd(), Some(END))? {
            return Ok(());
        }
        Err(Error::new(ErrorKind::NotStopped, "it is saved, and does not end"))
    }

    /// Whatever a CRIU that was killed held: its processes run, and their network is theirs.
    fn put_right(&self, status: Status, pidfd: &OwnedFd, lockers: &[String]) -> Result<()> {
        if let (Status::Running, Some(group)) = (status, self.cgroup()?) {
            group.thaw().step(|| "letting it go on")?;
        }
        if lockers.is_empty() {
            return Ok(());
        }
        unlock_network(pidfd.as_fd(), lockers, &Program::search_path())
            .step(|| "unlocking its network")
    }

    /// What was paused before is so again.
    fn as_before(&self, status: Status) -> Result<()> {
        match (status, self.cgroup()?) {
            (Status::Paused, Some(group)) => Ok(group.freeze().step(|| "pausing it again")?),
            _ => Ok(()),
        }
    }

    /// What CRIU could not deal with is found before anything is frozen.
    fn look(&self, record: &Record, pid: i32, options: &CheckpointOptions) -> Result<Inside> {
        let config = record.config()?;
        check(config, record)?;
        let plan = self.shared.plan(config, &self.id)?;
        let rootfs = plan
            .start
            .rootfs
            .ok_or_else(|| refused("it lives in another container's mount namespace"))?;
        if !matches!(rootfs.root, RootSource::Directory(_)) {
            return Err(refused("its root is a view of the host's, which CRIU cannot save"));
        }
        let proc = Procfs::open()?;
        let processes = self.processes_of(&proc, pid)?;
        let mounts = Mounts::parse(&read(&proc, &format!("{pid}/mountinfo"))?);
        let root = proc.open_link(format!("{pid}/root"))?;
        let outside = look_outside(&proc, &processes, &mounts, options.shell_job)?;
        let hosts = keys_of(&mounts.hosts(&rootfs, root.as_fd()));
        let keys = hosts.iter().map(|(_, key)| key.clone()).collect();
        let mut note = Note::new(outside.streams, keys);
        note.terminal = config.process.terminal;
        let label = config.process.selinux_label.as_ref().map(|_| label_of(&proc, pid));
        let mut external: Vec<String> =
            hosts.iter().map(|(point, key)| format!("mnt[{point}]:{key}")).collect();
        external.extend(note.streams.keys().filter(|key| !key.starts_with("pipe")).cloned());
        for (kind, name) in
            [(NamespaceKind::Network, EXTERNAL_NETWORK), (NamespaceKind::Pid, EXTERNAL_PIDS)]
        {
            if joined(config, kind) {
                let short = kind.proc_name();
                let namespace = proc.open_link(format!("{pid}/ns/{short}"))?;
                let inode = rustix::fs::fstat(&namespace).sys("fstat", || "a namespace")?.st_ino;
                external.push(format!("{short}[{inode}]:{name}"));
                match kind {
                    NamespaceKind::Network => note.external_network = true,
                    _ => note.external_pids = true,
                }
            }
        }
        Ok(Inside { external, note, label: label.transpose()? })
    }

    /// Its processes, its first one first.
    ///
    /// # Errors
    /// One that has been executed from outside: it has no parent in the container, and CRIU
    /// follows a tree.
    fn processes_of(&self, proc: &Procfs, init: i32) -> Result<Vec<i32>> {
        let mut all = vec![init];
        let mut unknown: Vec<i32> = self.processes()?;
        unknown.retain(|pid| *pid != init);
        let mut parents: std::collections::BTreeMap<i32, i32> = std::collections::BTreeMap::new();
        for pid in &unknown {
            if let Some(parent) = parent_of(proc, *pid) {
                parents.insert(*pid, parent);
            }
        }
        for pid in unknown {
            let mut upper = pid;
            while let Some(parent) = parents.get(&upper).filter(|_| upper != init) {
                upper = *parent;
            }
            match parents.get(&pid) {
                // It has ended.
                None => {}
                Some(_) if upper == init => all.push(pid),
                Some(_) => {
                    let name = proc.read(format!("{pid}/comm")).unwrap_or_default();
                    let name = String::from_utf8_lossy(&name).trim().to_owned();
                    let message = format!(
                        "process {pid} ({name:?}) was executed in it from outside, and CRIU saves \
                         only what its first process has begotten"
                    );
                    return Err(refused(&message).with_hint("end it first"));
                }
            }
        }
        Ok(all)
    }

    fn dump_options(
        &self,
        options: &CheckpointOptions,
        record: &Record,
        pid: i32,
        directories: &Directories,
        inside: &Inside,
    ) -> Result<Message> {
        let mut message = common(&options.criu, directories);
        let keep = options.leave_running || options.pre_dump;
        message
            .signed(option::PID, pid)
            .text(option::ROOT, b"/")
            .flag(option::LEAVE_RUNNING, keep)
            .flag(option::EXT_UNIX_SK, options.external_unix_sockets)
            .flag(option::TCP_ESTABLISHED, options.tcp_established)
            .flag(option::TCP_SKIP_IN_FLIGHT, options.tcp_skip_in_flight)
            .flag(option::SHELL_JOB, options.shell_job)
            .flag(option::FILE_LOCKS, options.file_locks)
            .flag(option::LINK_REMAP, options.link_remap)
            .flag(option::AUTO_DEDUP, options.auto_dedup)
            .flag(option::LAZY_PAGES, options.lazy_pages)
            .flag(option::TRACK_MEM, options.pre_dump || options.parent.is_some())
            .flag(option::ORPHAN_PTS_MASTER, record.config()?.process.terminal);
        let mode = if record.cgroup.is_empty() { CgroupsMode::Ignore } else { options.cgroups };
        groups(&mut message, mode);
        for controller in record.cgroup.keys() {
            // Of a hierarchy in which it has no group of its own, all groups would be saved.
            message.text(option::CGROUP_DUMP_CONTROLLER, controller.as_bytes());
        }
        for external in &inside.external {
            message.text(option::EXTERNAL, external.as_bytes());
        }
        if let Some(parent) = &options.parent {
            message.text(option::PARENT_IMG, parent.as_os_str().as_encoded_bytes());
        }
        if let Some(server) = &options.page_server {
            message.nested(option::PAGE_SERVER, &page_server(server));
        }
        if options.status.is_some() {
            message.signed(option::STATUS_FD, CriuPlan::INHERITED);
        }
        if options.empty_network {
            message.number(option::EMPTY_NS, flag::NETWORK);
        }
        let freezer = record.cgroup.get("freezer").or_else(|| record.cgroup.get(""));
        if let Some(freezer) = freezer {
            message.text(option::FREEZE_CGROUP, freezer.as_os_str().as_encoded_bytes());
        }
        Ok(message)
    }
}

/// What was found out about the container.
struct Inside {
    /// CRIU's words for what it leaves to others.
    external: Vec<String>,
    note: Note,
    /// Its first process's SELinux label, if it was given one.
    label: Option<String>,
}

pub(super) fn refused(what: &str) -> Error {
    Error::new(ErrorKind::System, what)
}

/// What both calls are told.
pub(super) fn common(criu: &Criu, directories: &Directories) -> Message {
    /// Everything that helps to understand a failure.
    const LOUD: i32 = 4;
    let mut message = Message::default();
    message
        .signed(option::IMAGES_DIR_FD, CriuPlan::IMAGES)
        .signed(option::WORK_DIR_FD, CriuPlan::WORK)
        .signed(option::LOG_LEVEL, LOUD)
        .text(option::LOG_FILE, directories.log.as_bytes())
        .flag(option::NOTIFY_SCRIPTS, true)
        .flag(option::EVASIVE_DEVICES, true);
    if let Some(file) = &criu.config {
        message.text(option::CONFIG_FILE, file.as_os_str().as_encoded_bytes());
    }
    message
}

/// `enum criu_cg_mode`
pub(super) fn groups(message: &mut Message, mode: CgroupsMode) {
    let number = match mode {
        CgroupsMode::Ignore => 0,
        CgroupsMode::Soft => 3,
        CgroupsMode::Full => 4,
        CgroupsMode::Strict => 5,
    };
    message.flag(option::MANAGE_CGROUPS, number != 0).number(option::MANAGE_CGROUPS_MODE, number);
}

fn page_server(server: &PageServer) -> Message {
    let mut message = Message::default();
    message.text(1, server.address.as_bytes()).signed(2, i32::from(server.port));
    message
}

/// What the kernel or CRIU lacks is told before anything is frozen.
pub(super) fn check_features(session: &Session, tracking: bool, lazy: bool) -> Result<()> {
    if !tracking && !lazy {
        return Ok(());
    }
    let nothing = &mut |_: &Response, _: Option<OwnedFd>| Ok(());
    let (tracks, is_lazy) = session.call(Type::Features, None, nothing)?.features;
    if tracking && !tracks {
        return Err(refused("this kernel does not tell CRIU which memory has changed")
            .with_hint("that takes CONFIG_MEM_SOFT_DIRTY; save it without --pre-dump and parent"));
    }
    if lazy && !is_lazy {
        return Err(refused("this kernel does not let CRIU bring memory back lazily")
            .with_hint("that takes CONFIG_USERFAULTFD"));
    }
    Ok(())
}

/// Whether a namespace of this kind is another's, by path.
pub(super) fn joined(config: &Config, kind: NamespaceKind) -> bool {
    config.namespaces.iter().any(|one| one.kind == kind && one.path.is_some())
}

/// What no CRIU can do, by the configuration.
pub(super) fn check(config: &Config, record: &Record) -> Result<()> {
    if record.chroot {
        return Err(refused("it shares the host's mount namespace, whose mounts are not its own"));
    }
    let mapped = |mount: &Mount| {
        !mount.uid_mappings.is_empty()
            || mount.fstype == "overlay" && {
                mount.options.iter().any(|option| option == "idmap" || option == "ridmap")
            }
    };
    if config.rootfs_idmap || config.mounts.iter().any(mapped) {
        return Err(refused("it has an idmapped mount, which CRIU does not know"));
    }
    Ok(())
}

/// The SELinux label of a process (proc_pid_attr(5)).
fn label_of(proc: &Procfs, pid: i32) -> Result<String> {
    let text = read(proc, &format!("{pid}/attr/current"))?;
    Ok(String::from_utf8_lossy(&text).trim_end_matches(['\0', '\n']).to_owned())
}

/// A CRIU that is built without SELinux, as Debian's is, would let the processes come back with its own
/// label.
fn check_label(images: BorrowedFd<'_>, label: Option<&str>) -> Result<()> {
    match label {
        Some(label) if !label.is_empty() && !has_label(images, label)? => {
            Err(refused(&format!("CRIU has not saved its SELinux label, {label}")).with_hint(
                "this CRIU is built without SELinux, and its processes would come back unconfined",
            ))
        }
        _ => Ok(()),
    }
}

/// The parent of a process (proc_pid_stat(5)).
fn parent_of(proc: &Procfs, pid: i32) -> Option<i32> {
    let text = proc.read(format!("{pid}/stat")).ok()?;
    let text = String::from_utf8_lossy(&text);
    text.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// A whole file of /proc, however long.
fn read(proc: &Procfs, path: &str) -> Result<Vec<u8>> {
    let file = proc.open_file(path, rustix::fs::OFlags::RDONLY)?;
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut std::fs::File::from(file), &mut text)
        .sys("read", || format!("/proc/{path}"))?;
    Ok(text)
}
