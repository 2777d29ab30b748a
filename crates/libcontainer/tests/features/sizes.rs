//! Long strings everywhere (CVE-2021-43784): taken or refused, clearly and at once.

use std::time::{Duration, Instant};

use libcontainer::config::{
    Capabilities, Config, Device, DeviceKind, Id, Mount, Namespace, NamespaceKind, Network,
    ProcessSpec, Veth,
};
use libcontainer::{Error, ErrorKind, Process, Stdio};

use crate::common::{HostSnapshot, Place, Test, test};
use crate::kit::{self, Running, rest, try_once};

pub fn tests() -> Vec<Test> {
    vec![
        test("sizes::a_mebibyte_of_environment", environment),
        test("sizes::long_arguments", arguments),
        test("sizes::long_fields", fields),
        test("sizes::many_of_everything", many),
        test("sizes::exec_with_long_fields", exec),
    ]
}

const SIZES: [usize; 2] = [64 << 10, 1 << 20];

fn environment() {
    let Some(place) = kit::place() else { return };
    // 128 KiB less its end is the longest string that execve(2) takes.
    let env: Vec<String> =
        (0..16).map(|n| format!("VARIABLE{n:02}={}", "x".repeat((64 << 10) - 12))).collect();
    let count = "echo $(cat /proc/self/environ | wc -c)";
    let process = |args: &[&str]| {
        let mut process = Process::new(args.iter().copied());
        process.spec.env = Some(env.clone());
        (process.stdin, process.stdout) = (Stdio::Null, Stdio::Pipe);
        process
    };
    let (said, code) =
        kit::once_with(&place, "env", place.small(), process(&["/bin/sh", "-c", count]));
    assert_eq!(code, 0);
    assert!(said.trim().parse::<usize>().unwrap() > 16 * ((64 << 10) - 20), "{said}");
    // In the configuration, and of an exec.
    let mut config = place.small();
    config.process.env = Some(env.clone());
    let running = Running::new(&place, "env", config);
    let mut child = running.container.exec(process(&["/bin/sh", "-c", count])).unwrap();
    assert!(rest(&mut child).0.trim().parse::<usize>().unwrap() > 1_000_000);
    assert!(running.say(&["/bin/sh", "-c", count]).trim().parse::<usize>().unwrap() > 1_000_000);
}

fn arguments() {
    let Some(place) = kit::place() else { return };
    let long = "x".repeat(64 << 10);
    let (said, _) = kit::once(&place, "args", place.small(), &["/bin/probe", "args", &long]);
    assert_eq!(said.len(), "arg \n".len() + long.len());
    let many: Vec<&str> = std::iter::repeat_n(long.as_str(), 20).collect();
    let mut args = vec!["/bin/probe", "args"];
    args.extend(many);
    let (said, _) = kit::once(&place, "args", place.small(), &args);
    assert_eq!(said.lines().count(), 20);
    // One of 1 MiB is more than the kernel takes.
    let long = "x".repeat(1 << 20);
    let error = answered(|| {
        try_once(&place, "args", place.small(), Process::new(["/bin/probe", "args", &long]))
    });
    let error = error.unwrap_err();
    assert_eq!((error.kind(), error.errno()), (&ErrorKind::ProcessNotExecuted, Some(7)), "{error}");
}

/// Within a time that no hang fits into, and told in a line.
#[track_caller]
fn answered<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let start = Instant::now();
    let result = work();
    assert!(start.elapsed() < Duration::from_secs(20));
    if let Err(error) = &result {
        let text = error.to_string();
        // The whole path may be in it: nobody but the caller knows how much is too much.
        assert!(
            text.len() < 4 << 20 && !text.contains('\n'),
            "{} bytes: {:.300}",
            text.len(),
            text
        );
    }
    result
}

type Change = fn(&mut Config, &str);

/// A field, what makes it long, and whether that can be started at 64 KiB.
const FIELDS: [(&str, bool, Change); 24] = [
    ("hostname", false, |config, long| config.hostname = Some(long.into())),
    ("domainname", false, |config, long| config.domainname = Some(long.into())),
    ("rootfs", false, |config, long| {
        config.rootfs = libcontainer::config::Rootfs::Directory(format!("/{long}").into());
    }),
    ("cwd", false, |config, long| config.process.cwd = Some(format!("/{long}").into())),
    ("env", true, |config, long| config.process.env = Some(vec![format!("A={long}")])),
    ("program", false, |config, long| config.process.args = vec![format!("/{long}")]),
    ("name of a program", false, |config, long| config.process.args = vec![long.into()]),
    ("user", false, |config, long| {
        let user = Id::Name(long.into());
        config.process.user = Some(libcontainer::config::User { user, group: None });
    }),
    ("group", false, |config, long| {
        config.process.additional_groups = Some(vec![Id::Name(long.into())]);
    }),
    ("capability", false, |config, long| {
        config.process.capabilities = Some(Capabilities::of([long]));
    }),
    ("apparmor", false, |config, long| config.process.apparmor_profile = Some(long.into())),
    ("selinux", false, |config, long| config.process.selinux_label = Some(long.into())),
    ("mount label", false, |config, long| {
        config.mount_label = Some(long.into());
        config.mounts.push(mount("/mnt", &[]));
    }),
    ("mount data", false, |config, long| config.mounts.push(mount("/mnt", &[long]))),
    ("mount data's value", false, |config, long| {
        config.mounts.push(mount("/mnt", &[&format!("size={long}")]));
    }),
    ("mount type", false, |config, long| {
        config.mounts.push(Mount { fstype: long.into(), ..mount("/mnt", &[]) });
    }),
    ("mount target", false, |config, long| config.mounts.push(mount(&format!("/{long}"), &[]))),
    ("mount source", false, |config, long| {
        let source = Some(format!("/{long}").into());
        config.mounts.push(Mount { source, fstype: "bind".into(), ..mount("/mnt", &[]) });
    }),
    ("sysctl", false, |config, long| {
        config.sysctl.insert(format!("net.{long}"), "1".into());
    }),
    ("sysctl's value", false, |config, long| {
        config.sysctl.insert("net.ipv4.ip_forward".into(), long.into());
    }),
    ("namespace", false, |config, long| {
        config.namespaces.retain(|one| one.kind != NamespaceKind::Ipc);
        let path = Some(format!("/{long}").into());
        config.namespaces.push(Namespace { kind: NamespaceKind::Ipc, path });
    }),
    ("device", false, |config, long| {
        let path = format!("/dev/{long}").into();
        let kind = DeviceKind::Char;
        config.devices.push(Device { path, kind, major: 1, minor: 3, mode: 0o600, uid: 0, gid: 0 });
    }),
    ("interface", false, |config, long| {
        config.networks.push(Network::Veth(Veth { name: long.into(), ..Veth::default() }));
    }),
    ("annotation", true, |config, long| {
        config.annotations.insert("key".into(), long.into());
    }),
];

