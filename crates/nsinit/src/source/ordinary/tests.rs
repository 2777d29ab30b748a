use super::*;

#[test]
fn the_callers_ranges_are_side_by_side() {
    let own = getuid().as_raw();
    let text = format!(
        "somebody:1:2\ntester:200000:65536\n{own}:400000:10\ntester:x:5\ntester:7:0\n\
         tester:4294967295:1\nbroken\n:5:6\n"
    );
    let map = |container_id, host_id, size| IdMap { container_id, host_id, size };
    let wanted = vec![map(1, 200_000, 65_536), map(65_537, 400_000, 10)];
    assert_eq!(further(&text, Some("tester")), wanted);
    assert_eq!(further(&text, None), vec![map(1, 400_000, 10)]);
}

#[test]
fn a_file_that_names_namespaces_has_decided() {
    assert!(is_decided(br#"{"namespaces": null}"#));
    assert!(is_decided(br#"{"uid_mappings": []}"#));
    assert!(!is_decided(br#"{"hostname": "x"}"#));
    assert!(!is_decided(b""));
}
