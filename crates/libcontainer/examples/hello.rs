//! Runs a program in a root file system: `hello ROOTFS PROGRAM [ARGUMENT...]`.

use libcontainer::config::{
    Capabilities, Config, Mount, Namespace, NamespaceKind, ProcessSpec, Rootfs,
};
use libcontainer::{Factory, Process};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    libcontainer::init();
    let mut args = std::env::args().skip(1);
    let rootfs = std::fs::canonicalize(args.next().ok_or("usage: hello ROOTFS PROGRAM...")?)?;
    let new = |kind| Namespace { kind, path: None };
    let config = Config {
        rootfs: Rootfs::Directory(rootfs),
        hostname: Some("hello".into()),
        namespaces: [
            NamespaceKind::Mount,
            NamespaceKind::Uts,
            NamespaceKind::Ipc,
            NamespaceKind::Pid,
            NamespaceKind::Network,
        ]
        .map(new)
        .to_vec(),
        mounts: vec![Mount {
            destination: "/proc".into(),
            fstype: "proc".into(),
            ..Mount::default()
        }],
        cgroup: Some("hello/one".into()),
        process: ProcessSpec {
            env: Some(vec!["PATH=/bin:/sbin:/usr/bin:/usr/sbin".into()]),
            capabilities: Some(Capabilities::of(["CHOWN", "KILL"])),
            ..ProcessSpec::default()
        },
        ..Config::default()
    };
    let container = Factory::new("/run/libcontainer-hello").create("hello", config)?;
    let result = container.run(Process::new(args)).and_then(|mut child| child.wait());
    container.destroy()?;
    println!("{}", result?);
    Ok(())
}
