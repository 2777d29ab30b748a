use std::net::IpAddr;

use ::cgroups::{
    Access, BlockIo, Cpu, DeviceRule, Memory, Rdma, Resources, ThrottleDevice, WeightDevice,
};

use super::super::{
    Hook, Mount, NamespaceKind, Network, Route, Security, Veth, capability, mount_flags, parse,
    template,
};
use super::*;
use crate::config::Relabel;
use crate::config::{
    FileAccess, IoClass, LandlockFiles, LandlockNetwork, LandlockRule, MemoryFlag, MemoryMode,
    SchedulerFlag, SchedulerPolicy, Scope,
};

/// xorshift64*: the tests need many configs, not good randomness, and the same ones each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn truth(&mut self) -> bool {
        self.below(2) == 0
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.truth() { Some(make(self)) } else { None }
    }

    fn some<T>(&mut self, make: impl Fn(&mut Self) -> T) -> Vec<T> {
        (0..self.below(4)).map(|_| make(self)).collect()
    }

    fn of<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize].clone()
    }

    fn part<T: Clone>(&mut self, list: &[T]) -> Vec<T> {
        list.iter().filter(|_| self.truth()).cloned().collect()
    }

    fn text(&mut self) -> String {
        self.of(&["a", "x=y", "Ünï", "\"q\"", "a b", "1", "\n"]).to_owned()
    }

    fn path(&mut self) -> PathBuf {
        PathBuf::from(self.of(&["/a", "/b/c", "/with space", "/dev/x", "/proc/sys", "/é"]))
    }

    fn number(&mut self) -> i64 {
        self.of(&[-1, 0, 1, 4096, i64::MAX])
    }

    fn address(&mut self) -> IpAddr {
        self.of(&["10.0.0.1", "fe80::1", "::", "192.168.7.7"]).parse().unwrap()
    }
}

fn resources(r: &mut Random) -> Resources {
    let unsigned = |r: &mut Random| r.number() as u64;
    let rule = |r: &mut Random| DeviceRule {
        allow: r.truth(),
        kind: r.of(&[::cgroups::DeviceKind::All, ::cgroups::DeviceKind::Block]),
        major: r.maybe(|r| r.below(300) as i64),
        minor: r.maybe(|r| r.below(300) as i64),
        access: r.of(&[Access::ALL, Access::READ, Access::MKNOD.or(Access::WRITE)]),
    };
    let throttle = |r: &mut Random| ThrottleDevice {
        major: r.below(10) as u32,
        minor: r.below(10) as u32,
        rate: r.below(100),
    };
    let mut rules = r.of(&[
        vec![],
        vec![template::allow_all_devices()],
        vec![template::deny_all_devices()],
        template::device_rules(),
    ]);
    rules.extend(r.some(rule));
    Resources {
        memory: Memory {
            limit: r.maybe(Random::number),
            reservation: r.maybe(Random::number),
            swap: r.maybe(Random::number),
            kernel: r.maybe(Random::number),
            swappiness: r.maybe(|r| r.below(101)),
            disable_oom_killer: r.maybe(Random::truth),
            kernel_tcp: if r.below(9) == 0 { Some(r.number()) } else { None },
            use_hierarchy: if r.below(9) == 0 { Some(r.truth()) } else { None },
            check_before_update: if r.below(9) == 0 { Some(r.truth()) } else { None },
        },
        cpu: Cpu {
            shares: r.maybe(unsigned),
            quota: r.maybe(Random::number),
            period: r.maybe(unsigned),
            burst: r.maybe(unsigned),
            rt_runtime: r.maybe(Random::number),
            rt_period: r.maybe(unsigned),
            idle: r.maybe(|r| r.below(2) as i64),
            cpus: r.maybe(|_| "0-3,7".to_owned()),
            mems: r.maybe(|_| "0".to_owned()),
        },
        pids: r.maybe(Random::number),
        devices: rules,
        block_io: BlockIo {
            weight: r.maybe(|r| r.below(1000) as u16),
            leaf_weight: r.maybe(|r| r.below(1000) as u16),
            weight_device: r.some(|r| WeightDevice {
                major: r.below(10) as u32,
                minor: 0,
                weight: r.maybe(|r| r.below(1000) as u16),
                leaf_weight: r.maybe(|r| r.below(1000) as u16),
            }),
            throttle_read_bps: r.some(throttle),
            throttle_write_bps: r.some(throttle),
            throttle_read_iops: r.some(throttle),
            throttle_write_iops: r.some(throttle),
        },
        hugetlb: r.some(|r| (r.of(&["2MB", "1GB"]).to_owned(), r.below(9))).into_iter().collect(),
        net_cls_classid: r.maybe(|r| r.below(9) as u32),
        net_prio: r.some(|r| (r.of(&["eth0", "lo"]).to_owned(), 3)).into_iter().collect(),
        rdma: if r.below(4) == 0 {
            [("mlx".to_owned(), Rdma { hca_handles: Some(1), hca_objects: None })].into()
        } else {
            BTreeMap::new()
        },
        unified: r.some(|r| ("memory.high".to_owned(), r.text())).into_iter().collect(),
    }
}

