//! Pairs are made and removed, in a host's namespace that each test makes for itself.

use netlink_packet_route::link::LinkMessage;
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

use super::super::plan::plan;
use super::super::testing::{Namespace, host, ip, link_name, net, start, veth};
use super::*;
use crate::ErrorKind;
use crate::config::{Network, Veth};

fn planned(id: &str, veths: &[Veth]) -> Vec<VethHost> {
    let networks: Vec<_> = veths.iter().cloned().map(Network::Veth).collect();
    plan(&networks, &[], id, "/run/test").unwrap().host
}

fn attribute<T>(link: &LinkMessage, pick: impl Fn(&LinkAttribute) -> Option<T>) -> T {
    link.attributes.iter().find_map(pick).unwrap()
}

fn mtu(link: &LinkMessage) -> u32 {
    attribute(link, |a| if let LinkAttribute::Mtu(n) = a { Some(*n) } else { None })
}

fn queue(link: &LinkMessage) -> u32 {
    attribute(link, |a| if let LinkAttribute::TxQueueLen(n) = a { Some(*n) } else { None })
}

fn mac(link: &LinkMessage) -> Vec<u8> {
    attribute(link, |a| if let LinkAttribute::Address(m) = a { Some(m.clone()) } else { None })
}

#[test]
fn a_pair_is_made_as_planned() {
    let (host, inside) = (host(), Namespace::new());
    let veth = Veth {
        name: "web0".into(),
        host_name: "port0".into(),
        mac_address: "02:42:0a:09:00:02".into(),
        mtu: 1400,
        tx_queue_len: 77,
        hairpin: true,
        ..veth(&["10.9.0.2/24"])
    };
    let pairs = planned("web", &[veth]);
    host.run(|| attach(&pairs, inside.fd())).unwrap();

    assert_eq!(host.names(), ["br0", "port0"]);
    assert_eq!(inside.names(), ["web0"]);
    let (port, end) = (host.link("port0"), inside.link("web0"));
    assert_eq!((mtu(&port), mtu(&end)), (1400, 1400));
    assert_eq!((queue(&port), queue(&end)), (77, 77));
    assert_eq!(mac(&end), [2, 0x42, 0x0a, 9, 0, 2]);
    assert_eq!(mac(&port), pairs[0].mac);
    let bridge = host.link("br0").header.index;
    assert!(port.attributes.contains(&LinkAttribute::Controller(bridge)));
    assert!(port.attributes.contains(&LinkAttribute::IfAlias("libcontainer:web".into())));
    assert!(port.header.flags.contains(netlink_packet_route::link::LinkFlags::Up));
    assert!(hairpin(&port));
}

fn hairpin(port: &LinkMessage) -> bool {
    attribute(port, |attribute| {
        let LinkAttribute::LinkInfo(infos) = attribute else { return None };
        infos.iter().find_map(|info| match info {
            LinkInfo::PortData(InfoPortData::BridgePort(port)) => {
                Some(port.contains(&InfoBridgePort::HairpinMode(true)))
            }
            _ => None,
        })
    })
}

#[test]
fn without_bridge_and_wishes_the_kernel_decides() {
    let (host, inside) = (Namespace::new(), Namespace::new());
    let pairs = planned("web", &[Veth::default(), Veth::default()]);
    host.run(|| attach(&pairs, inside.fd())).unwrap();
    assert_eq!(inside.names(), ["eth0", "eth1"]);
    assert_eq!(mtu(&inside.link("eth0")), 1500);
    assert_eq!(queue(&inside.link("eth0")), 1000);
    host.run(|| detach(&pairs)).unwrap();
    assert!(inside.names().is_empty() && host.names().is_empty());
}

#[test]
fn a_port_without_hairpin_has_none() {
    let (host, inside) = (host(), Namespace::new());
    let pairs = planned("web", &[veth(&[])]);
    host.run(|| attach(&pairs, inside.fd())).unwrap();
    assert!(!hairpin(&host.link(&pairs[0].name)));
}

#[test]
fn detach_is_idempotent() {
    let (host, inside) = (host(), Namespace::new());
    let pairs = planned("web", &[veth(&["10.9.0.2/24"])]);
    host.run(|| detach(&pairs)).unwrap();
    host.run(|| attach(&pairs, inside.fd())).unwrap();
    host.run(|| detach(&pairs)).unwrap();
    host.run(|| detach(&pairs)).unwrap();
    assert_eq!(host.names(), ["br0"]);
    host.run(|| attach(&pairs, inside.fd())).unwrap();
}

#[test]
fn a_foreign_device_is_not_deleted() {
    let (host, inside) = (Namespace::new(), Namespace::new());
    let named = |name: &str| Veth { host_name: name.into(), ..Veth::default() };
    let theirs = planned("theirs", &[named("shared0")]);
    host.run(|| attach(&theirs, inside.fd())).unwrap();
    host.make("shared1", InfoKind::Bridge);
    let ours = planned("ours", &[named("shared0"), named("shared1")]);
    host.run(|| detach(&ours)).unwrap();
    assert_eq!(host.names(), ["shared0", "shared1"]);
}

