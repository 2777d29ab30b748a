//! Limits bite, in whatever layout has their controllers.

use std::time::{Duration, Instant};

use e2e::resources::Groups;
use e2e::{Bundle, Cmd, World, cell, each_view, no_cell, skip};
use serde_json::{Value, json};

/// Whether a container could have this controller here, by its name in either version; says so if
/// not.
fn has(world: &World, v1: &str, v2: &str, cells: &[&str]) -> bool {
    let found = e2e::hierarchies().iter().any(|one| {
        let offered = std::fs::read_to_string(one.path.join("cgroup.controllers"));
        let offered = offered.unwrap_or_default();
        one.controllers.iter().any(|it| it == v1) || offered.split_whitespace().any(|it| it == v2)
    });
    if !found {
        skip(format!("no controller {v2} in this view"));
        for what in cells {
            no_cell(world.place(), what, "the controller is not in this view");
        }
    }
    found
}

fn limited(world: &World, resources: Value) -> Bundle {
    let mut bundle = world.bundle();
    bundle.set("/linux/resources", resources);
    bundle
}

#[test]
fn memory() {
    each_view(|world: &World| {
        if !has(world, "memory", "memory", &["memory.limit bites"]) {
            return;
        }
        let limit = json!({"memory": {"limit": 32 << 20, "swap": 32 << 20}});
        let mut bundle = limited(world, limit);
        bundle.args(["/probe", "eat-memory", "128"]);
        let before = world.snapshot();
        bundle.run([""; 0]).run().code(137);
        bundle.args(["/probe", "eat-memory", "8"]);
        bundle.run([""; 0]).run().success();
        bundle.args(["/probe", "sleep", "1000"]);
        bundle.detach();
        bundle.exec(["/probe", "eat-memory", "128"]).run().code(137);
        // Raised while it runs.
        let flags = ["update", "--memory", "256M", "--memory-swap", "256M"];
        bundle.nsrun(flags).args([&bundle.id]).run().success();
        bundle.exec(["/probe", "eat-memory", "128"]).run().success();
        cell(world.place(), "memory.limit bites");
        bundle.delete();
        drop(before);
    });
}

#[test]
fn memory_in_use_is_not_taken_away_where_that_is_asked_for() {
    each_view(|world: &World| {
        if !has(world, "memory", "memory", &["memory.checkBeforeUpdate"]) {
            return;
        }
        let bundle = limited(world, json!({"memory": {"limit": 128 << 20, "swap": 128 << 20}}));
        let groups = Groups::of(bundle.detach());
        let dd = "dd if=/dev/zero of=/dev/shm/kept bs=1M count=48 2>/dev/null";
        bundle.exec(["/bin/sh", "-c", dd]).run().success();
        let limit = || {
            let v1 = groups.read("memory", "memory.limit_in_bytes");
            v1.or(groups.read("", "memory.max")).unwrap().trim().to_owned()
        };
        let less = json!({"memory": {"limit": 16 << 20, "checkBeforeUpdate": true}});
        let update = bundle.nsrun(["update", "-r", "-", &bundle.id]).input(less.to_string());
        let words: &[&str] = match groups.read("memory", "memory.limit_in_bytes") {
            Some(_) => &["memory.limit_in_bytes", "more is in use and cannot be reclaimed"],
            None => &["memory.limit: 16777216 is below the present usage"],
        };
        update.run().code(1).error(words);
        assert_eq!(limit(), (128 << 20).to_string());
        assert_eq!(bundle.status(), "running");
        cell(world.place(), "memory.checkBeforeUpdate");
        bundle.delete();
    });
}

#[test]
fn processes() {
    each_view(|world: &World| {
        if !has(world, "pids", "pids", &["pids.limit bites"]) {
            return;
        }
        let mut bundle = limited(world, json!({"pids": {"limit": 12}}));
        bundle.args(["/probe", "forks", "40"]);
        let run = bundle.run([""; 0]).run().code(1);
        assert!(run.out.contains("started 11 of 40\nerror EAGAIN"), "{}", run.out);
        cell(world.place(), "pids.limit bites");
    });
}

