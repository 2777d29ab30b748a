//! Every resource: set at creation, changed while the container runs, and left alone by changes of
//! every other one.

use e2e::resources::{Groups, Resource, merged, resources};
use e2e::{
    Bundle, Cmd, Run, Systemd, View, World, cell, each_view, mount_seldom_ones, no_cell,
    on_this_host, skip,
};
use serde_json::{Value, json};

fn update(bundle: &Bundle, resources: &Value) -> Run {
    bundle.nsrun(["update", "--resources", "-", &bundle.id]).input(resources.to_string()).run()
}

/// Those that this host can keep. What it lacks is named by the runtime, and is not there.
fn offered(place: &str, groups: &Groups, update: &dyn Fn(&Value) -> Run) -> Vec<Resource> {
    let mut all = resources();
    all.retain(|resource| {
        if groups.offers(resource) {
            return true;
        }
        let run = update(&resource.values[0]);
        if run.status.code() == Some(0) {
            // Told to be without effect.
            assert_eq!(groups.shows(resource), None, "{}", resource.name);
        } else {
            let run = run.code(1);
            let reason = run.err.split("\": ").nth(1).unwrap_or(&run.err).trim();
            no_cell(place, &resource.name, reason);
        }
        false
    });
    all
}

/// A container without any limit, and what could limit it.
fn unlimited(world: &World) -> (Bundle, Groups, Vec<Resource>) {
    let bundle = world.bundle();
    let groups = Groups::of(bundle.detach());
    let offered = offered(world.place(), &groups, &|change| update(&bundle, change));
    (bundle, groups, offered)
}

#[test]
fn each_is_set_at_creation() {
    each_view(|world: &World| {
        mount_seldom_ones(world);
        let (mut bundle, _, offered) = unlimited(world);
        bundle.delete();
        let created = |bundle: &mut Bundle, resources: Value| {
            bundle.set("/linux/resources", resources);
            Groups::of(bundle.detach())
        };
        let all = offered.iter().fold(json!({}), |all, one| merged(&all, &one.values[0]));
        let groups = created(&mut bundle, all);
        for one in &offered {
            assert_eq!(groups.shows(one), groups.expected(one, 0), "{}", one.name);
            assert!(groups.shows(one).is_some(), "{}", one.name);
            cell(world.place(), &one.name);
        }
        bundle.delete();
        for one in &offered {
            // What cannot stand alone.
            let alone = match one.name.as_str() {
                "memory.swap" => json!({"memory": {"limit": 128 << 20}}),
                "cpu.burst" => json!({"cpu": {"quota": 50000}}),
                _ => json!({}),
            };
            let groups = created(&mut bundle, merged(&one.values[0], &alone));
            assert_eq!(groups.shows(one), groups.expected(one, 0), "{} alone", one.name);
            bundle.delete();
        }
    });
}

/// What the kernel shows of all of them, and of what no update may touch.
fn all_shown(groups: &Groups, resources: &[Resource]) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = resources
        .iter()
        .map(|one| (one.name.clone(), groups.shows(one).unwrap_or_default()))
        .collect();
    for (hierarchy, file) in
        [("devices", "devices.list"), ("freezer", "freezer.state"), ("", "cgroup.freeze")]
    {
        if let Some(text) = groups.read(hierarchy, file) {
            all.push((file.to_owned(), text));
        }
    }
    all
}

/// The same where one of them has changed.
fn with(all: &[(String, String)], name: &str, value: Option<String>) -> Vec<(String, String)> {
    let value = value.unwrap();
    let change = |(key, old): &(String, String)| {
        (key.clone(), if key == name { value.clone() } else { old.clone() })
    };
    all.iter().map(change).collect()
}

/// Numbers below `count` in an order in which each comes right after each other one.
fn every_pair(count: usize) -> Vec<usize> {
    let pairs = (0..count).flat_map(|one| (one + 1..count).flat_map(move |other| [one, other]));
    pairs.chain([0]).collect()
}

/// A part of such an order, which begins with the last one of the part before it.
fn part_of(order: &[usize], part: usize) -> &[usize] {
    let length = order.len().div_ceil(PARTS);
    let end = ((part + 1) * length).min(order.len());
    &order[(part * length).saturating_sub(1)..end]
}

