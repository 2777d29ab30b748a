//! Stage 0's work before its plan has come.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, openat};
use sys::namespace::{enter, flag, unshare};

use crate::config::NamespaceKind;
use crate::plan::{Ahead, Entry, StartPlan};
use crate::{Result, network};

/// A network namespace that is there before it is known to be wanted, and the way back.
pub struct Made {
    loopback: bool,
    host: OwnedFd,
}

impl Made {
    /// `None` where it cannot be: the birth will tell why.
    pub fn of(wish: Ahead) -> Option<Self> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let host = openat(CWD, "/proc/self/ns/net", flags, Mode::empty()).ok()?;
        unshare(flag::NETWORK).ok()?;
        Some(Self { loopback: wish.loopback && network::loopback_up().is_ok(), host })
    }

    /// Takes from the plan what is done, or goes back where the plan asks for something else.
    pub fn settle(self, entry: &mut Entry) -> Result<()> {
        match entry {
            Entry::Start(start) if wants_it(start, self.loopback) => {
                start.namespaces.born &= !flag::NETWORK;
                start.network.loopback &= !self.loopback;
            }
            _ => enter(self.host.as_fd(), flag::NETWORK)?,
        }
        Ok(())
    }
}

fn wants_it(start: &StartPlan, loopback: bool) -> bool {
    let plan = &start.namespaces;
    let owned = !plan.user && plan.join.iter().all(|(kind, _)| *kind != NamespaceKind::User);
    owned && plan.born & flag::NETWORK != 0 && (start.network.loopback || !loopback)
}
