//! Root file systems built on the real kernel, each test in a process and mount namespace of its
//! own.

mod attacks;
mod child;
mod host;
mod mounts;
mod nodes;
mod relabel;
mod user;
mod whole;
