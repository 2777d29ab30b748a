//! The resources of `linux.resources` (config-linux.md, "Control groups"): two values for each,
//! and where the kernel shows them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

/// One resource. Its values go with any of the others'.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its field.
    pub name: String,
    /// `linux.resources` with one value, and with another.
    pub values: [Value; 2],
    places: Vec<Place>,
}

/// A control file, the part of its text that is the resource's, and what that must then be.
#[derive(Debug, Clone)]
struct Place {
    /// Of version 1; empty for the version 2 tree.
    hierarchy: &'static str,
    file: &'static str,
    part: Part,
    expected: [String; 2],
}

#[derive(Debug, Clone)]
enum Part {
    Whole,
    /// The word of this number.
    Word(usize),
    /// The rest of the line that begins with this, or nothing.
    After(String),
    /// The value of this key in the line that begins with a device.
    Key(String, &'static str),
}

/// The control groups of a process.
#[derive(Debug, Clone)]
pub struct Groups {
    /// Their directories by controller of version 1; the version 2 tree under an empty key.
    pub directories: BTreeMap<String, PathBuf>,
}

impl Groups {
    /// Those of the process `pid`, as proc_pid_cgroup(5) has them.
    ///
    /// # Panics
    /// If there is no such process.
    pub fn of(pid: i32) -> Self {
        let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
        let mounted = crate::hierarchies();
        let mut directories = BTreeMap::new();
        for line in text.lines() {
            let mut fields = line.splitn(3, ':').skip(1);
            let (names, path) = (fields.next().unwrap(), fields.next().unwrap());
            for name in names.split(',') {
                let is_it = |one: &&crate::Hierarchy| match name {
                    "" => one.unified,
                    name => !one.unified && one.controllers.iter().any(|it| it == name),
                };
                if let Some(hierarchy) = mounted.iter().find(is_it) {
                    let place = hierarchy.path.join(path.trim_start_matches('/'));
                    directories.insert(name.to_owned(), place);
                }
            }
        }
        Self { directories }
    }

    /// The text of a control file of a version 1 controller; of version 2 under an empty name.
    pub fn read(&self, hierarchy: &str, file: &str) -> Option<String> {
        std::fs::read_to_string(self.directories.get(hierarchy)?.join(file)).ok()
    }

    /// Where the kernel shows a resource, if it has it.
    fn place<'a>(&self, resource: &'a Resource) -> Option<(&'a Place, String)> {
        resource.places.iter().find_map(|place| {
            let text = self.read(place.hierarchy, place.file)?;
            Some((place, place.part.of(&text)))
        })
    }

    /// What the kernel shows of a resource; none where it has no such thing.
    pub fn shows(&self, resource: &Resource) -> Option<String> {
        self.place(resource).map(|(_, text)| text)
    }

    /// What it must show of this value.
    pub fn expected(&self, resource: &Resource, value: usize) -> Option<String> {
        let (place, _) = self.place(resource)?;
        if place.file == "memory.swap.max" {
            // What of memory and swap together is beside the memory that there may be.
            let limit = self.read("", "memory.max")?.trim().parse::<u64>().ok()?;
            let both = resource.values[value]["memory"]["swap"].as_u64()?;
            return Some((both - limit).to_string());
        }
        Some(place.expected[value].clone())
    }

    /// Whether the host could keep it: it has the file, or version 2 the controller.
    pub fn offers(&self, resource: &Resource) -> bool {
        // What the host has; to an ordinary user, what is delegated to his systemd.
        let is_delegated = |path: &&std::path::Path| path.ends_with(crate::systemd::manager());
        let unified = match rustix::process::geteuid().is_root() {
            true => crate::hierarchies().into_iter().find(|one| one.unified).map(|one| one.path),
            false => {
                let own = self.directories.get("");
                own.and_then(|own| own.ancestors().find(is_delegated)).map(PathBuf::from)
            }
        };
        let offered =
            unified.and_then(|it| std::fs::read_to_string(it.join("cgroup.controllers")).ok());
        let offered = offered.unwrap_or_default();
        let in_v2 = |place: &Place| {
            let controller = place.file.split('.').next();
            place.hierarchy.is_empty()
                && offered.split_whitespace().any(|it| Some(it) == controller)
        };
        self.shows(resource).is_some() || resource.places.iter().any(in_v2)
    }
}

