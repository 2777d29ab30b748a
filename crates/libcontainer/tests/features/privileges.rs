//! Who a process is, and what it may.

use libcontainer::config::{Capabilities, Id, NamespaceKind, ProcessSpec, Rlimit, capability};
use libcontainer::{Config, Process, Stdio};

use crate::common::{Test, test};
use crate::kit::{self, Facts, Running, facts_of, field, refusal_of, rest};

pub fn tests() -> Vec<Test> {
    vec![
        test("privileges::users_and_groups", users_and_groups),
        test("privileges::unknown_users", unknown_users),
        test("privileges::capabilities", capabilities),
        test("privileges::no_new_privileges", no_new_privileges),
        test("privileges::limits_masks_and_scores", limits),
        test("privileges::sysctl", sysctl),
        test("privileges::keyring", keyring),
    ]
}

/// A process of this user.
pub fn user(name: &str) -> ProcessSpec {
    ProcessSpec { user: Some(name.parse().unwrap()), ..ProcessSpec::default() }
}

fn users_and_groups() {
    let Some(place) = kit::place() else { return };
    let four = |id: u32| [id.to_string(), id.to_string(), id.to_string(), id.to_string()].join(" ");
    // Who, uid, gid, groups of the file, groups without it, HOME.
    let cases: [(&str, u32, u32, &str, &str); 9] = [
        ("alice", 1000, 1000, "29 44 1000 1010 1011", "/home/alice"),
        ("1000", 1000, 1000, "29 44 1000 1010 1011", "/home/alice"),
        ("bob", 1001, 100, "44 100 1010", "/home/bob"),
        ("alice:audio", 1000, 29, "29 44 1000 1010 1011", "/home/alice"),
        ("1000:audio", 1000, 29, "29 44 1000 1010 1011", "/home/alice"),
        ("alice:7", 1000, 7, "7 29 44 1000 1010 1011", "/home/alice"),
        ("4242", 4242, 0, "0", "/"),
        ("4242:4343", 4242, 4343, "4343", "/"),
        // A name of digits is never looked up.
        ("12345", 12345, 0, "0", "/"),
    ];
    for (who, uid, gid, _, home) in cases {
        let mut config = place.small();
        config.process.groups_from_file = Some(false);
        let facts = facts_of(&place, config, user(who));
        assert_eq!(facts.get("uid"), four(uid), "{who}");
        assert_eq!(facts.get("gid"), four(gid), "{who}");
        assert_eq!(facts.get("groups"), "", "{who}");
        assert!(facts.all("env").contains(&format!("HOME={home}").as_str()), "{who}: {facts:?}");
    }
    for (who, _, _, groups, _) in cases {
        let mut config = place.small();
        config.process.groups_from_file = Some(true);
        let facts = facts_of(&place, config, user(who));
        // The primary group may stand among them or not, as setgroups(2) was given it.
        let primary = facts.get("gid").split(' ').next().unwrap().to_owned();
        let without = |list: &str| {
            let mut list: Vec<&str> = list.split_whitespace().filter(|g| *g != primary).collect();
            list.sort_unstable();
            list.join(" ")
        };
        if !who.contains(':') {
            assert_eq!(without(facts.get("groups")), without(groups), "{who}");
        }
    }
    // Asked for, by number and name: exactly these.
    let spec = ProcessSpec {
        additional_groups: Some(vec![Id::Number(77), Id::Name("wheel".into())]),
        groups_from_file: Some(false),
        ..user("alice")
    };
    let facts = facts_of(&place, place.small(), spec);
    assert_eq!(facts.get("groups"), "77 1010");
    // HOME of the environment stays.
    let spec = ProcessSpec { env: Some(vec!["HOME=/elsewhere".into()]), ..user("alice") };
    assert_eq!(facts_of(&place, place.small(), spec).all("env"), ["HOME=/elsewhere"]);
}

fn unknown_users() {
    let Some(place) = kit::place() else { return };
    let groups = |name: &str| ProcessSpec {
        additional_groups: Some(vec![Id::Name(name.into())]),
        ..ProcessSpec::default()
    };
    let cases = [
        (user("carol"), "carol"),
        (user("alice:nogroups"), "nogroups"),
        (user("0:carol"), "carol"),
        (groups("carols"), "carols"),
    ];
    for (spec, name) in cases {
        let args = vec!["/bin/true".to_owned()];
        let process = Process { spec: ProcessSpec { args, ..spec }, ..Process::default() };
        let error = refusal_of(&place, place.small(), process);
        assert!(field(&error).starts_with("process."), "{error}");
        assert!(error.to_string().contains(name), "{error}");
        let file = if name == "carol" && !error.to_string().contains("group") {
            "/etc/passwd"
        } else {
            "/etc/group"
        };
        assert!(error.to_string().contains(file), "{error}");
    }
    for text in ["", ":", "1:", ":1", "a:b:c", "4294967296", "4294967295", "-1", "+1", "a b", " 1"]
    {
        assert!(text.parse::<libcontainer::config::User>().is_err(), "{text:?}");
    }
}

