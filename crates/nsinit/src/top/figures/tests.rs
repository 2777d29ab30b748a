use std::time::Duration;

use cgroups::BlkioEntry;
use libcontainer::Stats;

use super::{Rates, bytes, graph, percent};

#[test]
fn amounts_are_short() {
    for (value, text) in [
        (0.0, "0"),
        (999.0, "999"),
        (1000.0, "1.0K"),
        (1536.0, "1.5K"),
        (512.0 * 1048576.0, "512M"),
        (1023.0 * 1048576.0, "1.0G"),
        (24.4 * 1048576.0, "24.4M"),
    ] {
        assert_eq!(bytes(Some(value)), text);
        assert!(text.len() <= 5);
    }
    assert_eq!(bytes(None), "-");
    assert_eq!(percent(Some(99.96)), "100.0");
    assert_eq!(percent(Some(1600.0)), "1600");
}

#[test]
fn graphs_end_with_the_newest() {
    assert_eq!(graph(&[0.0, 50.0, 100.0], 4, 100.0, false), "  ▄█");
    assert_eq!(graph(&[1.0, 2.0, 3.0], 2, 3.0, false), "▅█");
    assert_eq!(graph(&[0.1, 400.0], 2, 100.0, true), ".#");
    assert_eq!(graph(&[], 2, 0.0, false), "  ");
}

#[test]
fn rates_are_differences() {
    let stats = |cpu: Option<u64>, read: u64| {
        let mut group = cgroups::Stats::default();
        group.cpu_stats.cpu_usage.total_usage = cpu;
        let entry = BlkioEntry { major: 8, minor: 0, op: "Read".to_owned(), value: read };
        group.blkio_stats.io_service_bytes_recursive = vec![entry.clone(), entry];
        Stats { cgroup: Some(group), ..Stats::default() }
    };
    let time = Duration::from_secs(2);
    let rates = Rates::between(&stats(Some(0), 0), &stats(Some(1_000_000_000), 512), time);
    assert_eq!(rates.cpu, Some(50.0));
    assert_eq!((rates.read, rates.write, rates.io()), (Some(512.0), Some(0.0), Some(512.0)));
    assert_eq!(rates.receive, None);
    assert_eq!(Rates::between(&stats(None, 0), &stats(Some(1), 0), time).cpu, None);
}
