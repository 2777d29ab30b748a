use std::borrow::Cow;

use crate::{Profile, Rule};

fn read(rule: &str) -> Result<Rule, String> {
    let text = format!(r#"{{"defaultAction": "SCMP_ACT_LOG", "syscalls": {rule}}}"#);
    let profile: Profile = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    profile.syscalls.into_iter().next().ok_or_else(|| "no rule".to_owned())
}

#[test]
fn known_names_are_not_copied() {
    let rule = read(r#"[{"names": ["read", "fly", "\u0072ead"], "action": "SCMP_ACT_TRAP"}]"#);
    let names = rule.unwrap().names;
    assert_eq!(names, ["read", "fly", "read"]);
    let borrowed: Vec<bool> = names.iter().map(|name| matches!(name, Cow::Borrowed(_))).collect();
    assert_eq!(borrowed, [true, false, true]);
}

#[test]
fn a_list_is_no_object() {
    assert_eq!(read("null").unwrap_err(), "no rule");
    for wrong in [
        r#"[[["read"], [], "SCMP_ACT_TRAP", null, []]]"#,
        r#"[{"names": ["read"], "action": "SCMP_ACT_TRAP", "args": [[0, 1, 2, "SCMP_CMP_EQ"]]}]"#,
    ] {
        let error = read(wrong).unwrap_err();
        assert!(error.contains("expected an object"), "{error}");
    }
}
