//! What is asked of systemd: on whichever bus it is, again where that failed for the moment, and
//! with an end.

use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::connection::Connection;
use super::message::Call;
use super::name::object;
use super::value::Value;
use super::{Instance, LIMIT, Property, address};
use crate::{Error, Result};

const SYSTEMD: &str = "org.freedesktop.systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
pub(crate) const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// Signals are not lost, but connections are: how often the unit itself is looked at.
const LOOK: Duration = Duration::from_secs(3);
/// The longest pause before another attempt.
const PAUSE: Duration = Duration::from_millis(400);

/// Something that has to be done by a time.
pub(crate) struct Operation<W> {
    instance: Instance,
    what: W,
    deadline: Instant,
}

impl<W: Fn() -> String> Operation<W> {
    /// `what` says what it is, for errors.
    pub(crate) fn new(instance: Instance, what: W) -> Self {
        Self { instance, what, deadline: Instant::now() + LIMIT }
    }

    /// Does it; again where the bus, or systemd, was not to be had for the moment. So it may have
    /// been done already when it is called.
    pub(crate) fn run<T>(&self, mut act: impl FnMut(&mut Connection) -> Result<T>) -> Result<T> {
        self.instance.check()?;
        let mut pause = Duration::from_millis(5);
        loop {
            let error = match self.connect().and_then(|mut bus| act(&mut bus)) {
                Err(error) if is_transient(&error) => error,
                result => return result.map_err(|error| self.name(error)),
            };
            if Instant::now() + pause >= self.deadline {
                return Err(self.name(error));
            }
            thread::sleep(pause);
            pause = (pause * 2).min(PAUSE);
        }
    }

    /// Who is there first. An address without anybody is passed over.
    fn connect(&self) -> Result<Connection> {
        let mut first = None;
        for address in address::of(self.instance) {
            match Connection::open(&address, self.deadline) {
                Ok(connection) => return Ok(connection),
                Err(error) if is_transient(&error) => return Err(error),
                Err(error) => {
                    first.get_or_insert(error);
                }
            }
        }
        let whose = match self.instance {
            Instance::System => "systemd's bus",
            Instance::User => {
                "the bus of the user's systemd (logind starts it for who logs in; loginctl \
                 enable-linger keeps it)"
            }
        };
        let why = first.map_or_else(|| "it has no address".to_owned(), |error| error.to_string());
        Err(Error::NoSystemd { what: format!("{whose} cannot be reached: {why}") })
    }

    fn name(&self, error: Error) -> Error {
        match error {
            Error::Bus { name, message, .. } => Error::Bus { what: (self.what)(), name, message },
            Error::TimedOut { milliseconds, .. } => {
                Error::TimedOut { what: (self.what)(), milliseconds }
            }
            other => other,
        }
    }
}

/// Whether it may be different in a moment.
fn is_transient(error: &Error) -> bool {
    const ERRNOS: [Errno; 5] =
        [Errno::AGAIN, Errno::CONNREFUSED, Errno::CONNRESET, Errno::PIPE, Errno::NOTCONN];
    const NAMES: [&str; 6] = [
        "LimitsExceeded",
        "NoReply",
        "Timeout",
        "TimedOut",
        "Disconnected",
        // It restarts.
        "NameHasNoOwner",
    ];
    match error {
        Error::Bus { name, .. } => name
            .strip_prefix("org.freedesktop.DBus.Error.")
            .is_some_and(|name| NAMES.contains(&name)),
        _ => error.errno().is_some_and(|errno| ERRNOS.contains(&errno)),
    }
}

/// Whether systemd knows no such unit.
pub(crate) fn is_unknown(error: &Error) -> bool {
    matches!(error, Error::Bus { name, .. } if name == "org.freedesktop.systemd1.NoSuchUnit")
}

/// Whether a unit of that name is there already.
pub(crate) fn is_taken(error: &Error) -> bool {
    matches!(error, Error::Bus { name, .. } if name == "org.freedesktop.systemd1.UnitExists")
}

