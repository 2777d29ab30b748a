//! A transient unit: planned, started around a process, changed, stopped.

use std::path::PathBuf;

use rustix::process::Pid;
use serde::{Deserialize, Serialize};

use super::connection::Connection;
use super::name::Name;
use super::operation::{Operation, is_taken, is_unknown};
use super::properties::{Present, birth, limits};
use super::value::Value;
use super::{Instance, Property, instance};
use crate::file::Dir;
use crate::{Error, Host, Manager, Resources, Result};

/// What systemd writes with any property, and not as it was: a quota as whole percents of a second
/// (which takes the burst along on kernels before 6.10), and by the OOMPolicy, which cannot be
/// changed, whether the out-of-memory killer ends all of a group. By controller of version 1; of
/// version 2 under an empty name.
const INEXACT: [(&str, &str); 4] =
    [("", "cpu.max"), ("", "cpu.max.burst"), ("", "memory.oom.group"), ("cpu", "cpu.cfs_quota_us")];

/// A unit of systemd's with a group of its own: a scope, or a slice. It is data, and can be kept
/// in a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Whose it is.
    pub instance: Instance,
    /// Its name, for instance `nsrun-web.scope`.
    pub name: String,
    /// The slice that it is in.
    pub slice: String,
    /// What `systemctl status` shows, and by which it is known for ours.
    pub description: String,
    /// Its group, below that of its systemd.
    group: PathBuf,
    /// Version 2 has the controllers.
    unified: bool,
}

impl Unit {
    /// Plans the unit that `path` names as `slice:prefix:name`, and its group. Nobody is asked,
    /// but for the group of a user's systemd.
    ///
    /// Errors: [`Error::Invalid`] for another form of path; [`Error::NoSystemd`].
    pub fn plan(
        host: &Host,
        instance: Instance,
        path: &str,
        description: &str,
    ) -> Result<(Self, Manager)> {
        instance.check()?;
        let name = Name::parse(path, instance.default_slice())?;
        let group = name.group()?;
        let manager = Manager::new(host, &instance.group(host)?.join(&group))?;
        let unit = Self {
            instance,
            name: name.unit,
            slice: name.slice,
            description: description.to_owned(),
            group,
            unified: host.v1.is_empty(),
        };
        Ok((unit, manager))
    }

    /// The error that its group is in use, which says that there is such a unit; another error as
    /// it is.
    pub fn is_taken(&self, error: Error) -> Error {
        match error {
            Error::InUse { .. } => Error::UnitExists { unit: self.name.clone() },
            other => other,
        }
    }

    /// Whether processes are put into it by systemd: into a scope they are, into a slice not.
    pub fn is_scope(&self) -> bool {
        self.name.ends_with(".scope")
    }

    /// Makes the unit, with these limits and `properties` besides; returns when it is there. A
    /// scope has the process `pid` in it then. One of this name that has failed is forgotten
    /// first.
    ///
    /// Errors: [`Error::UnitExists`]; [`Error::Bus`] with systemd's words;
    /// [`Error::TimedOut`] after [`LIMIT`](super::LIMIT); [`Error::NoSystemd`].
    pub fn start(
        &self,
        host: &Host,
        pid: Pid,
        resources: &Resources,
        properties: &[Property],
    ) -> Result<()> {
        let present = Present::default();
        let limits = limits(resources, &present, self.unified)?;
        let mut all = birth(self, pid);
        all.extend(limits);
        all.extend_from_slice(properties);
        self.operation("starting").run(|bus| {
            bus.watch_jobs(&self.name)?;
            let job = match self.with_known(&mut all, |all| bus.start_transient(&self.name, all)) {
                Ok(job) => job,
                Err(error) if is_taken(&error) => return self.settle_taken(bus, host, pid),
                Err(error) => return Err(error),
            };
            match bus.wait_job(&job, &self.name, &["active"])?.as_str() {
                "done" => Ok(()),
                result => Err(self.failure(format!("its job has ended so: {result}"))),
            }
        })
    }

