//! Each feature of a container, seen from inside it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod agent;
mod births;
mod cgroup;
#[path = "../common/mod.rs"]
mod common;
mod freeze;
mod kit;
mod landlock;
mod namespaces;
mod net_devices;
mod network;
mod privileges;
mod process;
mod resctrl;
mod rootfs;
mod scheduling;
mod seccomp;
mod sizes;
mod terminal;

fn main() -> std::process::ExitCode {
    libcontainer::init();
    let tests = [
        births::tests(),
        namespaces::tests(),
        process::tests(),
        privileges::tests(),
        scheduling::tests(),
        seccomp::tests(),
        landlock::tests(),
        rootfs::tests(),
        resctrl::tests(),
        cgroup::tests(),
        freeze::tests(),
        network::tests(),
        net_devices::tests(),
        terminal::tests(),
        sizes::tests(),
    ];
    common::run(tests.into_iter().flatten().collect())
}
