//! Pods, and containers on a bridge.

use crate::podman;

#[test]
fn a_pod_shares_its_namespaces() {
    let Some(podman) = podman() else { return };
    let pod = podman.sandbox.name("pod");
    let parent = format!("/{}", podman.sandbox.tag);
    let infra = format!("{}:latest", engines::Podman::IMAGE);
    let create = ["pod", "create", "--name", &pod, "--infra-image", &infra, "--infra-command"];
    let create = podman.cli(create).args(["sleep 1000", "--cgroup-parent", &parent]);
    create.args(["--share", "net,ipc,uts,pid", "--hostname", "podded"]).run().code(0);
    let start = |script: &str| {
        let run = podman.cli(["run", "--detach", "--pull=never", "--pod", &pod]);
        let run = run.args([engines::Podman::IMAGE, "sh", "-c", script]).run().code(0);
        run.out.trim().to_owned()
    };
    let server =
        start("echo shared > /dev/shm/file; while :; do nc -l -p 7777 -e echo hello; done");
    let script = "until grep -q ':1E61 ' /proc/net/tcp /proc/net/tcp6; do sleep 0.1; done; \
                  nc 127.0.0.1 7777 </dev/null; cat /dev/shm/file; hostname; ps | grep -c 'sleep 100[0]'";
    let run = podman.cli(["run", "--rm", "--pull=never", "--pod", &pod, engines::Podman::IMAGE]);
    let run = run.args(["sh", "-c", script]).run().code(0);
    assert_eq!(run.out, "hello\nshared\npodded\n1\n");
    podman.cli(["pod", "pause", &pod]).run().code(0);
    assert_eq!(podman.inspect(&server, ".State.Status"), "paused");
    podman.cli(["pod", "unpause", &pod]).run().code(0);
    podman.cli(["pod", "stats", "--no-stream", &pod]).run().code(0);
    podman.cli(["pod", "restart", &pod]).run().code(0);
    podman.cli(["pod", "stop", "--time", "0", &pod]).run().code(0);
    podman.cli(["pod", "rm", "--force", &pod]).run().code(0);
}

#[test]
fn a_bridge_connects_and_publishes() {
    let Some(podman) = podman() else { return };
    let serve = "while :; do nc -l -p 7000 -e echo hello; done";
    let server = podman.background("--publish 127.0.0.1:17000:7000", &["sh", "-c", serve]);
    let address = podman.inspect(&server, ".NetworkSettings.IPAddress");
    let script = format!("until nc -w 2 {address} 7000 </dev/null; do sleep 0.1; done");
    podman.expect("", &script, "hello");
    let run = podman.sandbox.sh("busybox nc -w 5 127.0.0.1 17000 </dev/null").run();
    assert_eq!(run.out, "hello\n", "{}", run.err);
    podman.remove(&[&server]);
}

#[test]
fn a_pod_of_kubernetes_is_played() {
    let Some(podman) = podman() else { return };
    let pod = podman.sandbox.name("kube");
    let shared = podman.sandbox.directory("shared");
    std::fs::write(shared.join("file"), "of the host\n").unwrap();
    let image = engines::Podman::IMAGE;
    let text = format!(
        r#"
apiVersion: v1
kind: Pod
metadata:
  name: {pod}
  annotations: {{ "io.podman.annotations.infra.name": "{pod}-infra" }}
spec:
  hostname: played
  volumes:
  - name: host
    hostPath: {{ path: {}, type: Directory }}
  containers:
  - name: one
    image: {image}
    imagePullPolicy: Never
    command: [sh, -c, "cat /shared/file; echo $WORD; hostname; id -u; touch /no; echo ready; sleep 1000"]
    env: [{{ name: WORD, value: "two words" }}]
    resources: {{ limits: {{ memory: 64Mi, cpu: 500m }} }}
    securityContext: {{ runAsUser: 1000, readOnlyRootFilesystem: true, capabilities: {{ drop: [ALL] }} }}
    volumeMounts: [{{ name: host, mountPath: /shared, readOnly: true }}]
  - name: two
    image: {image}
    imagePullPolicy: Never
    command: [sh, -c, "sleep 1000"]
"#,
        shared.display()
    );
    let file = shared.join("pod.yaml");
    std::fs::write(&file, text).unwrap();
    podman.cli(["play", "kube", "--network", "none", file.to_str().unwrap()]).run().code(0);
    let one = format!("{pod}-one");
    let logs = || podman.cli(["logs", &one]).run().out;
    e2e::until("ready in the log", || logs().contains("ready"));
    assert!(logs().starts_with("of the host\ntwo words\nplayed\n1000\n"), "{}", logs());
    let run = podman.exec("", &one, "grep CapEff /proc/self/status; hostname").run().code(0);
    assert_eq!(run.out, "CapEff:\t0000000000000000\nplayed\n");
    podman.exec("", &format!("{pod}-two"), "hostname").run().code(0);
    podman.cli(["play", "kube", "--down", file.to_str().unwrap()]).run().code(0);
    assert!(!podman.cli(["container", "exists", &one]).run().status.success());
    // Podman's own, which nobody can name another parent for.
    let groups = "find /sys/fs/cgroup -depth -type d -path '*/libpod_parent*' -exec rmdir {} +";
    podman.sandbox.sh(groups).run().code(0);
}
