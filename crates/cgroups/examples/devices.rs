//! Lists the device rules that are in force on a process's control group, and on its parents:
//! `devices PID`, as root. On version 2 they are read back from the eBPF programs.
use std::path::PathBuf;

use cgroups::{DeviceKind, Host, Manager};
use rustix::process::Pid;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pid = std::env::args().nth(1).ok_or("usage: devices PID")?.parse()?;
    let pid = Pid::from_raw(pid).ok_or("0 is no process")?;
    let mut group = Some(Manager::of_process(&Host::detect()?, pid)?);
    while let Some(this) = group {
        let paths = this.paths();
        let Some(path) = paths.get("devices").or(paths.get("")) else { break };
        println!("{}", path.display());
        for rule in this.device_rules()?.unwrap_or_default() {
            let number = |it: Option<i64>| it.map_or("*".to_owned(), |it| it.to_string());
            let kind = match rule.kind {
                DeviceKind::All => 'a',
                DeviceKind::Block => 'b',
                DeviceKind::Char => 'c',
            };
            let verb = if rule.allow { "allow" } else { "deny " };
            let (major, minor) = (number(rule.major), number(rule.minor));
            println!("  {verb} {kind} {major}:{minor} {}", rule.access);
        }
        // The root has none to show.
        let above = |(key, path): (&String, &PathBuf)| {
            Some((
                key.clone(),
                path.parent()
                    .filter(|it| {
                        it.join("cgroup.type").exists() || it.join("devices.list").exists()
                    })?
                    .to_owned(),
            ))
        };
        let above: Option<_> = paths.iter().filter(|it| it.1 == path).map(above).collect();
        group = above.map(Manager::from_paths).transpose()?;
    }
    Ok(())
}
