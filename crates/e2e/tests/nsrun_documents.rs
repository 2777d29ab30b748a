//! What `nsrun` writes for others to read: `spec` and `features`, against the specification's own
//! schemas.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use e2e::schema::faults;
use e2e::{Bundle, Cmd, World, each_view, nsrun, on_this_host, workspace};
use serde_json::{Value, json};

/// The specification's samples, which the library's tests have too.
fn samples(kind: &str) -> Vec<(String, Value)> {
    let directory = workspace().join("crates/libcontainer/tests/data/oci").join(kind);
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        Some((name, serde_json::from_slice(&fs::read(path).unwrap()).ok()?))
    };
    files.filter_map(read).collect()
}

#[test]
fn the_schemas_are_understood_here() {
    let good = samples("good");
    assert!(good.len() >= 5);
    for (name, value) in good {
        assert_eq!(faults("config-schema.json", &value), Vec::<String>::new(), "{name}");
    }
    let bad = samples("bad");
    assert!(bad.len() >= 3);
    for (name, value) in bad {
        assert_ne!(faults("config-schema.json", &value), Vec::<String>::new(), "{name}");
    }
}

fn config(directory: &Path) -> Value {
    serde_json::from_slice(&fs::read(directory.join("config.json")).unwrap()).unwrap()
}

/// A bundle whose config.json `spec` has written.
fn specified(world: &World, flags: &[&str]) -> Bundle {
    let bundle = world.bundle();
    fs::remove_file(bundle.path.join("config.json")).unwrap();
    bundle.nsrun(["spec"]).args(flags).run().success();
    bundle
}

#[test]
fn the_written_config_runs_as_it_is() {
    each_view(|world: &World| {
        let bundle = specified(world, &[]);
        let before = world.snapshot();
        let written = config(&bundle.path);
        assert_eq!(faults("config-schema.json", &written), Vec::<String>::new());
        let process = &written["process"];
        assert_eq!((&process["terminal"], &process["args"]), (&json!(true), &json!(["sh"])));
        assert_eq!(written["root"], json!({"path": "rootfs", "readonly": true}));
        assert_eq!(written["ociVersion"], "1.3.0");
        let text = fs::read_to_string(bundle.path.join("config.json")).unwrap();
        assert!(text.starts_with("{\n\t\"") && text.ends_with("}\n"), "{text}");
        // A terminal on standard input, and words for its shell.
        let run = Cmd::new("script", ["-qec"])
            .args([format!("{} run {}", nsrun().display(), bundle.id)])
            .args(["/dev/null"])
            .dir(&bundle.path)
            .input("hostname; tty; id -u; exit 7\n")
            .run()
            .code(7);
        for word in ["nsrun\r\n", "/dev/pts/0\r\n", "0\r\n"] {
            assert!(run.out.contains(word), "{}", run.out);
        }
        before.assert_restored();
    });
}

#[test]
fn a_file_that_is_there_stays() {
    on_this_host(|world: &World| {
        let bundle = world.bundle();
        let before = config(&bundle.path);
        let refused = bundle.nsrun(["spec"]).run().code(1);
        refused.error(&["config.json", "file exists"]);
        assert_eq!(config(&bundle.path), before);
        let other = world.path("other");
        let place = other.to_str().unwrap();
        bundle.nsrun(["spec", "--bundle", place]).run().code(1).error(&["no such file"]);
        fs::create_dir(&other).unwrap();
        bundle.nsrun(["spec", "-b", place]).run().success();
        assert!(other.join("config.json").is_file());
    });
}

#[test]
fn the_rootless_one_runs_as_an_ordinary_user() {
    each_view(|world: &World| {
        let bundle = world.bundle();
        fs::remove_file(bundle.path.join("config.json")).unwrap();
        let runtime_directory = world.path("runtime");
        fs::create_dir(&runtime_directory).unwrap();
        for place in [&bundle.path, &runtime_directory] {
            chown(place, Some(4321), Some(4321)).unwrap();
        }
        let as_user = |words: &[&str]| {
            bundle
                .nsrun(words)
                .by(["setpriv", "--reuid=4321", "--regid=4321", "--clear-groups"])
                .env("XDG_RUNTIME_DIR", &runtime_directory)
        };
        as_user(&["spec", "--rootless"]).run().success();
        assert_eq!(fs::metadata(bundle.path.join("config.json")).unwrap().uid(), 4321);
        let mut written = config(&bundle.path);
        assert_eq!(faults("config-schema.json", &written), Vec::<String>::new());
        let own = json!([{"containerID": 0, "hostID": 4321, "size": 1}]);
        assert_eq!(written["linux"]["uidMappings"], own);
        assert_eq!(written["linux"]["gidMappings"], own);
        written["process"]["terminal"] = json!(false);
        let script = "id -u; cat /proc/self/uid_map; ls /sys/kernel >/dev/null && echo sys";
        written["process"]["args"] = json!(["sh", "-c", script]);
        fs::write(bundle.path.join("config.json"), written.to_string()).unwrap();
        let run = as_user(&["run", &bundle.id]).run().success();
        let words: Vec<&str> = run.out.split_whitespace().collect();
        assert_eq!(words, ["0", "0", "4321", "1", "sys"]);
    });
}

#[test]
fn features_are_as_the_schema_has_them() {
    let run = Cmd::new(nsrun(), ["features"]).run().success();
    let features: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(faults("features-schema.json", &features), Vec::<String>::new());
    assert_eq!(features["ociVersionMin"], "1.0.0");
    assert_eq!(features["ociVersionMax"], "1.3.0");
    let has = |pointer: &str, name: &str| {
        features.pointer(pointer).unwrap().as_array().unwrap().contains(&json!(name))
    };
    assert!(has("/mountOptions", "rro") && has("/mountOptions", "rbind"));
    assert!(has("/linux/namespaces", "time") && has("/linux/capabilities", "CAP_BPF"));
    assert!(has("/linux/seccomp/archs", "SCMP_ARCH_X86_64"));
    assert_eq!(features["linux"]["cgroup"]["v2"], true);
    assert!(features["annotations"]["nsrun.version"].is_string());
    // Whatever bundle or records there are.
    Cmd::new(nsrun(), ["features"]).env("XDG_RUNTIME_DIR", "").dir("/").run().success();
    Cmd::new(nsrun(), ["features", "more"]).run().code(1);
}

#[test]
fn states_are_as_the_schema_has_them() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        bundle.set("/annotations", json!({"org.example.key": "value", "empty": ""}));
        bundle.create([] as [&str; 0]).run().success();
        let check = |status: &str| {
            let state = bundle.state();
            assert_eq!(faults("state-schema.json", &state), Vec::<String>::new());
            assert_eq!(state["status"], status);
            assert_eq!(state["annotations"]["org.example.key"], "value");
        };
        check("created");
        bundle.verb("start").run().success();
        check("running");
        bundle.nsrun(["kill", &bundle.id, "KILL"]).run().success();
        bundle.until_stopped();
        check("stopped");
        bundle.delete();
    });
}