/// A set as the probe tells it.
pub fn set(facts: &Facts, name: &str) -> Vec<String> {
    let list = facts.get(&format!("cap-{name}")).split([' ', ',']).filter(|name| !name.is_empty());
    let mut list: Vec<String> =
        list.map(|name| name.trim_start_matches("CAP_").to_uppercase()).collect();
    if list == ["NONE"] {
        list.clear();
    }
    list.sort();
    list
}

fn capabilities() {
    let Some(place) = kit::place() else { return };
    let with = |user_name: &str, capabilities: Capabilities| ProcessSpec {
        capabilities: Some(capabilities),
        ..user(user_name)
    };
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let five = Capabilities {
        bounding: list(&["CHOWN", "KILL", "NET_RAW", "SETUID"]),
        permitted: list(&["CHOWN", "KILL", "SETUID"]),
        effective: list(&["CHOWN"]),
        inheritable: list(&["KILL"]),
        ambient: list(&["KILL"]),
    };
    // Root regains by execve(2) what is in its bounding or inheritable set.
    let facts = facts_of(&place, place.small(), with("0", five.clone()));
    assert_eq!(set(&facts, "bnd"), ["CHOWN", "KILL", "NET_RAW", "SETUID"]);
    assert_eq!(set(&facts, "prm"), ["CHOWN", "KILL", "NET_RAW", "SETUID"]);
    assert_eq!(set(&facts, "inh"), ["KILL"]);
    // Another user keeps the ambient ones only.
    let facts = facts_of(&place, place.small(), with("alice", five));
    assert_eq!(set(&facts, "bnd"), ["CHOWN", "KILL", "NET_RAW", "SETUID"]);
    assert_eq!(set(&facts, "prm"), ["KILL"]);
    assert_eq!(set(&facts, "eff"), ["KILL"]);
    assert_eq!(set(&facts, "inh"), ["KILL"]);
    assert_eq!(set(&facts, "amb"), ["KILL"]);

    // Nothing is inheritable that was not asked for (CVE-2022-29162).
    let facts = facts_of(&place, place.small(), with("0", Capabilities::of(["cap_kill"])));
    assert_eq!(set(&facts, "inh"), Vec::<String>::new());
    assert_eq!(set(&facts, "amb"), Vec::<String>::new());
    assert_eq!(set(&facts, "eff"), ["KILL"]);
    let facts = facts_of(&place, place.small(), with("0", Capabilities::default()));
    assert_eq!(set(&facts, "bnd"), Vec::<String>::new());
    assert_eq!(set(&facts, "eff"), Vec::<String>::new());

    // Not permitted and inheritable too: not ambient, and said so.
    let ambient = Capabilities { ambient: list(&["KILL"]), ..Capabilities::of(["KILL"]) };
    let process = Process {
        spec: ProcessSpec { args: list(&["/bin/probe", "status"]), ..with("alice", ambient) },
        stdout: Stdio::Pipe,
        ..Process::default()
    };
    let mut running = Running::with(&place, "ambient", place.small(), process);
    assert!(running.init.warnings.join("\n").contains("KILL"), "{:?}", running.init.warnings);
    let facts = Facts::new(&rest(&mut running.init).0);
    assert_eq!(set(&facts, "amb"), Vec::<String>::new());
    drop(running);

    // What nobody knows.
    let unknown = Process {
        spec: ProcessSpec { args: list(&["/bin/true"]), ..with("0", Capabilities::of(["FLY"])) },
        ..Process::default()
    };
    let error = refusal_of(&place, place.small(), unknown);
    assert!(field(&error).starts_with("process.capabilities"), "{error}");
    assert!(error.to_string().contains("FLY"), "{error}");
    assert_eq!(capability::NAMES.len(), 41);
}

fn no_new_privileges() {
    let Some(place) = kit::place() else { return };
    for wanted in [false, true] {
        let spec = ProcessSpec { no_new_privileges: Some(wanted), ..ProcessSpec::default() };
        let facts = facts_of(&place, place.small(), spec);
        assert_eq!(facts.get("no-new-privs"), if wanted { "1" } else { "0" });
    }
}

