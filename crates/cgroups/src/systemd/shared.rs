//! One unit for all: made once, with plain directories below it, so that a start asks nobody.

use std::convert::Infallible;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::event::poll;
use rustix::fs::{CWD, Mode, mkdirat};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, sendto, socket_with,
};
use rustix::process::{Pid, getpid};
use serde::{Deserialize, Serialize};

use super::connection::Connection;
use super::name::Name;
use super::operation::{Operation, is_taken};
use super::unit::{again, attach, description};
use super::value::Value;
use super::{Instance, Property, instance};
use crate::file::{Dir, failed};
use crate::{Error, Host, Manager, Result};

/// The group below the unit's that all others are in: it is there when the unit is ready.
const INNER: &str = "containers";
/// The group of the unit's own process.
const KEEPER: &str = "keeper";

/// What the unit's process is called: a program that is executed under this name calls [`keep`].
pub const KEEP: &str = "libcontainer-keep";

/// A delegated unit that outlives its users.
///
/// It is a service with one process that sleeps, in a group of its own beside those of the others:
/// version 2 wants the unit's own group empty, where those below have controllers. Without a
/// process systemd would remove the group: that of a scope with its last process, and that of a
/// service that has done its work (`RemainAfterExit=yes`) as well; a slice cannot be delegated.
/// systemd stops it, and all that is below, when the host shuts down or `systemctl stop` is told
/// so; the next user makes it again. In hierarchies of version 1 that systemd does not manage (cpuset,
/// freezer, hugetlb, …) empty directories of its name stay then, for the next user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    instance: Instance,
    unit: String,
    slice: String,
    /// The group for others' groups, relative to the roots of the hierarchies.
    base: PathBuf,
}

impl Shared {
    /// Plans the unit `NAME.service`. Nobody is asked, but for the group of a user's systemd.
    ///
    /// Errors: [`Error::NoSystemd`]
    pub fn plan(host: &Host, instance: Instance, name: &str) -> Result<Self> {
        instance.check()?;
        let slice = instance.default_slice().to_owned();
        let name = Name { slice, unit: format!("{name}.service") };
        let base = instance.group(host)?.join(name.group()?).join(INNER);
        Ok(Self { instance, unit: name.unit, slice: name.slice, base })
    }

    /// The handle of the group at `path` below the unit. Makes nothing.
    ///
    /// Errors: as [`Manager::new`].
    pub fn group(&self, host: &Host, path: &Path) -> Result<Manager> {
        Manager::new(host, &self.base.join(crate::path::relative(path)?))
    }

    /// Sees to it that the unit is there; where it is, that is one look at the file system. However
    /// many do so at once, one makes it.
    ///
    /// Errors: [`Error::Bus`] with systemd's words; [`Error::TimedOut`] after
    /// [`LIMIT`](super::LIMIT); [`Error::NoSystemd`].
    /// `program` is what the unit's process executes: one that calls [`keep`] as [`KEEP`].
    pub fn make(&self, host: &Host, program: &Path) -> Result<()> {
        let inner = instance::hierarchy(host)?.join(&self.base);
        if inner.is_dir() {
            return Ok(());
        }
        let what = || format!("starting {}", self.unit);
        Operation::new(self.instance, what).run(|bus| match inner.is_dir() {
            true => Ok(()),
            false => self.start(bus, &inner, program),
        })
    }

    fn start(&self, bus: &mut Connection, inner: &Path, program: &Path) -> Result<()> {
        bus.watch_jobs(&self.unit)?;
        match bus.start_transient(&self.unit, &self.properties(program)) {
            Ok(job) => match bus.wait_job(&job, &self.unit, &["active"])?.as_str() {
                "done" => Ok(()),
                result => Err(unready(&format!("its job has ended so: {result}"))),
            },
            Err(error) if is_taken(&error) => {
                match bus.property(&self.unit, "ActiveState")?.as_str() {
                    // It was ready before, and somebody has removed what is empty.
                    "active" => make(inner),
                    "failed" | "inactive" => {
                        bus.reset_failed(&self.unit)?;
                        Err(again("it was there, and had failed"))
                    }
                    _ => Err(again("somebody else is starting or stopping it")),
                }
            }
            Err(error) => Err(error),
        }
    }