impl Part {
    fn of(&self, text: &str) -> String {
        let after = |start: &str| {
            let mut lines = text.lines();
            lines.find_map(|line| line.strip_prefix(start)?.strip_prefix(' ')).unwrap_or("")
        };
        match self {
            Self::Whole => text.trim(),
            Self::Word(number) => text.split_whitespace().nth(*number).unwrap_or(""),
            Self::After(start) => after(start).trim(),
            Self::Key(device, key) => {
                let mut pairs = after(device).split(' ').filter_map(|word| word.split_once('='));
                pairs.find(|pair| pair.0 == *key).map_or("max", |pair| pair.1)
            }
        }
        .to_owned()
    }
}

/// A resource whose field is `name`, with the values `values`.
fn field(name: &str, values: [Value; 2]) -> Resource {
    let at = |value| name.rsplit('.').fold(value, |value, key| json!({ key: value }));
    Resource { name: name.to_owned(), values: values.map(at), places: Vec::new() }
}

fn number(name: &str, values: [u64; 2]) -> Resource {
    field(name, values.map(Value::from))
}

impl Resource {
    fn place(
        mut self,
        hierarchy: &'static str,
        file: &'static str,
        part: Part,
        expected: [impl ToString; 2],
    ) -> Self {
        let expected = expected.map(|value| value.to_string());
        self.places.push(Place { hierarchy, file, part, expected });
        self
    }

    fn v1(self, hierarchy: &'static str, file: &'static str, expected: [impl ToString; 2]) -> Self {
        self.place(hierarchy, file, Part::Whole, expected)
    }

    fn v2(self, file: &'static str, expected: [impl ToString; 2]) -> Self {
        self.place("", file, Part::Whole, expected)
    }
}

const MIB: u64 = 1 << 20;

/// All of them.
pub fn resources() -> Vec<Resource> {
    let mut all = memory();
    all.extend(cpu());
    all.extend(block_io());
    let pages = || {
        let list = |limit| json!([{"pageSize": "2MB", "limit": limit}]);
        field("hugepageLimits", [4 * MIB, 8 * MIB].map(list))
    };
    let pids = [50, 60];
    let pages_shown = [4 * MIB, 8 * MIB];
    let class = [0x10_0001, 0x10_0002];
    all.extend([
        number("pids.limit", pids).v1("pids", "pids.max", pids).v2("pids.max", pids),
        pages()
            .v1("hugetlb", "hugetlb.2MB.limit_in_bytes", pages_shown)
            .v2("hugetlb.2MB.max", pages_shown),
        number("network.classID", class).v1("net_cls", "net_cls.classid", class),
        field("network.priorities", [7, 8].map(|it| json!([{"name": "lo", "priority": it}])))
            .place("net_prio", "net_prio.ifpriomap", Part::After("lo".into()), [7, 8]),
    ]);
    for (file, values) in [
        ("cgroup.max.depth", ["3", "5"]),
        ("cgroup.max.descendants", ["30", "50"]),
        ("memory.high", ["100663296", "104857600"]),
        ("memory.oom.group", ["1", "0"]),
    ] {
        let unified = field("unified", values.map(|value| json!({file: value})));
        let name = format!("unified {file}");
        all.push(Resource { name, ..unified.v2(file, values) });
    }
    all
}

fn memory() -> Vec<Resource> {
    let limit = [128 * MIB, 160 * MIB];
    let low = [16 * MIB, 24 * MIB];
    // Memory and swap together; version 2 has the swap alone, here beside the first limit.
    let (swap, alone) = ([256 * MIB, 320 * MIB], [128 * MIB, 192 * MIB]);
    let tcp = [8 * MIB, 16 * MIB];
    vec![
        number("memory.limit", limit)
            .v1("memory", "memory.limit_in_bytes", limit)
            .v2("memory.max", limit),
        number("memory.reservation", low)
            .v1("memory", "memory.soft_limit_in_bytes", low)
            .v2("memory.low", low),
        number("memory.swap", swap)
            .v1("memory", "memory.memsw.limit_in_bytes", swap)
            .v2("memory.swap.max", alone),
        number("memory.kernelTCP", tcp).v1("memory", "memory.kmem.tcp.limit_in_bytes", tcp),
        number("memory.swappiness", [10, 20]).v1("memory", "memory.swappiness", [10, 20]),
        field("memory.disableOOMKiller", [true, false].map(Value::from)).place(
            "memory",
            "memory.oom_control",
            Part::After("oom_kill_disable".into()),
            [1, 0],
        ),
    ]
}

