use super::{errors, lockers};

#[test]
fn errors_are_told_and_the_rest_is_not() {
    let log = "(00.0) Error (criu/util.c:1533): rlimit: Can't setup RLIMIT_NOFILE for self\n\
               (00.1) Dumping\n(00.2) Error (criu/a.c:1): first\n(00.3) Warn  (criu/a.c:2): no\n\
               (00.4) Error (criu/a.c:3): second\n(00.5)      1: Error (criu/a.c:4): third\u{1b}[31m\n\
               (00.5) Error (criu/a.c:5): fourth.\n(00.5) Error (criu/a.c:5): fourth.\n\
               (00.5) Error (criu/cr-dump.c:1): Dumping FAILED.\n(00.6) Error (criu/a.c:6): a shock\n";
    assert_eq!(errors(log), "first; third[31m; fourth");
    assert_eq!(errors("(00.1) Dumping finished successfully\n"), "");
    assert_eq!(errors(""), "");
    let alone = "(00.5) Error (criu/cr-restore.c:1): Restoring FAILED.\n";
    assert_eq!(errors(alone), "Restoring FAILED");
}

/// As CRIU 4.2 has told that a program is another one, and that an image is cut off.
#[test]
fn the_cause_comes_first() {
    let log = "(00.029440) Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self: no\n\
        (00.1)      1: Error (criu/files-reg.c:2175): File bin/busybox has bad size 3 (expect 2)\n\
        (00.1)      1: Error (criu/files.c:1221): Unable to open fd=5 id=0x4\n\
        (00.1) Error (criu/cr-restore.c:2331): Restoring FAILED.\n\
        (00.1) Error (criu/cgroup.c:2055): cg: cgroupd: recv req error: No such file or directory\n";
    let told = "File bin/busybox has bad size 3 (expect 2); Unable to open fd=5 id=0x4";
    assert_eq!(errors(log), told);
    let log = "(00.1) Error (criu/protobuf.c:93): Read 88 bytes while 2284 expected\n\
        (00.1) Error (criu/cr-restore.c:2331): Restoring FAILED.\n\
        (00.1) Error (criu/cgroup.c:2055): cg: cgroupd: recv req error: No such file or directory\n";
    assert_eq!(errors(log), "Read 88 bytes while 2284 expected");
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
