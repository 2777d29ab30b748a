use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::ErrorKind;

/// As container.json has it.
fn read(value: Value) -> Result<Landlock> {
    let text = json!({"landlock": value, "namespaces": []}).to_string();
    let parsed =
        crate::config::parse(text.as_bytes(), Path::new("container.json"), Path::new("/c"))?;
    Ok(parsed.config.landlock.unwrap())
}

fn planned(value: Value, version: u32) -> (Result<Option<LandlockPlan>>, Vec<String>) {
    let mut warnings = Vec::new();
    let plan = read(value).and_then(|wanted| plan(&wanted, version, &mut warnings));
    (plan, warnings)
}

#[track_caller]
fn refused(value: Value, version: u32, field: &str, words: &str) {
    let error = planned(value.clone(), version).0.unwrap_err();
    let ErrorKind::InvalidConfig { field: found } = error.kind() else { panic!("{error}") };
    assert_eq!((found.as_str(), error.to_string().contains(words)), (field, true), "{error}");
}

#[test]
fn each_version_does_what_it_knows() {
    let all = json!({"filesystem": {}, "network": {"bind_tcp": [80], "connect_tcp": []},
        "scopes": ["abstract_unix_socket", "signal"], "best_effort": true, "log": true});
    // LANDLOCK_ACCESS_FS_* of the versions, as landlock(7) lists them.
    for (version, files, network, scopes, flags) in [
        (1, 0x1fff, 0, 0, 0),
        (2, 0x3fff, 0, 0, 0),
        (3, 0x7fff, 0, 0, 0),
        (4, 0x7fff, 3, 0, 0),
        (5, 0xffff, 3, 0, 0),
        (6, 0xffff, 3, 3, 0),
        (7, 0xffff, 3, 3, 2),
        (99, 0xffff, 3, 3, 2),
    ] {
        let (plan, warnings) = planned(all.clone(), version);
        let plan = plan.unwrap().unwrap();
        assert_eq!(
            (plan.files, plan.network, plan.scopes, plan.flags),
            (files, network, scopes, flags),
            "{version}"
        );
        assert_eq!(warnings.is_empty(), version >= 7, "{version}: {warnings:?}");
        assert_eq!(plan.ports, if network == 0 { vec![] } else { vec![(80, 1)] });
    }
    let (plan, warnings) = planned(all, 0);
    assert_eq!(plan.unwrap(), None);
    assert!(warnings[0].contains("has no Landlock") && warnings[0].contains("truncate"));
}

#[test]
fn what_is_required_and_unknown_is_refused() {
    refused(json!({"filesystem": {}}), 0, "landlock", "has no Landlock");
    refused(json!({"filesystem": {}}), 4, "landlock", "version 4 of Landlock");
    refused(json!({"filesystem": {}}), 4, "landlock", "for ioctl_dev");
    refused(json!({"network": {"bind_tcp": []}}), 3, "landlock", "network (since Linux 6.7)");
    refused(json!({"scopes": ["signal"]}), 5, "landlock", "scopes (since Linux 6.12)");
    for version in 1..8 {
        let named = json!({"filesystem": {"restrict": ["execute"]}});
        assert_eq!(planned(named, version).0.unwrap().unwrap().files, 1);
    }
}

#[test]
fn rules_allow_what_is_restricted() {
    let rule = |allow: Value| {
        let rules = json!([{"paths": ["/usr", "/etc"], "allow": allow}]);
        json!({"filesystem": {"restrict": ["write", "read_file"], "rules": rules}})
    };
    let plan = planned(rule(json!(["read", "execute", "truncate"])), 7).0.unwrap().unwrap();
    assert_eq!(plan.files, 0x7ff6);
    assert_eq!(plan.paths.iter().map(|it| it.access).collect::<Vec<_>>(), [0x4004, 0x4004]);
    assert_eq!(plan.paths[1].place, (0, 1));
    let field = "landlock.filesystem.rules[0].allow";
    refused(rule(json!(["execute"])), 7, field, "nothing of it is restricted");
    refused(rule(json!([])), 7, field, "nothing of it is restricted");
}

/// What is misspelled would be allowed.
#[test]
fn unknown_names_are_refused() {
    let rules = |rule: Value| json!({"filesystem": {"rules": [rule]}});
    for (value, field, words) in [
        (json!({}), "landlock", "restricts nothing"),
        (json!({"network": {}}), "landlock", "restricts nothing"),
        (json!({"filesystem": {"restrict": []}}), "landlock", "restricts nothing"),
        (json!({"file": {}}), "landlock.file", "no such field, but filesystem, network"),
        (json!({"network": {"bind": [1]}}), "landlock.network.bind", "but bind_tcp"),
        (json!({"network": {"bind_tcp": [65536]}}), "landlock.network.bind_tcp[0]", "range"),
        (json!({"scopes": ["all"]}), "landlock.scopes[0]", "`signal`"),
        (json!({"filesystem": {"restrict": ["fly"]}}), "landlock.filesystem.restrict[0]", "fly"),
        (rules(json!({"paths": ["/"]})), "landlock.filesystem.rules[0].allow", "required"),
        (rules(json!({"allow": ["read"]})), "landlock.filesystem.rules[0].paths", "no path"),
        (
            rules(json!({"paths": ["usr"], "allow": ["read"]})),
            "landlock.filesystem.rules[0].paths[0]",
            "absolute",
        ),
        (rules(json!({"path": "/"})), "landlock.filesystem.rules[0].path", "but paths, allow"),
        (json!([]), "landlock", "an object"),
    ] {
        refused(value, 7, field, words);
    }
}

/// The annotation of a config.json is read as the field of container.json.
#[test]
fn an_annotation_holds_it() {
    let read = |annotation: &str| {
        let file = json!({"ociVersion": "1.2.0", "root": {"path": "rootfs"},
            "annotations": {"org.nsrun.landlock": annotation}});
        let text = file.to_string();
        crate::config::parse_oci(text.as_bytes(), Path::new("config.json"), Path::new("/b"))
    };
    let parsed = read(r#"{"scopes": ["signal"]}"#).unwrap();
    assert_eq!(parsed.config.landlock.unwrap().scopes, [crate::config::Scope::Signal]);
    let error = read("{").unwrap_err().to_string();
    assert!(error.contains(r#"annotations["org.nsrun.landlock"]: not JSON"#), "{error}");
    let error = read(r#"{"scopes": ["x"]}"#).unwrap_err().to_string();
    assert!(error.contains(r#"annotations["org.nsrun.landlock"].scopes[0]: unknown"#), "{error}");
}
