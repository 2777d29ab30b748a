use super::{last_errors, lockers};

#[test]
fn errors_are_told_and_the_rest_is_not() {
    let log = "(00.0) Error (criu/util.c:1533): rlimit: Can't setup RLIMIT_NOFILE for self\n\
               (00.1) Dumping\n(00.2) Error (criu/a.c:1): first\n(00.3) Warn  (criu/a.c:2): no\n\
               (00.4) Error (criu/a.c:3): second\u{1b}[31m\n(00.5)      1: Error (criu/a.c:4): third\n\
               (00.5) Error (criu/a.c:5): fourth\n(00.5) Error (criu/a.c:5): fourth\n";
    assert_eq!(last_errors(log), "second[31m; third; fourth");
    assert_eq!(last_errors("(00.1) Dumping finished successfully\n"), "");
    assert_eq!(last_errors(""), "");
}

#[test]
fn who_has_locked_a_network_is_known_by_his_id() {
    let log = "(00.000000) CRIU run id = e9060fdb-615d\n(00.0) Version: 4.2\n\
               (00.000000) CRIU run id = dd3e5c6b-f356\n(00.1) Dump CRIU run id = no\n\
               (00.2) net: Lock network\n";
    assert_eq!(lockers(log), ["e9060fdb-615d", "dd3e5c6b-f356"]);
    assert!(lockers(&format!("{log}(00.3) net: Unlock network\n")).is_empty());
    assert!(lockers("(00.000000) CRIU run id = e9060fdb-615d\n").is_empty());
}