    /// What to do when there is a unit of this name: it is ours if an earlier attempt has made it,
    /// and done with if it has failed.
    fn settle_taken(&self, bus: &mut Connection, host: &Host, pid: Pid) -> Result<()> {
        if self.is_scope() && instance::is_in(host, pid, &self.group) {
            return Ok(());
        }
        match bus.property(&self.name, "ActiveState")?.as_str() {
            "failed" | "inactive" => {
                bus.reset_failed(&self.name)?;
                Err(again("it was there, and had failed"))
            }
            // It goes at this moment.
            "deactivating" => Err(again("it is being stopped")),
            _ => Err(Error::UnitExists { unit: self.name.clone() }),
        }
    }

    /// Gives systemd the limits that the group's files have been given, for as long as the unit
    /// lives; `group` is its group.
    ///
    /// Errors: as [`start`](Self::start).
    pub fn set(&self, group: &Manager, resources: &Resources) -> Result<()> {
        let present = Present::of(group, resources)?;
        let mut all = limits(resources, &present, self.unified)?;
        if all.is_empty() {
            return Ok(());
        }
        let files = INEXACT.into_iter().filter_map(|(controller, file)| {
            let dir = Dir::open(group.paths().get(controller)?).ok()?;
            let text = dir.read(file).ok()?;
            Some((dir, file, text))
        });
        let before: Vec<_> = files.collect();
        self.operation("changing").run(|bus| {
            self.with_known(&mut all, |all| bus.set_properties(&self.name, all))?;
            // What it writes, it writes a moment later.
            bus.settle()
        })?;
        for (dir, file, text) in before {
            if dir.read(file)? != text {
                dir.write(file, text.trim())?;
            }
        }
        Ok(())
    }

    /// Calls with the properties; without those that this systemd does not know, as far as the
    /// control files have them too.
    fn with_known<T>(
        &self,
        all: &mut Vec<Property>,
        mut call: impl FnMut(&[Property]) -> Result<T>,
    ) -> Result<T> {
        loop {
            let error = match call(all) {
                Err(error @ Error::Bus { .. }) => error,
                result => return result,
            };
            let Error::Bus { message, .. } = &error else { return Err(error) };
            let names =
                |name: &str| message.split(|c: char| !c.is_alphanumeric()).any(|word| word == name);
            let before = all.len();
            all.retain(|one| !(one.spare && names(&one.name)));
            if all.len() == before {
                return Err(error);
            }
        }
    }

    /// Moves a process into the unit's group, for who may not do so himself: a user's process that
    /// was not started by his systemd.
    pub fn attach(&self, pid: Pid) -> Result<()> {
        attach(self.instance, &self.name, "", pid)
    }

    /// Stops the unit, with all that is in it, and forgets it. Where it is not there, nothing is
    /// done; so it may be repeated. `ours` asks for one that is described otherwise to be left
    /// alone.
    pub fn stop(&self, ours: bool) -> Result<()> {
        self.operation("stopping").run(|bus| {
            if ours && bus.property(&self.name, "Description")? != self.description {
                return Ok(());
            }
            bus.watch_jobs(&self.name)?;
            match bus.stop_unit(&self.name) {
                Ok(job) => {
                    bus.wait_job(&job, &self.name, &["inactive", "failed"])?;
                }
                Err(error) if is_unknown(&error) => {}
                Err(error) => return Err(error),
            }
            bus.reset_failed(&self.name)
        })
    }

    fn operation<'a>(&'a self, doing: &'a str) -> Operation<impl Fn() -> String + 'a> {
        Operation::new(self.instance, move || format!("{doing} {}", self.name))
    }

    fn failure(&self, message: String) -> Error {
        Error::Bus { what: String::new(), name: "failed".to_owned(), message }
    }
}

/// An error after which it is tried again.
pub(crate) fn again(message: &str) -> Error {
    Error::Bus {
        what: String::new(),
        name: "org.freedesktop.DBus.Error.TimedOut".to_owned(),
        message: message.to_owned(),
    }
}

/// Moves a process of the caller's into the group of a delegated unit, or one below it.
pub(crate) fn attach(instance: Instance, unit: &str, below: &str, pid: Pid) -> Result<()> {
    let what = || format!("moving a process to {unit}");
    let pid = pid.as_raw_nonzero().get() as u32;
    Operation::new(instance, what).run(|bus| bus.attach(unit, below, pid))
}

/// The properties that every unit of ours begins with.
pub(crate) fn description(text: &str) -> Property {
    Property::new("Description", Value::text(text))
}