    fn properties(&self, program: &Path) -> Vec<Property> {
        let on = |name: &str| Property::new(name, Value::Boolean(true));
        let text = |name: &str, value: &str| Property::new(name, Value::text(value));
        let list = |name: &str, value: &str| {
            Property::new(name, Value::Array("s".to_owned(), vec![Value::text(value)]))
        };
        // A program, its arguments, and whether it may fail.
        let program = Value::Tuple(vec![
            Value::text(program.to_string_lossy()),
            Value::Array("s".to_owned(), vec![Value::text(KEEP)]),
            Value::Boolean(false),
        ]);
        vec![
            description("Control groups of containers"),
            text("Slice", &self.slice),
            text("Type", "notify"),
            Property::new("ExecStart", Value::Array("(sasb)".to_owned(), vec![program])),
            on("Delegate"),
            // It waits for nothing at the start, and ends with the host.
            Property::new("DefaultDependencies", Value::Boolean(false)),
            list("Conflicts", "shutdown.target"),
            list("Before", "shutdown.target"),
            text("CollectMode", "inactive-or-failed"),
            // What ignores SIGTERM, as a first process does, does not hold up a shutdown for long.
            Property::new("TimeoutStopUSec", Value::Uint64(10_000_000)),
            // Its end would be that of all.
            Property::new("OOMScoreAdjust", Value::Int32(-1000)),
            // One container that runs out of memory is no reason to end the others.
            text("OOMPolicy", "continue"),
            Property::new("TasksMax", Value::Uint64(u64::MAX)),
            on("CPUAccounting"),
            on("MemoryAccounting"),
            on("TasksAccounting"),
            on("IOAccounting"),
        ]
    }

    /// Moves a process into a group below the unit, for who may not do so himself: a user's process
    /// that was not started by his systemd.
    ///
    /// Errors: [`Error::Invalid`] where the group is not below the unit.
    pub fn attach(&self, host: &Host, group: &Manager, pid: Pid) -> Result<()> {
        let unit = instance::hierarchy(host)?.join(&self.base);
        let unit = unit.parent().unwrap_or(&unit);
        let below = group.paths().values().find_map(|path| path.strip_prefix(unit).ok());
        let below = below.ok_or_else(|| Error::invalid("cgroup path", "is not below the unit"))?;
        attach(self.instance, &self.unit, &format!("/{}", below.display()), pid)
    }
}

fn unready(message: &str) -> Error {
    Error::Bus { what: String::new(), name: "failed".to_owned(), message: message.to_owned() }
}

/// The unit's process: makes way for the groups of others, tells systemd that all is ready, and
/// sleeps until it is stopped.
///
/// Errors: [`Error::System`], and [`Error::NoSystemd`] where it was not systemd that executed it.
pub fn keep() -> Result<Infallible> {
    let host = Host::detect()?;
    let own = Manager::of_process(&host, getpid())?;
    let hierarchy = instance::hierarchy(&host)?;
    let own = own.paths().values().find(|path| path.starts_with(hierarchy));
    let own =
        own.ok_or_else(|| Error::NoSystemd { what: "this process has no group".to_owned() })?;
    if host.v1.is_empty() {
        make(&own.join(KEEPER))?;
        let pid = getpid().as_raw_nonzero().to_string();
        Dir::open(&own.join(KEEPER))?.write("cgroup.procs", &pid)?;
    }
    make(&own.join(INNER))?;
    notify("READY=1")?;
    loop {
        // Until a signal ends it.
        let _ = poll(&mut [], None);
    }
}

fn make(group: &Path) -> Result<()> {
    match mkdirat(CWD, group, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(failed(format!("making {}", group.display()), "mkdir", errno)),
    }
}

/// Tells systemd of this process's state (sd_notify(3)).
fn notify(state: &str) -> Result<()> {
    let wrong = |errno| failed("telling systemd".to_owned(), "sendto", errno);
    let path = std::env::var_os("NOTIFY_SOCKET")
        .ok_or_else(|| Error::NoSystemd { what: "NOTIFY_SOCKET is not set".to_owned() })?;
    let address = match path.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddrUnix::new_abstract_name(name),
        None => SocketAddrUnix::new(&*path),
    };
    let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
        .map_err(wrong)?;
    let address = address.map_err(wrong)?;
    sendto(&socket, state.as_bytes(), SendFlags::NOSIGNAL, &address).map_err(wrong)?;
    Ok(())
}