fn mount(r: &mut Random) -> Mount {
    let known = [
        "rbind",
        "bind",
        "ro",
        "nosuid",
        "nodev",
        "noexec",
        "noatime",
        "rslave",
        "private",
        "rro",
        "sync",
        "mode=755",
        "size=1k",
        "context=\"a,b\"",
        "weird,comma",
        "newinstance",
        "",
    ];
    let options: Vec<String> = r.part(&known).into_iter().map(str::to_owned).collect();
    let options = if r.truth() { options } else { options.into_iter().rev().collect() };
    Mount {
        destination: r.of(&["/proc", "/dev", "/dev/shm", "/sys", "/data", "/a/b"]).into(),
        fstype: r.of(&["bind", "tmpfs", "", "proc"]).to_owned(),
        source: r.maybe(Random::path),
        options,
        uid_mappings: r.some(id_map),
        gid_mappings: r.some(id_map),
        relabel: r.maybe(|r| r.of(&[Relabel::Shared, Relabel::Private])),
    }
}

fn id_map(r: &mut Random) -> IdMap {
    IdMap {
        container_id: r.below(9) as u32,
        host_id: r.below(100_000) as u32,
        size: 1 + r.below(65536) as u32,
    }
}

fn veth(r: &mut Random) -> Veth {
    let name = |r: &mut Random| r.of(&["", "eth0", "veth-x"]).to_owned();
    Veth {
        name: name(r),
        host_name: name(r),
        host_prefix: name(r),
        bridge: name(r),
        mac_address: r.of(&["", "02:42:ac:11:00:02"]).to_owned(),
        addresses: r.some(|r| (r.address(), 17)),
        gateways: r.some(Random::address),
        mtu: r.below(3) as u32 * 700,
        tx_queue_len: r.below(3) as u32,
        hairpin: r.truth(),
    }
}

fn process(r: &mut Random) -> ProcessSpec {
    let id = |r: &mut Random| r.of(&[Id::Number(0), Id::Number(1000), Id::Name("daemon".into())]);
    let names = |r: &mut Random| -> Vec<String> {
        r.part(&capability::NAMES).into_iter().map(str::to_owned).collect()
    };
    let sets = |r: &mut Random| {
        if r.truth() {
            return Capabilities::of(names(r));
        }
        let (inheritable, permitted) = (names(r), names(r));
        let ambient = inheritable.iter().filter(|name| permitted.contains(name)).cloned().collect();
        Capabilities { bounding: names(r), effective: names(r), inheritable, permitted, ambient }
    };
    ProcessSpec {
        args: r.some(Random::text),
        env: r.maybe(|r| r.some(Random::text)),
        cwd: r.maybe(Random::path),
        user: r.maybe(|r| User { user: id(r), group: r.maybe(id) }),
        additional_groups: r.maybe(|r| r.some(id)),
        groups_from_file: r.maybe(Random::truth),
        capabilities: r.maybe(sets),
        rlimits: r.maybe(|r| {
            let limit = |resource| Rlimit { resource, soft: 1, hard: u64::MAX };
            r.part(&[0, 7, 15]).into_iter().map(limit).collect()
        }),
        no_new_privileges: r.maybe(Random::truth),
        oom_score_adj: r.maybe(|r| r.below(1000) as i32 - 500),
        umask: r.maybe(|r| r.below(0o1000) as u32),
        scheduler: r.maybe(|r| Scheduler {
            policy: r.of(&[SchedulerPolicy::Batch, SchedulerPolicy::Deadline]),
            nice: r.below(20) as i32 - 10,
            priority: 0,
            flags: vec![SchedulerFlag::ResetOnFork],
            runtime: r.below(99),
            deadline: 0,
            period: 7,
        }),
        io_priority: r.maybe(|r| IoPriority {
            class: r.of(&[IoClass::BestEffort, IoClass::Idle]),
            priority: r.below(8) as u8,
        }),
        exec_affinity: r
            .maybe(|r| ExecAffinity { initial: None, last: r.maybe(|_| "0-3".parse().unwrap()) }),
        parent_death_signal: r.maybe(|r| r.below(65) as i32),
        apparmor_profile: r.maybe(Random::text),
        selinux_label: r.maybe(Random::text),
        terminal: r.truth(),
        console_size: r.maybe(|_| (24, 80)),
    }
}

