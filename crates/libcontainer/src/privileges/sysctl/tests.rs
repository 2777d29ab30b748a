use std::collections::BTreeMap;

use super::super::testing::wrapped;
use super::*;
use crate::plan::sysctl::{Owned, plan};

const OWN: [&str; 5] = ["unshare", "--net", "--ipc", "--uts", "--mount"];

fn planned(parameters: &[(&str, &str)]) -> Vec<Sysctl> {
    let map: BTreeMap<String, String> =
        parameters.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    plan(&map, Owned { ipc: true, network: true, uts: true, user: true }).unwrap()
}

fn host(path: &str) -> String {
    std::fs::read_to_string(format!("/proc/sys/{path}")).unwrap()
}

/// Attack 17: in the container's namespaces, and nowhere else.
#[test]
fn the_containers_own_are_set_and_the_hosts_stay() {
    let paths = ["kernel/shmmni", "kernel/msgmax", "kernel/domainname", "fs/mqueue/queues_max"];
    let before = paths.map(host);
    wrapped(&OWN, module_path!(), "the_containers_own_are_set_and_the_hosts_stay", || {
        let proc = Procfs::open().unwrap();
        let parameters = planned(&[
            ("kernel.shmmni", "1234"),
            ("kernel/msgmax", "4321"),
            ("kernel.domainname", "example"),
            ("fs.mqueue.queues_max", "77"),
            ("net.ipv4.ip_forward", "1"),
            ("net.ipv4.conf.lo.forwarding", "1"),
            ("net.ipv4.ping_group_range", "0 0"),
        ]);
        write(&parameters, &proc).unwrap();
        for Sysctl { path, value, .. } in &parameters {
            let now = host(path).split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(&now, value, "{path}");
        }
    });
    if std::env::var_os("PRIVILEGES_TEST_BODY").is_none() {
        assert_eq!(before, paths.map(host));
    }
}

#[test]
fn what_the_kernel_refuses_is_explained() {
    wrapped(&OWN, module_path!(), "what_the_kernel_refuses_is_explained", || {
        let proc = Procfs::open().unwrap();
        let error = write(&planned(&[("net.ipv4.no_such", "1")]), &proc).unwrap_err();
        assert!(error.to_string().contains("setting the kernel parameter net.ipv4.no_such"));
        assert!(error.hint().unwrap().contains("no such parameter"), "{error}");
        let error = write(&planned(&[("kernel.shmmni", "many")]), &proc).unwrap_err();
        assert!(error.hint().unwrap().contains("does not take \"many\""), "{error}");
    });
}

/// Attack 8 (CVE-2025-52881): what lies over /proc is not written to.
#[test]
fn a_mount_over_proc_redirects_nothing() {
    wrapped(&OWN, module_path!(), "a_mount_over_proc_redirects_nothing", || {
        let none = rustix::mount::MountFlags::empty();
        let proc = Procfs::open().unwrap();
        rustix::mount::mount("tmpfs", "/proc/sys", "tmpfs", none, None).unwrap();
        std::fs::create_dir_all("/proc/sys/kernel").unwrap();
        std::fs::write("/proc/sys/kernel/shmmni", "bait").unwrap();
        let parameters = planned(&[("kernel.shmmni", "1234")]);
        // A mount over a part of it is refused, a procfs of our own sees through it.
        write(&parameters, &proc).unwrap_err();
        write(&parameters, &Procfs::fresh().unwrap()).unwrap();
        assert_eq!(host("kernel/shmmni"), "bait");
        rustix::mount::mount("tmpfs", "/proc", "tmpfs", none, None).unwrap();
        std::fs::create_dir_all("/proc/sys/kernel").unwrap();
        std::fs::write("/proc/sys/kernel/shmmni", "bait").unwrap();
        write(&parameters, &Procfs::open().unwrap()).unwrap();
        assert_eq!(host("kernel/shmmni"), "bait");
    });
}

/// Joined by path, the creator's own namespace is a namespace "of the container" to the plan.
#[test]
fn the_creators_own_namespaces_are_refused() {
    let before = host("net/ipv4/ip_forward");
    wrapped(&[], module_path!(), "the_creators_own_namespaces_are_refused", || {
        let proc = Procfs::open().unwrap();
        for key in
            ["net.ipv4.ip_forward", "kernel.shmmni", "kernel.domainname", "user.max_net_namespaces"]
        {
            let error = write(&planned(&[(key, "1")]), &proc).unwrap_err();
            let words = error.to_string();
            assert!(words.contains(key) && words.contains("creator's own"), "{words}");
        }
    });
    assert_eq!(before, host("net/ipv4/ip_forward"));
}
