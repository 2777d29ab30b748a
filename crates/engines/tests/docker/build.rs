//! docker build, by the classic builder and by BuildKit.

use crate::docker;

const DOCKERFILE: &str = r#"FROM busybox AS first
ENV KEY=value
WORKDIR /work
COPY file .
RUN cat file > copied && echo "$KEY $(id -u) $$" >> copied
USER alice
RUN id -u > /tmp/who
USER root
RUN ["/bin/sh", "-c", "echo exec-form > /work/form"]
FROM busybox
COPY --from=first /work /work
COPY --from=first /tmp/who /who
RUN chown -R 1000:1000 /work && chmod 4755 /work/form
ENTRYPOINT ["/bin/sh", "-c", "cat /work/copied /who /work/form; stat -c '%u %a' /work/form"]
"#;

#[track_caller]
fn build(buildkit: &str) {
    let Some(docker) = docker() else { return };
    let context = docker.sandbox.directory("context");
    std::fs::write(context.join("Dockerfile"), DOCKERFILE).unwrap();
    std::fs::write(context.join("file"), "from the context\n").unwrap();
    let image = docker.sandbox.name("built");
    let build = || docker.cli(["build", "--tag", &image]).args([&context]);
    build().env("DOCKER_BUILDKIT", buildkit).seconds(120).run().code(0);
    let run = docker.run(&image).run().code(0);
    assert_eq!(run.out, "from the context\nvalue 0 1\n1000\nexec-form\n1000 4755\n");
    // A step that fails ends the build with its words and code.
    std::fs::write(context.join("Dockerfile"), "FROM busybox\nRUN echo oops >&2; exit 42\n")
        .unwrap();
    let run = build().env("DOCKER_BUILDKIT", buildkit).seconds(120).run();
    let told = run.out + &run.err;
    assert!(!run.status.success() && told.contains("oops") && told.contains("42"), "{told}");
    docker.cli(["rmi", "--force", &image]).run().code(0);
}

#[test]
fn the_classic_builder_runs_its_steps() {
    build("0");
}

#[test]
fn buildkit_runs_its_steps() {
    build("1");
}

#[test]
fn steps_have_limits_and_networks() {
    let Some(docker) = docker() else { return };
    let context = docker.sandbox.directory("context");
    let file = "FROM busybox\nRUN cat /sys/fs/cgroup/memory/memory.limit_in_bytes > /m; ls /sys/class/net > /n; \
                ulimit -n > /u; df -k /dev/shm | tail -n 1 | awk '{ print $2 }' > /s\n";
    std::fs::write(context.join("Dockerfile"), file).unwrap();
    let image = docker.sandbox.name("built");
    let build = docker.cli(["build", "--tag", &image, "--memory", "64m", "--network", "none"]);
    let build = build.args(["--ulimit", "nofile=222", "--shm-size", "3m"]).args([&context]);
    build.env("DOCKER_BUILDKIT", "0").seconds(120).run().code(0);
    let run = docker.run(&format!("{image} cat /m /n /u /s")).run().code(0);
    assert_eq!(run.out, "67108864\nlo\n222\n3072\n");
    docker.cli(["rmi", "--force", &image]).run().code(0);
}
