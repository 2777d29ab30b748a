use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::*;
use crate::plan::hooks::Subject;

fn subject() -> Subject {
    Subject {
        id: "id".into(),
        bundle: PathBuf::from("/tmp"),
        annotations: vec![("a".into(), "\"1\"\n".into()), ("b".into(), "2".into())],
    }
}

fn script(text: &str) -> HookPlan {
    HookPlan {
        path: c"/bin/sh".to_owned(),
        args: vec![c"sh".to_owned(), c"-c".to_owned(), CString::new(text).unwrap()],
        env: vec![c"PATH=/usr/bin:/bin".to_owned()],
        timeout: None,
    }
}

fn on_the_host(hooks: &[HookPlan], subject: &Subject) -> Result<()> {
    let state = State { subject, pid: Some(7) };
    run(Kind::Prestart, hooks, &state, &Runner { spawn: &on_host(&state), peer: None })
}

fn failure(hook: HookPlan) -> String {
    let error = on_the_host(&[script("true"), hook], &subject()).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::HookFailed);
    error.to_string()
}

#[test]
fn the_state_is_a_line_of_json() {
    let subject = subject();
    let state = State { subject: &subject, pid: Some(7) };
    let text = String::from_utf8(state.text("creating").unwrap()).unwrap();
    assert_eq!(
        text,
        "{\"ociVersion\":\"1.3.0\",\"id\":\"id\",\"status\":\"creating\",\"pid\":7,\
         \"bundle\":\"/tmp\",\"annotations\":{\"a\":\"\\\"1\\\"\\n\",\"b\":\"2\"}}\n"
    );
    let plain = Subject { annotations: Vec::new(), ..subject };
    let text = State { subject: &plain, pid: None }.text("stopped").unwrap();
    assert_eq!(
        String::from_utf8(text).unwrap(),
        "{\"ociVersion\":\"1.3.0\",\"id\":\"id\",\"status\":\"stopped\",\"bundle\":\"/tmp\"}\n"
    );
}

#[test]
fn failures_are_told_in_one_line_with_the_last_words() {
    let words = failure(script("echo out; echo one >&2; echo two >&2; exit 3"));
    assert_eq!(
        words,
        "error running prestart hook #1: /bin/sh: exit status 3, stdout: out, stderr: one | two"
    );
    let words = failure(script("kill -9 $$"));
    assert_eq!(words, "error running prestart hook #1: /bin/sh: killed by signal 9");
    let absent = HookPlan { path: c"/nowhere/x".to_owned(), ..script("") };
    let words = failure(absent);
    assert!(words.starts_with("error running prestart hook #1: /nowhere/x: execve"), "{words}");
    assert!(words.ends_with("No such file or directory"), "{words}");
    let subject = Subject { bundle: "/nowhere".into(), ..subject() };
    let words = on_the_host(&[script("true")], &subject).unwrap_err().to_string();
    assert!(words.contains("chdir /nowhere: No such"), "{words}");
}

#[test]
fn what_it_says_is_taken_and_little_is_kept() {
    on_the_host(&[script("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2")], &subject())
        .unwrap();
    let words =
        failure(script("yes a-line | head -c 300000 >&2; echo >&2; echo the end >&2; exit 1"));
    assert!(words.ends_with("a-line | a | the end") && words.len() < 1500, "{words}");
}

#[test]
fn streams_may_be_left_alone_or_closed() {
    let long = Subject { annotations: vec![("a".into(), "x".repeat(1 << 20))], ..subject() };
    on_the_host(&[script("true"), script("exec <&- >&- 2>&-; sleep 0.05")], &long).unwrap();
    on_the_host(&[script("test $(cat | wc -c) -gt 1048576")], &long).unwrap();
    // Each has the whole of it, by the path too.
    let each = script("read -r a && test \"${#a}\" -gt 1048576 && cmp /dev/stdin /proc/self/fd/0");
    on_the_host(&[each.clone(), each], &long).unwrap();
}

#[test]
fn a_daemon_that_holds_the_streams_is_not_waited_for() {
    let began = Instant::now();
    let file = std::env::temp_dir().join(format!("lc-hook-{}", std::process::id()));
    let text = format!("sleep 30 & echo $! > {}", file.display());
    on_the_host(&[script(&text)], &subject()).unwrap();
    assert!(began.elapsed() < Duration::from_secs(20));
    let pid: i32 = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    std::fs::remove_file(file).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn its_time_is_limited() {
    let began = Instant::now();
    let slow =
        HookPlan { timeout: Some(Duration::from_secs(1)), ..script("echo on >&2; exec sleep 60") };
    let words = failure(slow);
    assert!(words.ends_with("timed out after 1 s, and was killed, stderr: on"), "{words}");
    assert!(began.elapsed() < Duration::from_secs(30));
    for limit in [Duration::from_secs(100), Duration::MAX] {
        let quick = HookPlan { timeout: Some(limit), ..script("true") };
        on_the_host(&[quick], &subject()).unwrap();
    }
}

#[test]
fn all_of_them_run_where_failures_are_warnings() {
    let subject = subject();
    let state = State { subject: &subject, pid: None };
    let hooks = [script("exit 1"), script("true"), script("echo no >&2; exit 2")];
    let warnings =
        run_all(Kind::Poststop, &hooks, &state, &Runner { spawn: &on_host(&state), peer: None });
    assert_eq!(
        warnings,
        [
            "error running poststop hook #0: /bin/sh: exit status 1",
            "error running poststop hook #2: /bin/sh: exit status 2, stderr: no",
        ]
    );
}

#[test]
fn nothing_of_the_caller_is_in_it() {
    let dir = std::env::temp_dir().join(format!("lc-hook-own-{}", std::process::id()));
    let say = |what: &str| format!("{what} > {}\n", dir.display()).replace("\n", "");
    let read = |text: &str, env: Vec<CString>| {
        let hook = HookPlan { env, ..script(&say(text)) };
        on_the_host(&[hook], &subject()).unwrap();
        std::fs::read_to_string(&dir).unwrap()
    };
    // A descriptor that is not close-on-exec.
    let inherited = std::fs::File::open("/").unwrap();
    rustix::io::fcntl_setfd(&inherited, rustix::io::FdFlags::empty()).unwrap();
    assert_eq!(
        read("/bin/ls -x /proc/self/fd", vec![]).split_whitespace().collect::<Vec<_>>(),
        ["0", "1", "2", "3"]
    );
    let environ =
        read("/bin/cat /proc/self/environ", vec![c"A=1".to_owned(), c"LD_X=2".to_owned()]);
    assert!(environ.starts_with("A=1\0LD_X=2\0"), "{environ:?}");
    assert!(!environ.contains("CARGO") && !environ.contains("PATH="), "{environ:?}");
    assert_eq!(read("/bin/pwd -P", vec![]), "/tmp\n");
    let signals = read("/bin/grep -E 'Sig(Blk|Ign)' /proc/self/status", vec![]);
    assert_eq!(signals, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    std::fs::remove_file(&dir).unwrap();
}

#[test]
fn it_ends_with_whom_it_is_run_for() {
    let (ours, theirs) = rustix::pipe::pipe().unwrap();
    drop(theirs);
    let subject = subject();
    let state = State { subject: &subject, pid: None };
    let runner = Runner { spawn: &on_host(&state), peer: Some(ours.as_fd()) };
    let error = run(Kind::StartContainer, &[script("exec sleep 60")], &state, &runner).unwrap_err();
    assert!(error.to_string().ends_with("killed: whoever it was run for has ended"), "{error}");
}
