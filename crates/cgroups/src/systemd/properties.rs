//! Limits as properties of a unit (systemd.resource-control(5)).

use std::collections::BTreeMap;

use rustix::process::Pid;

use super::value::Value;
use super::{Property, Unit, devices, text};
use crate::file::Dir;
use crate::parse::number;
use crate::resources::{BlockIo, Cpu, Memory, ThrottleDevice};
use crate::{Error, Manager, Resources, Result, v2};

/// What systemd takes for "no limit".
const UNLIMITED: u64 = u64::MAX;
/// The kernel's period of processor time, in microseconds, where nothing else is said.
const PERIOD: u64 = 100_000;
/// systemd keeps a quota in percent of a second: so many microseconds.
const PERCENT: u64 = 10_000;

/// What the group has now, where a change says only the half of what a property says.
#[derive(Debug, Default)]
pub(crate) struct Present {
    /// The limit of memory, in bytes.
    pub(crate) memory: Option<i64>,
    /// Processor time, in microseconds a period.
    pub(crate) quota: Option<i64>,
    /// The period, in microseconds.
    pub(crate) period: Option<u64>,
}

impl Present {
    /// Reads what is needed of it.
    pub(crate) fn of(group: &Manager, resources: &Resources) -> Result<Self> {
        let mut present = Self::default();
        if let Some(path) = group.v1("cpu") {
            if resources.cpu.quota.is_some() != resources.cpu.period.is_some() {
                let dir = Dir::open(path)?;
                let read = |name| dir.read_optional(name).map(Option::unwrap_or_default);
                present.quota = read("cpu.cfs_quota_us")?.trim().parse().ok();
                present.period = read("cpu.cfs_period_us")?.trim().parse().ok();
            }
        } else if let Some(path) = group.v2() {
            let dir = Dir::open(path)?;
            if resources.cpu.quota.is_some() != resources.cpu.period.is_some() {
                let text = dir.read_optional("cpu.max")?.unwrap_or_default();
                let mut words = text.split_whitespace();
                present.quota = words.next().map(|word| word.parse().unwrap_or(-1));
                present.period = words.next().and_then(|word| word.parse().ok());
            }
            if resources.memory.swap.is_some() && resources.memory.limit.is_none() {
                let text = dir.read_optional("memory.max")?.unwrap_or_default();
                present.memory = Some(number(&text).map_or(-1, |limit| limit as i64));
            }
        }
        Ok(present)
    }
}

/// What a unit begins with, limits apart.
pub(crate) fn birth(unit: &Unit, pid: Pid) -> Vec<Property> {
    let on = |name: &str| Property::new(name, Value::Boolean(true));
    let mut all = vec![
        super::unit::description(&unit.description),
        // It ends with the container, and not when the host shuts down.
        Property::new("DefaultDependencies", Value::Boolean(false)),
        // Nothing is left of it when it has failed: its name may be taken again.
        Property::spare("CollectMode", Value::text("inactive-or-failed")),
        on("CPUAccounting"),
        on("MemoryAccounting"),
        on("TasksAccounting"),
        Property::spare("IOAccounting", Value::Boolean(true)),
    ];
    if unit.is_scope() {
        let pid = Value::Uint32(pid.as_raw_nonzero().get() as u32);
        all.push(Property::new("PIDs", Value::Array("u".to_owned(), vec![pid])));
        all.push(Property::new("Slice", Value::text(unit.slice.clone())));
        // What is below it is ours.
        all.push(on("Delegate"));
    }
    all
}

/// The limits that are set, as far as systemd has a property for them; the others are in the
/// group's files alone. `unified` says which version's controllers there are.
///
/// Errors: [`Error::Invalid`] for what no kernel takes.
pub(crate) fn limits(
    resources: &Resources,
    present: &Present,
    unified: bool,
) -> Result<Vec<Property>> {
    resources.check()?;
    let mut all = Vec::new();
    memory(&resources.memory, present, unified, &mut all);
    cpu(&resources.cpu, present, unified, &mut all)?;
    if let Some(limit) = resources.pids {
        all.push(amount("TasksMax", limit));
    }
    match unified {
        true => io(&resources.block_io, &mut all),
        false => block_io(&resources.block_io, &mut all),
    }
    if !resources.devices.is_empty() {
        let names = std::fs::read_to_string("/proc/devices").unwrap_or_default();
        all.extend(devices::properties(&resources.devices, &names)?);
    }
    for (file, value) in resources.unified.iter().filter(|_| unified) {
        all.extend(of_file(file, value.trim()));
    }
    Ok(all)
}

fn amount(name: &str, value: i64) -> Property {
    Property::spare(name, Value::Uint64(u64::try_from(value).unwrap_or(UNLIMITED)))
}

