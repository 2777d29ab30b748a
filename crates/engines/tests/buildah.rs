//! Buildah on the runtime.

use std::sync::OnceLock;

use e2e::WindowSize;
use engines::{Buildah, View};

static BUILDAH: OnceLock<Result<Buildah, String>> = OnceLock::new();

/// The storage that all tests here share.
#[track_caller]
fn buildah() -> Option<&'static Buildah> {
    engines::shared(&BUILDAH, || Buildah::start("buildah", View::Host))
}

#[test]
fn a_build_runs_its_steps() {
    let Some(buildah) = buildah() else { return };
    let context = buildah.sandbox.directory("context");
    let file = format!(
        r#"FROM {} AS first
ENV KEY=value
WORKDIR /work
COPY file .
RUN cat file > copied && echo "$KEY $(id -u) $$" >> copied
USER alice
RUN id -u > /tmp/who
USER root
RUN ["/bin/sh", "-c", "echo exec-form > /work/form"]
FROM {}
COPY --from=first /work /work
COPY --from=first /tmp/who /who
RUN cat /work/copied /who /work/form > /all && chmod 4755 /all
"#,
        Buildah::IMAGE,
        Buildah::IMAGE
    );
    std::fs::write(context.join("Dockerfile"), file).unwrap();
    std::fs::write(context.join("file"), "from the context\n").unwrap();
    let bud = || buildah.on_runtime("bud", ["--pull-never", "--tag", "localhost/built"]);
    bud().args([&context]).run().code(0);
    let container = buildah.from("localhost/built");
    let run = buildah.run("", &container, &["sh", "-c", "cat /all; stat -c %a /all"]).run();
    assert_eq!(run.code(0).out, "from the context\nvalue 0 1\n1000\nexec-form\n4755\n");
    buildah.cli(["rm", &container]).run().code(0);
    // A step that fails ends the build with its words.
    let file = format!("FROM {}\nRUN echo oops >&2; exit 42\n", Buildah::IMAGE);
    std::fs::write(context.join("Dockerfile"), file).unwrap();
    let run = bud().args([&context]).run();
    assert!(!run.status.success(), "{}", run.out);
    assert!(run.err.contains("oops") && run.err.contains("42"), "{}", run.err);
}

#[test]
fn a_builds_options_reach_the_steps() {
    let Some(buildah) = buildah() else { return };
    let context = buildah.sandbox.directory("context");
    let file = format!(
        "FROM {}\nRUN ulimit -n > /tmp/facts; ls /sys/class/net >> /tmp/facts; cat /mnt/v/file >> /tmp/facts; \
         grep CapEff /proc/self/status | tr -d '\\t' >> /tmp/facts; \
         df -k /dev/shm | tail -n 1 | awk '{{ print $2 }}' >> /tmp/facts; \
         cat /sys/fs/cgroup/memory/memory.limit_in_bytes >> /tmp/facts\n",
        Buildah::IMAGE
    );
    std::fs::write(context.join("Dockerfile"), file).unwrap();
    let from = buildah.sandbox.directory("volume");
    std::fs::write(from.join("file"), "from a volume\n").unwrap();
    let options = format!(
        "--pull-never --tag localhost/optioned --ulimit nofile=222:333 --network none \
         --volume {}:/mnt/v:ro --cap-drop all --cap-add CAP_CHOWN --shm-size 3m --memory 64m \
         --cgroup-parent /{}",
        from.display(),
        buildah.sandbox.tag
    );
    let bud = buildah.on_runtime("bud", options.split_whitespace()).args([&context]);
    bud.run().code(0);
    let container = buildah.from("localhost/optioned");
    let run = buildah.run("", &container, &["cat", "/tmp/facts"]).run().code(0);
    assert_eq!(run.out, "222\nlo\nfrom a volume\nCapEff:0000000000000001\n3072\n67108864\n");
    buildah.cli(["rm", &container]).run().code(0);
}

#[test]
fn run_takes_options_and_tells_codes() {
    let Some(buildah) = buildah() else { return };
    let container = buildah.from(Buildah::IMAGE);
    let run =
        |options: &str, script: &str| buildah.run(options, &container, &["sh", "-c", script]).run();
    let told = run("", "echo out; echo err >&2; exit 7");
    assert_eq!(told.status.code(), Some(7), "{}", told.err);
    assert!(told.out == "out\n" && told.err.contains("err\n"), "{} {}", told.out, told.err);
    assert_eq!(run("--user alice", "id -u; echo kept > /tmp/kept").code(0).out, "1000\n");
    let options = "--env A=1 --workingdir /etc --hostname box";
    assert_eq!(
        run(options, "cat /tmp/kept; echo $A; pwd; hostname").code(0).out,
        "kept\n1\n/etc\nbox\n"
    );
    assert_eq!(run("--network none", "ls /sys/class/net").code(0).out, "lo\n");
    let user = run("--cap-drop CAP_CHOWN", "chown 1 /tmp/kept");
    assert!(!user.status.success() && user.err.contains("not permitted"), "{}", user.err);
    for command in ["nosuch", "/etc/passwd"] {
        let failed = buildah.run("", &container, &[command]).run();
        assert!(!failed.status.success() && failed.err.contains(command), "{}", failed.err);
    }
    buildah.cli(["rm", &container]).run().code(0);
}

#[test]
fn run_gives_a_terminal() {
    let Some(buildah) = buildah() else { return };
    let container = buildah.from(Buildah::IMAGE);
    let shell = buildah.run("--terminal", &container, &["sh"]);
    let mut pty = shell.on_terminal(WindowSize(33, 101));
    pty.type_in("tty; echo mark-$((40+2)); exit 4\n").until("mark-42");
    assert!(pty.screen().contains("/dev/pts/0"), "{}", pty.screen());
    assert_eq!(pty.wait().code(), Some(4));
    buildah.cli(["rm", &container]).run().code(0);
}
