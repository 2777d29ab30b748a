use std::path::Path;

use serde_json::{Value, json};

use super::super::super::{Config, NamespaceKind, parse, parse_oci, parse_oci_ahead};
use super::*;

/// A config.json with this text for its profile.
fn file(profile: &str) -> String {
    format!(
        r#"{{"ociVersion": "1.3.0", "root": {{"path": "rootfs"}},
            "linux": {{"namespaces": [{{"type": "network"}}], "seccomp": {profile}}}}}"#
    )
}

fn read(text: &str) -> Result<Config> {
    let [file, dir] = [Path::new("config.json"), Path::new("/bundle")];
    let config = parse_oci(text.as_bytes(), file, dir)?.config;
    assert_eq!(parse(text.as_bytes(), file, dir)?.config, config);
    Ok(config)
}

/// What the reader of trees makes of it, whose words are those that a user gets.
fn by_tree(text: &str) -> Result<Vec<Profile>> {
    let tree: Value = serde_json::from_str(text).unwrap();
    let root = Node::root(&tree);
    let linux = root.get("linux").unwrap().unwrap();
    let found = linux.get("seccomp")?;
    found.iter().map(profile).collect()
}

fn example() -> Value {
    json!({
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
        "flags": ["SECCOMP_FILTER_FLAG_LOG"],
        "listenerPath": "/run/agent", "listenerMetadata": "m", "unknown": {"a": [1]},
        "syscalls": [
            {"names": ["read", "fly", "read"], "action": "SCMP_ACT_ALLOW", "comment": "x"},
            {"names": ["ioctl"], "numbers": [7], "action": "SCMP_ACT_NOTIFY", "args": [
                {"index": 1, "value": 18446744073709551615u64, "valueTwo": 2, "op": "SCMP_CMP_NE"}]},
            {"names": ["mkdir"], "action": "SCMP_ACT_TRACE", "errnoRet": 7, "args": null}]
    })
}

/// The ways to all values in there.
fn places(value: &Value, way: &str, all: &mut Vec<String>) {
    all.push(way.to_owned());
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| places(value, &format!("{way}/{key}"), all));
        }
        Value::Array(list) => list
            .iter()
            .enumerate()
            .for_each(|(index, value)| places(value, &format!("{way}/{index}"), all)),
        _ => {}
    }
}

/// Each value replaced by each of some others: the two readers say the same, to the letter.
#[test]
fn the_quick_reader_takes_nothing_else() {
    let example = example();
    let mut all = Vec::new();
    places(&example, "", &mut all);
    let named = json!({"SCMP_ACT_ALLOW": null});
    let others = [
        json!(null),
        json!([]),
        json!({}),
        json!(""),
        json!("a\0b"),
        json!("SCMP_ACT_ALLOW"),
        json!(["read"]),
        json!([["read"], [], "SCMP_ACT_ALLOW", null, []]),
        json!([[1, 2, 3, "SCMP_CMP_EQ"]]),
        json!(["SCMP_ACT_ALLOW", null, [], [], "", "", []]),
        json!(0),
        json!(-1),
        json!(-0.0),
        json!(1.0),
        json!(4294967296u64),
        json!(true),
        named,
    ];
    let mut taken = 0;
    for way in &all {
        for other in &others {
            let mut changed = example.clone();
            *changed.pointer_mut(way).unwrap() = other.clone();
            let text = file(&changed.to_string());
            match (read(&text), by_tree(&text)) {
                (Ok(config), Ok(profiles)) => {
                    assert_eq!(config.seccomp, profiles, "{way}: {other}");
                    taken += 1;
                }
                (Err(error), Err(expected)) => {
                    let expected = expected.within("config.json".to_owned());
                    assert_eq!(error.to_string(), expected.to_string(), "{way}: {other}");
                }
                (found, expected) => panic!("{way}: {other}: {found:?} for {expected:?}"),
            }
        }
        if let Some((parent, key)) = way.rsplit_once('/')
            && let Some(map) = example.clone().pointer_mut(parent).and_then(Value::as_object_mut)
        {
            map.remove(key);
            let mut changed = example.clone();
            *changed.pointer_mut(parent).unwrap() = map.clone().into();
            let text = file(&changed.to_string());
            let (found, expected) = (read(&text), by_tree(&text));
            assert_eq!(found.is_ok(), expected.is_ok(), "without {way}");
            if let (Ok(config), Ok(profiles)) = (found, expected) {
                assert_eq!(config.seccomp, profiles, "without {way}");
            }
        }
    }
    assert!(taken > 100, "{taken}");
}

#[test]
fn what_is_right_is_read_at_once() {
    let text = example().to_string();
    let quick = right(&text).unwrap();
    assert_eq!(quick, by_tree(&file(&text)).unwrap()[0]);
    let borrowed = |name: &Cow<'_, str>| matches!(name, Cow::Borrowed(_));
    assert_eq!(
        quick.syscalls[0].names.iter().map(borrowed).collect::<Vec<_>>(),
        [true, false, true]
    );
    for text in ["null", "[]", "7", "{}", "{\"defaultAction\":7}"] {
        assert_eq!(right(text), None, "{text}");
    }
}

/// Of a field that is there twice the last one counts, as with all others.
#[test]
fn twice() {
    let allow = r#"{"defaultAction": "SCMP_ACT_ALLOW"}"#;
    let log = r#"{"defaultAction": "SCMP_ACT_LOG"}"#;
    let config = |linux: &str| {
        read(&format!(r#"{{"ociVersion": "1.3.0", "root": {{"path": "/"}}, {linux}}}"#)).unwrap()
    };
    let action =
        |linux: &str| config(linux).seccomp.first().map(|profile| profile.default_action.name());
    let within = format!(r#""linux": {{"seccomp": {allow}, "seccomp": {log}}}"#);
    assert_eq!(action(&within), Some("SCMP_ACT_LOG"));
    let outside = format!(r#""linux": {{"seccomp": {allow}}}, "linux": {{"seccomp": {log}}}"#);
    assert_eq!(action(&outside), Some("SCMP_ACT_LOG"));
    assert_eq!(action(&format!(r#""linux": {{"seccomp": {allow}}}, "linux": {{}}"#)), None);
    assert_eq!(action(&format!(r#""linux": {{"seccomp": {allow}}}, "linux": null"#)), None);
    let field = r#""linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "defaultAction": "SCMP_ACT_ALLOW"}}"#;
    assert_eq!(action(field), Some("SCMP_ACT_ALLOW"));
    assert_eq!(action(r#""linux": {"seccomp": null}"#), None);
}

#[test]
fn the_rest_is_known_before_the_profile_is_read() {
    let ahead = |profile: &str| {
        let mut seen = None;
        let read = parse_oci_ahead(
            file(profile).as_bytes(),
            Path::new("config.json"),
            Path::new("/bundle"),
            |config| seen = Some(config.clone()),
        );
        (seen.unwrap(), read)
    };
    let (seen, read) = ahead(&example().to_string());
    assert_eq!(seen.namespaces[0].kind, NamespaceKind::Network);
    assert_eq!(Config { seccomp: Vec::new(), ..read.unwrap().config }, seen);
    let (_, read) = ahead(r#"{"defaultAction": "SCMP_ACT_NO"}"#);
    let error = read.unwrap_err().to_string();
    assert!(
        error.starts_with("config.json: linux.seccomp.defaultAction: unknown variant"),
        "{error}"
    );
}
