//! Stage 0: receives the plan, enters the namespaces, gives birth to stage 1.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;
use std::process::exit;

use rustix::fs::{CWD, Mode, OFlags, openat, stat};
use rustix::io::Errno;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, getrlimit, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};
use rustix::thread::{Gid, Uid, set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use sys::Context;
use sys::fork::{Birth, Fork, fork};
use sys::namespace::{enter, flag, unshare};

use crate::config::{Clock, NamespaceKind, TimeOffset};
use crate::error::Step;
use crate::init::ahead::Made;
use crate::init::criu::become_criu;
use crate::init::descriptors::Descriptors;
use crate::init::stage::{Inside, Kind, inside};
use crate::plan::capabilities::{SYS_ADMIN, SYS_PTRACE};
use crate::plan::namespaces::{NamespacePlan, flag_of};
use crate::plan::process::ProcessPlan;
use crate::plan::{Entry, InitPlan, JoinPlan, StartPlan};
use crate::procfs::Procfs;
use crate::wire::{FromInit, Received, Socket, ToInit};
use crate::{Error, ErrorKind, Result};
use crate::{privileges, rootfs};

/// What the re-executed binary is called by, so that [`init`] knows itself.
pub const ARG0: &std::ffi::CStr = c"libcontainer-init";

/// Must be the first line of `main` of every program that makes containers with itself as the
/// init program: it returns at once, unless this process has been spawned to become a
/// container's init, or by systemd to keep a unit of the library's; then it does not return.
pub fn init() {
    let mut args = sys::start::arguments().iter();
    let Some(name) = args.next() else { return };
    if name.as_encoded_bytes() != ARG0.to_bytes() {
        if name.as_encoded_bytes() == cgroups::systemd::KEEP.as_bytes() {
            keep();
        }
        return;
    }
    let number = args.next().and_then(|arg| arg.to_str()?.parse::<RawFd>().ok());
    let Some(socket) = number.and_then(|fd| sys::close::take(fd).ok()) else {
        exit(127);
    };
    let mut socket = Socket::from_fd(socket);
    if let Err(error) = boot(&mut socket) {
        // The parent may be gone: then nobody is left to tell.
        let _ = socket.send(&FromInit::Failed(error), &[]);
        exit(127);
    }
    exit(0)
}

/// The process of the unit that is there for all: systemd has executed it.
fn keep() -> ! {
    sys::thread::set_name(c"libcontainer:k");
    // systemd sees that it has ended before it was ready; nobody else listens.
    let Err(_) = cgroups::systemd::keep();
    exit(127)
}

fn boot(socket: &mut Socket) -> Result<()> {
    sys::thread::set_name(c"libcontainer:0");
    // Nothing of ours outlives a creator that is killed half-way.
    set_parent_process_death_signal(Some(Signal::KILL)).sys("prctl", || "PR_SET_PDEATHSIG")?;
    sys::close::cloexec_from(3)?;
    let mut made = None;
    let (mut plan, fds) = loop {
        match socket.receive()? {
            Received::Message(ToInit::Ahead(wish), _) => made = Made::of(wish),
            Received::Message(ToInit::Plan(plan), fds) => break (*plan, fds),
            Received::Message(ToInit::Criu(plan), fds) if made.is_none() => {
                let Err(error) = become_criu(*plan, fds, socket);
                return Err(error);
            }
            _ => {
                let message = "the creator ended before its plan came";
                return Err(Error::new(ErrorKind::System, message));
            }
        }
    };
    if let Some(made) = made {
        made.settle(&mut plan.entry)?;
    }
    let limits = raise_descriptor_limit();
    let mut descriptors = Descriptors::place(&plan.descriptors, fds, socket)?;
    let proc = Procfs::open().step(|| "opening /proc")?;
    privileges::outside(&plan.process, &proc)?;
    let InitPlan { entry, process, hold, .. } = plan;
    let (namespaces, newcomer, kind, proc) = match entry {
        Entry::Start(start) => {
            let (namespaces, newcomer, kind) = prepare_start(*start, socket, &proc)?;
            (namespaces, newcomer, kind, Some(proc))
        }
        Entry::Join(join) if join.namespaces & flag::USER == 0 => (
            0,
            false,
            prepare_birth_among_strangers(&join, &process, &mut descriptors, proc)?,
            None,
        ),
        Entry::Join(join) => {
            let cgroup = prepare_join(&join, &descriptors)?;
            (0, true, Kind::Join { prepared: None, cgroup }, Some(proc))
        }
    };
    // Who makes an IPC namespace owns the root of its message queues.
    let late = if newcomer { namespaces & flag::IPC } else { 0 };
    // As whoever we are outside: root of a new user namespace may not write to our groups.
    let birth = Birth {
        namespaces: namespaces & !late,
        cgroup: descriptors.cgroup.as_ref().map(AsFd::as_fd),
        sibling: true,
    };
    match fork(&birth).map_err(not_born)? {
        Fork::Parent { pid, pidfd } => {
            let confined =
                descriptors.cgroup.as_ref().filter(|_| matches!(kind, Kind::Join { .. }));
            let along: Vec<_> = [&pidfd].into_iter().chain(confined).map(AsFd::as_fd).collect();
            socket.send(&FromInit::Born(pid.as_raw_nonzero().get()), &along)
        }
        Fork::Child => {
            let mut stage = Inside {
                socket,
                process,
                hold,
                kind,
                descriptors,
                proc,
                limits,
                newcomer,
                late,
                heard: false,
            };
            let Err(error) = inside(&mut stage);
            if !stage.heard {
                // The creator must know of our birth before it hears of our failure.
                let _ = stage.socket.receive::<ToInit>();
            }
            Err(error)
        }
    }
}

fn not_born(error: sys::SysError) -> Error {
    let errno = error.errno();
    Error::from(error).with_hint(match errno {
        Errno::PERM => {
            "new namespaces take CAP_SYS_ADMIN, which root of a host has, and everybody in a user \
             namespace of the container's own: add one, and the mappings of its ids"
        }
        Errno::ACCESS => {
            "who starts a process in a delegated control group must be in a group that was \
             delegated as well"
        }
        Errno::OPNOTSUPP => {
            "the control group is below one with threaded groups (cgroup.type), and so for threads \
             only: name one elsewhere"
        }
        Errno::BUSY => {
            "the control group hands controllers to groups below it (cgroup.subtree_control), and \
             so may hold no processes: name another"
        }
        _ => "a limit may be reached: pids.max, ulimit -u, user.max_*_namespaces",
    })
}

/// The namespaces to be born into, and whether the user namespace is another one by then.
fn prepare_start(start: StartPlan, socket: &Socket, proc: &Procfs) -> Result<(u64, bool, Kind)> {
    let sources = match &start.rootfs {
        Some(rootfs) => Some(rootfs::open_sources(rootfs, proc)?),
        None => None,
    };
    let namespaces = &start.namespaces;
    // Opened before the change of user namespace: the kernel asks who opened it.
    let clocks = match &namespaces.time {
        Some(offsets) if !offsets.is_empty() => {
            Some((offsets, proc.open_file("self/timens_offsets", OFlags::WRONLY)?))
        }
        _ => None,
    };
    if !namespaces.user {
        become_opaque()?;
    }
    names_are_not_the_hosts(&start)?;
    join_by_path(namespaces)?;
    if namespaces.user {
        unshare(flag::USER).hint(|| user_namespace_hint(proc))?;
        socket.send(&FromInit::WantMaps, &[])?;
        expect_maps(socket)?;
        // Not before: an unprivileged creator may write the maps of a process of his own only.
        become_opaque()?;
    }
    if namespaces.time.is_some() {
        unshare(flag::TIME)?;
    }
    if let Some((offsets, file)) = clocks {
        set_offsets(offsets, &file).step(|| "setting the time namespace's offsets")?;
    }
    let newcomer =
        namespaces.user || namespaces.join.iter().any(|(kind, _)| *kind == NamespaceKind::User);
    Ok((namespaces.born, newcomer, Kind::Start { start: Box::new(start), sources }))
}

/// A UTS namespace that is joined by path may be the host's own: its names stay.
fn names_are_not_the_hosts(start: &StartPlan) -> Result<()> {
    let field = match (&start.hostname, &start.domainname) {
        (Some(_), _) => "hostname",
        (_, Some(_)) => "domainname",
        _ => return Ok(()),
    };
    let mut joined = start.namespaces.join.iter();
    let Some((_, path)) = joined.find(|(kind, _)| *kind == NamespaceKind::Uts) else {
        return Ok(());
    };
    let identity = |path: &Path| stat(path).ok().map(|stat| (stat.st_dev, stat.st_ino));
    if identity(path) == identity(Path::new("/proc/self/ns/uts")) {
        let message = "the UTS namespace to join is the creator's own";
        return Err(Error::invalid(field, message));
    }
    Ok(())
}

fn join_by_path(plan: &NamespacePlan) -> Result<()> {
    let mut opened = Vec::with_capacity(plan.join.len());
    for (kind, path) in &plan.join {
        let step = || format!("joining the {} namespace {}", kind.proc_name(), path.display());
        let fd = openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .sys("open", || path.display().to_string())
            .step(step)?;
        opened.push((*kind, path, fd));
    }
    // The caller's privileges may reach a namespace, or only those it has after it has joined
    // the user namespace that owns it: so the user namespace comes after what works without.
    let (user, others): (Vec<_>, Vec<_>) =
        opened.into_iter().partition(|(kind, ..)| *kind == NamespaceKind::User);
    let mut later = Vec::new();
    for (kind, path, fd) in others {
        match enter(fd.as_fd(), flag_of(kind)) {
            Ok(()) => {}
            Err(error) if error.errno() == Errno::PERM && !user.is_empty() => {
                later.push((kind, path, fd));
            }
            Err(error) => return Err(not_joined(error, kind, path)),
        }
    }
    for (kind, path, fd) in user {
        enter(fd.as_fd(), flag_of(kind)).map_err(|error| not_joined(error, kind, path))?;
    }
    for (kind, path, fd) in later {
        enter(fd.as_fd(), flag_of(kind)).map_err(|error| not_joined(error, kind, path))?;
    }
    Ok(())
}

fn not_joined(error: sys::SysError, kind: NamespaceKind, path: &Path) -> Error {
    let wrong = error.errno() == Errno::INVAL;
    let error = Error::from(error).within(format!(
        "joining the {} namespace {}",
        kind.proc_name(),
        path.display()
    ));
    if wrong {
        return error.with_hint(format!("is it a {} namespace?", kind.proc_name()));
    }
    error
}

/// From here on nobody inside may trace this process or look at its descriptors (CVE-2016-9962).
fn become_opaque() -> Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable).sys("prctl", || "PR_SET_DUMPABLE")?;
    Ok(())
}

