use serde_json::json;

use super::*;

fn read(text: &str) -> Document<'_> {
    Document::read(text.as_bytes(), "it").unwrap()
}

#[test]
fn a_profile_is_kept_apart() {
    let text =
        r#" {"linux": {"a": 1, "seccomp" : {"names": ["}\""]} , "b": 2}, "c": {"seccomp": 3}} "#;
    let document = read(text);
    assert_eq!(document.profile, Some(r#"{"names": ["}\""]}"#));
    let rest = json!({"linux": {"a": 1, "b": 2}, "c": {"seccomp": 3}});
    assert_eq!(document.value, rest);
    let whole: Value = serde_json::from_str(text).unwrap();
    assert_eq!(document.whole().unwrap(), whole);
}

#[test]
fn without_one_it_is_one_tree() {
    for text in [
        "{}",
        r#"{"seccomp": {}}"#,
        r#"{"linux": {}}"#,
        r#"{"linux": null}"#,
        r#"{"linux": [{"seccomp": {}}]}"#,
        r#"{"linux": 7}"#,
        r#"{"a": {"linux": {"seccomp": 1}}}"#,
    ] {
        let document = read(text);
        assert_eq!(document.value, serde_json::from_str::<Value>(text).unwrap(), "{text}");
        assert_eq!(document.profile, None, "{text}");
    }
}

/// The words are those of who reads all of it.
#[test]
fn what_is_no_json_is_refused() {
    for text in [
        &b""[..],
        b"{",
        b"[]",
        b"7",
        b"{} x",
        b"\xff",
        b"{\"a\": \"\xff\"}",
        b"{\"linux\": {\"seccomp\": {]}}",
        b"{\"linux\": {\"seccomp\": {}}} x",
        b"{\"linux\": {\"seccomp\": {}}",
        b"{\"linux\": {\"seccomp\": \"\xff\"}}",
    ] {
        let error = Document::read(text, "it").unwrap_err().to_string();
        assert_eq!(error, object(text, "it").unwrap_err().to_string());
    }
}