fn limits() {
    let Some(place) = kit::place() else { return };
    let spec = ProcessSpec {
        rlimits: Some(vec![
            Rlimit { resource: 7, soft: 123, hard: 456 },
            Rlimit { resource: 4, soft: 0, hard: 0 },
            Rlimit { resource: 9, soft: 1 << 30, hard: u64::MAX },
        ]),
        umask: Some(0o027),
        oom_score_adj: Some(321),
        ..ProcessSpec::default()
    };
    let facts = facts_of(&place, place.small(), spec.clone());
    let limits = facts.all("rlimit");
    for limit in ["NOFILE 123 456", "CORE 0 0", "AS 1073741824 unlimited"] {
        assert!(limits.contains(&limit), "{limits:?}");
    }
    assert_eq!(facts.get("umask"), "0027");
    assert_eq!(facts.get("oom-score-adj"), "321");
    // What is not asked for is the caller's.
    let own = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = own.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    let facts = facts_of(&place, place.small(), ProcessSpec::default());
    let expected = format!("NOFILE {} {}", words[3], words[4]);
    assert!(facts.all("rlimit").contains(&expected.as_str()), "{:?}", facts.all("rlimit"));
    assert_eq!(facts.get("umask"), "0022");

    let refused: [(&str, ProcessSpec); 5] = [
        ("process.rlimits[0]", rlimit(16, 0, 0)),
        ("process.rlimits[0]", rlimit(7, 2, 1)),
        ("process.oomScoreAdj", ProcessSpec { oom_score_adj: Some(1001), ..Default::default() }),
        ("process.oomScoreAdj", ProcessSpec { oom_score_adj: Some(-1001), ..Default::default() }),
        ("process.user.umask", ProcessSpec { umask: Some(0o1000), ..ProcessSpec::default() }),
    ];
    for (name, spec) in refused {
        let spec = ProcessSpec { args: vec!["/bin/true".into()], ..spec };
        let error = refusal_of(&place, place.small(), Process { spec, ..Process::default() });
        let close = |text: &str| text.to_lowercase().replace(['_', '.'], "");
        assert!(close(&field(&error)).starts_with(&close(name)), "{error}");
    }
}

fn rlimit(resource: u32, soft: u64, hard: u64) -> ProcessSpec {
    ProcessSpec { rlimits: Some(vec![Rlimit { resource, soft, hard }]), ..ProcessSpec::default() }
}

fn sysctl() {
    let Some(place) = kit::place() else { return };
    let before = std::fs::read_to_string("/proc/sys/kernel/msgmax").unwrap();
    let mut config = place.config("sysctl");
    for (key, value) in [
        ("kernel.msgmax", "54321"),
        ("kernel.sem", "250 32000 32 256"),
        ("fs.mqueue.msg_max", "17"),
        ("net.ipv4.ip_forward", "1"),
        ("net.ipv4.ip_local_port_range", "2000 3000"),
        ("net/ipv6/conf/lo/disable_ipv6", "0"),
        ("kernel.domainname", "sysctl.test"),
    ] {
        config.sysctl.insert(key.into(), value.into());
    }
    let running = Running::new(&place, "sysctl", config);
    let read = |key: &str| running.say(&["cat", &format!("/proc/sys/{key}")]).trim().to_owned();
    assert_eq!(read("kernel/msgmax"), "54321");
    assert_eq!(
        read("kernel/sem").split_whitespace().collect::<Vec<_>>(),
        ["250", "32000", "32", "256"]
    );
    assert_eq!(read("fs/mqueue/msg_max"), "17");
    assert_eq!(read("net/ipv4/ip_forward"), "1");
    assert_eq!(read("net/ipv4/ip_local_port_range"), "2000\t3000");
    assert_eq!(read("kernel/domainname"), "sysctl.test");
    assert_eq!(std::fs::read_to_string("/proc/sys/kernel/msgmax").unwrap(), before);
    drop(running);

    type Change = fn(&mut Config);
    let refused: [(&str, &str, Change); 6] = [
        ("kernel.core_pattern", "x", |_| {}),
        ("vm.swappiness", "1", |_| {}),
        ("kernel.msgmax", "1", |config| kit::host(config, NamespaceKind::Ipc)),
        ("net.ipv4.ip_forward", "1", |config| {
            kit::host(config, NamespaceKind::Network);
            config.networks.clear();
        }),
        ("kernel.msgmax", "1\nkernel.msgmnb = 2", |_| {}),
        ("net.../../kernel.core_pattern", "x", |_| {}),
    ];
    for (key, value, change) in refused {
        let mut config = place.config("sysctl");
        change(&mut config);
        config.sysctl.insert(key.into(), value.into());
        let error = kit::refusal(&place, config);
        assert!(field(&error).starts_with("sysctl"), "{error}");
    }
    // In the container's namespace, and not there.
    let mut config = place.config("sysctl");
    config.sysctl.insert("net.ipv4.no_such_thing".into(), "1".into());
    let error = kit::refusal(&place, config);
    assert!(error.to_string().contains("net.ipv4.no_such_thing"), "{error}");
    let mut config = place.config("sysctl");
    config.sysctl.insert("net.ipv4.ip_forward".into(), "certainly".into());
    let error = kit::refusal(&place, config);
    assert!(error.to_string().contains("net.ipv4.ip_forward"), "{error}");
}

fn keyring() {
    let Some(place) = kit::place() else { return };
    for new in [true, false] {
        let mut config = place.small();
        config.new_keyring = new;
        let id = format!("{}-{new}", crate::common::prefix());
        let running = Running::new(&place, &id, config);
        let ring = |keys: &str| keys.lines().any(|line| line.contains(&format!("_ses.{id}")));
        assert_eq!(ring(&running.say(&["cat", "/proc/keys"])), new);
    }
}