/// Descriptors for hundreds of bind sources; the program gets the old limit back.
fn raise_descriptor_limit() -> Rlimit {
    let before = getrlimit(Resource::Nofile);
    let _ =
        setrlimit(Resource::Nofile, Rlimit { current: before.maximum, maximum: before.maximum });
    before
}

fn expect_maps(socket: &Socket) -> Result<()> {
    match socket.receive()? {
        Received::Message(ToInit::MapsWritten, _) => Ok(()),
        _ => Err(Error::new(ErrorKind::System, "the creator ended before it wrote the id maps")),
    }
}

/// Root of the user namespace just entered, without the groups from outside.
pub fn become_root() -> Result<()> {
    // Where setgroups is denied (an unprivileged map), the groups stay and mean nothing inside.
    let _ = set_thread_groups(&[]);
    set_thread_res_gid(Gid::ROOT, Gid::ROOT, Gid::ROOT)
        .sys("setresgid", || "0")
        .hint(|| "gid_mappings must map the container's group 0")?;
    set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT)
        .sys("setresuid", || "0")
        .hint(|| "uid_mappings must map the container's user 0")?;
    Ok(())
}

fn set_offsets(offsets: &[(Clock, TimeOffset)], file: &OwnedFd) -> Result<()> {
    let mut text = String::new();
    for (clock, offset) in offsets {
        let name = match clock {
            Clock::Monotonic => "monotonic",
            Clock::Boottime => "boottime",
        };
        text.push_str(&format!("{name} {} {}\n", offset.secs, offset.nanosecs));
    }
    rustix::io::write(file, text.as_bytes())
        .sys("write", || format!("{text:?} to /proc/self/timens_offsets"))?;
    Ok(())
}

