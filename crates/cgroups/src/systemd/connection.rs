//! One connection to a bus, or to systemd itself, in which nothing waits for ever.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with,
};
use rustix::time::Timespec;

use super::address::Address;
use super::message::{Call, FIXED, Incoming, decode, length};
use super::value::Value;
use crate::file::failed;
use crate::{Error, Result};

const BUS: &str = "org.freedesktop.DBus";
/// How much is read at a time.
const CHUNK: usize = 4096;

/// A connection that has been let in.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: OwnedFd,
    /// Its name, for messages.
    name: String,
    /// Nothing is waited for beyond this.
    deadline: Instant,
    serial: u32,
    /// What has come, and was not looked at.
    unread: Vec<u8>,
    /// Signals that came while a reply was waited for.
    signals: Vec<Incoming>,
    /// systemd itself is at the other end.
    direct: bool,
    /// The number of the call by which a bus lets one in.
    hello: u32,
}

impl Connection {
    /// Connects, and says who we are: the kernel tells the other end, so that it works from a user
    /// namespace too (specification, "Authentication Protocol", EXTERNAL without a name).
    pub(crate) fn open(address: &Address, deadline: Instant) -> Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let wrong = |errno| failed(format!("connecting to {}", address.text), "connect", errno);
        let socket =
            socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).map_err(wrong)?;
        connect(&socket, &address.socket).map_err(wrong)?;
        let mut connection = Self {
            socket,
            name: address.text.clone(),
            deadline,
            serial: 0,
            unread: Vec::new(),
            signals: Vec::new(),
            direct: address.direct,
            hello: 0,
        };
        connection.authenticate()?;
        if !connection.direct {
            // Its answer comes before that to whatever is asked next, and need not be waited for.
            connection.hello = connection.send(&bus_call("Hello", Vec::new()))?;
        }
        Ok(connection)
    }

    fn authenticate(&mut self) -> Result<()> {
        self.write(b"\0AUTH EXTERNAL\r\nDATA\r\n")?;
        loop {
            let line = self.read_line()?;
            match line.split(' ').next() {
                Some("DATA") => {}
                Some("OK") => return self.write(b"BEGIN\r\n"),
                _ => return Err(self.refused("AuthFailed", &line)),
            }
        }
    }

    /// Asks for the signal that tells of the end of jobs of this unit.
    pub(crate) fn watch_jobs(&mut self, unit: &str) -> Result<()> {
        if self.direct {
            return Ok(());
        }
        let rule = format!(
            "type='signal',sender='org.freedesktop.systemd1',\
             interface='org.freedesktop.systemd1.Manager',member='JobRemoved',arg2='{unit}'"
        );
        // Carried out before any later call; should it fail, the state is looked at now and then.
        self.send(&bus_call("AddMatch", vec![Value::Text(rule)])).map(|_| ())
    }

    /// Calls a method; the texts of its answer.
    pub(crate) fn call(&mut self, call: &Call<'_>) -> Result<Vec<String>> {
        let serial = self.send(call)?;
        loop {
            let incoming = self.receive(self.deadline)?.ok_or_else(|| self.timed_out())?;
            let ours = incoming.reply_to == Some(serial);
            if let Some(error) =
                incoming.error.as_ref().filter(|_| ours || self.is_hello(&incoming))
            {
                let message = incoming.texts.first().cloned().unwrap_or_default();
                return Err(self.refused(error, &message));
            }
            if ours {
                return Ok(incoming.texts);
            }
            if incoming.member.is_some() {
                self.signals.push(incoming);
            }
        }
    }

    fn is_hello(&self, incoming: &Incoming) -> bool {
        incoming.reply_to.is_some_and(|serial| serial == self.hello)
    }

    /// The next signal; none if none has come until then.
    pub(crate) fn signal(&mut self, until: Instant) -> Result<Option<Incoming>> {
        if !self.signals.is_empty() {
            return Ok(Some(self.signals.remove(0)));
        }
        loop {
            match self.receive(until.min(self.deadline))? {
                Some(incoming) if incoming.member.is_none() => {}
                other => return Ok(other),
            }
        }
    }

    /// The end of all waiting.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    fn send(&mut self, call: &Call<'_>) -> Result<u32> {
        self.serial += 1;
        let message = call.encode(self.serial).map_err(|error| {
            Error::invalid(format!("arguments of {}", call.member), error.to_string())
        })?;
        self.write(&message)?;
        Ok(self.serial)
    }

    fn receive(&mut self, until: Instant) -> Result<Option<Incoming>> {
        loop {
            if let Some(start) = self.unread.first_chunk::<FIXED>() {
                let length =
                    length(start).ok_or_else(|| self.refused("InconsistentMessage", ""))?;
                if self.unread.len() >= length {
                    let rest = self.unread.split_off(length);
                    let message = std::mem::replace(&mut self.unread, rest);
                    match decode(&message) {
                        Some(incoming) => return Ok(Some(incoming)),
                        // A signal that we have not asked for.
                        None => continue,
                    }
                }
            }
            if !self.fill(until)? {
                return Ok(None);
            }
        }
    }

    fn read_line(&mut self) -> Result<String> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|two| two == b"\r\n") {
                let line = self.unread.drain(..end + 2).take(end).collect();
                return Ok(String::from_utf8(line).unwrap_or_default());
            }
            if !self.fill(self.deadline)? {
                return Err(self.timed_out());
            }
        }
    }

    /// Waits for more, until then at most; whether more has come.
    fn fill(&mut self, until: Instant) -> Result<bool> {
        loop {
            let mut chunk = [0_u8; CHUNK];
            match recv(&self.socket, &mut chunk[..], RecvFlags::empty()) {
                Ok((0, _)) => return Err(self.broken("recvfrom", Errno::CONNRESET)),
                Ok((count, _)) => {
                    self.unread.extend_from_slice(&chunk[..count.min(CHUNK)]);
                    return Ok(true);
                }
                Err(Errno::AGAIN) => {
                    if !self.wait(PollFlags::IN, until)? {
                        return Ok(false);
                    }
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(self.broken("recvfrom", errno)),
            }
        }
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            match send(&self.socket, bytes, SendFlags::NOSIGNAL) {
                Ok(count) => bytes = &bytes[count..],
                Err(Errno::AGAIN) => {
                    if !self.wait(PollFlags::OUT, self.deadline)? {
                        return Err(self.timed_out());
                    }
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(self.broken("sendto", errno)),
            }
        }
        Ok(())
    }

    fn wait(&self, what: PollFlags, until: Instant) -> Result<bool> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        let left = left.max(Duration::from_millis(1));
        let limit = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(&self.socket, what)], Some(&limit)) {
            Ok(_) | Err(Errno::INTR) => Ok(true),
            Err(errno) => Err(self.broken("poll", errno)),
        }
    }

    fn broken(&self, call: &'static str, errno: Errno) -> Error {
        failed(format!("talking to {}", self.name), call, errno)
    }

    fn refused(&self, name: &str, message: &str) -> Error {
        let what = format!("asking {}", self.name);
        Error::Bus { what, name: name.to_owned(), message: message.to_owned() }
    }

    fn timed_out(&self) -> Error {
        let what = format!("waiting for {}", self.name);
        Error::TimedOut { what, milliseconds: super::LIMIT.as_millis() as u64 }
    }
}

fn bus_call(member: &'static str, body: Vec<Value>) -> Call<'static> {
    Call { destination: BUS, path: "/org/freedesktop/DBus", interface: BUS, member, body }
}