fn hook(r: &mut Random) -> Hook {
    let (args, env) = (r.some(Random::text), r.some(Random::text));
    Hook { path: r.path(), args, env, timeout: r.maybe(|r| 1 + r.below(9)) }
}

fn landlock(r: &mut Random) -> Landlock {
    let rule = |r: &mut Random| LandlockRule {
        paths: r.some(Random::path),
        allow: r.part(&FileAccess::ALL),
    };
    let port = |r: &mut Random| r.below(65_536) as u16;
    Landlock {
        filesystem: r.maybe(|r| LandlockFiles {
            restrict: r.maybe(|r| r.part(&FileAccess::ALL)),
            rules: r.some(rule),
        }),
        network: r.maybe(|r| LandlockNetwork {
            bind_tcp: r.maybe(|r| r.some(port)),
            connect_tcp: r.maybe(|r| r.some(port)),
        }),
        scopes: r.part(&[Scope::AbstractUnixSocket, Scope::Signal]),
        best_effort: r.truth(),
        log: r.truth(),
    }
}

fn config(r: &mut Random) -> Config {
    let device = |r: &mut Random| {
        let kind = r.of(&[DeviceKind::Char, DeviceKind::Block, DeviceKind::Fifo]);
        let number = |r: &mut Random| if kind == DeviceKind::Fifo { 0 } else { r.below(99) as u32 };
        let (major, minor) = (number(r), number(r));
        Device { path: r.path(), kind, major, minor, mode: 0o640, uid: 1, gid: r.below(3) as u32 }
    };
    let namespace = |r: &mut Random, kind| Namespace { kind, path: r.maybe(Random::path) };
    let offset = |r: &mut Random| TimeOffset { secs: r.number(), nanosecs: r.below(999) as u32 };
    let process = process(r);
    let seccomp = match r.below(3) {
        0 => template::default_seccomp(&process),
        1 => vec![seccomp::tiocsti_filter()],
        _ => vec![],
    };
    Config {
        // Not printed: a command line says so.
        cgroup_manager: crate::config::CgroupManager::Files,
        oci: r.truth(),
        rootfs: if r.below(5) == 0 { Rootfs::Host } else { Rootfs::Directory(r.path()) },
        rootfs_idmap: r.truth(),
        readonly_rootfs: r.truth(),
        rootfs_propagation: r.maybe(|r| {
            let all = [Propagation::Private, Propagation::Slave, Propagation::Shared];
            r.of(&[all[0], all[1], all[2], Propagation::Unbindable])
        }),
        no_pivot_root: r.truth(),
        hostname: r.maybe(Random::text),
        domainname: r.maybe(Random::text),
        namespaces: r
            .part(&NamespaceKind::ALL)
            .into_iter()
            .map(|kind| namespace(r, kind))
            .collect(),
        uid_mappings: r.some(id_map),
        gid_mappings: r.some(id_map),
        time_offsets: r
            .some(|r| (r.of(&[Clock::Monotonic, Clock::Boottime]), offset(r)))
            .into_iter()
            .collect(),
        mounts: match r.below(3) {
            0 => template::mounts(),
            _ => r.some(mount),
        },
        devices: r.some(device),
        masked_paths: r.some(Random::path),
        readonly_paths: r.some(Random::path),
        networks: r.some(|r| match r.truth() {
            true => Network::Loopback,
            false => Network::Veth(veth(r)),
        }),
        routes: r.some(|r| Route {
            destination: r.maybe(|r| (r.address(), 16)),
            source: r.maybe(Random::address),
            gateway: r.maybe(Random::address),
            interface: r.of(&["", "eth0"]).to_owned(),
        }),
        net_devices: r.some(|r| (r.text(), "eth0".to_owned())).into_iter().collect(),
        intel_rdt: r.maybe(|r| IntelRdt {
            clos_id: r.maybe(|r| r.of(&["/", "gold"]).to_owned()),
            l3_cache_schema: r.maybe(|_| "L3:0=f".to_owned()),
            mem_bw_schema: r.maybe(|_| "MB:0=20".to_owned()),
            schemata: r.some(|_| "L2:0=1".to_owned()),
            enable_monitoring: r.truth(),
        }),
        cgroup: r.maybe(|r| r.of(&["a", "a/b", "nsinit/web-1", "a/b/c"]).into()),
        cgroup_implied: false,
        slice: r.maybe(|_| "machine.slice".to_owned()),
        resources: if r.truth() {
            resources(r)
        } else {
            template::template(Rootfs::Host).resources
        },
        sysctl: r.some(|r| ("net.core.somaxconn".to_owned(), r.text())).into_iter().collect(),
        seccomp,
        landlock: r.maybe(landlock),
        personality: r.maybe(|r| r.of(&[Personality::Linux, Personality::Linux32])),
        memory_policy: r.maybe(|_| MemoryPolicy {
            mode: MemoryMode::Bind,
            nodes: Some("0-1,3".parse().unwrap()),
            flags: vec![MemoryFlag::StaticNodes],
        }),
        mount_label: r.maybe(Random::text),
        new_keyring: r.truth(),
        reaper: r.truth(),
        process,
        annotations: r.some(|r| (r.text(), r.text())).into_iter().collect(),
        hooks: Hooks {
            prestart: r.some(hook),
            create_runtime: r.some(hook),
            create_container: r.some(hook),
            start_container: r.some(hook),
            poststart: r.some(hook),
            poststop: r.some(hook),
        },
        bundle: r.maybe(Random::path),
    }
}

