use super::super::testing::wrapped;
use super::super::testing::{field_of, go, in_child, planned, sets, status_after_exec, status_now};
use super::*;
use crate::config::{Capabilities, ProcessSpec};
use crate::plan::capabilities::bit;

const FOURTEEN: [&str; 14] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "FSETID",
    "FOWNER",
    "MKNOD",
    "NET_RAW",
    "SETGID",
    "SETUID",
    "SETFCAP",
    "SETPCAP",
    "NET_BIND_SERVICE",
    "SYS_CHROOT",
    "KILL",
    "AUDIT_WRITE",
];

fn spec(user: &str, capabilities: Capabilities) -> ProcessSpec {
    let user = Some(user.parse().unwrap());
    let env = Some(vec!["HOME=/".to_owned()]);
    ProcessSpec { user, env, capabilities: Some(capabilities), ..ProcessSpec::default() }
}

fn fourteen() -> u64 {
    FOURTEEN.iter().map(|name| bit(name).unwrap()).sum()
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// Inheritable and ambient hold KILL, as if the caller's service manager had raised them.
fn burden() {
    let kill = CapabilitySet::KILL;
    let mut now = thread::capabilities(None).unwrap();
    now.inheritable |= kill;
    set_capabilities(None, now).unwrap();
    configure_capability_in_ambient_set(kill, true).unwrap();
    let [inheritable, _, _, _, ambient] = sets(&status_now());
    assert_eq!((inheritable, ambient), (kill.bits(), kill.bits()));
}

/// Attack 11 (CVE-2022-29162).
#[test]
fn root_has_what_is_listed_and_inherits_nothing() {
    in_child(module_path!(), "root_has_what_is_listed_and_inherits_nothing", || {
        burden();
        let plan = planned(&spec("0:0", Capabilities::of(FOURTEEN)));
        assert!(go(&plan).unwrap().is_empty());
        let all = fourteen();
        assert_eq!(sets(&status_now()), [0, all, all, all, 0]);
        assert_eq!(sets(&status_after_exec()), [0, all, all, all, 0]);
    });
}

#[test]
fn a_user_has_them_until_execve_and_inherits_nothing() {
    in_child(module_path!(), "a_user_has_them_until_execve_and_inherits_nothing", || {
        burden();
        let plan = planned(&spec("1000:1000", Capabilities::of(FOURTEEN)));
        go(&plan).unwrap();
        let all = fourteen();
        assert_eq!(sets(&status_now()), [0, all, all, all, 0]);
        let after = status_after_exec();
        assert_eq!(sets(&after), [0, 0, 0, all, 0]);
        assert_eq!(field_of(&after, "Uid"), "1000 1000 1000 1000");
        assert_eq!(field_of(&after, "Gid"), "1000 1000 1000 1000");
    });
}

#[test]
fn an_ambient_capability_that_may_be_raised_passes_execve() {
    in_child(module_path!(), "an_ambient_capability_that_may_be_raised_passes_execve", || {
        burden();
        let bind = strings(&["NET_BIND_SERVICE"]);
        let capabilities = Capabilities {
            inheritable: strings(&["NET_BIND_SERVICE", "KILL"]),
            ambient: bind,
            ..Capabilities::of(FOURTEEN)
        };
        go(&planned(&spec("1000:1000", capabilities))).unwrap();
        let (bind, kill) = (bit("NET_BIND_SERVICE").unwrap(), bit("KILL").unwrap());
        let all = fourteen();
        assert_eq!(sets(&status_now()), [bind | kill, all, all, all, bind]);
        assert_eq!(sets(&status_after_exec()), [bind | kill, bind, bind, all, bind]);
    });
}

/// Attack 11: raised neither for root nor for a user.
#[test]
fn an_ambient_capability_alone_is_not_raised() {
    in_child(module_path!(), "an_ambient_capability_alone_is_not_raised", || {
        let capabilities =
            Capabilities { ambient: strings(&["KILL"]), ..Capabilities::of(FOURTEEN) };
        let plan = planned(&spec("0:0", capabilities.clone()));
        go(&plan).unwrap();
        let [inheritable, .., ambient] = sets(&status_after_exec());
        assert_eq!((inheritable, ambient), (0, 0));
        go(&planned(&spec("1000:1000", capabilities))).unwrap();
        let [inheritable, permitted, .., ambient] = sets(&status_after_exec());
        assert_eq!((inheritable, permitted, ambient), (0, 0, 0));
    });
}

#[test]
fn none_is_none_at_all() {
    in_child(module_path!(), "none_is_none_at_all", || {
        let user = Some("0:0".parse().unwrap());
        go(&planned(&ProcessSpec { user, ..ProcessSpec::default() })).unwrap();
        assert_eq!(sets(&status_now()), [0; 5]);
        assert_eq!(sets(&status_after_exec()), [0; 5]);
    });
}

#[test]
fn what_the_caller_does_not_hold_is_warned_about() {
    in_child(module_path!(), "what_the_caller_does_not_hold_is_warned_about", || {
        go(&planned(&spec("0:0", Capabilities::of(["SETPCAP", "KILL", "CHOWN"])))).unwrap();
        let warnings = go(&planned(&spec("0:0", Capabilities::of(["KILL", "MKNOD"])))).unwrap();
        assert_eq!(warnings, ["CAP_MKNOD left out: the caller does not hold it"]);
        let kill = bit("KILL").unwrap();
        assert_eq!(sets(&status_now()), [0, kill, kill, kill, 0]);
        // Nothing is left to drop, so the missing CAP_SETPCAP does not matter.
        go(&planned(&spec("0:0", Capabilities::of(["KILL"])))).unwrap();
        let error = go(&planned(&spec("0:0", Capabilities::default()))).unwrap_err();
        assert!(error.to_string().contains("CAP_KILL: Operation not permitted"), "{error}");
        assert_eq!(error.hint(), Some("it needs CAP_SETPCAP"));
    });
}

/// Attack 15.
#[test]
fn groups_are_exactly_those_asked_for() {
    in_child(module_path!(), "groups_are_exactly_those_asked_for", || {
        rustix::thread::set_thread_groups(&[rustix::process::Gid::from_raw(4)]).unwrap();
        let groups = ["7", "5", "7"].map(|group| group.parse().unwrap());
        let keep = Capabilities::of(["SETUID", "SETGID", "SETPCAP"]);
        let process =
            ProcessSpec { additional_groups: Some(groups.to_vec()), ..spec("0:9", keep.clone()) };
        go(&planned(&process)).unwrap();
        let id = || std::process::Command::new("id").arg("-G").output().unwrap().stdout;
        assert_eq!(id(), b"9 5 7\n", "id(1) sorts");
        go(&planned(&spec("1000:10", keep))).unwrap();
        assert_eq!(id(), b"10\n");
    });
}

#[test]
fn an_unmapped_id_is_explained() {
    let wrapper = ["unshare", "--user", "--map-root-user"];
    wrapped(&wrapper, module_path!(), "an_unmapped_id_is_explained", || {
        let error = go(&planned(&spec("0:5", Capabilities::default()))).unwrap_err();
        assert!(error.to_string().contains("setresgid 5: Invalid argument"), "{error}");
        assert!(error.hint().unwrap().contains("does not map it"));
    });
}

#[test]
fn a_user_alone_in_his_namespace_keeps_his_groups() {
    let wrapper = ["unshare", "--user", "--map-root-user"];
    wrapped(&wrapper, module_path!(), "a_user_alone_in_his_namespace_keeps_his_groups", || {
        let groups = Some(vec!["7".parse().unwrap()]);
        let process =
            ProcessSpec { additional_groups: groups, ..spec("0:0", Capabilities::default()) };
        let error = go(&planned(&process)).unwrap_err();
        assert!(error.hint().unwrap().contains("denies setgroups"), "{error}");
        // The failed try has dropped the bounding set already; what is left needs no capability.
        go(&planned(&spec("0:0", Capabilities::default()))).unwrap();
        assert_eq!(sets(&status_now()), [0; 5]);
    });
}
