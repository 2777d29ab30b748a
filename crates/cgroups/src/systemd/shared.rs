//! One unit for all: made once, with plain directories below it, so that a start asks nobody.

use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, mkdirat};
use rustix::io::Errno;
use rustix::process::Pid;
use serde::{Deserialize, Serialize};

use super::connection::Connection;
use super::name::Name;
use super::operation::{Operation, is_taken};
use super::unit::{again, attach, description};
use super::value::Value;
use super::{Instance, Property, instance};
use crate::file::failed;
use crate::{Error, Host, Manager, Result};

/// The group below the unit's that all others are in: it is there when the unit is ready, and keeps
/// them from what systemd may start in the unit.
const INNER: &str = "containers";

/// A delegated unit that outlives its users.
///
/// It is a service that has done its work (`Type=oneshot`, `RemainAfterExit=yes`): such a one keeps
/// its group without a process in it, which version 2 asks for where groups below have
/// controllers. A scope would end with its last process, and a slice cannot be delegated. systemd
/// stops it, and all that is below, when the host shuts down or `systemctl stop` is told so; the
/// next user makes it again.
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
    pub fn make(&self, host: &Host) -> Result<()> {
        let inner = instance::hierarchy(host)?.join(&self.base);
        if inner.is_dir() {
            return Ok(());
        }
        let what = || format!("starting {}", self.unit);
        Operation::new(self.instance, what).run(|bus| match inner.is_dir() {
            true => Ok(()),
            false => self.start(bus, &inner),
        })
    }

    fn start(&self, bus: &mut Connection, inner: &Path) -> Result<()> {
        bus.watch_jobs(&self.unit)?;
        match bus.start_transient(&self.unit, &self.properties()) {
            Ok(job) => match bus.wait_job(&job, &self.unit, &["active"])?.as_str() {
                "done" => make(inner),
                result => Err(Error::Bus {
                    what: String::new(),
                    name: "failed".to_owned(),
                    message: format!("its job has ended so: {result}"),
                }),
            },
            Err(error) if is_taken(&error) => {
                match bus.property(&self.unit, "ActiveState")?.as_str() {
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

    fn properties(&self) -> Vec<Property> {
        let on = |name: &str| Property::new(name, Value::Boolean(true));
        let text = |name: &str, value: &str| Property::new(name, Value::text(value));
        let list = |name: &str, value: &str| {
            Property::new(name, Value::Array("s".to_owned(), vec![Value::text(value)]))
        };
        // A program, its arguments, and whether it may fail: not every host has it there.
        let program = Value::Tuple(vec![
            Value::text("/bin/true"),
            Value::Array("s".to_owned(), vec![Value::text("true")]),
            Value::Boolean(true),
        ]);
        vec![
            description("Control groups of containers"),
            text("Slice", &self.slice),
            text("Type", "oneshot"),
            on("RemainAfterExit"),
            Property::new("ExecStart", Value::Array("(sasb)".to_owned(), vec![program])),
            on("Delegate"),
            // It waits for nothing at the start, and ends with the host.
            Property::new("DefaultDependencies", Value::Boolean(false)),
            list("Conflicts", "shutdown.target"),
            list("Before", "shutdown.target"),
            text("CollectMode", "inactive-or-failed"),
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

fn make(inner: &Path) -> Result<()> {
    match mkdirat(CWD, inner, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(failed(format!("making {}", inner.display()), "mkdir", errno)),
    }
}
