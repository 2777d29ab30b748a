use super::*;

const ALL: Owned = Owned { ipc: true, network: true, uts: true, user: true };

fn one(key: &str, value: &str, owned: Owned) -> Result<Sysctl> {
    let parameters = BTreeMap::from([(key.to_owned(), value.to_owned())]);
    plan(&parameters, owned).map(|mut planned| planned.remove(0))
}

fn refusal(key: &str, value: &str, owned: Owned) -> String {
    let error = one(key, value, owned).unwrap_err().to_string();
    assert!(error.contains(&format!("sysctl[{key:?}]")), "{error}");
    error
}

#[test]
fn both_spellings_of_a_key() {
    let path = |key: &str| one(key, "1", ALL).unwrap().path;
    assert_eq!(path("net.ipv4.ip_forward"), "net/ipv4/ip_forward");
    assert_eq!(path("net/ipv4/ip_forward"), "net/ipv4/ip_forward");
    assert_eq!(path("net.ipv4.conf.eth0/1.forwarding"), "net/ipv4/conf/eth0.1/forwarding");
    assert_eq!(path("net/ipv4/conf/eth0.1/forwarding"), "net/ipv4/conf/eth0.1/forwarding");
    assert_eq!(path("kernel.shmmax"), "kernel/shmmax");
    assert_eq!(path("fs.mqueue.msg_max"), "fs/mqueue/msg_max");
    assert_eq!(path("user.max_user_namespaces"), "user/max_user_namespaces");
    assert_eq!(path("kernel.domainname"), "kernel/domainname");
}

#[test]
fn only_what_the_containers_namespaces_own() {
    for (key, namespace) in [
        ("net.ipv4.ip_forward", "network"),
        ("kernel.msgmax", "IPC"),
        ("kernel.shm_rmid_forced", "IPC"),
        ("fs.mqueue.queues_max", "IPC"),
        ("kernel.domainname", "UTS"),
        ("user.max_user_namespaces", "user"),
    ] {
        let error = refusal(key, "1", Owned::default());
        assert!(error.contains(&format!("{namespace} namespace")), "{error}");
        one(key, "1", ALL).unwrap();
    }
}

/// CVE-2022-0811 and its neighbours: nothing of the whole machine's, whatever the spelling.
#[test]
fn nothing_of_the_host() {
    for key in [
        "kernel.core_pattern",
        "kernel/core_pattern",
        "kernel.shm_rmid_forced.x",
        "kernel.hostname",
        "kernel.sysrq",
        "vm.overcommit_memory",
        "fs.file-max",
        "fs.mqueue",
        "net",
        "kernel",
        "",
        ".",
        "/",
        "net.",
        ".net.x",
        "/net/x",
        "net..x",
        "net/../kernel/core_pattern",
        "net.//.kernel.core_pattern",
        "net/./ipv4",
        "net.ipv4.ip forward",
        "net.ipv4\n.x",
        "net.ipv4\0.x",
        "fs.mqueue.//.file-max",
        "NET.ipv4.ip_forward",
    ] {
        refusal(key, "1", ALL);
    }
}

#[test]
fn a_value_sets_one_parameter_only() {
    for value in ["", "1\nkernel.core_pattern=x", "1\n", "\0", "1\0"] {
        refusal("kernel.shmmax", value, ALL);
    }
    // No character but these ends a value: a "+" is a character as any other.
    let value = "1+kernel.core_pattern=|/tmp/x #";
    assert_eq!(one("kernel.shm_rmid_forced", value, ALL).unwrap().value, value);
}

#[test]
fn a_key_spelled_twice_is_refused() {
    let parameters =
        ["net.ipv4.ip_forward", "net/ipv4/ip_forward"].map(|key| (key.to_owned(), "1".to_owned()));
    let error = plan(&BTreeMap::from(parameters), ALL).unwrap_err();
    assert!(error.to_string().contains("set twice"), "{error}");
}