#[test]
fn every_ordered_pair_is_there() {
    let order = every_pair(7);
    let parts = (0..PARTS).flat_map(|part| part_of(&order, part).windows(2));
    let pairs: std::collections::BTreeSet<&[usize]> = parts.collect();
    assert_eq!((pairs.len(), order.len()), (7 * 6, 7 * 6 + 1));
    assert!(pairs.iter().all(|pair| pair[0] != pair[1]));
}

/// An emulated machine takes minutes for all pairs: each test does a part of them.
const PARTS: usize = 3;

/// Changes each right after each other one, in this part of all pairs, and looks at all of them
/// each time. Ends with what is shown then.
fn each_after_each(
    part: usize,
    groups: &Groups,
    offered: &[Resource],
    update: &dyn Fn(&Value) -> Run,
) -> Vec<(String, String)> {
    // All at once, in whatever order the kernel takes them.
    let base = offered.iter().fold(json!({}), |all, one| merged(&all, &one.values[0]));
    update(&base).success();
    for one in offered {
        assert_eq!(groups.shows(one), groups.expected(one, 0), "{}", one.name);
    }
    let mut values = vec![0; offered.len()];
    let mut before = all_shown(groups, offered);
    let mut last = "nothing";
    for &number in part_of(&every_pair(offered.len()), part) {
        let one = &offered[number];
        values[number] = 1 - values[number];
        update(&one.values[values[number]]).success();
        let wanted = with(&before, &one.name, groups.expected(one, values[number]));
        before = all_shown(groups, offered);
        assert_eq!(before, wanted, "{last}, then {}", one.name);
        last = &one.name;
    }
    before
}

fn pairs(world: &World, part: usize) {
    mount_seldom_ones(world);
    let (bundle, groups, offered) = unlimited(world);
    each_after_each(part, &groups, &offered, &|change| update(&bundle, change));
    cell(world.place(), "update pairs");
    bundle.delete();
}

#[test]
fn a_change_of_one_leaves_every_other_as_it_was() {
    each_view(|world: &World| pairs(world, 0));
}

#[test]
fn a_change_of_one_leaves_every_other_as_it_was_2() {
    each_view(|world: &World| pairs(world, 1));
}

#[test]
fn a_change_of_one_leaves_every_other_as_it_was_3() {
    each_view(|world: &World| pairs(world, 2));
}

/// The same where systemd makes the groups, the system's or a user's; what it thinks of them is
/// what they are, so that it changes nothing when it reads its units again.
fn pairs_with_systemd(part: usize) {
    let Some(host) = Systemd::either() else { return };
    if !host.has_controllers() {
        return skip("no controllers of version 2 below systemd here");
    }
    let id = format!("pairs-{}", host.tag);
    let bundle = host.bundle("pairs", &format!(":nsrun:{id}"), json!({}));
    let nsrun = |args: &[&str]| host.nsrun(["--systemd-cgroup"]).args(args);
    nsrun(&["run", "--detach", "--bundle"]).args([bundle.as_os_str()]).args([&id]).run().code(0);
    let unit = format!("nsrun-{id}.scope");
    let tree = e2e::hierarchies().into_iter().find(|one| one.unified).unwrap().path;
    let found = Cmd::new("find", ["-type", "d", "-name", &unit]).dir(&tree).run();
    let directory = tree.join(found.out.trim());
    let groups = Groups { directories: [(String::new(), directory)].into() };
    let update = |change: &Value| {
        nsrun(&["update", "--resources", "-", &id]).input(change.to_string()).run()
    };
    let place = host.table();
    let offered = offered(place, &groups, &update);
    each_after_each(part, &groups, &offered, &update);
    cell(place, "update pairs");
    // What systemd can keep: a quota in whole percents, and the OOMPolicy that it began with.
    let kept = json!({"cpu": {"quota": 30_000, "period": 100_000},
        "unified": {"memory.oom.group": "0"}});
    update(&kept).success();
    let shown = all_shown(&groups, &offered);
    host.systemctl(["daemon-reload"]);
    assert_eq!(all_shown(&groups, &offered), shown);
    if let Some(pids) = offered.iter().find(|one| one.name == "pids.limit") {
        host.systemctl(["set-property", "--runtime", &unit, "TasksMax=70"]);
        assert_eq!(all_shown(&groups, &offered), with(&shown, &pids.name, Some("70".to_owned())));
    }
    for one in &offered {
        cell(place, &one.name);
    }
    nsrun(&["delete", "--force", &id]).run().success();
}

