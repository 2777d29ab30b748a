use std::ffi::CString;

use super::super::testing::{field_of, in_child, planned, sets, status_after_exec, status_now};
use super::super::{apply, resolve_user};
use crate::config::{Capabilities, ProcessSpec};
use crate::plan::filters::filters;
use crate::plan::process::{ProcessPlan, Surroundings, plan};
use crate::procfs::Procfs;
use rustix::io::Errno;

fn no_mkdir(action: &str, errno: Option<u32>) -> ::seccomp::Profile {
    serde_json::from_value(serde_json::json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": "/run/agent",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": action, "errnoRet": errno}],
    }))
    .unwrap()
}

fn filtered(user: &str, no_new_privileges: bool, profiles: &[::seccomp::Profile]) -> ProcessPlan {
    let process = ProcessSpec {
        args: vec!["true".to_owned()],
        env: Some(vec!["HOME=/".to_owned()]),
        user: Some(user.parse().unwrap()),
        no_new_privileges: Some(no_new_privileges),
        capabilities: Some(Capabilities::of(["KILL"])),
        ..ProcessSpec::default()
    };
    let filters = filters(profiles).unwrap();
    let around =
        Surroundings { id: "t", new_keyring: false, filters: &filters, oci: false, hold: false };
    plan(&ProcessSpec::default(), &process, &around).unwrap().0
}

fn mkdir() -> Option<Errno> {
    let name = CString::new(format!("/tmp/privileges-seccomp-{}", std::process::id())).unwrap();
    rustix::fs::mkdir(&name, rustix::fs::Mode::RWXU).err()
}

fn is_confined(user: &str, no_new_privileges: bool) {
    let plan = filtered(user, no_new_privileges, &[no_mkdir("SCMP_ACT_ERRNO", Some(95))]);
    let proc = Procfs::open().unwrap();
    let applied = apply(&plan, &resolve_user(&plan).unwrap(), &proc).unwrap();
    assert_eq!(field_of(&status_now(), "Seccomp"), "0", "not before the last moment");
    applied.seal(&plan, &mut |_| panic!("a listener")).unwrap();
    assert_eq!(mkdir(), Some(Errno::OPNOTSUPP));
    let kill = 1 << 5;
    let (now, after) = (status_now(), status_after_exec());
    assert_eq!(sets(&now), [0, kill, kill, kill, 0], "CAP_SYS_ADMIN only served to load it");
    for status in [now, after] {
        assert_eq!(field_of(&status, "Seccomp"), "2");
        assert_eq!(field_of(&status, "Seccomp_filters"), "1");
        assert_eq!(field_of(&status, "NoNewPrivs"), u8::from(no_new_privileges).to_string());
    }
}

#[test]
fn a_filter_with_no_new_privileges() {
    in_child(module_path!(), "a_filter_with_no_new_privileges", || is_confined("1000:1000", true));
}

#[test]
fn a_filter_without_no_new_privileges_for_a_user() {
    let test = "a_filter_without_no_new_privileges_for_a_user";
    in_child(module_path!(), test, || is_confined("1000:1000", false));
}

#[test]
fn a_filter_without_no_new_privileges_for_root() {
    let test = "a_filter_without_no_new_privileges_for_root";
    in_child(module_path!(), test, || is_confined("0:0", false));
}

#[test]
fn several_filters_and_a_listener() {
    in_child(module_path!(), "several_filters_and_a_listener", || {
        let mut profiles = [::seccomp::tiocsti_filter(), no_mkdir("SCMP_ACT_NOTIFY", None)];
        // With different flags they cannot be one.
        profiles[0].flags = vec![::seccomp::Flag::Log];
        let plan = filtered("1000:1000", true, &profiles);
        let proc = Procfs::open().unwrap();
        let applied = apply(&plan, &resolve_user(&plan).unwrap(), &proc).unwrap();
        let mut listener = None;
        let mut take = |fd| {
            listener = Some(fd);
            Ok(())
        };
        applied.seal(&plan, &mut take).unwrap();
        assert!(listener.is_some());
        assert_eq!(field_of(&status_now(), "Seccomp_filters"), "2");
        // Its closing is the agent's death.
        drop(listener);
        assert_eq!(mkdir(), Some(Errno::NOSYS));
    });
}

/// Attack 20 (CVE-2017-5226): the template's filter, and none that nobody asked for.
#[test]
fn only_the_filters_of_the_plan() {
    in_child(module_path!(), "only_the_filters_of_the_plan", || {
        let plan =
            planned(&ProcessSpec { user: Some("0:0".parse().unwrap()), ..Default::default() });
        let proc = Procfs::open().unwrap();
        let identity = resolve_user(&plan).unwrap();
        apply(&plan, &identity, &proc).unwrap().seal(&plan, &mut |_| Ok(())).unwrap();
        assert_eq!(field_of(&status_now(), "Seccomp"), "0");
    });
}

/// Attack 27: no privilege to load it, no start.
#[test]
fn a_filter_that_cannot_be_loaded_is_an_error() {
    in_child(module_path!(), "a_filter_that_cannot_be_loaded_is_an_error", || {
        is_unprivileged();
        let plan = filtered("1000:1000", false, &[no_mkdir("SCMP_ACT_ERRNO", Some(95))]);
        let proc = Procfs::open().unwrap();
        let applied = apply(&plan, &resolve_user(&plan).unwrap(), &proc).unwrap();
        let error = applied.seal(&plan, &mut |_| Ok(())).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::ACCESS.raw_os_error()));
        assert!(error.hint().unwrap().contains("CAP_SYS_ADMIN"), "{error}");
    });
}

/// uid 1000, no capability.
fn is_unprivileged() {
    let mut plan = filtered("1000:1000", false, &[]);
    plan.capabilities = crate::plan::capabilities::CapabilitySets::default();
    let proc = Procfs::open().unwrap();
    apply(&plan, &resolve_user(&plan).unwrap(), &proc)
        .unwrap()
        .seal(&plan, &mut |_| Ok(()))
        .unwrap();
    assert_eq!(sets(&status_now()), [0; 5]);
}
