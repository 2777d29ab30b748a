use super::*;

#[test]
fn the_default_config_is_made_ours() {
    let given = r#"{"process": {"terminal": true, "args": [ "sh" ]}, "root": {"path": "rootfs"}}"#;
    let wanted =
        r#"{"process": {"terminal": false, "args": ["/bin/true"]}, "root": {"path": "/r"}}"#;
    assert_eq!(edit(given, Path::new("/r"), "\"/bin/true\"").unwrap(), wanted);
    assert!(edit("{}", Path::new("/r"), "").is_err());
}