#[test]
fn a_change_of_one_leaves_every_other_as_it_was_with_systemd() {
    pairs_with_systemd(0);
}

#[test]
fn a_change_of_one_leaves_every_other_as_it_was_with_systemd_2() {
    pairs_with_systemd(1);
}

#[test]
fn a_change_of_one_leaves_every_other_as_it_was_with_systemd_3() {
    pairs_with_systemd(2);
}

/// What a program of the container's may do with two devices: the first every container has, the
/// second may only be made.
fn devices(bundle: &Bundle) -> String {
    let script = "rm -f /dev/x; /probe open /dev/null rw; /probe mknod /dev/x b 7 0; \
                  /probe open /dev/x r";
    let run = bundle.exec(["/bin/sh", "-c", script]).run();
    run.out + &run.err
}

#[test]
fn a_paused_container_stays_paused_and_keeps_its_device_rules() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        let capabilities = json!(["CAP_MKNOD"]);
        for set in ["bounding", "effective", "permitted"] {
            bundle.set(&format!("/process/capabilities/{set}"), capabilities.clone());
        }
        let groups = Groups::of(bundle.detach());
        let offered = offered(world.place(), &groups, &|change| update(&bundle, change));
        let allowed = devices(&bundle);
        assert!(allowed.starts_with("ok\nok\nerror EPERM"), "{allowed}");
        bundle.verb("pause").run().success();
        for resource in &offered {
            if ["memory.swap", "cpu.burst"].contains(&resource.name.as_str()) {
                // Not without the limits that they are parts of.
                continue;
            }
            update(&bundle, &resource.values[1]).success();
            assert_eq!(groups.shows(resource), groups.expected(resource, 1), "{}", resource.name);
            assert_eq!(bundle.status(), "paused", "{}", resource.name);
        }
        bundle.verb("resume").run().success();
        assert_eq!(devices(&bundle), allowed);
        cell(world.place(), "update while paused");
        cell(world.place(), "device rules outlive updates");
        bundle.delete();
    });
}

#[test]
fn an_idle_group_has_no_weight_until_it_gets_one() {
    on_this_host(|world: &World| {
        let bundle = world.bundle();
        let groups = Groups::of(bundle.detach());
        let (hierarchy, weight) = match groups.read("cpu", "cpu.idle") {
            Some(_) => ("cpu", "cpu.shares"),
            None => ("", "cpu.weight"),
        };
        let idle = || groups.read(hierarchy, "cpu.idle").map(|text| text.trim().to_owned());
        if idle().is_none() {
            return skip("this kernel has no cpu.idle");
        }
        let update = |cpu: Value| update(&bundle, &json!({ "cpu": cpu }));
        update(json!({"shares": 512})).success();
        let weighs = groups.read(hierarchy, weight);
        // Both at once mean the one that counts.
        update(json!({"idle": 1, "shares": 2048})).success();
        assert_eq!(idle().as_deref(), Some("1"));
        let line = "a group that is idle (cpu.idle) has none";
        update(json!({"shares": 512})).code(1).error(&[weight, line]);
        update(json!({"quota": 20000})).success();
        assert_eq!(idle().as_deref(), Some("1"));
        update(json!({"idle": 0, "shares": 512})).success();
        assert_eq!(idle().as_deref(), Some("0"));
        assert_eq!(groups.read(hierarchy, weight), weighs);
        cell(world.place(), "cpu.idle");
        bundle.delete();
    });
}