fn memory(memory: &Memory, present: &Present, unified: bool, all: &mut Vec<Property>) {
    if let Some(limit) = memory.limit {
        all.push(amount(if unified { "MemoryMax" } else { "MemoryLimit" }, limit));
    }
    if !unified {
        return;
    }
    if let Some(reservation) = memory.reservation {
        all.push(amount("MemoryLow", reservation));
    }
    let whole = memory.limit.or(present.memory);
    match (memory.swap, whole) {
        (Some(swap), _) if swap < 0 => all.push(amount("MemorySwapMax", -1)),
        // OCI's figure is memory and swap together.
        (Some(swap), Some(limit)) if limit >= 0 && swap >= limit => {
            all.push(amount("MemorySwapMax", swap - limit));
        }
        (None, _) if memory.limit.is_some_and(|limit| limit < 0) => {
            all.push(amount("MemorySwapMax", -1));
        }
        _ => {}
    }
}

fn cpu(cpu: &Cpu, present: &Present, unified: bool, all: &mut Vec<Property>) -> Result<()> {
    match (cpu.idle, cpu.shares) {
        // From systemd 252: what it writes "idle".
        (Some(1), _) if unified => all.push(amount("CPUWeight", 0)),
        (_, Some(shares)) if unified => {
            all.push(amount("CPUWeight", v2::cpu::weight(shares) as i64));
        }
        (_, Some(shares)) if shares > 0 => {
            all.push(amount("CPUShares", shares.clamp(2, 262_144) as i64));
        }
        (Some(0), None) if unified => all.push(amount("CPUWeight", 100)),
        _ => {}
    }
    if cpu.quota.is_some() || cpu.period.is_some() {
        let period = cpu.period.or(present.period).unwrap_or(PERIOD);
        if let Some(quota) = cpu.quota.or(present.quota).filter(|quota| *quota != 0) {
            all.push(Property::spare("CPUQuotaPerSecUSec", Value::Uint64(a_second(quota, period))));
        }
        all.push(Property::spare("CPUQuotaPeriodUSec", Value::Uint64(period)));
    }
    for (name, list) in [("AllowedCPUs", &cpu.cpus), ("AllowedMemoryNodes", &cpu.mems)] {
        if let Some(list) = list.as_ref().filter(|list| unified && !list.trim().is_empty()) {
            all.push(Property::spare(name, bits(list)?));
        }
    }
    Ok(())
}

/// A quota in microseconds of each period as one of each second, in whole percents, rounded up:
/// systemd would round it down when it reads its own files again, below what was asked for.
pub(crate) fn a_second(quota: i64, period: u64) -> u64 {
    let Ok(quota) = u128::try_from(quota) else { return UNLIMITED };
    let exact = (quota * 1_000_000).div_ceil(u128::from(period.max(1)));
    let rounded = exact.next_multiple_of(u128::from(PERCENT));
    u64::try_from(rounded).unwrap_or(UNLIMITED)
}

/// A list like `0-3,7` as a mask, the lowest bit of the first byte first.
fn bits(list: &str) -> Result<Value> {
    let wrong = || Error::invalid("cpu.cpus and cpu.mems", format!("{list:?} is no list like 0-3"));
    let mut mask: Vec<u8> = Vec::new();
    for part in list.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse::<u16>().map_err(|_| wrong());
        for bit in number(first)?..=number(last)? {
            let byte = usize::from(bit / 8);
            if mask.len() <= byte {
                mask.resize(byte + 1, 0);
            }
            mask[byte] |= 1 << (bit % 8);
        }
    }
    Ok(Value::Array("y".to_owned(), mask.into_iter().map(Value::Byte).collect()))
}

fn io(limits: &BlockIo, all: &mut Vec<Property>) {
    if let Some(weight) = limits.weight {
        all.push(amount("IOWeight", v2::io::weight(weight) as i64));
    }
    let weights = limits
        .weight_device
        .iter()
        .filter_map(|one| Some((one.major, one.minor, v2::io::weight(one.weight?))));
    all.extend(of_devices("IODeviceWeight", weights));
    for (name, rates) in [
        ("IOReadBandwidthMax", &limits.throttle_read_bps),
        ("IOWriteBandwidthMax", &limits.throttle_write_bps),
        ("IOReadIOPSMax", &limits.throttle_read_iops),
        ("IOWriteIOPSMax", &limits.throttle_write_iops),
    ] {
        all.extend(of_devices(name, rates.iter().map(rate)));
    }
}

fn block_io(limits: &BlockIo, all: &mut Vec<Property>) {
    if let Some(weight) = limits.weight {
        all.push(amount("BlockIOWeight", weight.into()));
    }
    let weights = limits
        .weight_device
        .iter()
        .filter_map(|one| Some((one.major, one.minor, u64::from(one.weight?))));
    all.extend(of_devices("BlockIODeviceWeight", weights));
    for (name, rates) in [
        ("BlockIOReadBandwidth", &limits.throttle_read_bps),
        ("BlockIOWriteBandwidth", &limits.throttle_write_bps),
    ] {
        all.extend(of_devices(name, rates.iter().map(rate)));
    }
}

fn rate(one: &ThrottleDevice) -> (u32, u32, u64) {
    (one.major, one.minor, if one.rate == 0 { UNLIMITED } else { one.rate })
}

