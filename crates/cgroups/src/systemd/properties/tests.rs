use std::collections::BTreeMap;

use super::super::value::Value;
use super::{Present, a_second, annotated, limits};
use crate::{BlockIo, Cpu, Memory, Resources, ThrottleDevice, WeightDevice, v2};

fn said(resources: &Resources, unified: bool) -> Vec<(String, Value)> {
    let all = limits(resources, &Present::default(), unified).unwrap();
    all.into_iter().map(|one| (one.name, one.value)).collect()
}

fn numbers(resources: &Resources, unified: bool) -> Vec<(String, u64)> {
    let number = |(name, value)| match value {
        Value::Uint64(number) => (name, number),
        other => panic!("{name}: {other:?}"),
    };
    said(resources, unified).into_iter().map(number).collect()
}

fn named(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

#[test]
fn a_quota_is_never_less_than_asked_for() {
    for (quota, period, expected) in [
        (50_000, 100_000, 500_000),
        (100_000, 100_000, 1_000_000),
        (33_333, 100_000, 340_000),
        (1000, 100_000, 10_000),
        (1000, 1_000_000, 10_000),
        (150_000, 50_000, 3_000_000),
        (-1, 100_000, u64::MAX),
    ] {
        assert_eq!(a_second(quota, period), expected, "{quota} of {period}");
    }
}

#[test]
fn limits_of_version_2() {
    let resources = Resources {
        memory: Memory {
            limit: Some(100),
            reservation: Some(50),
            swap: Some(150),
            ..Memory::default()
        },
        cpu: Cpu {
            shares: Some(1024),
            quota: Some(20_000),
            period: Some(50_000),
            ..Cpu::default()
        },
        pids: Some(-1),
        block_io: BlockIo { weight: Some(10), ..BlockIo::default() },
        ..Resources::default()
    };
    let expected = [
        ("MemoryMax", 100),
        ("MemoryLow", 50),
        ("MemorySwapMax", 50),
        ("CPUWeight", v2::cpu::weight(1024)),
        ("CPUQuotaPerSecUSec", 400_000),
        ("CPUQuotaPeriodUSec", 50_000),
        ("TasksMax", u64::MAX),
        ("IOWeight", v2::io::weight(10)),
    ];
    assert_eq!(numbers(&resources, true), named(&expected));
}

#[test]
fn limits_of_version_1() {
    let resources = Resources {
        memory: Memory { limit: Some(100), swap: Some(150), ..Memory::default() },
        cpu: Cpu { shares: Some(1024), cpus: Some("0".to_owned()), ..Cpu::default() },
        block_io: BlockIo { weight: Some(10), ..BlockIo::default() },
        ..Resources::default()
    };
    let expected = [("MemoryLimit", 100), ("CPUShares", 1024), ("BlockIOWeight", 10)];
    assert_eq!(numbers(&resources, false), named(&expected));
}

#[test]
fn a_change_goes_by_what_is_there() {
    let present = Present { memory: Some(100), quota: Some(20_000), period: Some(50_000) };
    let resources = Resources {
        memory: Memory { swap: Some(130), ..Memory::default() },
        cpu: Cpu { period: Some(100_000), ..Cpu::default() },
        ..Resources::default()
    };
    let all = limits(&resources, &present, true).unwrap();
    let all: Vec<_> = all.into_iter().map(|one| (one.name, one.value)).collect();
    let expected =
        [("MemorySwapMax", 30), ("CPUQuotaPerSecUSec", 200_000), ("CPUQuotaPeriodUSec", 100_000)];
    let expected: Vec<_> =
        expected.map(|(name, value)| (name.to_owned(), Value::Uint64(value))).to_vec();
    assert_eq!(all, expected);
}

#[test]
fn processors_are_a_mask() {
    let cpu = Cpu { cpus: Some("0-2, 9".to_owned()), ..Cpu::default() };
    let all = said(&Resources { cpu, ..Resources::default() }, true);
    let mask = Value::Array("y".to_owned(), vec![Value::Byte(7), Value::Byte(2)]);
    assert_eq!(all, [("AllowedCPUs".to_owned(), mask)]);
    let wrong = Cpu { cpus: Some("x".to_owned()), ..Cpu::default() };
    let wrong = Resources { cpu: wrong, ..Resources::default() };
    assert!(limits(&wrong, &Present::default(), true).is_err());
}

#[test]
fn block_devices_by_their_numbers() {
    let block_io = BlockIo {
        weight_device: vec![WeightDevice {
            major: 8,
            minor: 1,
            weight: Some(1000),
            leaf_weight: None,
        }],
        throttle_read_bps: vec![ThrottleDevice { major: 8, minor: 0, rate: 5 }],
        throttle_write_iops: vec![ThrottleDevice { major: 8, minor: 0, rate: 0 }],
        ..BlockIo::default()
    };
    let all = said(&Resources { block_io, ..Resources::default() }, true);
    let one = |place: &str, value| {
        let pair = Value::Tuple(vec![Value::text(place), Value::Uint64(value)]);
        Value::Array("(st)".to_owned(), vec![pair])
    };
    let expected = [
        ("IODeviceWeight".to_owned(), one("/dev/block/8:1", v2::io::weight(1000))),
        ("IOReadBandwidthMax".to_owned(), one("/dev/block/8:0", 5)),
        ("IOWriteIOPSMax".to_owned(), one("/dev/block/8:0", u64::MAX)),
    ];
    assert_eq!(all, expected);
}

#[test]
fn control_files_that_have_a_property() {
    let files = [
        ("cpu.max", "50000 100000"),
        ("cpu.weight", "77"),
        ("hugetlb.2MB.max", "0"),
        ("io.weight", "default 200"),
        ("memory.high", "max"),
        ("memory.min", "1x"),
        ("memory.swap.max", "0"),
        ("pids.max", "9"),
    ];
    let unified = files.map(|(file, value)| (file.to_owned(), value.to_owned()));
    let resources = Resources { unified: BTreeMap::from(unified), ..Resources::default() };
    let expected = [
        ("CPUQuotaPerSecUSec", 500_000),
        ("CPUQuotaPeriodUSec", 100_000),
        ("CPUWeight", 77),
        ("IOWeight", 200),
        ("MemoryHigh", u64::MAX),
        ("MemorySwapMax", 0),
        ("TasksMax", 9),
    ];
    assert_eq!(numbers(&resources, true), named(&expected));
}

#[test]
fn annotations_name_properties() {
    let of = |key: &str, value: &str| {
        annotated(&BTreeMap::from([(key.to_owned(), value.to_owned())]))
            .map(|all| all.into_iter().map(|one| (one.name, one.value)).collect::<Vec<_>>())
    };
    let one = |name: &str, value| Ok(vec![(name.to_owned(), value)]);
    let prefix = "org.systemd.property.";
    let key = |name: &str| format!("{prefix}{name}");
    assert_eq!(of("org.example", "nonsense"), Ok(vec![]));
    assert_eq!(of(&key("TimeoutStopUSec"), "uint64 7"), one("TimeoutStopUSec", Value::Uint64(7)));
    for seconds in ["2", "uint64 2", "2.0"] {
        let expected = one("TimeoutStopUSec", Value::Uint64(2_000_000));
        assert_eq!(of(&key("TimeoutStopSec"), seconds), expected);
    }
    assert_eq!(of(&key("CollectMode"), "'inactive'"), one("CollectMode", Value::text("inactive")));
    for (name, value) in [
        ("", "1"),
        ("Ab", "1"),
        ("lower", "1"),
        ("A-b-c", "1"),
        ("Abc", "x"),
        ("StopSec", "'2'"),
        ("StopSec", "-2"),
    ] {
        let error = of(&key(name), value).unwrap_err().to_string();
        assert!(error.contains(prefix), "{error}");
    }
}
