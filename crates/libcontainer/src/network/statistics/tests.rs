//! The figures are the kernel's for the container's end.

use std::net::UdpSocket;

use super::super::testing::{Namespace, host, start, veth};
use super::super::{attach, detach};
use super::*;
use crate::config::{Network, Veth};

/// The figures of /proc/net/dev in the namespace: what anybody in the container reads.
fn kernel_says(inside: &Namespace, name: &str) -> InterfaceStats {
    let text = inside.run(|| std::fs::read_to_string("/proc/thread-self/net/dev")).unwrap();
    let line = text.lines().find_map(|line| line.trim().strip_prefix(&format!("{name}:")));
    let fields: Vec<u64> =
        line.unwrap().split_whitespace().map(|field| field.parse().unwrap()).collect();
    InterfaceStats {
        name: name.into(),
        rx_bytes: fields[0],
        rx_packets: fields[1],
        rx_errors: fields[2],
        rx_dropped: fields[3],
        tx_bytes: fields[8],
        tx_packets: fields[9],
        tx_errors: fields[10],
        tx_dropped: fields[11],
    }
}

#[test]
fn they_are_the_containers_own() {
    let host = host();
    let networks = [Network::Loopback, Network::Veth(veth(&["10.9.0.2/24"]))];
    let container = start(&host, "web", &networks, &[]).unwrap();
    let receiver = container.namespace.run(|| UdpSocket::bind("10.9.0.2:0")).unwrap();
    let sender = host.run(|| UdpSocket::bind("10.9.0.1:0")).unwrap();
    for _ in 0..100 {
        sender.send_to(&[0; 1000], receiver.local_addr().unwrap()).unwrap();
        receiver.recv_from(&mut [0; 1000]).unwrap();
    }
    // The kernel sends a few frames of its own for IPv6: read until two readings agree.
    let stats = (0..50).find_map(|_| {
        let before = kernel_says(&container.namespace, "eth0");
        let stats = host.run(|| statistics(&container.plan.host)).unwrap();
        let after = kernel_says(&container.namespace, "eth0");
        (before == after).then_some((stats, before))
    });
    let (stats, kernel) = stats.unwrap();
    assert_eq!(stats, [kernel]);
    assert!(stats[0].rx_bytes > 100_000 && stats[0].rx_packets >= 100, "{stats:?}");
    assert!(stats[0].tx_bytes < 50_000, "{stats:?}");
}

#[test]
fn a_pair_that_is_gone_is_left_out() {
    let host = host();
    let container = start(&host, "web", &[Network::Veth(Veth::default())], &[]).unwrap();
    assert_eq!(host.run(|| statistics(&container.plan.host)).unwrap().len(), 1);
    host.run(|| detach(&container.plan.host)).unwrap();
    assert!(host.run(|| statistics(&container.plan.host)).unwrap().is_empty());
    assert!(statistics(&[]).unwrap().is_empty());
}

#[test]
fn a_pair_within_one_namespace_is_read_too() {
    let host = Namespace::new();
    let plan = super::super::plan(&[Network::Veth(Veth::default())], &[], "web", "/run/x").unwrap();
    host.run(|| attach(&plan.host, host.fd())).unwrap();
    let stats = host.run(|| statistics(&plan.host)).unwrap();
    assert_eq!(stats[0].name, "eth0");
}

#[test]
fn the_keys_are_those_that_tools_read() {
    let json = serde_json::to_value(InterfaceStats::default()).unwrap();
    let mut keys: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
    keys.sort();
    assert_eq!(
        keys,
        [
            "Name",
            "RxBytes",
            "RxDropped",
            "RxErrors",
            "RxPackets",
            "TxBytes",
            "TxDropped",
            "TxErrors",
            "TxPackets",
        ]
    );
}