fn cpu() -> Vec<Resource> {
    let (quota, period, burst) = ([50_000, 30_000], [80_000, 100_000], [10_000, 20_000]);
    let (rt_period, rt_runtime) = ([1_000_000, 500_000], [1000, 2000]);
    let processors = if std::path::Path::new("/sys/devices/system/cpu/cpu1").exists() {
        ["0", "0-1"]
    } else {
        ["0", "0"]
    };
    let list = |name, values: [&str; 2]| field(name, values.map(Value::from));
    vec![
        // (The weights are those of the curve that cgroups documents.)
        number("cpu.shares", [512, 2048])
            .v1("cpu", "cpu.shares", [512, 2048])
            .v2("cpu.weight", [59, 174]),
        number("cpu.quota", quota).v1("cpu", "cpu.cfs_quota_us", quota).place(
            "",
            "cpu.max",
            Part::Word(0),
            quota,
        ),
        number("cpu.period", period).v1("cpu", "cpu.cfs_period_us", period).place(
            "",
            "cpu.max",
            Part::Word(1),
            period,
        ),
        number("cpu.burst", burst).v1("cpu", "cpu.cfs_burst_us", burst).v2("cpu.max.burst", burst),
        number("cpu.realtimePeriod", rt_period).v1("cpu", "cpu.rt_period_us", rt_period),
        number("cpu.realtimeRuntime", rt_runtime).v1("cpu", "cpu.rt_runtime_us", rt_runtime),
        list("cpu.cpus", processors)
            .v1("cpuset", "cpuset.cpus", processors)
            .v2("cpuset.cpus", processors),
        list("cpu.mems", ["0", "0"])
            .v1("cpuset", "cpuset.mems", ["0", "0"])
            .v2("cpuset.mems", ["0", "0"]),
    ]
}

fn block_io() -> Vec<Resource> {
    let weight = [200, 300];
    let default = || Part::After("default".into());
    let mut all = vec![
        number("blockIO.weight", weight)
            .v1("blkio", "blkio.bfq.weight", weight)
            .v1("blkio", "blkio.weight", weight)
            .place("", "io.bfq.weight", default(), weight)
            // 10 to 1000 spread over 1 to 10000.
            .place("", "io.weight", default(), [1920, 2930]),
    ];
    let Some(device) = block_device() else { return all };
    let (major, minor) = device.split_once(':').unwrap();
    let numbers = [major, minor].map(|number| number.parse::<u32>().unwrap());
    for (name, file, key, rates) in [
        (
            "blockIO.throttleReadBpsDevice",
            "blkio.throttle.read_bps_device",
            "rbps",
            [1 << 20, 2 << 20],
        ),
        (
            "blockIO.throttleWriteBpsDevice",
            "blkio.throttle.write_bps_device",
            "wbps",
            [3 << 20, 4 << 20],
        ),
        ("blockIO.throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops", [100, 200]),
        (
            "blockIO.throttleWriteIOPSDevice",
            "blkio.throttle.write_iops_device",
            "wiops",
            [101, 201],
        ),
    ] {
        let rate = |rate: u64| json!([{"major": numbers[0], "minor": numbers[1], "rate": rate}]);
        all.push(
            field(name, rates.map(rate))
                .place("blkio", file, Part::After(device.clone()), rates)
                .place("", "io.max", Part::Key(device.clone(), key), rates),
        );
    }
    all
}

/// `MAJOR:MINOR` of a block device; a loop device where there is one, since nobody uses it.
pub fn block_device() -> Option<String> {
    let mut all: Vec<PathBuf> =
        std::fs::read_dir("/sys/block").ok()?.flatten().map(|entry| entry.path()).collect();
    all.sort_by_key(|path| !path.ends_with("loop0"));
    let text = std::fs::read_to_string(all.first()?.join("dev")).ok()?;
    Some(text.trim().to_owned())
}

/// One `linux.resources` with what both have.
pub fn merged(first: &Value, second: &Value) -> Value {
    let (Value::Object(first), Value::Object(second)) = (first, second) else {
        return second.clone();
    };
    let mut all = first.clone();
    for (key, value) in second {
        let value = all.get(key).map_or_else(|| value.clone(), |known| merged(known, value));
        all.insert(key.clone(), value);
    }
    Value::Object(all)
}
