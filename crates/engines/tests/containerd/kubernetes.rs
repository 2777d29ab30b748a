//! The CRI plugin, by which Kubernetes' kubelet asks for pods, configured as docs/engines.md says.

use engines::cri::{Message, Reply, call};
use engines::{Containerd, Sandbox, View};

/// containerd with the documented runtime class, for pods on the node's network.
fn containerd() -> Containerd {
    let toml = engines::documented("containerd", "toml");
    let sandbox = Sandbox::new("kubernetes", View::Host).unwrap();
    // The infrastructure's image, which cannot be had here, is the one that all else uses.
    let image = format!(
        "{toml}\n[plugins.\"io.containerd.grpc.v1.cri\"]\n  sandbox_image = \"{}\"\n  \
         restrict_oom_score_adj = true\n",
        Containerd::IMAGE
    );
    let path = sandbox.work.join("documented.toml");
    std::fs::write(&path, &toml).unwrap();
    let path = path.display().to_string();
    let dump = sandbox.command("containerd", ["--config", &path, "config", "dump"]).run().code(0);
    let binary = format!("BinaryName = \"{}\"", engines::runtime().unwrap().display());
    assert!(dump.out.contains(&binary), "{}", dump.out);
    Containerd::configured(sandbox, &image).unwrap()
}

#[test]
fn a_pod_of_the_runtime_class() {
    if !engines::in_time() {
        return;
    }
    let containerd = containerd();
    let socket = std::path::Path::new("/run/containerd/containerd.sock");
    let ask = |method: &str, request: &Message| -> Reply {
        call(&containerd.sandbox, socket, method, request).unwrap()
    };
    // The plugin has a namespace of its own for images.
    let archive = containerd.sandbox.sh(&format!(
        "ctr --namespace {} images export {work}/pod.tar {image}; \
         ctr --namespace k8s.io images import {work}/pod.tar",
        containerd.sandbox.tag,
        work = containerd.sandbox.work.display(),
        image = Containerd::IMAGE
    ));
    archive.run().code(0);
    const NODE: u64 = 2;
    let names = Message::default().text(1, "pod").text(2, "uid-1").text(3, "default");
    let namespaces = Message::default().number(1, NODE);
    let security = Message::default().message(1, &namespaces);
    let parent = format!("/{}", containerd.sandbox.tag);
    let linux = Message::default().text(1, &parent).message(2, &security);
    let logs = containerd.sandbox.directory("logs").display().to_string();
    let pod = Message::default().message(1, &names).text(3, &logs).message(8, &linux);
    let run = Message::default().message(1, &pod).text(2, "nsrun");
    let sandbox_id = ask("RunPodSandbox", &run).text(1);
    // A container with a limit, a variable and a log.
    let image = Message::default().text(1, Containerd::IMAGE);
    let variable = Message::default().text(1, "KEY").text(2, "value");
    let resources = Message::default().number(3, 333).number(4, 64 << 20);
    let container_linux = Message::default().message(1, &resources);
    let script = "echo logged-$KEY; trap 'exit 3' TERM; while :; do sleep 0.1; done";
    let config = Message::default()
        .message(1, &Message::default().text(1, "main"))
        .message(2, &image)
        .texts(3, &["sh", "-c", script])
        .message(6, &variable)
        .text(11, "main.log")
        .message(15, &container_linux);
    let create = Message::default().text(1, &sandbox_id).message(2, &config).message(3, &pod);
    let id = ask("CreateContainer", &create).text(1);
    let of_container = Message::default().text(1, &id);
    ask("StartContainer", &of_container);
    let exec = |command: &[&str]| {
        ask("ExecSync", &Message::default().text(1, &id).texts(2, command).number(3, 20))
    };
    let reply = exec(&["sh", "-c", "echo out; echo err >&2; exit 7"]);
    assert_eq!(
        (reply.text(1), reply.text(2), reply.number(3)),
        ("out\n".into(), "err\n".into(), 7)
    );
    let reply = exec(&["cat", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]);
    assert_eq!(reply.text(1), "67108864\n");
    let log = || std::fs::read_to_string(format!("{logs}/main.log")).unwrap_or_default();
    e2e::until("the log", || log().contains("logged-value"));
    // On the node's network, as asked.
    let hosts = containerd.sandbox.command("readlink", ["/proc/self/ns/net"]).run().code(0).out;
    assert_eq!(exec(&["readlink", "/proc/self/ns/net"]).text(1), hosts);
    ask("StopContainer", &of_container.clone().number(2, 20));
    let status = ask("ContainerStatus", &of_container).message(1);
    const EXITED: u64 = 2;
    assert_eq!((status.number(3), status.number(7)), (EXITED, 3));
    ask("RemoveContainer", &of_container);
    let of_pod = Message::default().text(1, &sandbox_id);
    ask("StopPodSandbox", &of_pod);
    ask("RemovePodSandbox", &of_pod);
}
