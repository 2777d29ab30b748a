use super::last_errors;

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