/// The processor time of a container's group, in microseconds.
fn used(groups: &Groups) -> f64 {
    if let Some(nanoseconds) = groups.read("cpuacct", "cpuacct.usage") {
        return nanoseconds.trim().parse::<f64>().unwrap() / 1000.0;
    }
    let text = groups.read("", "cpu.stat").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("usage_usec ")).unwrap();
    line.parse().unwrap()
}

#[test]
fn processor_time_by_quota() {
    each_view(|world: &World| {
        if !has(world, "cpu", "cpu", &["cpu.quota bites within a tenth"]) {
            return;
        }
        for (quota, share) in [(20_000, 0.2), (50_000, 0.5)] {
            // Heavy, and with many processes: other work of the machine shall not matter.
            let cpu = json!({"cpu": {"shares": 262_144, "quota": quota, "period": 100_000}});
            let mut bundle = limited(world, cpu);
            bundle.sh("for i in 1 2 3 4; do /probe spin 1000 & done; wait");
            let groups = Groups::of(bundle.detach());
            // Both the machine's other work and an emulated clock blur it: it must come out once.
            let mut measured: f64 = 0.0;
            for _ in 0..6 {
                std::thread::sleep(Duration::from_millis(300));
                let (first, begun) = (used(&groups), Instant::now());
                std::thread::sleep(Duration::from_millis(2500));
                let (last, wall) = (used(&groups), begun.elapsed());
                measured = (last - first) / wall.as_micros() as f64;
                println!("NOTE: quota {share}, measured {measured:.3}");
                if (measured / share - 1.0).abs() < 0.1 {
                    break;
                }
            }
            bundle.delete();
            assert!((measured / share - 1.0).abs() < 0.1, "{share}: {measured:.3}");
        }
        cell(world.place(), "cpu.quota bites within a tenth");
    });
}

#[test]
fn processor_time_by_shares() {
    each_view(|world: &World| {
        if !has(world, "cpu", "cpu", &["cpu.shares bite within a tenth"])
            || !has(world, "cpuset", "cpuset", &[])
        {
            return;
        }
        // On one processor; their weights on version 2 are 17 and 100.
        let start = |shares: u64| {
            let mut bundle = limited(world, json!({"cpu": {"shares": shares, "cpus": "0"}}));
            bundle.args(["/probe", "spin", "1000"]);
            let groups = Groups::of(bundle.detach());
            (bundle, groups)
        };
        let [light, heavy] = [start(102), start(1024)];
        let v1 = heavy.1.read("cpu", "cpu.shares").is_some();
        let wanted = if v1 { 1024.0 / 102.0 } else { 100.0 / 17.0 };
        let mut ratio: f64 = 0.0;
        for _ in 0..6 {
            let before = [used(&light.1), used(&heavy.1)];
            std::thread::sleep(Duration::from_millis(4000));
            let after = [used(&light.1), used(&heavy.1)];
            ratio = (after[1] - before[1]) / (after[0] - before[0]);
            println!("NOTE: shares as 1 to {wanted:.2}, measured {ratio:.2}");
            if (ratio / wanted - 1.0).abs() < 0.1 {
                break;
            }
        }
        light.0.delete();
        heavy.0.delete();
        assert!((ratio / wanted - 1.0).abs() < 0.1, "{wanted}: {ratio:.3}");
        cell(world.place(), "cpu.shares bite within a tenth");
    });
}

/// A loop device on a file of the test's own, taken down when dropped.
struct Loop(String);

impl Loop {
    fn new(world: &World) -> Option<Self> {
        let file = world.path("disk");
        let disk = std::fs::File::create(&file).unwrap();
        disk.set_len(16 << 20).unwrap();
        // It may be a module, whose devices appear a little later.
        let script = "modprobe --quiet loop; losetup --find --show \"$0\" || \
                      { sleep 1; losetup --find --show \"$0\"; }";
        let run = Cmd::new("sh", ["-c", script]).args([&file]).run();
        if run.status.code() != Some(0) {
            skip(format!("no loop device: {}", run.err.trim()));
            return None;
        }
        Some(Self(run.out.trim().to_owned()))
    }

    fn minor(&self) -> u64 {
        self.0.trim_start_matches("/dev/loop").parse().unwrap()
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Cmd::new("losetup", ["--detach", &self.0]).run();
    }
}