/// A call of systemd's with texts only.
pub(crate) fn call<'a, const N: usize>(
    path: &'a str,
    interface: &'a str,
    member: &'a str,
    texts: [&str; N],
) -> Call<'a> {
    let body = texts.into_iter().map(Value::text).collect();
    Call { destination: SYSTEMD, path, interface, member, body }
}

/// What systemd's manager is asked for.
impl Connection {
    fn manager(&mut self, member: &str, body: Vec<Value>) -> Result<Vec<String>> {
        let path = "/org/freedesktop/systemd1";
        self.call(&Call { destination: SYSTEMD, path, interface: MANAGER, member, body })
    }

    /// Starts a transient unit; its job.
    pub(crate) fn start_transient(&mut self, unit: &str, all: &[Property]) -> Result<String> {
        let others = Value::Array("(sa(sv))".to_owned(), Vec::new());
        let body = vec![Value::text(unit), Value::text("fail"), Value::properties(all), others];
        Ok(self.manager("StartTransientUnit", body)?.into_iter().next().unwrap_or_default())
    }

    /// Stops a unit; its job.
    pub(crate) fn stop_unit(&mut self, unit: &str) -> Result<String> {
        let body = vec![Value::text(unit), Value::text("replace")];
        Ok(self.manager("StopUnit", body)?.into_iter().next().unwrap_or_default())
    }

    /// Forgets that a unit has failed.
    pub(crate) fn reset_failed(&mut self, unit: &str) -> Result<()> {
        match self.manager("ResetFailedUnit", vec![Value::text(unit)]) {
            Err(error) if !is_unknown(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Changes properties of a unit until it ends.
    pub(crate) fn set_properties(&mut self, unit: &str, all: &[Property]) -> Result<()> {
        let body = vec![Value::text(unit), Value::Boolean(true), Value::properties(all)];
        self.manager("SetUnitProperties", body).map(|_| ())
    }

    /// Moves a process of the caller's into the unit's group, or one below it.
    pub(crate) fn attach(&mut self, unit: &str, below: &str, pid: u32) -> Result<()> {
        let pids = Value::Array("u".to_owned(), vec![Value::Uint32(pid)]);
        let body = vec![Value::text(unit), Value::text(below), pids];
        self.manager("AttachProcessesToUnit", body).map(|_| ())
    }

    /// A text among the properties that every unit has.
    pub(crate) fn property(&mut self, unit: &str, property: &str) -> Result<String> {
        let path = object(unit);
        let get = call(&path, PROPERTIES, "Get", ["org.freedesktop.systemd1.Unit", property]);
        Ok(self.call(&get)?.into_iter().next().unwrap_or_default())
    }

    /// Returns when systemd has done whatever earlier calls have left to its next moment.
    pub(crate) fn settle(&mut self) -> Result<()> {
        let path = "/org/freedesktop/systemd1";
        self.call(&call(path, "org.freedesktop.DBus.Peer", "Ping", [])).map(|_| ())
    }

    /// Waits for the end of a job; how it ended: `done`, `failed`, `canceled`, `timeout`, … Where
    /// no word of that comes, the unit is looked at: whether it is in one of these `states`.
    pub(crate) fn wait_job(&mut self, job: &str, unit: &str, states: &[&str]) -> Result<String> {
        loop {
            let now = Instant::now();
            if now >= self.deadline() {
                return Err(Error::TimedOut {
                    what: format!("waiting for {unit}"),
                    milliseconds: LIMIT.as_millis() as u64,
                });
            }
            match self.signal(now + LOOK)? {
                // Its job, its unit and how it has ended.
                Some(signal) if signal.member.as_deref() == Some("JobRemoved") => {
                    if let [ended, _, result] = &signal.texts[..]
                        && ended == job
                    {
                        return Ok(result.clone());
                    }
                }
                Some(_) => {}
                None => {
                    let state = self.property(unit, "ActiveState")?;
                    if states.contains(&state.as_str()) {
                        return Ok("done".to_owned());
                    }
                }
            }
        }
    }
}