fn mount(target: &str, options: &[&str]) -> Mount {
    Mount {
        destination: target.into(),
        fstype: "tmpfs".into(),
        source: None,
        options: options.iter().map(|&option| option.to_owned()).collect(),
        ..Mount::default()
    }
}

fn fields() {
    let Some(place) = kit::place() else { return };
    let before = HostSnapshot::take(&place);
    for (name, taken, change) in FIELDS {
        for size in SIZES {
            let mut config = place.small();
            config.process.args = vec!["/bin/true".into()];
            change(&mut config, &"x".repeat(size));
            match answered(|| try_once(&place, "long", config, Process::configured())) {
                Ok((_, code)) => {
                    assert!(taken && code == 0, "{name} of {size} bytes was taken: {code}");
                }
                Err(error) => {
                    // The longest string that execve(2) takes is 128 KiB.
                    let kernels = name == "env" && size > 128 << 10;
                    assert!(!taken || kernels, "{name} of {size} bytes: {error}");
                }
            }
            assert!(place.factory().list().unwrap().is_empty(), "{name}");
        }
    }
    for (name, change) in OTHERS {
        for size in SIZES {
            let mut config = place.small();
            config.process.args = vec!["/bin/true".into()];
            change(&mut config, &"x".repeat(size));
            let _ = answered(|| try_once(&place, "long", config, Process::configured()));
            assert!(place.factory().list().unwrap().is_empty(), "{name}");
        }
    }
    let _ = answered(|| place.factory().create(&"x".repeat(1 << 20), place.small()));
    before.assert_restored(Duration::from_secs(3));
}

/// Either way is right.
const OTHERS: [(&str, Change); 4] = [
    ("cgroup", |config, long| config.cgroup = Some(long.into())),
    ("masked path", |config, long| config.masked_paths.push(format!("/{long}").into())),
    ("read-only path", |config, long| config.readonly_paths.push(format!("/{long}").into())),
    ("mount source of a tmpfs", |config, long| {
        config.mounts.push(Mount { source: Some(long.into()), ..mount("/mnt", &[]) });
    }),
];

/// More descriptors than one message takes, more paths than one message has room for.
fn many() {
    let Some(place) = kit::place() else { return };
    let source = place.dir().join("source");
    std::fs::write(&source, "bound").unwrap();
    let mut config = place.small();
    config.mounts.push(mount("/mnt", &[]));
    for number in 0..600 {
        config.mounts.push(Mount {
            fstype: "bind".into(),
            source: Some(source.clone()),
            ..mount(&format!("/mnt/{}/{number}", "d".repeat(200)), &[])
        });
    }
    config.masked_paths.extend((0..2000).map(|n| format!("/nowhere/{n}").into()));
    let running = Running::new(&place, "many", config);
    let path = format!("/mnt/{}/599", "d".repeat(200));
    assert_eq!(running.say(&["cat", &path]), "bound");
    // As many further descriptors as one message takes with the others, and too many.
    for count in [100, 300] {
        let mut process = Process::new(["sh", "-c", "ls /proc/self/fd | wc -l"]);
        (process.stdin, process.stdout) = (Stdio::Null, Stdio::Pipe);
        process.extra_fds =
            (0..count).map(|_| std::fs::File::open("/dev/null").unwrap().into()).collect();
        match answered(|| running.container.exec(process)) {
            Ok(mut child) => {
                let said = rest(&mut child).0;
                assert!(said.trim().parse::<usize>().unwrap() >= count + 3, "{said}");
            }
            Err(error) => assert!(count > 200, "{count}: {error}"),
        }
    }
}

fn exec() {
    let Some(place) = kit::place() else { return };
    let running = Running::new(&place, "exec", place.config("exec"));
    for size in SIZES {
        let long = "x".repeat(size);
        let specs = [
            ProcessSpec { cwd: Some(format!("/{long}").into()), ..ProcessSpec::default() },
            ProcessSpec { apparmor_profile: Some(long.clone()), ..ProcessSpec::default() },
            ProcessSpec { capabilities: Some(Capabilities::of([&long])), ..Default::default() },
            ProcessSpec { args: vec![format!("/{long}")], ..ProcessSpec::default() },
        ];
        for mut spec in specs {
            if spec.args.is_empty() {
                spec.args = vec!["true".into()];
            }
            let process = Process { spec, ..Process::default() }.silent();
            answered(|| running.container.exec(process)).unwrap_err();
        }
    }
    assert_eq!(running.exec(&["true"]).1, 0);
    let _: &Place = &place;
}
