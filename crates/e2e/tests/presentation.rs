//! Help, completions, man pages, colours, and the binary itself.

use e2e::{Cmd, Run, WindowSize, World, nsinit, on_this_host};

fn told(args: &[&str]) -> Run {
    Cmd::nsinit(args).run()
}

const VERBS: [&str; 16] = [
    "exec",
    "list",
    "ps",
    "state",
    "stats",
    "top",
    "kill",
    "pause",
    "unpause",
    "update",
    "oom",
    "wait",
    "delete",
    "config",
    "completions",
    "man",
];

const CREATE_FLAGS: [&str; 31] = [
    "--cgroup",
    "--read-only",
    "--cpushares",
    "--memory-limit",
    "--memory-swap",
    "--memory-swappiness",
    "--parent-death-signal",
    "--userns-root-uid",
    "--apparmor-profile",
    "--cpuset-cpus",
    "--cpuset-mems",
    "--hostname",
    "--rootfs",
    "--seccomp",
    "--security",
    "--mount-label",
    "--process-label",
    "--veth-address",
    "--veth-bridge",
    "--veth-gateway",
    "--veth-mtu",
    "--bind",
    "--tmpfs",
    "--sysctl",
    "--groups",
    "--ipc",
    "--mnt",
    "--net",
    "--pid",
    "--uts",
    "--init",
];

#[test]
fn help_teaches() {
    let help = told(&["--help"]).success().out;
    for verb in VERBS {
        assert!(help.contains(&format!("  {verb} ")), "{verb} is not in\n{help}");
        let own = told(&[verb, "--help"]).success().out;
        assert!(own.contains("Usage: nsinit"), "{own}");
        assert_eq!(told(&[verb, "-h"]).success().err, "");
    }
    assert!(help.contains("Examples:") && help.contains("Exit codes:"), "{help}");
    for verb in ["exec", "config"] {
        let own = told(&[verb, "--help"]).success().out;
        for flag in CREATE_FLAGS {
            assert!(own.contains(flag), "{flag} is not in nsinit {verb} --help");
        }
        assert!(own.contains("Examples:"));
    }
    let exec = told(&["exec", "--help"]).success().out;
    for flag in [
        "--tty", "-t", "--id", "--config", "--user", "-u", "--cwd", "--env", "--detach", "--log",
        "--rm",
    ] {
        assert!(exec.contains(flag), "{flag} is not in nsinit exec --help");
    }
    for flag in ["--root", "--debug", "--log-file"] {
        assert!(help.contains(flag), "{flag} is not in nsinit --help");
    }
    assert!(told(&["--version"]).success().out.starts_with("nsinit "));
    // A line stays readable on a usual terminal.
    for text in [&help, &exec] {
        let long = text.lines().find(|line| line.chars().count() > 110);
        assert!(long.is_none(), "{long:?}");
    }
}

#[test]
fn mistakes_are_told_in_a_line() {
    let run = told(&["frobnicate"]).code(2);
    assert!(run.err.contains("frobnicate"), "{}", run.err);
    let run = told(&["exec", "--frobnicate", "x"]).code(125);
    assert!(run.err.contains("--frobnicate"), "{}", run.err);
    let run = told(&["state", "--frobnicate"]).code(2);
    assert!(run.err.contains("--frobnicate"), "{}", run.err);
    let run = told(&["list", "--format", "xml"]).code(2);
    assert!(run.err.contains("xml"), "{}", run.err);
    assert!(!told(&[]).status.success());
}

