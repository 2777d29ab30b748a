//! Makes a group, limits it, runs `sleep` in it, and removes it: the whole life of a group.
use std::path::Path;
use std::process::Command;

use cgroups::{DeviceRule, Host, Manager, Memory, Resources};
use rustix::process::{Pid, Signal};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = Host::detect()?;
    println!("{:?}", host.mode);
    let path = format!("cgroups-example/{}", std::process::id());
    let group = Manager::new(&host, Path::new(&path))?;
    group.create()?;
    let mut limits =
        Resources { devices: vec![DeviceRule::default_to(false)], ..Resources::default() };
    // Version 2 has the controller only where no version 1 hierarchy holds it.
    if group.paths().contains_key("memory") {
        limits.memory = Memory { limit: Some(64 << 20), ..Memory::default() };
    }
    group.set(&limits)?;
    let mut child = Command::new("sleep").arg("100").spawn()?;
    let pid = Pid::from_child(&child);
    group.attach(pid)?;
    group.attach_v2(pid)?;
    println!("processes: {:?}", group.pids()?);
    group.freeze()?;
    println!("frozen: {}", group.frozen()?);
    group.thaw()?;
    group.kill(Signal::KILL)?;
    println!("it {}", child.wait()?);
    group.destroy()?;
    group.prune(1)?;
    Ok(())
}