#[test]
fn the_pair_goes_with_the_namespace() {
    let host = host();
    let container = start(&host, "web", &[Network::Veth(veth(&["10.9.0.2/24"]))], &[]).unwrap();
    drop(container.namespace);
    for _ in 0..500 {
        if host.names() == ["br0"] {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(host.names(), ["br0"]);
    host.run(|| detach(&container.plan.host)).unwrap();
}

#[test]
fn a_failure_leaves_nothing() {
    let (host, inside) = (host(), Namespace::new());
    let missing = Veth { bridge: "br9".into(), ..Veth::default() };
    let pairs = planned("web", &[veth(&["10.9.0.2/24"]), Veth::default(), missing]);
    host.run(|| attach(&pairs, inside.fd())).unwrap_err();
    assert_eq!(host.names(), ["br0"]);
    assert!(inside.names().is_empty());
}

#[test]
fn an_unknown_bridge_is_named_with_the_way_to_make_it() {
    let (host, inside) = (Namespace::new(), Namespace::new());
    let pairs = planned(
        "web",
        &[Veth {
            bridge: "docker0".into(),
            gateways: vec![ip("172.17.42.1")],
            ..veth(&["172.17.42.2/16"])
        }],
    );
    let error = host.run(|| attach(&pairs, inside.fd())).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::InvalidConfig { field: "networks[0].bridge".into() });
    let expected = format!(
        "making the veth pair {}: networks[0].bridge: this host has no bridge \"docker0\" \
         (make it: ip link add docker0 type bridge && ip address add 172.17.42.1/16 dev docker0 \
         && ip link set docker0 up)",
        pairs[0].name
    );
    assert_eq!(error.to_string(), expected);
    assert!(host.names().is_empty());
}

#[test]
fn what_is_no_bridge_is_refused() {
    let (host, inside) = (Namespace::new(), Namespace::new());
    host.run(|| {
        attach(&planned("a", &[Veth { host_name: "br0".into(), ..Veth::default() }]), inside.fd())
    })
    .unwrap();
    let error = host.run(|| attach(&planned("b", &[veth(&[])]), inside.fd())).unwrap_err();
    assert!(error.to_string().ends_with("networks[0].bridge: \"br0\" is not a bridge"), "{error}");
}

#[test]
fn an_address_of_another_container_is_taken() {
    let host = host();
    let taken = ["10.9.0.2/24", "fd09::2/64"];
    let first = start(&host, "first", &[Network::Veth(veth(&taken))], &[]).unwrap();
    for (address, key) in [(taken[0], "address"), (taken[1], "ipv6_address")] {
        let second = Namespace::new();
        let pairs = planned("second", &[veth(&["10.9.0.3/24", address])]);
        let error = host.run(|| attach(&pairs, second.fd())).unwrap_err();
        let port = &first.plan.host[0].name;
        let (ip, _) = net(address);
        let expected = format!(
            "networks[0].{key}: {ip} is already taken by container \"first\" \
             (interface {port}) on bridge br0"
        );
        assert!(error.to_string().ends_with(&expected), "{error}");
        assert_eq!(host.names(), ["br0", port], "nothing of the second is left");
        assert!(second.names().is_empty());
    }
    host.run(|| detach(&first.plan.host)).unwrap();
    start(&host, "second", &[Network::Veth(veth(&taken))], &[]).unwrap();
}

#[test]
fn the_same_address_on_another_bridge_is_free() {
    let host = host();
    host.bridge("br1", &[]);
    let _first = start(&host, "first", &[Network::Veth(veth(&["10.9.0.2/24"]))], &[]).unwrap();
    let other = Veth { bridge: "br1".into(), ..veth(&["10.9.0.2/24"]) };
    start(&host, "second", &[Network::Veth(other)], &[]).unwrap();
}

#[test]
fn an_address_of_the_host_is_taken() {
    let host = host();
    for address in ["10.9.0.1/24", "fd09::1/64"] {
        let inside = Namespace::new();
        let pairs = planned("web", &[veth(&[address])]);
        let error = host.run(|| attach(&pairs, inside.fd())).unwrap_err();
        assert!(error.to_string().ends_with("is already taken by this host"), "{error}");
        assert_eq!(host.names(), ["br0"]);
    }
}

#[test]
fn taken_names_are_told_apart() {
    let (host, inside) = (Namespace::new(), Namespace::new());
    let first = Veth { host_name: "port0".into(), ..Veth::default() };
    host.run(|| attach(&planned("a", std::slice::from_ref(&first)), inside.fd())).unwrap();
    let error = host.run(|| attach(&planned("b", &[first]), inside.fd())).unwrap_err();
    let expected = "networks[0].host_interface_name: the host has an interface \"port0\" already";
    assert!(error.to_string().ends_with(expected), "{error}");
    let error = host.run(|| attach(&planned("c", &[Veth::default()]), inside.fd())).unwrap_err();
    let expected =
        "networks[0].name: the container's network namespace has an interface \"eth0\" already";
    assert!(error.to_string().ends_with(expected), "{error}");
    assert_eq!(host.links().iter().map(link_name).filter(|name| name != "lo").count(), 1);
}

#[test]
fn without_the_capability_the_error_says_so() {
    let (host, inside) = (Namespace::new(), Namespace::new());
    let pairs = planned("web", &[Veth::default()]);
    let error = host.run(|| {
        let mut sets = capabilities(None).unwrap();
        sets.effective.remove(CapabilitySet::NET_ADMIN);
        set_capabilities(None, sets).unwrap();
        attach(&pairs, inside.fd()).unwrap_err()
    });
    assert_eq!(error.errno(), Some(1));
    assert!(error.to_string().contains("it takes CAP_NET_ADMIN"), "{error}");
}