fn of_devices(name: &str, all: impl Iterator<Item = (u32, u32, u64)>) -> Option<Property> {
    let one = |(major, minor, value): (u32, u32, u64)| {
        let path = format!("/dev/block/{major}:{minor}");
        Value::Tuple(vec![Value::Text(path), Value::Uint64(value)])
    };
    let list: Vec<Value> = all.map(one).collect();
    (!list.is_empty()).then(|| Property::spare(name, Value::Array("(st)".to_owned(), list)))
}

/// The properties that stand for a control file of version 2 with this value; none where systemd
/// has no such property, or the value is nothing it could be given.
fn of_file(file: &str, value: &str) -> Vec<Property> {
    let plain = |name: &str| match value {
        "max" => vec![Property::spare(name, Value::Uint64(UNLIMITED))],
        _ => value
            .parse()
            .map(|number| vec![Property::spare(name, Value::Uint64(number))])
            .unwrap_or_default(),
    };
    match file {
        "cpu.weight" => plain("CPUWeight"),
        // When a unit is made; later on the file alone has it.
        "memory.oom.group" => {
            let policy = if value == "1" { "kill" } else { "continue" };
            vec![Property::spare("OOMPolicy", Value::text(policy))]
        }
        "cpu.idle" if value == "1" => vec![amount("CPUWeight", 0)],
        "cpu.max" => {
            let mut words = value.split_whitespace();
            let quota = match words.next() {
                Some("max") => Some(-1),
                word => word.and_then(|word| word.parse::<i64>().ok()),
            };
            let period: Option<u64> = words.next().and_then(|word| word.parse().ok());
            let Some(quota) = quota else { return Vec::new() };
            let quota = a_second(quota, period.unwrap_or(PERIOD));
            let mut all = vec![Property::spare("CPUQuotaPerSecUSec", Value::Uint64(quota))];
            all.extend(period.map(|it| Property::spare("CPUQuotaPeriodUSec", Value::Uint64(it))));
            all
        }
        "cpuset.cpus" => {
            bits(value).map(|it| vec![Property::spare("AllowedCPUs", it)]).unwrap_or_default()
        }
        "cpuset.mems" => bits(value)
            .map(|it| vec![Property::spare("AllowedMemoryNodes", it)])
            .unwrap_or_default(),
        "memory.min" => plain("MemoryMin"),
        "memory.low" => plain("MemoryLow"),
        "memory.high" => plain("MemoryHigh"),
        "memory.max" => plain("MemoryMax"),
        "memory.swap.max" => plain("MemorySwapMax"),
        "memory.zswap.max" => plain("MemoryZSwapMax"),
        "pids.max" => plain("TasksMax"),
        "io.weight" => {
            match value.strip_prefix("default ").unwrap_or(value).trim().parse::<i64>() {
                Ok(weight) => vec![amount("IOWeight", weight)],
                Err(_) => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

/// The annotations that name properties: `org.systemd.property.NAME`, with a value in the text
/// form of GVariant (`uint64 3`, `'multi-user.target'`, `['a.service']`). A name that ends in `Sec`
/// is given seconds, and stands for the property that ends in `USec`.
///
/// Errors: [`Error::Invalid`] with the annotation's key.
pub fn annotated(annotations: &BTreeMap<String, String>) -> Result<Vec<Property>> {
    const PREFIX: &str = "org.systemd.property.";
    let mut all = Vec::new();
    for (key, value) in annotations {
        let Some(name) = key.strip_prefix(PREFIX) else { continue };
        let wrong = |why: String| Error::invalid(format!("annotations[{key:?}]"), why);
        let camel = name.len() > 2
            && name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !camel {
            return Err(wrong(format!("{name:?} is no property like TimeoutStopUSec")));
        }
        let value = text::parse(value).map_err(wrong)?;
        let lower = |stem: &&str| stem.ends_with(|c: char| c.is_ascii_lowercase());
        all.push(match name.strip_suffix("Sec").filter(lower) {
            Some(stem) => {
                let microseconds = microseconds(&value).ok_or_else(|| {
                    wrong("a time in seconds is a number, not below 0".to_owned())
                })?;
                Property::new(format!("{stem}USec"), Value::Uint64(microseconds))
            }
            None => Property::new(name, value),
        });
    }
    Ok(all)
}

fn microseconds(seconds: &Value) -> Option<u64> {
    let whole = match seconds {
        Value::Byte(value) => u64::from(*value),
        Value::Uint16(value) => u64::from(*value),
        Value::Uint32(value) => u64::from(*value),
        Value::Uint64(value) => *value,
        Value::Int16(value) => u64::try_from(*value).ok()?,
        Value::Int32(value) => u64::try_from(*value).ok()?,
        Value::Int64(value) => u64::try_from(*value).ok()?,
        Value::Double(value) if *value >= 0.0 => return Some((value * 1e6) as u64),
        _ => return None,
    };
    whole.checked_mul(1_000_000)
}

#[cfg(test)]
mod tests;