fn user_namespace_hint(proc: &Procfs) -> String {
    let limit = proc.read("sys/user/max_user_namespaces").unwrap_or_default();
    let limit = String::from_utf8_lossy(&limit).trim().to_owned();
    format!("user.max_user_namespaces is {limit}")
}

/// Being opaque does not keep CAP_SYS_PTRACE inside from opening the child's descriptors and from
/// tracing it, but in a user namespace of the container's own. So nothing that the child is born
/// with leads to the host, neither /proc and all above it, nor the group's parents; and it is born
/// with few capabilities beside its program's.
fn prepare_birth_among_strangers(
    join: &JoinPlan,
    process: &ProcessPlan,
    descriptors: &mut Descriptors,
    proc: Procfs,
) -> Result<Kind> {
    descriptors.confine_cgroup();
    let cgroup = prepare_join(join, descriptors)?;
    let identity = privileges::resolve_user(process).step(|| "finding the user")?;
    let prepared = privileges::prepare(process, &proc)?;
    // The kernel asks who enters a namespace by a process whether he may look at that, too, which
    // may be another user's.
    privileges::limit(process, &identity, if cgroup { SYS_ADMIN | SYS_PTRACE } else { 0 })?;
    Ok(Kind::Join { prepared: Some((identity, prepared)), cgroup })
}

/// Enters the namespaces of the container's init; whether the child is to enter that of control
/// groups. One that is delegated (`nsdelegate`, cgroup_namespaces(7)) lets nobody in who is in a
/// group outside, as this process is.
fn prepare_join(plan: &JoinPlan, descriptors: &Descriptors) -> Result<bool> {
    become_opaque()?;
    let init: &OwnedFd = descriptors.init.as_ref().ok_or_else(gone)?;
    let cgroup = plan.namespaces & flag::CGROUP != 0 && descriptors.cgroup.is_some();
    let now = if cgroup { plan.namespaces & !flag::CGROUP } else { plan.namespaces };
    // setns(2) refuses to enter none: a container may share all of the host's.
    if now != 0 {
        join(init.as_fd(), now)?;
    }
    if plan.chroot
        && let Some(root) = &descriptors.root
    {
        rustix::process::fchdir(root).sys("fchdir", || "to the container's root")?;
        rustix::process::chroot(".").sys("chroot", || "to the container's root")?;
    }
    Ok(cgroup)
}

/// Enters namespaces of the container's init.
pub fn join(init: BorrowedFd<'_>, namespaces: u64) -> Result<()> {
    enter(init, namespaces).map_err(|error| match error.errno() {
        Errno::SRCH => gone(),
        _ => Error::from(error).within("entering the container's namespaces"),
    })
}

fn gone() -> Error {
    Error::new(ErrorKind::NotRunning, "container not running")
}
