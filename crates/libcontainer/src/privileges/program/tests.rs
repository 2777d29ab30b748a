use std::os::unix::fs::symlink;

use super::super::testing::{Scratch, planned};
use super::*;
use crate::config::ProcessSpec;

fn root() -> Identity {
    Identity { uid: 0, gid: 0, groups: Vec::new(), home: c"/".to_owned() }
}

fn looked_up(name: &str, path: Option<&str>, cwd: &str) -> Result<CString> {
    let env = path.map(|path| vec![format!("PATH={path}")]);
    let args = vec![name.to_owned()];
    let process = ProcessSpec { args, env, cwd: Some(cwd.into()), ..ProcessSpec::default() };
    find(&planned(&process), &root())
}

fn refusal(name: &str, path: &str) -> (Errno, String) {
    let error = looked_up(name, Some(path), "/").unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::ProcessNotExecuted);
    (Errno::from_raw_os_error(error.errno().unwrap()), error.to_string())
}

#[test]
fn a_name_is_looked_up_in_path() {
    let (one, two) = (Scratch::new(), Scratch::new());
    let second = two.file("tool", "");
    std::fs::create_dir(one.path().join("tool")).unwrap();
    let path = format!("::.:relative:/absent:{}:{}", one.path().display(), two.path().display());
    assert_eq!(looked_up("tool", Some(&path), "/").unwrap(), second);
    let first = one.with_mode("other", "", 0o644);
    assert_eq!(refusal("other", &path).0, Errno::ACCESS);
    let later = two.file("other", "");
    assert_eq!(looked_up("other", Some(&path), "/").unwrap(), later, "{first:?} is passed over");
    assert!(looked_up("sh", None, "/").is_ok(), "a usual PATH where there is none");
}

#[test]
fn what_says_nothing_of_the_program_ends_the_search() {
    let (here, later) = (Scratch::new(), Scratch::new());
    later.file("tool", "");
    symlink("tool", here.path().join("tool")).unwrap();
    let path = format!("{}:{}", here.path().display(), later.path().display());
    let (errno, words) = refusal("tool", &path);
    assert_eq!(errno, Errno::LOOP);
    assert!(words.contains(&format!("exec: \"{}/tool\": ", here.path().display())), "{words}");
    // These do not.
    symlink("/nowhere", later.path().join("link")).unwrap();
    let path = format!("/etc/passwd:/nowhere:{}", later.path().display());
    assert_eq!(refusal("link", &path).0, Errno::NOENT);
    assert!(refusal("link", &path).1.contains("executable file not found in $PATH"));
}

#[test]
fn the_working_directory_is_no_element_of_path() {
    let here = Scratch::new();
    here.file("tool", "");
    let cwd = here.path().to_str().unwrap();
    for path in ["", ".", ":", "./", ".."] {
        assert!(looked_up("tool", Some(path), cwd).is_err(), "{path:?}");
    }
    assert_eq!(looked_up("./tool", Some(""), cwd).unwrap(), c"./tool".to_owned());
    assert_eq!(looked_up("etc/../tool", Some(""), cwd).unwrap(), c"etc/../tool".to_owned());
}

#[test]
fn the_words_that_engines_look_for() {
    let (errno, words) = refusal("nosuch", "/bin:/nowhere");
    assert_eq!(errno, Errno::NOENT);
    assert!(words.contains("exec: \"nosuch\": executable file not found in $PATH"), "{words}");
    assert!(words.contains("/bin:/nowhere"), "{words}");
    let (errno, words) = refusal("/no/such", "");
    assert_eq!(errno, Errno::NOENT);
    assert_eq!(words, "exec: \"/no/such\": no such file or directory");
    let (errno, words) = refusal("/etc", "");
    assert_eq!(errno, Errno::ISDIR);
    assert!(
        words.contains("exec: \"/etc\": is a directory (execve: permission denied)"),
        "{words}"
    );
    let (errno, words) = refusal("/etc/passwd", "");
    assert_eq!(errno, Errno::ACCESS);
    assert!(words.contains("exec: \"/etc/passwd\": permission denied"), "{words}");
    let here = Scratch::new();
    here.with_mode("tool", "", 0o644);
    let words = refusal("tool", here.path().to_str().unwrap()).1;
    assert!(words.contains("tool\": permission denied"), "{words}");
    assert_eq!(refusal("/dev/null", "").0, Errno::ACCESS);
    assert_eq!(refusal("/etc/passwd/x", "").0, Errno::NOTDIR);
    let here = Scratch::new();
    symlink("loop", here.path().join("loop")).unwrap();
    assert_eq!(refusal(here.path().join("loop").to_str().unwrap(), "").0, Errno::LOOP);
}