/// A disk whose weights count: io.cost is switched on for it while the test runs.
struct Weighed(Loop);

impl Weighed {
    fn new(world: &World) -> Option<Self> {
        let disk = Self(Loop::new(world)?);
        match disk.tell("enable=1") {
            Ok(()) => Some(disk),
            Err(error) => {
                skip(format!("no weights of single devices here: io.cost.qos: {error}"));
                None
            }
        }
    }

    fn tell(&self, what: &str) -> std::io::Result<()> {
        let line = format!("7:{} {what}", self.0.minor());
        let root = e2e::hierarchies().into_iter().find(|one| one.unified);
        let root = root.ok_or(std::io::ErrorKind::NotFound)?;
        let file = std::fs::File::options().write(true).open(root.path.join("io.cost.qos"))?;
        std::io::Write::write_all(&mut &file, line.as_bytes())
    }
}

impl Drop for Weighed {
    fn drop(&mut self) {
        let _ = self.tell("enable=0");
    }
}

#[test]
fn block_io_weights_of_one_device() {
    each_view(|world: &World| {
        if !has(world, "blkio", "io", &["blockIO.weightDevice"]) {
            return;
        }
        let place = world.place();
        if place == "v1" {
            return no_cell(place, "blockIO.weightDevice", "no disk here has the scheduler bfq");
        }
        let Some(disk) = Weighed::new(world) else { return };
        let device = format!("7:{}", disk.0.minor());
        let weigh = |weight: u16| {
            json!({"blockIO": {"weightDevice": [{"major": 7, "minor": disk.0.minor(),
                "weight": weight}]}})
        };
        let bundle = limited(world, weigh(200));
        let groups = Groups::of(bundle.detach());
        let shown = || {
            let text = groups.read("", "io.weight").unwrap();
            let line = text.lines().find_map(|line| line.strip_prefix(&device)).unwrap_or("");
            line.trim().to_owned()
        };
        // 10 to 1000 spread over 1 to 10000.
        assert_eq!(shown(), "1920");
        let update = |resources: Value| {
            let update = bundle.nsrun(["update", "-r", "-", &bundle.id]);
            update.input(resources.to_string()).run().success()
        };
        update(weigh(300));
        assert_eq!(shown(), "2930");
        // Another change leaves it, and it that one.
        update(json!({"blockIO": {"weight": 500}}));
        assert_eq!(shown(), "2930");
        update(weigh(400));
        assert!(groups.read("", "io.weight").unwrap().contains("default 4950"));
        assert_eq!(shown(), "3940");
        cell(place, "blockIO.weightDevice");
        bundle.delete();
    });
}

#[test]
fn block_io_by_rate() {
    each_view(|world: &World| {
        if !has(world, "blkio", "io", &["blockIO read rate bites", "blockIO write rate bites"]) {
            return;
        }
        let Some(disk) = Loop::new(world) else { return };
        let (major, minor) = (7, disk.minor());
        let rate = json!([{"major": major, "minor": minor, "rate": 2 << 20}]);
        let mut bundle = limited(
            world,
            json!({
                "devices": [{"allow": true, "type": "b", "major": major, "minor": minor,
                    "access": "rw"}],
                "blockIO": {"throttleReadBpsDevice": rate, "throttleWriteBpsDevice": rate},
            }),
        );
        let device = json!([{"path": "/dev/disk", "type": "b", "major": major, "minor": minor}]);
        bundle.set("/linux/devices", device);
        bundle.detach();
        // Directly, since version 1 throttles nothing that goes by the page cache.
        for (what, command) in [
            ("read", "dd if=/dev/disk of=/dev/null bs=256k count=24 iflag=direct"),
            ("write", "dd if=/dev/zero of=/dev/disk bs=256k count=24 oflag=direct"),
        ] {
            let begun = Instant::now();
            bundle.exec(["/bin/sh", "-c", &format!("{command} 2>/dev/null")]).run().success();
            let took = begun.elapsed();
            println!("NOTE: 6 MiB {what} at 2 MiB/s: {took:?}");
            assert!(took > Duration::from_millis(2000), "{what}: {took:?}");
            cell(world.place(), &format!("blockIO {what} rate bites"));
        }
        bundle.delete();
    });
}
