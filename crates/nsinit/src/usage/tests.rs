use super::*;

fn of(call: &'static str, errno: Errno) -> String {
    advise(SysError::new(call, "x", errno).into()).hint().unwrap_or_default().to_owned()
}

#[test]
fn no_space_is_not_always_the_disk() {
    assert!(of("move_mount", Errno::NOSPC).contains("fs.mount-max"));
    assert!(of("clone3", Errno::NOSPC).contains("namespaces"));
    assert!(of("write", Errno::NOSPC).contains("inodes"));
}

#[test]
fn advice_nearer_the_cause_stays() {
    let error = Error::from(SysError::new("clone3", "", Errno::AGAIN)).with_hint("near");
    assert_eq!(advise(error).hint(), Some("near"));
}

#[test]
fn the_commands_own_failure_gets_none() {
    let error = Error::from(SysError::new("exec:", "x", Errno::NOMEM));
    assert_eq!(advise(error.as_kind(ErrorKind::ProcessNotExecuted)).hint(), None);
    assert_eq!(of("read", Errno::IO), "");
}

#[test]
fn a_mistake_is_told_in_one_line() {
    for (typed, wanted) in [
        (&["nsinit", "exec", "--bogus"][..], "unexpected argument '--bogus' found (a similar"),
        (&["nsinit", "frob"], "unrecognized subcommand 'frob' (see --help)"),
        (&["nsinit", "completions"], "the following required arguments were not provided: <SHELL>"),
        (&["nsinit", "completions", "sh"], "invalid value 'sh' for '<SHELL>' [possible values:"),
    ] {
        let error = PROGRAM.command().try_get_matches_from(typed).unwrap_err();
        let line = mistake(&error).to_string();
        assert!(line.starts_with(wanted) && !line.contains('\n'), "{line}");
    }
}

#[test]
fn what_is_absent_is_said_to_be() {
    let typed = ["nsinit", "init"];
    let error = PROGRAM.command().try_get_matches_from(typed).unwrap_err();
    assert!(absent(&error).unwrap().to_string().starts_with("init is what"));
}