#[test]
fn completions_are_scripts_that_load() {
    let bash = told(&["completions", "bash"]).success().out;
    let path = std::env::temp_dir().join(format!("nsinit-completion-{}", std::process::id()));
    std::fs::write(&path, &bash).unwrap();
    Cmd::new("bash", ["-n".as_ref(), path.as_os_str()]).run().success();
    // It completes verbs, flags and values.
    let script = format!(
        "source {}; complete_it() {{ COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); \
         _nsinit nsinit \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; \
         echo ${{COMPREPLY[@]}}; }}; complete_it nsinit ex; complete_it nsinit exec --memory-l; \
         complete_it nsinit completions f",
        path.display()
    );
    let run = Cmd::new("bash", ["-c", &script]).run().code(0);
    assert_eq!(run.out, "exec\n--memory-limit\nfish\n", "{}", run.err);
    std::fs::remove_file(path).unwrap();
    for (shell, mark) in [("zsh", "#compdef nsinit"), ("fish", "complete -c nsinit")] {
        let text = told(&["completions", shell]).success().out;
        assert!(text.contains(mark), "{shell}");
        for flag in CREATE_FLAGS {
            assert!(text.contains(flag.trim_start_matches('-')), "{flag} for {shell}");
        }
        if Cmd::new("which", [shell]).run().status.success() {
            let check = Cmd::new(shell, ["-n", "/dev/stdin"]).input(&text);
            check.run().success();
        } else {
            e2e::skip(format!("there is no {shell} here to load its completions"));
        }
    }
    told(&["completions", "csh"]).code(2);
}

#[test]
fn man_pages_are_written_for_every_command() {
    let directory = std::env::temp_dir().join(format!("nsinit-man-{}", std::process::id()));
    told(&["man", directory.to_str().unwrap()]).success();
    let mut pages: Vec<String> = std::fs::read_dir(&directory)
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    pages.sort();
    assert!(pages.contains(&"nsinit.1".to_owned()), "{pages:?}");
    for verb in VERBS {
        assert!(pages.contains(&format!("nsinit-{verb}.1")), "{verb} in {pages:?}");
    }
    assert!(!pages.contains(&"nsinit-init.1".to_owned()), "the internal verb has a page");
    let has_man = Cmd::new("which", ["man"]).run().status.success()
        && Cmd::new("which", ["groff"]).run().status.success();
    for page in &pages {
        let path = directory.join(page);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(".TH ") && text.contains(".SH NAME"), "{page}");
        if has_man {
            let words = ["--warnings", "-l", path.to_str().unwrap()];
            let shown = Cmd::new("man", words).env("MANWIDTH", "100").env("LC_ALL", "C.UTF-8");
            let shown = shown.run().success();
            assert!(shown.out.contains("NAME") && shown.out.contains("SYNOPSIS"), "{page}");
        }
    }
    if !has_man {
        e2e::skip("there is no man with groff here to show the pages with");
    }
    let exec = std::fs::read_to_string(directory.join("nsinit-exec.1")).unwrap();
    for flag in CREATE_FLAGS {
        let written = flag.replace('-', "\\-");
        assert!(exec.contains(&written), "{flag} is not in nsinit-exec.1");
    }
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn colours_are_for_terminals_only() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        root.detach([""; 0]);
        let escape = '\u{1b}';
        for words in [&["list"][..], &["ps"], &["state"], &["stats"], &["--help"]] {
            let run = root.nsinit(words).env("TERM", "xterm").run().success();
            assert!(!run.out.contains(escape), "{words:?}");
        }
        for words in [&["state", "--id", "nothing"][..], &["exec", "--frob"], &["frob"]] {
            let run = root.nsinit(words).env("TERM", "xterm").run();
            assert!(!run.err.contains(escape), "{words:?}");
        }
        let size = WindowSize(24, 200);
        let mut shown = root.nsinit(["list"]).on_terminal(size);
        shown.wait();
        assert!(shown.until("running").screen().contains(escape));
        let mut plain = root.nsinit(["list"]).env("NO_COLOR", "1").on_terminal(size);
        plain.wait();
        assert!(!plain.until("running").screen().contains(escape));
        root.delete();
    });
}

#[test]
fn the_binary_is_one_static_file() {
    let path = nsinit();
    let run = Cmd::new("file", ["-L".as_ref(), path.as_os_str()]).run().code(0);
    let told = &run.out;
    assert!(told.contains("statically linked") || told.contains("static-pie linked"), "{told}");
    let run = Cmd::new("ldd", [&path]).run();
    let text = run.out + &run.err;
    assert!(text.contains("statically linked") || text.contains("not a dynamic"), "{text}");
    // Nothing is opened at start but what it is asked for.
    let trace = ["strace", "-f", "-e", "trace=openat,open"];
    let run = Cmd::nsinit(["--version"]).by(trace).run().code(0);
    assert!(!run.err.contains(".so"), "{}", run.err);
}