#[test]
fn values_that_no_kernel_takes_are_told_in_one_line() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        for (resources, words) in [
            (json!({"cpu": {"shares": 1}}), "cpu.shares: 1 is not within 2 to 262144"),
            (json!({"cpu": {"shares": 262145}}), "cpu.shares: 262145 is not within 2 to 262144"),
            (json!({"cpu": {"shares": -1}}), "cpu.shares: -1"),
            (json!({"cpu": {"quota": 999}}), "cpu.quota: 999 is less than 1000 microseconds"),
            (json!({"cpu": {"period": 999}}), "cpu.period: 999 is not within 1000 to 1000000"),
            (json!({"cpu": {"period": 1000001}}), "cpu.period: 1000001 is not within"),
            (json!({"cpu": {"quota": 5000, "burst": 5001}}), "cpu.burst: 5001 is more than"),
            (json!({"cpu": {"idle": 2}}), "cpu.idle: 2 is neither 0 nor 1"),
            (json!({"cpu": {"cpus": "0-"}}), "cpu.cpus: \"0-\" is not a list"),
            (json!({"memory": {"limit": -2}}), "memory.limit: -2 is neither a number of bytes nor"),
            (json!({"memory": {"limit": 1.5}}), "memory.limit: 1.5 is not an integer"),
            (json!({"memory": {"limit": 1_u64 << 63}}), "memory.limit: 9223372036854775808"),
            (json!({"memory": {"swap": 4096}}), "memory.swap: a limit of memory and swap needs"),
            (json!({"memory": {"limit": 8192, "swap": 4096}}), "memory.swap: 4096 is memory and"),
            (json!({"memory": {"swappiness": 101}}), "memory.swappiness: is not within 0 to 100"),
            (json!({"blockIO": {"weight": 9}}), "blockIO.weight: 9 is not within 10 to 1000"),
            (json!({"blockIO": {"weight": 1001}}), "blockIO.weight: 1001 is not within"),
            (json!({"pids": {"limit": "1"}}), "pids.limit: "),
            (
                json!({"hugepageLimits": [{"pageSize": "2M", "limit": 1}]}),
                "hugepageLimits[0].pageSize: \"2M\" is not a page size",
            ),
            (json!({"unified": {"memory": "1"}}), "unified.memory: its key is no control file"),
            (json!({"unified": {"no.such": "1"}}), "no.such needs the cgroup controller no"),
        ] {
            bundle.set("/linux/resources", resources);
            let run = bundle.run(["--detach"]).run().error(&[words]);
            assert_ne!(run.status.code(), Some(0));
            assert_eq!(run.err.trim().lines().count(), 1, "{}", run.err);
            bundle.verb("state").run().code(1).error(&["does not exist"]);
        }
    });
}

#[test]
fn nothing_set_is_nothing_limited() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        let plain = Groups::of(bundle.detach());
        let shown = |groups: &Groups| -> Vec<Option<String>> {
            resources().iter().map(|one| groups.shows(one)).collect()
        };
        let unlimited = shown(&plain);
        bundle.delete();
        // As engines write what they have nothing to say of.
        let resources = json!({
            "memory": {"limit": 0, "reservation": 0, "swap": 0, "kernel": 0, "kernelTCP": 0,
                "disableOOMKiller": false},
            "cpu": {"shares": 0, "quota": 0, "period": 0, "burst": 0, "realtimeRuntime": 0,
                "realtimePeriod": 0, "cpus": "", "mems": "", "idle": 0},
            "pids": {"limit": -1},
            "blockIO": {"weight": 0, "leafWeight": 0, "weightDevice": [],
                "throttleReadBpsDevice": null},
            "hugepageLimits": [],
            "network": {"classID": 0, "priorities": []},
            "unified": {},
        });
        bundle.set("/linux/resources", resources);
        let run = bundle.run(["--detach"]).leaves_behind().run();
        let lacks = run.status.code() != Some(0);
        if lacks && world.view == View::V2 {
            skip(format!("zeroes: {}", run.err.trim()));
        } else {
            run.success();
            let groups = Groups::of(bundle.state()["pid"].as_i64().unwrap() as i32);
            assert_eq!(shown(&groups), unlimited);
        }
        bundle.delete();
    });
}

#[test]
fn no_processes_are_a_limit_too() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        bundle.set("/linux/resources", json!({"pids": {"limit": 0}}));
        let groups = Groups::of(bundle.detach());
        let shown = groups.read("pids", "pids.max").or(groups.read("", "pids.max"));
        match shown {
            None => skip("no controller pids"),
            Some(text) => {
                assert_eq!(text.trim(), "0");
                let more = bundle.exec(["/bin/sh", "-c", "/bin/true & wait $!"]).run();
                assert_ne!(more.status.code(), Some(0), "{}", more.out);
            }
        }
        bundle.delete();
    });
}

#[test]
fn swappiness_has_no_effect_on_version_2_and_is_told() {
    each_view(|world: &World| {
        if !world.place().starts_with("v2") {
            return;
        }
        let mut bundle = world.bundle();
        bundle.set("/linux/resources", json!({"memory": {"swappiness": 60}}));
        let run = bundle.run(["--detach"]).leaves_behind().run().code(0);
        assert!(run.err.contains("memory.swappiness has no effect"), "{}", run.err);
        bundle.delete();
    });
}
