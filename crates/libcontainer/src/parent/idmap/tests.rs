use super::*;

#[test]
fn ones_own_id_alone_needs_nobodys_help() {
    let map = |host_id, size| IdMap { container_id: 0, host_id, size };
    assert!(is_only(&[map(1000, 1)], 1000));
    assert!(!is_only(&[map(1000, 2)], 1000));
    assert!(!is_only(&[map(1001, 1)], 1000));
    assert!(!is_only(&[map(1000, 1), map(100_000, 1)], 1000));
}

#[test]
fn a_helper_that_refuses_is_quoted() {
    // What sh says of a file that is not there: the process's id.
    let kind = Kind { ids: "user", file: "uid_map", helper: "sh", ranges: "/etc/subuid" };
    let pid = Pid::from_raw(i32::MAX).unwrap();
    let error = kind.by_helper(pid, &[]).unwrap_err().to_string();
    assert!(error.contains("2147483647") && error.contains("/etc/subuid"), "{error}");
    assert!(!error.contains('\n'), "{error}");
}

#[test]
fn a_helper_that_is_missing_is_named() {
    let kind = Kind { helper: "no-such-newuidmap", ..USERS };
    let pid = Pid::from_raw(1).unwrap();
    let error = kind.by_helper(pid, &[]).unwrap_err().to_string();
    assert!(error.contains("no-such-newuidmap") && error.contains("uidmap has them"), "{error}");
}
