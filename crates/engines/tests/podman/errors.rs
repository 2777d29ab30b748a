//! 125, 126 and 127, whether Podman reads the runtime's errors as JSON or as text.

use engines::Json;

use crate::podman;

#[test]
fn what_cannot_be_executed_is_told_by_126_and_127() {
    let Some(podman) = podman() else { return };
    for json in [Json::Told, Json::Untold] {
        for (command, code, text) in [
            ("nosuch", 127, "executable file not found in $PATH"),
            ("/nosuch/file", 127, "no such file or directory"),
            ("/etc/passwd", 126, "permission denied"),
        ] {
            let run = podman.run_with(json, "--network none", &[command]).run().code(code);
            let told = run.err.to_lowercase();
            assert!(told.contains(&text.to_lowercase()), "{json:?} {command}: {}", run.err);
        }
        let run = podman.run_with(json, "--network none", &["/etc"]).run();
        assert!(matches!(run.status.code(), Some(126)), "{json:?}: {} {}", run.status, run.err);
    }
}

#[test]
fn what_joins_is_told_by_them_too() {
    let Some(podman) = podman() else { return };
    let name = podman.background("--network none", &["sleep", "1000"]);
    for json in [Json::Told, Json::Untold] {
        for (command, code) in [("nosuch", 127), ("/nosuch/file", 127), ("/etc/passwd", 126)] {
            let run = podman.cli_with(json, ["exec", &name, command]).run();
            assert_eq!(run.status.code(), Some(code), "{json:?} {command}: {}", run.err);
        }
        podman.cli_with(json, ["exec", &name, "sh", "-c", "exit 9"]).run().code(9);
    }
    podman.remove(&[&name]);
}

#[test]
fn what_is_refused_is_told_by_125() {
    let Some(podman) = podman() else { return };
    for json in [Json::Told, Json::Untold] {
        podman.run_with(json, "--no-such-flag", &["true"]).run().code(125);
        let run = podman.run_with(json, "--network none --sysctl net.ipv4.nosuch=1", &["true"]);
        let run = run.run();
        assert!(matches!(run.status.code(), Some(125..=127)), "{}", run.status);
        assert!(run.err.contains("nosuch"), "{json:?}: {}", run.err);
    }
}
