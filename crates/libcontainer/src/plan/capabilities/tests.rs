use super::*;
use crate::ErrorKind;

fn caps(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn names_are_at_their_numbers() {
    assert_eq!(bit("CHOWN"), Some(1));
    assert_eq!(bit("CAP_CHOWN"), Some(1));
    assert_eq!(bit("cap_sys_admin"), Some(SYS_ADMIN));
    assert_eq!(bit("AUDIT_WRITE"), Some(1 << 29));
    assert_eq!(bit("CAP_CHECKPOINT_RESTORE"), Some(1 << 40));
    for name in ["", "CAP_", "CAP_CAP_CHOWN", "CHOWN ", "ALL", "40"] {
        assert_eq!(bit(name), None, "{name:?}");
    }
    assert_eq!(names(1 | 1 << 40 | 1 << 63), "CAP_CHOWN, CAP_CHECKPOINT_RESTORE, capability 63");
}

#[test]
fn an_unknown_name_is_refused_at_its_place() {
    let sets = Capabilities { bounding: caps(&["CHOWN", "KILL", "FLY"]), ..Default::default() };
    let error = resolve(&sets, &mut Vec::new()).unwrap_err();
    let field = "process.capabilities.bounding[2]".to_owned();
    assert_eq!(error.kind(), &ErrorKind::InvalidConfig { field });
    assert!(error.to_string().contains("unknown capability \"FLY\""), "{error}");
}

#[test]
fn what_can_never_be_granted_is_left_out_with_a_warning() {
    let mut warnings = Vec::new();
    let sets = Capabilities {
        bounding: caps(&["CHOWN", "KILL"]),
        permitted: caps(&["CHOWN", "KILL"]),
        effective: caps(&["CHOWN", "SYS_ADMIN"]),
        inheritable: caps(&["KILL", "MKNOD"]),
        ambient: caps(&["KILL", "CHOWN"]),
    };
    let resolved = resolve(&sets, &mut warnings).unwrap();
    let (chown, kill) = (1, 1 << 5);
    let expected = CapabilitySets {
        bounding: chown | kill,
        permitted: chown | kill,
        effective: chown,
        inheritable: kill,
        ambient: kill,
    };
    assert_eq!(resolved, expected);
    assert_eq!(
        warnings,
        [
            "process.capabilities.effective: CAP_SYS_ADMIN left out: not permitted",
            "process.capabilities.inheritable: CAP_MKNOD left out: not in the bounding set",
            "process.capabilities.ambient: CAP_CHOWN left out: not both inheritable and permitted",
        ]
    );
}

#[test]
fn a_list_of_kept_ones_makes_nothing_inheritable() {
    let mut warnings = Vec::new();
    let resolved = resolve(&Capabilities::of(["CHOWN", "CAP_KILL"]), &mut warnings).unwrap();
    assert_eq!((resolved.inheritable, resolved.ambient), (0, 0));
    assert_eq!(resolved.bounding, resolved.permitted);
    assert_eq!(resolved.bounding, resolved.effective);
    assert!(warnings.is_empty());
}
