use super::testing::{go, identity, in_child, planned, status_now, wrapped};
use super::*;
use crate::config::{Capabilities, ProcessSpec};

fn spec(user: &str) -> ProcessSpec {
    ProcessSpec {
        user: Some(user.parse().unwrap()),
        env: Some(vec!["HOME=/".to_owned()]),
        ..ProcessSpec::default()
    }
}

#[test]
fn umask_and_score_survive_the_change_of_user() {
    let test = "umask_and_score_survive_the_change_of_user";
    in_child(module_path!(), test, || {
        let process = ProcessSpec {
            umask: Some(0o137),
            oom_score_adj: Some(321),
            capabilities: Some(Capabilities::of(["KILL"])),
            cwd: Some("/usr".into()),
            ..spec("1000:1000")
        };
        go(&planned(&process)).unwrap();
        assert_eq!(testing::field_of(&status_now(), "Umask"), "0137");
        assert_eq!(std::fs::read_to_string("/proc/self/oom_score_adj").unwrap(), "321\n");
        assert_eq!(std::env::current_dir().unwrap(), std::path::Path::new("/usr"));
        let dumpable = rustix::process::dumpable_behavior().unwrap();
        assert_eq!(dumpable, rustix::process::DumpableBehavior::NotDumpable);
        sys::death_signal::set(64).unwrap();
        sys::death_signal::set(65).unwrap_err();
    });
}

#[test]
fn a_score_is_lowered_with_the_privilege_only() {
    in_child(module_path!(), "a_score_is_lowered_with_the_privilege_only", || {
        let score = |score| planned(&ProcessSpec { oom_score_adj: Some(score), ..spec("0:0") });
        let proc = Procfs::open().unwrap();
        if testing::has_sys_resource() {
            outside(&score(-1000), &proc).unwrap();
        }
        let plan = score(1000);
        apply(&plan, &identity(&plan), &proc).unwrap().seal(&plan, &mut |_| Ok(())).unwrap();
        outside(&score(1000), &proc).unwrap();
        let error = outside(&score(-999), &proc).unwrap_err();
        assert_eq!(error.hint(), Some("lowering it needs CAP_SYS_RESOURCE"), "{error}");
    });
}

#[test]
fn the_callers_keys_stay_the_callers() {
    in_child(module_path!(), "the_callers_keys_stay_the_callers", || {
        let Ok(before) = std::fs::read_to_string("/proc/keys") else {
            return println!("SKIP: this kernel has no /proc/keys");
        };
        let mut plan = planned(&spec("0:0"));
        let name = format!("_ses.privileges-{}", std::process::id());
        plan.keyring = Some(std::ffi::CString::new(name.clone()).unwrap());
        assert!(!before.contains(&name));
        go(&plan).unwrap();
        assert!(std::fs::read_to_string("/proc/keys").unwrap().contains(&name));
    });
}

/// A user namespace's root is nobody outside, so what the initial namespace must grant comes
/// before it; the rest of the way needs nothing but the namespace's own capabilities.
#[test]
fn the_way_in_a_user_namespace() {
    let wrapper = ["unshare", "--user", "--map-root-user", "--net"];
    wrapped(&wrapper, module_path!(), "the_way_in_a_user_namespace", || {
        let process = ProcessSpec {
            capabilities: Some(Capabilities::of(["KILL"])),
            no_new_privileges: Some(true),
            ..spec("0:0")
        };
        go(&planned(&process)).unwrap();
        assert_eq!(testing::sets(&status_now())[1], 1 << 5);
        assert_eq!(testing::field_of(&status_now(), "NoNewPrivs"), "1");
    });
}
