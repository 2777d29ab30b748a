//! `nsrun spec`

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use cli::verb::Given;
use libcontainer::{Error, ErrorKind, Result, Step, config};
use rustix::process::{getegid, geteuid};
use serde::Serialize;
use serde_json::{Value, json};
use sys::Context;

use crate::arguments::{SPEC, path_of};
use crate::settings::Settings;

/// Writes a config.json that runs a shell in `rootfs`, where there is none yet.
pub fn run(_settings: &Settings, given: &Given) -> Result<u8> {
    let mut document = document();
    if given.is_on("rootless") {
        make_rootless(&mut document, geteuid().as_raw(), getegid().as_raw());
    }
    let bundle = path_of(given, "bundle").unwrap_or_else(|| PathBuf::from("."));
    let path = bundle.join("config.json");
    let shown = || path.display().to_string();
    let step = || "writing a config.json";
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .sys("open", shown)
        .step(step)
        .hint(|| "one that is there already is not replaced: remove it first")?;
    file.write_all(&text(&document)?).sys("write", shown).step(step)?;
    Ok(0)
}

/// Indented by tabs, as people know this file.
fn text(document: &Value) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
    match document.serialize(&mut serializer) {
        Ok(()) => {
            text.push(b'\n');
            Ok(text)
        }
        Err(error) => Err(Error::new(ErrorKind::System, format!("writing JSON: {error}"))),
    }
}

fn document() -> Value {
    let capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
    let namespaces = ["pid", "network", "ipc", "uts", "mount", "cgroup"];
    let namespaces: Vec<Value> = namespaces.iter().map(|kind| json!({"type": kind})).collect();
    // What tells about the host, and what changes it: as for every container of ours.
    let template = config::template(config::Rootfs::default());
    json!({
        "ociVersion": SPEC,
        "process": {
            "terminal": true,
            "user": {"uid": 0, "gid": 0},
            "args": ["sh"],
            "env": [
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "TERM=xterm",
            ],
            "cwd": "/",
            "capabilities": {
                "bounding": capabilities,
                "effective": capabilities,
                "permitted": capabilities,
            },
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": true,
        },
        "root": {"path": "rootfs", "readonly": true},
        "hostname": "nsrun",
        "mounts": mounts(),
        "linux": {
            "resources": {"devices": [{"allow": false, "access": "rwm"}]},
            "namespaces": namespaces,
            "maskedPaths": template.masked_paths,
            "readonlyPaths": template.readonly_paths,
        },
    })
}

fn mounts() -> Value {
    json!([
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
            "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
            "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
        {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
            "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
        {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
            "options": ["nosuid", "noexec", "nodev"]},
        {"destination": "/sys", "type": "sysfs", "source": "sysfs",
            "options": ["nosuid", "noexec", "nodev", "ro"]},
        {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
            "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]},
    ])
}

/// What an ordinary user may have: root of a user namespace with his own ids, the host's network,
/// and therefore the host's /sys, and no control group.
fn make_rootless(document: &mut Value, uid: u32, gid: u32) {
    let linux = &mut document["linux"];
    if let Some(linux) = linux.as_object_mut() {
        linux.remove("resources");
    }
    let kept = |namespace: &Value| namespace["type"] != "network" && namespace["type"] != "cgroup";
    if let Some(namespaces) = linux["namespaces"].as_array_mut() {
        namespaces.retain(kept);
        namespaces.push(json!({"type": "user"}));
    }
    linux["uidMappings"] = json!([{"containerID": 0, "hostID": uid, "size": 1}]);
    linux["gidMappings"] = json!([{"containerID": 0, "hostID": gid, "size": 1}]);
    let Some(mounts) = document["mounts"].as_array_mut() else { return };
    // The host's /sys has it.
    mounts.retain(|mount| mount["destination"] != "/sys/fs/cgroup");
    for mount in mounts {
        if mount["destination"] == "/sys" {
            mount["type"] = json!("none");
            mount["source"] = json!("/sys");
            mount["options"] = json!(["rbind", "nosuid", "noexec", "nodev", "ro"]);
        }
        if let Some(options) = mount.get_mut("options").and_then(Value::as_array_mut) {
            // No other group is mapped.
            options.retain(|option| !option.as_str().is_some_and(|text| text.starts_with("gid=")));
        }
    }
}
