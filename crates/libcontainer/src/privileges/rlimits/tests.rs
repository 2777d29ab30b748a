use super::super::testing::{go, has_sys_resource, in_child, planned};
use super::*;
use crate::config::{Capabilities, ProcessSpec};

fn spec(user: &str, rlimits: &[(u32, u64, u64)]) -> ProcessSpec {
    let rlimit = |&(resource, soft, hard)| Rlimit { resource, soft, hard };
    ProcessSpec {
        user: Some(user.parse().unwrap()),
        env: Some(vec!["HOME=/".to_owned()]),
        rlimits: Some(rlimits.iter().map(rlimit).collect()),
        capabilities: Some(Capabilities::of(["SETUID", "SETGID", "SETPCAP"])),
        ..ProcessSpec::default()
    }
}

fn now(number: usize) -> (u64, u64) {
    let limit = getrlimit(RESOURCES[number].0);
    (limit.current.unwrap_or(u64::MAX), limit.maximum.unwrap_or(u64::MAX))
}

#[test]
fn limits_are_set_and_raised_for_a_user() {
    in_child(module_path!(), "limits_are_set_and_raised_for_a_user", || {
        let lower = rustix::process::Rlimit { current: Some(1 << 20), maximum: Some(1 << 20) };
        setrlimit(Resource::Memlock, lower).unwrap();
        let memlock = if has_sys_resource() { u64::MAX } else { 1 << 20 };
        let limits = [(8, 1 << 19, memlock), (7, 64, 128), (4, 0, 0), (2, u64::MAX, u64::MAX)];
        go(&planned(&spec("1000:1000", &limits))).unwrap();
        for (number, soft, hard) in limits {
            assert_eq!(now(number as usize), (soft, hard), "{number}");
        }
    });
}

/// The process that sets a container up lives under its own limits until it is done.
#[test]
fn a_limit_comes_into_force_last() {
    in_child(module_path!(), "a_limit_comes_into_force_last", || {
        go(&planned(&spec("0:0", &[(7, 0, 0), (1, 0, 0), (0, 1, 1)]))).unwrap();
        assert_eq!(now(7), (0, 0));
    });
}

#[test]
fn raising_without_the_privilege_is_explained() {
    in_child(module_path!(), "raising_without_the_privilege_is_explained", || {
        go(&planned(&spec("0:0", &[(7, 64, 64)]))).unwrap();
        let error = go(&planned(&spec("0:0", &[(7, 64, 65)]))).unwrap_err();
        let words = error.to_string();
        assert!(words.contains("setrlimit RLIMIT_NOFILE to 64, hard 65"), "{words}");
        assert!(error.hint().unwrap().contains("CAP_SYS_RESOURCE"), "{words}");
    });
}
