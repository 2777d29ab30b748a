use super::{Access, DeviceRule};

#[test]
fn rules_read_as_oci_writes_them() {
    let text = r#"[{"allow": false, "access": "rwm"},
                   {"allow": true, "type": "c", "major": 1, "minor": -1, "access": "mr"}]"#;
    let rules: Vec<DeviceRule> = serde_json::from_str(text).unwrap();
    assert_eq!(rules[0], DeviceRule::default_to(false));
    assert_eq!(rules[1].access, Access::READ.or(Access::MKNOD));
    assert_eq!(serde_json::to_value(rules[1]).unwrap()["access"], "rm");
}

#[test]
fn strange_access_is_refused() {
    assert!("rx".parse::<Access>().is_err());
    assert_eq!("".parse::<Access>().unwrap(), Access::ALL);
}

#[test]
fn huge_numbers_are_refused() {
    let rule = DeviceRule { major: Some(1 << 40), ..DeviceRule::default_to(true) };
    assert!(super::Policy::unrestricted().apply(&[rule]).is_err());
}