/// Executes it for real, and explains the kernel's errno.
fn executed(program: &CString) -> String {
    let errno = loop {
        let error = std::process::Command::new(program.to_str().unwrap()).spawn().unwrap_err();
        // Another test's child may hold the file open for writing until it executes.
        match Errno::from_raw_os_error(error.raw_os_error().unwrap()) {
            Errno::TXTBSY => std::thread::yield_now(),
            errno => break errno,
        }
    };
    let error = not_executed(program, None, SysError::new("execve", "", errno));
    assert_eq!(error.kind(), &ErrorKind::ProcessNotExecuted);
    assert_eq!(error.errno(), Some(errno.raw_os_error()));
    error.to_string()
}

#[test]
fn why_execve_failed() {
    let here = Scratch::new();
    let words = executed(&here.file("script", "#! /no/interpreter -x\n"));
    assert!(words.contains("its interpreter \"/no/interpreter\" does not"), "{words}");

    // The interpreter's name of a real program, made wrong.
    let mut program = std::fs::read("/bin/sh").unwrap();
    let loader = elf_interpreter(&program).unwrap().to_vec();
    let place = program.windows(loader.len()).position(|bytes| bytes == loader).unwrap();
    program[place + 1..place + 4].copy_from_slice(b"XXX");
    let words = executed(&here.file("dynamic", &program));
    assert!(words.contains("its interpreter \"/XXX"), "{words}");

    program[18..20].copy_from_slice(&40u16.to_le_bytes());
    let words = executed(&here.file("foreign", &program));
    assert!(words.contains("a program for 32-bit ARM"), "{words}");
    program[18..20].copy_from_slice(&999u16.to_le_bytes());
    assert!(executed(&here.file("odd", &program)).contains("ELF machine 999"));

    let words = executed(&here.with_mode("plain", "x", 0o644));
    assert!(words.contains("not executable"), "{words}");
    let nothing = not_executed(
        &here.file("text", "echo hello\n"),
        None,
        SysError::new("execve", "", Errno::NOEXEC),
    );
    assert!(nothing.to_string().contains("neither a program nor a script"), "{nothing}");
    let gone = not_executed(c"/no/such", None, SysError::new("execve", "", Errno::NOENT));
    assert_eq!(gone.to_string(), "exec: \"/no/such\": no such file or directory");

    for errno in [Errno::PERM, Errno::ACCESS] {
        let refused =
            not_executed(c"/bin/sh", Some("u:r:t:s0"), SysError::new("execve", "", errno));
        assert!(refused.hint().unwrap().contains("audit log"), "{refused}");
    }
}

/// A file of the container may hold anything.
#[test]
fn a_crafted_header_is_not_believed() {
    let mut head = vec![0xffu8; 4096];
    head[..6].copy_from_slice(b"\x7fELF\x02\x01");
    assert_eq!(elf_interpreter(&head), None);
    head[32..40].copy_from_slice(&64u64.to_le_bytes());
    head[54..56].copy_from_slice(&0u16.to_le_bytes());
    head[64..68].copy_from_slice(&3u32.to_le_bytes());
    assert_eq!(elf_interpreter(&head), None);
    for length in 0..head.len().min(200) {
        let _ = (elf_interpreter(&head[..length]), wrong_format(&head[..length]));
    }
    assert_eq!(script_interpreter(b"#!"), None);
    assert_eq!(script_interpreter(b"#! \t\n/bin/sh"), None);
}
