use std::path::{Path, PathBuf};

use super::super::{Form, Namespace, NamespaceKind, Network, Parsed, Propagation, parse, template};

fn read(text: &str) -> crate::Result<Parsed> {
    parse(text.as_bytes(), Path::new("container.json"), Path::new("/here"))
}

fn good(text: &str) -> super::super::Config {
    read(text).unwrap_or_else(|error| panic!("{error}\n{text}")).config
}

/// Each wrong value with the message that must come out for it, behind the file's name.
#[test]
fn errors_name_the_field() {
    let cases = [
        ("[]", "expected a JSON object"),
        ("{\n\"a\": }", "not JSON: expected value at line 2 column 6"),
        (r#"{"hostname": 7}"#, "hostname: expected a text, found the number 7"),
        (r#"{"capabilities": ["CHOWN", "FLY"]}"#, "capabilities[1]: unknown capability \"FLY\""),
        (r#"{"capabilities": "ALL"}"#, "capabilities: expected a list, found the text \"ALL\""),
        (r#"{"capabilities_mask": {"FLY": false}}"#, "capabilities_mask.FLY: unknown capability"),
        (r#"{"capabilities_mask": {"CHOWN": 1}}"#, "capabilities_mask.CHOWN: expected true or"),
        (r#"{"namespaces": {"NEWX": true}}"#, "namespaces.NEWX: unknown namespace"),
        (r#"{"namespaces": [{"type": "NEWX"}]}"#, "namespaces[0].type: unknown namespace \"NEWX\""),
        (
            r#"{"namespaces": [{"type": "NEWNS"}, {"type": "NEWNS"}]}"#,
            "namespaces[1].type: NEWNS is listed twice",
        ),
        (
            r#"{"namespaces": [{"type": "NEWNET", "path": "x"}]}"#,
            "namespaces[0].path: \"x\" is not an absolute path",
        ),
        (
            r#"{"cgroups": {"allowed_devices": [{"type": 99}, {"type": 99}, {"type": 120}]}}"#,
            "cgroups.allowed_devices[2].type: unknown device type",
        ),
        (r#"{"cgroups": {"memory": "1g"}}"#, "cgroups.memory: expected a number"),
        (r#"{"cgroups": {"name": "../x"}}"#, "cgroups.name: a control group may not have .."),
        (r#"{"cgroups": {"cpuset_cpus": "a"}}"#, "cgroups.cpuset_cpus: \"a\" is not a list"),
        (r#"{"cgroups": {"freezer": "COLD"}}"#, "cgroups.freezer: unknown state \"COLD\""),
        (r#"{"cgroups": {"freezer": "FROZEN"}}"#, "cgroups.freezer: not supported"),
        (r#"{"devices": [{"type": "c", "path": "x"}]}"#, "devices[0].path: \"x\" is not an absol"),
        (
            r#"{"devices": [{"type": 99, "path": "/x", "major": -1}]}"#,
            "devices[0].major: a device node needs a number",
        ),
        (
            r#"{"devices": [{"type": 99, "path": "/x", "major": 5000}]}"#,
            "devices[0].major: 5000 is not a device number",
        ),
        (
            r#"{"mounts": [{}, {"destination": "/x", "options": ["ro", "remount"]}]}"#,
            "mounts[0].destination: is required",
        ),
        (
            r#"{"mounts": [{"destination": "/x", "options": ["ro", "move"]}]}"#,
            "mounts[0].options[1]: \"move\" is refused",
        ),
        (r#"{"mounts": [{"destination": "/x", "flags": 8192}]}"#, "mounts[0].flags: \"move\""),
        (
            r#"{"mounts": [{"destination": "/x", "flags": 1073741824}]}"#,
            "mounts[0].flags: the bits 0x40000000 are no option",
        ),
        (r#"{"mounts": [{"type": "nfs"}]}"#, "mounts[0].type: unknown mount type \"nfs\""),
        (
            r#"{"mounts": [{"destination": "/x", "premount_cmds": [{"path": "/bin/true"}]}]}"#,
            "mounts[0].premount_cmds: not supported yet",
        ),
        (r#"{"networks": [{"type": "wifi"}]}"#, "networks[0].type: unknown network type \"wifi\""),
        (
            r#"{"networks": [{"type": "veth", "address": "10.0.0.2"}]}"#,
            "networks[0].address: \"10.0.0.2\" is not an address with its prefix length",
        ),
        (
            r#"{"networks": [{"type": "veth", "address": "10.0.0.2/33"}]}"#,
            "networks[0].address: \"10.0.0.2/33\" is not",
        ),
        (
            r#"{"networks": [{"type": "veth", "mac_address": "02:42"}]}"#,
            "networks[0].mac_address: \"02:42\" is not a hardware address",
        ),
        (
            r#"{"networks": [{"type": "veth", "name": "averyverylongname"}]}"#,
            "networks[0].name: \"averyverylongname\" is not a name of a network interface",
        ),
        (r#"{"routes": [{"gateway": "x"}]}"#, "routes[0].gateway: \"x\" is not an address"),
        (r#"{"rlimits": [{"type": 16, "hard": 1, "soft": 1}]}"#, "rlimits[0].type: unknown resour"),
        (r#"{"rlimits": [{"type": 7, "hard": 1}]}"#, "rlimits[0].soft: is required"),
        (r#"{"parent_death_signal": 65}"#, "parent_death_signal: unknown signal 65"),
        (r#"{"parent_death_signal": "BOO"}"#, "parent_death_signal: unknown signal \"BOO\""),
        (r#"{"user": "1:"}"#, "user: \"\" is neither a number nor a name"),
        (r#"{"user": "4294967295"}"#, "user: \"4294967295\" is too large for an id"),
        (r#"{"user": "a:b:c"}"#, "user: \"b:c\" is neither a number nor a name"),
        (
            r#"{"uid_mappings": [{"container_id": 0, "host_id": 4294967290, "size": 9}]}"#,
            "uid_mappings[0].size: 9 is not a possible size",
        ),
        (
            r#"{"seccomp": {"syscalls": [{"value": 1, "action": -9}]}}"#,
            "seccomp.syscalls[0].action: unknown action -9",
        ),
        (
            r#"{"seccomp": {"syscalls": [{"value": 1, "action": 0, "args": [
                {"index": 0, "value": 1, "op": 5}]}]}}"#,
            "seccomp.syscalls[0].args[0].op: unknown operator 5",
        ),
        (
            r#"{"seccomp_profiles": [{"defaultAction": "SCMP_ACT_X"}]}"#,
            "seccomp_profiles[0].defaultAction: unknown variant `SCMP_ACT_X`",
        ),
        (r#"{"mask_paths": ["proc"]}"#, "mask_paths[0]: \"proc\" is not an absolute path"),
        (r#"{"working_dir": "tmp"}"#, "working_dir: \"tmp\" is not an absolute path"),
        (r#"{"environment": ["A\u0000"]}"#, "environment[0]: has a NUL byte"),
    ];
    for (text, expected) in cases {
        let error = read(text).expect_err(text).to_string();
        let expected = format!("container.json: {expected}");
        assert!(error.starts_with(&expected), "{error}\n{expected}");
    }
}

#[test]
fn an_empty_object_is_the_template() {
    let template = template::template(super::super::Rootfs::Directory("/here".into()));
    assert_eq!(good("{}"), template);
    assert_eq!(good(r#"{"unheard_of": [1, {}], "routes": null}"#), template);
}

#[test]
fn what_is_written_is_taken_at_its_word() {
    let config = good(
        r#"{"capabilities": null, "devices": [], "networks": [], "mask_paths": null,
        "namespaces": [], "hostname": "", "environment": []}"#,
    );
    assert_eq!(config.process.capabilities, None);
    assert!(config.devices.is_empty() && config.networks.is_empty());
    assert!(config.masked_paths.is_empty() && !config.readonly_paths.is_empty());
    assert!(config.namespaces.is_empty() && config.hostname.is_none());
    assert_eq!(config.process.env, Some(vec![]));
    let env = good(r#"{"hostname": "web"}"#).process.env.unwrap();
    assert!(env.contains(&"HOSTNAME=web".to_owned()));
}

#[test]
fn what_only_the_template_has_needs_no_namespace() {
    let config = good(r#"{"namespaces": [{"type": "NEWNS"}]}"#);
    assert!(config.hostname.is_none() && config.networks.is_empty());
    let env = config.process.env.unwrap();
    assert!(!env.iter().any(|entry| entry.starts_with("HOSTNAME")));
    let config = good(r#"{"namespaces": {"NEWNS": true}, "hostname": "web"}"#);
    assert_eq!(config.hostname.as_deref(), Some("web"));
}

#[test]
fn eras_by_their_shape() {
    for (text, form) in [
        (r#"{}"#, Form::Json2015),
        (r#"{"namespaces": []}"#, Form::Json2015),
        (r#"{"mounts": [{"destination": "/x", "device": "tmpfs"}]}"#, Form::Json2015),
        (r#"{"namespaces": {}}"#, Form::June2014),
        (r#"{"restrict_sys": true}"#, Form::June2014),
        (r#"{"mount_config": {}}"#, Form::June2014),
        (r#"{"capabilities_mask": {}}"#, Form::May2014),
        (r#"{"namespaces": {}, "context": {"x": "y"}}"#, Form::May2014),
        (r#"{"mounts": [{"type": "devtmpfs"}]}"#, Form::May2014),
        (r#"{"ociVersion": "1.0.0", "root": {"path": "r"}}"#, Form::Oci),
    ] {
        assert_eq!(read(text).unwrap().form, form, "{text}");
    }
}

#[test]
fn system_mounts_stand_where_they_are_not_hidden() {
    let places = |text: &str| -> Vec<PathBuf> {
        good(text).mounts.into_iter().map(|mount| mount.destination).collect()
    };
    let list = |text: &str| -> Vec<PathBuf> { text.split(' ').map(PathBuf::from).collect() };
    assert_eq!(
        places(r#"{"mounts": [{"destination": "/dev/shm/"}, {"destination": "/a"}]}"#),
        list("/proc /dev /dev/pts /dev/mqueue /sys /dev/shm /a")
    );
    assert_eq!(
        places(
            r#"{"mounts": [{"destination": "/sys/x"}, {"destination": "dev"}, {"destination": "/b"}]}"#
        ),
        list("/proc /sys /sys/x /dev /dev/pts /dev/shm /dev/mqueue /b")
    );
    assert_eq!(
        places(r#"{"system_mounts": false, "mounts": [{"destination": "/a"}]}"#),
        list("/a")
    );
}

#[test]
fn mounts_of_2014() {
    let config = good(
        r#"{"mounts": [
            {"type": "bind", "source": "/a", "destination": "/x"},
            {"type": "bind", "source": "b", "destination": "/y", "writable": true, "private": true},
            {"type": "tmpfs", "destination": "/z"}]}"#,
    );
    let mounts = &config.mounts[config.mounts.len() - 3..];
    assert_eq!(mounts[0].options, ["rbind", "ro"]);
    assert_eq!(mounts[1].options, ["rbind", "rprivate"]);
    assert_eq!(mounts[1].source.as_deref(), Some(Path::new("/here/b")));
    assert_eq!(mounts[2].options, ["nosuid", "nodev", "noexec"]);
}

#[test]
fn mounts_of_2015() {
    let config = good(
        r#"{"mounts": [{"source": "/a", "destination": "/x", "device": "bind", "flags": 20481,
            "propagation_flags": [540672], "data": "", "options": ["nodev"]}]}"#,
    );
    let mount = config.mounts.last().unwrap();
    assert_eq!(mount.options, ["rbind", "ro", "rslave", "nodev"]);
}

#[test]
fn fields_of_june_2014() {
    let config = good(
        r#"{"namespaces": {"NEWNS": true, "NEWNET": false}, "restrict_sys": false,
            "root_fs": "sub", "apparmor_profile": "p", "process_label": "l",
            "mount_config": {"readonly_fs": true, "mount_label": "m", "no_pivot_root": true,
                "pivot_dir": "x", "mounts": [{"type": "tmpfs", "destination": "/t"}]},
            "networks": [{"type": "netns", "ns_path": "/run/netns/blue"},
                {"type": "veth", "bridge": "br0", "veth_prefix": "v", "veth_host": "h0",
                 "veth_child": "c0", "txqueuelen": 7}],
            "routes": [{"destination": "10.1.0.0/16", "source": "10.1.0.2", "gateway": "10.1.0.1",
                "interface_name": "eth0"}],
            "cgroups": {"parent": "/p", "name": "n", "memory": 4096, "cpu_shares": 2, "slice": "s"},
            "rlimits": [{"type": 0, "hard": 18446744073709551615, "soft": 1}]}"#,
    );
    let network = Namespace { kind: NamespaceKind::Network, path: Some("/run/netns/blue".into()) };
    assert!(config.namespaces.contains(&network) && config.namespaces.len() == 2);
    let Network::Veth(veth) = &config.networks[0] else { panic!("no veth") };
    assert_eq!((&veth.host_name[..], &veth.name[..], veth.tx_queue_len), ("h0", "c0", 7));
    assert!(config.readonly_rootfs && config.no_pivot_root && config.masked_paths.is_empty());
    assert_eq!(config.mount_label.as_deref(), Some("m"));
    assert_eq!(config.process.apparmor_profile.as_deref(), Some("p"));
    assert_eq!(config.cgroup.as_deref(), Some(Path::new("p/n")));
    assert_eq!((config.resources.memory.limit, config.resources.cpu.shares), (Some(4096), Some(2)));
    assert_eq!(config.slice.as_deref(), Some("s"));
    assert_eq!(config.process.rlimits.as_ref().unwrap()[0].hard, u64::MAX);
    assert_eq!(config.routes[0].destination, Some(("10.1.0.0".parse().unwrap(), 16)));
}

#[test]
fn control_groups_of_2015() {
    let config = good(
        r#"{"privatefs": true, "cgroups": {"allow_all_devices": true,
            "denied_devices": [{"type": 98, "major": 8, "minor": -1, "permissions": "w"}],
            "blkio_weight_device": "8:0 300", "memory_swappiness": 0, "oom_kill_disable": true,
            "blkio_throttle_read_bps_device": [{"major": 8, "minor": 0, "rate": 9}, "8:16 7"],
            "hugetlb_limit": [{"page_size": "2MB", "limit": 0}], "net_cls_classid": "0x100001",
            "net_prio_ifpriomap": [{"interface": "eth0", "priority": 5}], "cpu_rt_quota": 3,
            "kernel_memory": 7, "pids_limit": 0}}"#,
    );
    let resources = &config.resources;
    assert_eq!(resources.devices.len(), 2);
    assert!(resources.devices[0].allow && !resources.devices[1].allow);
    assert_eq!(resources.devices[1].access.to_string(), "w");
    assert_eq!(resources.block_io.weight_device[0].weight, Some(300));
    assert_eq!(resources.block_io.throttle_read_bps[1].rate, 7);
    assert_eq!((resources.memory.swappiness, resources.memory.kernel), (Some(0), Some(7)));
    assert_eq!(resources.memory.disable_oom_killer, Some(true));
    assert_eq!(resources.hugetlb.get("2MB"), Some(&0));
    assert_eq!(resources.net_cls_classid, Some(0x10_0001));
    assert_eq!(resources.net_prio.get("eth0"), Some(&5));
    assert_eq!((resources.cpu.rt_runtime, resources.pids), (Some(3), Some(0)));
    assert_eq!(config.rootfs_propagation, Some(Propagation::Private));
}

#[test]
fn filters() {
    let config = good(r#"{"seccomp": {"syscalls": [{"value": 83, "action": 1}]}}"#);
    assert_eq!(config.seccomp.len(), 2);
    assert_eq!(config.seccomp[0].syscalls[0].numbers, [83]);
    assert_eq!(config.seccomp[1], seccomp::tiocsti_filter());
    assert_eq!(good(r#"{"seccomp": null}"#).seccomp, [seccomp::tiocsti_filter()]);
    assert!(good(r#"{"seccomp_profiles": []}"#).seccomp.is_empty());
    // The default profile goes with the capabilities that are left.
    let all = good(r#"{"capabilities": ["SYS_ADMIN"]}"#).seccomp;
    assert_ne!(all, good("{}").seccomp);
}
