use serde_json::{Value, json};

use super::*;
use crate::ErrorKind;

fn profile(json: Value) -> Profile {
    serde_json::from_value(json).unwrap()
}

fn plan(profiles: &[Profile]) -> Result<(Vec<Program>, Option<Listener>)> {
    filters(profiles).map(|filters| (filters.programs, filters.listener))
}

/// The field that is refused, and the words.
fn refusal(profiles: &[Profile]) -> (String, String) {
    let error = plan(profiles).unwrap_err();
    match error.kind() {
        ErrorKind::InvalidConfig { field } => (field.clone(), error.to_string()),
        other => panic!("{other:?}: {error}"),
    }
}

fn notify(name: &str, path: &str) -> Profile {
    profile(json!({
        "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": path, "listenerMetadata": "m",
        "syscalls": [{"names": ["mkdir", name], "action": "SCMP_ACT_NOTIFY"}],
    }))
}

#[test]
fn filters_are_compiled_or_refused() {
    let unknown = profile(json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["fly", "mkdir"], "action": "SCMP_ACT_ERRNO"}],
    }));
    let Filters { programs, warnings, .. } = filters(&[unknown]).unwrap();
    assert_eq!(programs.len(), 1);
    assert!(warnings[0].contains("seccomp[0]") && warnings[0].contains("fly"), "{warnings:?}");
    let index = profile(json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO",
            "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]}],
    }));
    assert_eq!(refusal(&[index]).0, "seccomp[0]");
    for (action, errno) in [("SCMP_ACT_ALLOW", 1), ("SCMP_ACT_NOTIFY", 1), ("SCMP_ACT_ERRNO", 4096)]
    {
        let rule = json!({"names": ["mkdir"], "action": action, "errnoRet": errno});
        let profile = profile(json!({"defaultAction": "SCMP_ACT_KILL", "syscalls": [rule]}));
        let words = refusal(&[profile]).1;
        assert!(words.contains("syscalls[0].errnoRet"), "{words}");
    }
}

#[test]
fn several_filters_are_one() {
    let (programs, listener) =
        plan(&[notify("chmod", "/run/a"), seccomp::tiocsti_filter()]).unwrap();
    let needs: Vec<bool> = programs.iter().map(|program| program.needs_listener).collect();
    assert_eq!(needs, [true]);
    assert_eq!(listener, Some(Listener { path: "/run/a".into(), metadata: "m".into() }));
    let three = [seccomp::default_profile(&|_| true), notify("chmod", "/run/a")];
    let three = [&three[..], &[seccomp::tiocsti_filter()]].concat();
    assert_eq!(plan(&three).unwrap().0.len(), 1);
}

/// A flag is a filter's own.
#[test]
fn the_agents_filter_is_loaded_last() {
    let mut logged = notify("chmod", "/run/a");
    logged.flags = vec![seccomp::Flag::Log];
    let (programs, _) = plan(&[logged, seccomp::tiocsti_filter()]).unwrap();
    let needs: Vec<bool> = programs.iter().map(|program| program.needs_listener).collect();
    assert_eq!(needs, [false, true]);
}

/// Together they are longer than the kernel takes.
#[test]
fn filters_too_long_for_one() {
    let long = |first: u64| {
        let rules: Vec<Value> = (0..200)
            .map(|i| {
                let arg = json!({"index": i % 6, "value": (first + i) << 31, "op": "SCMP_CMP_GT"});
                json!({"names": [], "numbers": [i * 2], "errnoRet": i,
                    "action": "SCMP_ACT_ERRNO", "args": [arg, arg, arg]})
            })
            .collect();
        profile(json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules}))
    };
    assert_eq!(plan(&[long(0), long(1)]).unwrap().0.len(), 2);
}

#[test]
fn what_no_agent_can_be_asked_for() {
    assert_eq!(refusal(&[notify("chmod", "")]).0, "seccomp[0].listenerPath");
    assert_eq!(refusal(&[notify("chmod", "run/a")]).0, "seccomp[0].listenerPath");
    let words = refusal(&[notify("chmod", "/run/a"), notify("chmod", "/run/b")]).1;
    assert!(words.contains("one listener only"), "{words}");
    for name in ["write", "sendmsg"] {
        let (field, words) = refusal(&[notify(name, "/run/a")]);
        assert_eq!(field, "seccomp[0].syscalls");
        assert!(words.contains(&format!("cannot be used for the {name} syscall")), "{words}");
    }
    let default = json!({"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/run/a"});
    let (field, words) = refusal(&[profile(default)]);
    assert_eq!(field, "seccomp[0].defaultAction");
    assert!(words.contains("cannot be used as default action"), "{words}");
    // Init could not say a word.
    let silent = profile(json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [{"names": ["read", "execve"], "action": "SCMP_ACT_ALLOW"}],
    }));
    let words = refusal(&[silent, notify("chmod", "/run/a")]).1;
    assert!(words.contains("sendmsg is forbidden"), "{words}");
}

#[test]
fn without_a_notification_the_listener_does_not_matter() {
    let profile = profile(json!({
        "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "nowhere",
        "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}],
    }));
    assert_eq!(plan(&[profile]).unwrap().1, None);
}
