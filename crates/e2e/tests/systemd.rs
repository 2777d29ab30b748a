//! Control groups that systemd makes, as engines ask for them: --systemd-cgroup, and the way that
//! asks systemd but once: --cgroup-manager=delegated.

use std::path::Path;

use e2e::{Cmd, Systemd, cell, skip, until};
use serde_json::json;

const TREE: &str = "/sys/fs/cgroup";

fn property(host: &Systemd, unit: &str, name: &str) -> String {
    host.systemctl(["show", unit, "--value", "--property", name]).trim().to_owned()
}

/// Whether systemd knows a unit, also one that is at its end.
fn is_loaded(host: &Systemd, unit: &str) -> bool {
    host.systemctl(["list-units", "--all", "--plain", "--no-legend", unit]).contains(unit)
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_scope_for_each_container() {
    let Some(host) = Systemd::find() else { return };
    let bundle = host.bundle("b", "machine-e2e.slice:pre:web", json!({}));
    let nsrun = |args: &[&str]| host.nsrun(["--systemd-cgroup"]).args(args);
    nsrun(&["create", "--bundle", &text(&bundle), "web"]).run().success();
    let (unit, group) = ("pre-web.scope", "machine.slice/machine-e2e.slice/pre-web.scope");
    assert_eq!(property(&host, unit, "ActiveState"), "active");
    assert_eq!(property(&host, unit, "Slice"), "machine-e2e.slice");
    assert_eq!(property(&host, unit, "Delegate"), "yes");
    assert_eq!(property(&host, unit, "ControlGroup"), format!("/{group}"));
    assert!(property(&host, unit, "Description").contains("web"));
    nsrun(&["start", "web"]).run().success();
    // Stage 0 has left, and the container alone is there.
    let procs = host.sh(&format!("cat {TREE}/{group}/cgroup.procs"));
    assert_eq!(procs.lines().count(), 1, "{procs}");
    // Later verbs know by the record who made the group, flag or not.
    assert!(
        host.nsrun(["exec", "web", "cat", "/proc/self/cgroup"])
            .run()
            .success()
            .out
            .contains("0::/")
    );
    host.nsrun(["pause", "web"]).run().success();
    host.systemctl(["daemon-reload"]);
    assert_eq!(host.nsrun(["state", "web"]).run().success().json()["status"], "paused");
    host.nsrun(["resume", "web"]).run().success();
    host.nsrun(["delete", "--force", "web"]).run().success();
    assert!(!is_loaded(&host, unit));
    assert!(host.cmd("test", ["-e", &format!("{TREE}/{group}")]).run().status.code() == Some(1));
    cell("v2 systemd", "scope");
}

/// What an engine does, with the system's systemd or a user's.
#[test]
fn a_life_in_a_scope() {
    let Some(host) = Systemd::either() else { return };
    let bundle = host.bundle("b", &format!(":pre:{}", host.tag), json!({}));
    let nsrun = |args: &[&str]| host.nsrun(["--systemd-cgroup"]).args(args);
    // A user is told that device rules are not his to make.
    nsrun(&["create", "--bundle", &text(&bundle), "x"]).run().code(0);
    let unit = format!("pre-{}.scope", host.tag);
    assert_eq!(property(&host, &unit, "ActiveState"), "active");
    nsrun(&["start", "x"]).run().success();
    let group = nsrun(&["exec", "x", "cat", "/proc/self/cgroup"]).run().success().out;
    assert!(group.lines().any(|line| line == "0::/"), "{group}");
    let processes = || nsrun(&["ps", "--format", "json", "x"]).run().success().json();
    let there = processes();
    assert_eq!(there.as_array().unwrap().len(), 1, "{there}");
    cell(host.table(), "exec");
    let status = || nsrun(&["state", "x"]).run().success().json()["status"].clone();
    nsrun(&["pause", "x"]).run().success();
    host.systemctl(["daemon-reload"]);
    host.systemctl(["set-property", "--runtime", &unit, "TasksMax=70"]);
    assert_eq!(status(), "paused");
    assert_eq!(processes(), there);
    nsrun(&["resume", "x"]).run().success();
    assert_eq!(status(), "running");
    cell(host.table(), "freeze");
    nsrun(&["kill", "x", "KILL"]).run().success();
    until("the end of it", || status() == "stopped");
    nsrun(&["delete", "x"]).run().success();
    nsrun(&["run", "-d", "--bundle", &text(&bundle), "x"]).run().code(0);
    nsrun(&["delete", "--force", "x"]).run().success();
    assert!(!is_loaded(&host, &unit));
    cell(host.table(), "kill");
    if host.table() != "v2 rootless" {
        return;
    }
    cell(host.table(), "rootless: freeze, kill, removal");
    cell(host.table(), "scope");
    let run = ["--cgroup-manager=delegated", "run", "-d", "--bundle", &text(&bundle), "x"];
    host.change(&bundle, |config| config["linux"]["cgroupsPath"] = json!(null));
    host.nsrun(run).run().code(0);
    let unit = "libcontainer-delegated.service";
    assert_eq!(property(&host, unit, "Delegate"), "yes");
    host.nsrun(["update", "--pids-limit", "30", "x"]).run().success();
    let figures = host.nsrun(["events", "--stats", "x"]).run().success().json();
    assert_eq!(figures["data"]["pids"]["limit"], 30);
    host.nsrun(["delete", "--force", "x"]).run().success();
    host.systemctl(["stop", unit]);
    cell(host.table(), "delegated");
    cell(host.table(), "rootless: a delegated limit, its figures");
}

/// nsrun inside a container that has a scope of systemd's, which is its own to divide.
#[test]
fn nested_in_a_scope() {
    let Some(host) = Systemd::either() else { return };
    let bundle = host.bundle("b", &format!(":pre:{}", host.tag), json!({}));
    let inside = host.place.join("inside");
    std::fs::create_dir_all(inside.join("two")).unwrap();
    for (program, name) in [(e2e::nsrun(), "nsrun"), (e2e::nsinit(), "nsinit")] {
        std::fs::copy(program, inside.join(name)).unwrap();
    }
    host.sh("cp -a b/rootfs inside/rootfs");
    let own = Cmd::new(e2e::probe(), ["status"]).run().success();
    let all: Vec<_> = own.fact("cap-bnd").split(' ').map(|name| format!("CAP_{name}")).collect();
    let mount = |destination: &str, kind: &str, options: &[&str]| json!({"destination": destination, "type": kind, "source": kind, "options": options});
    host.change(&bundle, |config| {
        config["process"]["capabilities"] =
            json!({"bounding": all, "effective": all, "permitted": all});
        let mounts = config["mounts"].as_array_mut().unwrap();
        mounts.push(mount("/sys", "sysfs", &["ro"]));
        mounts.push(mount("/sys/fs/cgroup", "cgroup", &["rw"]));
        mounts.push(json!({"destination": "/b", "type": "bind", "source": inside,
            "options": ["rbind"]}));
        // Of the same kind, but for the ids that are there.
        let mut two = config.clone();
        two["linux"]["cgroupsPath"] = json!("/two");
        two["root"]["path"] = json!("/b/rootfs");
        two["mounts"].as_array_mut().unwrap().retain(|one| one["destination"] != "/b");
        let linux = two["linux"].as_object_mut().unwrap();
        linux["namespaces"].as_array_mut().unwrap().retain(|one| one["type"] != "user");
        linux.retain(|key, _| !key.ends_with("Mappings"));
        std::fs::write(inside.join("two/config.json"), two.to_string()).unwrap();
    });
    let run = ["--systemd-cgroup", "run", "-d", "--bundle", &text(&bundle), "x"];
    host.nsrun(run).run().code(0);
    let one = |args: &str| {
        let script = format!("exec /b/nsrun --root=/dev/nsrun {args}");
        host.nsrun(["exec", "x", "sh", "-c", &script]).run().code(0)
    };
    one("run --detach --bundle /b/two two");
    let tree = host.sh(&format!("cd {TREE}; find . -name pre-{}.scope", host.tag));
    let group = format!("{TREE}/{}/two", tree.trim());
    assert_eq!(host.sh(&format!("cat {group}/cgroup.procs")).lines().count(), 1);
    one("exec two true");
    // It has made room for the inner one's controllers, and exec finds its way there.
    cell(host.table(), "exec where init has given its controllers on");
    let script = "cd /b/rootfs && exec /b/nsinit exec sh -c 'echo $$; id -u'";
    let run = host.nsrun(["exec", "x", "sh", "-c", script]).run().success();
    assert_eq!(run.out, "1\n0\n");
    cell(host.table(), "nsinit inside nsrun");
    if host.has_controllers() {
        one("update --pids-limit 50 --memory 64M two");
        let limit = || host.sh(&format!("cat {group}/memory.max"));
        assert_eq!(limit(), format!("{}\n", 64 << 20));
        // What is below the scope is not systemd's.
        host.systemctl(["daemon-reload"]);
        assert_eq!(limit(), format!("{}\n", 64 << 20));
        let figures = one("events --stats two").json();
        assert!(figures["data"]["memory"]["usage"]["usage"].is_u64(), "{figures}");
    }
    one("pause two");
    one("resume two");
    one("delete --force two");
    host.sh(&format!("! test -e {group}"));
    one("run --detach --bundle /b/two two");
    host.nsrun(["delete", "--force", "x"]).run().success();
    host.sh(&format!("! test -e {group}/.."));
    cell(host.table(), "nested");
}

#[test]
fn names_of_scopes() {
    let Some(host) = Systemd::either() else { return };
    let bundle = host.bundle("b", "", json!({}));
    let run =
        |id: &str| host.nsrun(["--systemd-cgroup", "run", "-d", "--bundle", &text(&bundle), id]);
    // None is named: the runtime's own prefix, in systemd's slice for services.
    let id = format!("a+{}", host.tag);
    run(&id).run().success();
    let unit = format!("nsrun-a\\x2b{}.scope", host.tag);
    let slice = if host.table() == "v2 rootless" { "user.slice" } else { "system.slice" };
    assert_eq!(property(&host, &unit, "Slice"), slice);
    host.nsrun(["delete", "--force", &id]).run().success();
    for (path, words) in [
        ("/nsrun/web", "expected cgroupsPath to be of format \"slice:prefix:name\""),
        ("a:b", "expected cgroupsPath to be of format"),
        ("system:a:b", ".slice"),
        ("a--b.slice:a:b", "dashes"),
        ("system.slice:a:", "no name"),
    ] {
        host.change(&bundle, |config| config["linux"]["cgroupsPath"] = json!(path));
        run("bad").run().code(1).error(&["linux.cgroupsPath", words]);
        assert_eq!(host.nsrun(["list", "--quiet"]).run().success().out, "");
    }
    cell(host.table(), "every form of cgroupsPath");
}

#[test]
fn a_unit_that_is_there_is_another_containers() {
    let Some(host) = Systemd::find() else { return };
    let bundle = host.bundle("b", &format!("system.slice:pre:{}", host.tag), json!({}));
    let unit = format!("pre-{}.scope", host.tag);
    let script = format!("systemd-run --quiet --scope --unit={unit} sleep 1000 > /dev/null 2>&1 &");
    host.sh(&script);
    until("the foreign scope", || property(&host, &unit, "ActiveState") == "active");
    let run = ["--systemd-cgroup", "run", "-d", "--bundle", &text(&bundle), "x"];
    host.nsrun(run).run().code(1).error(&["systemd has a unit", &unit]);
    // It is left alone, and whoever cleans up leaves it alone, too.
    host.nsrun(["delete", "--force", "x"]).run().success();
    assert_eq!(property(&host, &unit, "ActiveState"), "active");
    host.systemctl(["stop", &unit]);
    // One that has failed is in nobody's way.
    let script = format!(
        "systemd-run --quiet --unit={unit}-x true; systemd-run --quiet --scope --unit={unit} \
         -p RuntimeMaxSec=1 -p TimeoutStopSec=1 sleep 1000"
    );
    let _ = host.cmd("sh", ["-c", &script]).run();
    host.nsrun(run).run().success();
    host.nsrun(["delete", "--force", "x"]).run().success();
}

#[test]
fn annotations_are_properties() {
    let Some(host) = Systemd::find() else { return };
    let bundle = host.bundle("b", &format!(":pre:{}", host.tag), json!({}));
    host.change(&bundle, |config| {
        config["annotations"] = json!({
            "org.systemd.property.TimeoutStopSec": "uint32 7",
            "org.systemd.property.CollectMode": "'inactive'",
            "org.systemd.property.SendSIGHUP": "true",
        });
    });
    let run = ["--systemd-cgroup", "run", "-d", "--bundle", &text(&bundle), "x"];
    host.nsrun(run).run().success();
    let unit = format!("pre-{}.scope", host.tag);
    assert_eq!(property(&host, &unit, "TimeoutStopUSec"), "7s");
    assert_eq!(property(&host, &unit, "CollectMode"), "inactive");
    assert_eq!(property(&host, &unit, "SendSIGHUP"), "yes");
    host.nsrun(["delete", "--force", "x"]).run().success();
    for (name, value, code, words) in [
        ("TimeoutStopSec", "'soon'", 1, "a number"),
        ("Description", "web", 1, "quotes"),
        ("NoSuchThing", "true", 255, "NoSuchThing"),
    ] {
        host.change(&bundle, |config| {
            let key = format!("org.systemd.property.{name}");
            config["annotations"] = json!({key: value});
        });
        host.nsrun(run).run().code(code).error(&[name, words]);
        assert!(!is_loaded(&host, &unit));
    }
}

#[test]
fn devices_outlive_a_reload() {
    let Some(host) = Systemd::find() else { return };
    let rules = json!({"devices": [
        {"allow": false, "access": "rwm"},
        {"allow": true, "type": "c", "major": 10, "minor": 200, "access": "rw"},
    ]});
    let bundle = host.bundle("b", &format!(":pre:{}", host.tag), rules);
    host.nsrun(["--systemd-cgroup", "run", "-d", "--bundle", &text(&bundle), "x"]).run().success();
    let unit = format!("pre-{}.scope", host.tag);
    assert_eq!(property(&host, &unit, "DevicePolicy"), "strict");
    assert!(property(&host, &unit, "DeviceAllow").contains("/dev/char/10:200 rw"));
    let script = "mknod /dev/tun c 10 200; mknod /dev/kmsg c 1 11; echo > /dev/null && echo null; \
                  (: < /dev/tun) 2>/dev/null && echo tun; (: < /dev/kmsg) 2>/dev/null && echo kmsg";
    let seen = |what: &str| {
        let out = host.nsrun(["exec", "x", "sh", "-c", script]).run().out;
        assert!(out.contains("null") && !out.contains("kmsg"), "{what}: {out}");
        out
    };
    let before = seen("at first");
    host.systemctl(["daemon-reload"]);
    assert_eq!(seen("after daemon-reload"), before);
    host.systemctl(["set-property", "--runtime", &unit, "CPUWeight=50"]);
    assert_eq!(seen("after set-property"), before);
    host.nsrun(["delete", "--force", "x"]).run().success();
    cell("v2 systemd", "device rules outlive updates");
}

#[test]
fn limits_are_properties_and_files() {
    let Some(host) = Systemd::find() else { return };
    if !host.has_controllers() {
        return skip("version 1 holds the controllers of this host");
    }
    let resources = json!({
        "memory": {"limit": 64 << 20, "reservation": 32 << 20, "swap": 96 << 20},
        "cpu": {"quota": 30_000, "period": 100_000, "shares": 512, "burst": 1000, "cpus": "0"},
        "pids": {"limit": 5},
        "unified": {"memory.high": "50331648"},
    });
    let bundle = host.bundle("b", &format!(":pre:{}", host.tag), resources);
    host.nsrun(["--systemd-cgroup", "run", "-d", "--bundle", &text(&bundle), "x"]).run().success();
    let unit = format!("pre-{}.scope", host.tag);
    let files = "memory.max memory.low memory.swap.max memory.high cpu.max cpu.max.burst \
                 cpu.weight cpuset.cpus pids.max";
    let show = || {
        host.sh(&format!(
            "cd {TREE}/system.slice/{unit} && head -n1 {files} | grep -v '^=' | xargs"
        ))
    };
    let before = show();
    assert!(
        before.starts_with("67108864 33554432 33554432 50331648 30000 100000 1000 "),
        "{before}"
    );
    assert!(before.ends_with(" 0 5\n"), "{before}");
    for (name, value) in [
        ("MemoryMax", "67108864"),
        ("MemoryLow", "33554432"),
        ("MemorySwapMax", "33554432"),
        ("MemoryHigh", "50331648"),
        ("CPUQuotaPerSecUSec", "300ms"),
        ("AllowedCPUs", "0"),
        ("TasksMax", "5"),
    ] {
        assert_eq!(property(&host, &unit, name), value, "{name}");
    }
    host.systemctl(["daemon-reload"]);
    assert_eq!(show(), before);
    // Somebody changes one thing, and the others stay.
    host.systemctl(["set-property", "--runtime", &unit, "MemoryHigh=40M"]);
    until("the new limit", || show().contains("41943040"));
    assert_eq!(show(), before.replace("50331648", "41943040"));
    let memory = (128_i64 << 20).to_string();
    host.nsrun(["update", "--memory", &memory, "--memory-swap", &memory, "x"]).run().success();
    host.nsrun(["update", "--cpu-period", "50000", "--pids-limit", "50", "x"]).run().success();
    let after = show();
    assert!(after.starts_with("134217728 33554432 0 41943040 30000 50000 1000 "), "{after}");
    assert_eq!(property(&host, &unit, "MemoryMax"), memory);
    assert_eq!(property(&host, &unit, "MemorySwapMax"), "0");
    assert_eq!(property(&host, &unit, "CPUQuotaPerSecUSec"), "600ms");
    assert_eq!(property(&host, &unit, "CPUQuotaPeriodUSec"), "50ms");
    assert_eq!(property(&host, &unit, "TasksMax"), "50");
    host.systemctl(["daemon-reload"]);
    assert_eq!(show(), after);
    // What is no whole percent is exact, also after other changes of ours, though systemd has the
    // next one and writes it when it reads its units again.
    host.nsrun(["update", "--cpu-quota", "16666", "x"]).run().success();
    assert!(show().contains(" 16666 50000 "), "{}", show());
    assert_eq!(property(&host, &unit, "CPUQuotaPerSecUSec"), "340ms");
    host.nsrun(["update", "--pids-limit", "40", "x"]).run().success();
    assert!(show().contains(" 16666 50000 "), "{}", show());
    host.systemctl(["daemon-reload"]);
    until("systemd's figure", || show().contains(" 17000 50000 "));
    host.nsrun(["delete", "--force", "x"]).run().success();
}

#[test]
fn one_unit_for_all() {
    let Some(host) = Systemd::find() else { return };
    let unit = "libcontainer-delegated.service";
    host.systemctl(["stop", unit].into_iter().filter(|_| is_loaded(&host, unit)));
    let bundle = text(&host.bundle("b", "", json!({})));
    let run =
        |id: &str| host.nsrun(["--cgroup-manager=delegated", "run", "-d", "--bundle", &bundle, id]);
    // Who comes first makes it; several do at once.
    let many: Vec<_> = (0..12).map(|number| run(&format!("c{number}")).start()).collect();
    many.into_iter().for_each(|one| {
        one.wait().success();
    });
    let group = format!("{TREE}/system.slice/{unit}");
    assert_eq!(property(&host, unit, "Delegate"), "yes");
    assert_eq!(host.sh(&format!("cat {group}/cgroup.procs")), "");
    assert_eq!(host.sh(&format!("ls -d {group}/containers/nsrun/*/")).lines().count(), 12);
    host.systemctl(["daemon-reload"]);
    assert!(host.nsrun(["exec", "c0", "true"]).run().status.success());
    for number in 0..12 {
        host.nsrun(["delete", "--force", &format!("c{number}")]).run().success();
    }
    // It stays for the next one, who asks nobody: his start works without a bus.
    assert_eq!(host.sh(&format!("ls {group}/containers | grep -v '\\.'; true")), "");
    run("d").env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere").run().success();
    host.systemctl(["stop", unit]);
    until("the end of what is in it", || {
        host.nsrun(["state", "d"]).run().success().json()["status"] == "stopped"
    });
    host.nsrun(["delete", "d"]).run().success();
    run("e").run().success();
    host.nsrun(["delete", "--force", "e"]).run().success();
    host.systemctl(["stop", unit]);
    cell("v2 systemd", "delegated");
}

#[test]
fn a_creator_that_is_killed_leaves_what_delete_removes() {
    let Some(host) = Systemd::find() else { return };
    let bundle = text(&host.bundle("b", &format!(":pre:{}", host.tag), json!({})));
    let unit = format!("pre-{}.scope", host.tag);
    for milliseconds in [2, 5, 8, 11, 14, 17, 20, 25, 30, 40, 50] {
        let limit = format!("{:.3}", f64::from(milliseconds) / 1000.0);
        let run = host.nsrun(["--systemd-cgroup", "run", "-d", "--bundle", &bundle, "x"]);
        // From inside, so that it is nsrun that is killed.
        let _ = host
            .cmd("timeout", ["--signal=KILL", &limit, e2e::nsrun().to_str().unwrap()])
            .args([
                &format!("--root=/run/{}", host.tag),
                "--systemd-cgroup",
                "run",
                "-d",
                "--bundle",
            ])
            .args([&bundle, "x"])
            .leaves_behind()
            .run();
        host.nsrun(["delete", "--force", "x"]).run().success();
        until("the end of the unit", || !is_loaded(&host, &unit));
        run.run().success();
        host.nsrun(["delete", "--force", "x"]).run().success();
    }
}
