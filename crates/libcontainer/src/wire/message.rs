//! Both directions' messages.
//!
//! ```text
//! creator                                   init
//!    │ ── Ahead ──────────────────────────► │  stage 0 has nothing to do yet; not always
//!    │ ── Plan + descriptors ──────────────► │  stage 0
//!    │ ◄───────────────────────── WantMaps ─ │  a new user namespace only
//!    │ ── MapsWritten ─────────────────────► │
//!    │ ◄───────────────── Born(pid) + pidfd ─ │  stage 1 exists; stage 0 ends
//!    │ ── Joined ──────────────────────────► │  control group and links are in place; where needed
//!    │ ── Go ──────────────────────────────► │  the record is complete (sent as soon as it is)
//!    │ ◄───────────────────────── HooksDue ─ │  prestart or createRuntime hooks only
//!    │ ── HooksRun ────────────────────────► │
//!    │ ◄──────────────── Terminal + master ─ │  a terminal only
//!    │ ◄──────────────────────── Executing ─ │
//!    │ ◄────────────── Listener + descriptor ─ │  a seccomp agent only, here or after a held start
//!    │ ── HandedOver ──────────────────────► │
//!    │ ◄────────────────────── end of file ─ │  the program runs
//!    │ ◄──────────────────── Failed(error) ─ │  instead of any of init's messages
//! ```
//!
//! A held start says `Built` in place of `Executing`, and its end of file says that init now waits
//! at the start socket. Whoever connects there hears `Executing`, maybe `Listener`, and the end of
//! file, or `Failed`.

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::plan::{Ahead, CriuPlan, InitPlan};

/// From the creator.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToInit {
    /// What the plan will probably ask for: to be made while the creator writes its record.
    Ahead(Ahead),
    /// What to do; the descriptors are those of [`InitPlan::descriptors`], in that order.
    Plan(Box<InitPlan>),
    /// Become CRIU instead; the descriptors are those of [`CriuPlan::descriptors`]. After
    /// [`FromInit::Criu`], the end of file says that it is executed.
    Criu(Box<CriuPlan>),
    /// The id maps of the new user namespace are written.
    MapsWritten,
    /// Stage 1 is in its control groups, and its end of each veth pair in its namespace.
    Joined,
    /// Whatever happens now, the record lets `destroy` clean up: execute.
    Go,
    /// The creator's hooks have run, and none has failed.
    HooksRun,
    /// The agent has the listener.
    HandedOver,
}

/// From the init.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromInit {
    /// The user namespace is there and wants its id maps.
    WantMaps,
    /// Stage 1 exists under this id, as stage 0 sees it; its pidfd comes along, and for who joins
    /// the control group's directory, a mount of its own that is not to end in stage 1's execve.
    Born(i32),
    /// The container is built and not yet entered: now come the creator's hooks.
    HooksDue,
    /// The master of the terminal comes along.
    Terminal,
    /// A held start is complete but for the program; with warnings, one line each.
    Built(Vec<String>),
    /// The program is about to be executed: the end of file that follows is its start. With
    /// warnings, one line each.
    Executing(Vec<String>),
    /// The program's filters are loaded: the listener of the one that asks an agent comes along.
    Listener,
    /// CRIU is about to be executed: the socket at which it listens comes along.
    Criu,
    /// It went wrong, and the sender ends.
    Failed(Error),
}