fn again(text: &str) -> Config {
    match parse(text.as_bytes(), Path::new("printed"), Path::new("/here")) {
        Ok(parsed) => {
            assert_eq!(parsed.warnings, Vec::<String>::new());
            parsed.config
        }
        Err(error) => panic!("{error}\n{text}"),
    }
}

#[test]
fn what_is_printed_reads_back_as_the_same() {
    for seed in 1..1000 {
        let config = config(&mut Random(seed * 0x9E37_79B9));
        // A binding of two in one option would be refused at the start, printed or not.
        if config.mounts.iter().any(|mount| mount_flags::parse(&mount.options).is_err()) {
            continue;
        }
        let text = print(&config).unwrap();
        assert_eq!(again(&text), config, "seed {seed}\n{text}");
    }
}

#[test]
fn the_template_needs_no_fields_of_ours_but_the_environment() {
    for security in [Security::High, Security::Medium, Security::Low] {
        let mut config = template::template(Rootfs::Directory("/r".into()));
        security.apply(&mut config);
        config.cgroup = Some("nsinit/x".into());
        let text = print(&config).unwrap();
        assert_eq!(again(&text), config);
        assert!(!text.contains("\"resources\"") && !text.contains("\"options\""), "{text}");
        assert_eq!(text.contains("seccomp_profiles"), security == Security::Low);
    }
}

#[test]
fn a_path_that_json_cannot_hold_is_an_error() {
    use std::os::unix::ffi::OsStrExt;
    let path = Path::new(std::ffi::OsStr::from_bytes(b"/\xff"));
    let config = template::template(Rootfs::Directory(path.to_owned()));
    assert!(print(&config).unwrap_err().to_string().contains("UTF-8"));
}
