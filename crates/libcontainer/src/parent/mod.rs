//! The creator's half of a start: spawn the sealed init, serve its requests, or clean up.

mod agent;
mod boot;
mod criu;
mod drive;
mod idmap;
mod lasting;
mod seal;

pub(crate) use agent::{hand_over, is_there as agent_is_there};
pub(crate) use boot::Boot;
pub(crate) use criu::{RunningCriu, null};
pub(crate) use drive::{Launch, Launched, launch, tell};
pub(crate) use seal::Sealed;
