//! Groups that systemd makes: transient units asked for over D-Bus (systemd.scope(5),
//! systemd.resource-control(5), org.freedesktop.systemd1(5)).
//!
//! A [`Unit`] is planned without a word to anybody ([`Unit::plan`]), so that it can be recorded
//! before it is made. [`Unit::start`] makes it around a process, and [`Unit::stop`] ends it. The
//! group that it has is a [`Manager`](crate::Manager)'s like any other: `Delegate=yes` leaves it
//! to us. Each limit is given to systemd as well ([`Unit::set`]), so that `systemctl
//! daemon-reload` and `set-property` write what is there already. But for two things, which systemd
//! writes as it has them when it reads its units again, or when somebody else changes one of a unit's
//! properties: a quota of processor time, which it keeps in whole percents (so it is given the next
//! one), and memory.oom.group, which is its OOMPolicy and does not change after the start.
//!
//! [`Shared`] is one unit for all: made once, with plain directories below it.
//!
//! Nothing here has a thread or any state, and nothing waits longer than [`LIMIT`].

mod address;
mod connection;
mod devices;
mod instance;
mod message;
mod name;
mod operation;
mod properties;
mod shared;
mod text;
mod unit;
mod value;

use std::time::Duration;

pub use instance::Instance;
pub use properties::annotated;
pub use shared::{KEEP, Shared, keep};
pub use unit::Unit;
use value::Value;

/// The most time that anything takes here: a thousand starts at once come to their turn in it.
pub const LIMIT: Duration = Duration::from_secs(120);

/// A property of a unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    name: String,
    value: Value,
    /// The control files have it too: a systemd that does not know it does no harm.
    spare: bool,
}

impl Property {
    fn new(name: impl Into<String>, value: Value) -> Self {
        Self { name: name.into(), value, spare: false }
    }

    fn spare(name: impl Into<String>, value: Value) -> Self {
        Self { name: name.into(), value, spare: true }
    }
}
