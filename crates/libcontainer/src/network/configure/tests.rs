//! Addresses, gateways and routes in a container's namespace, and frames that pass.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use netlink_packet_route::link::LinkFlags;

use super::super::attach;
use super::super::plan::plan;
use super::super::testing::{Container, Namespace, host, ip, net, start, veth};
use super::*;
use crate::config::{Network, Route, Veth};

fn loopback() -> ContainerNetwork {
    ContainerNetwork { loopback: true, ..ContainerNetwork::default() }
}

#[test]
fn loopback_comes_up_with_its_addresses() {
    let inside = Namespace::new();
    assert!(!inside.link("lo").header.flags.contains(LinkFlags::Up));
    inside.run(|| configure(&loopback())).unwrap();
    inside.run(|| configure(&loopback())).unwrap();
    assert!(inside.link("lo").header.flags.contains(LinkFlags::Up));
    assert_eq!(inside.addresses("lo"), ["127.0.0.1/8", "::1/128"]);
}

#[test]
fn nothing_asked_is_nothing_done() {
    let inside = Namespace::new();
    inside.run(|| configure(&ContainerNetwork::default())).unwrap();
    assert!(!inside.link("lo").header.flags.contains(LinkFlags::Up));
}

#[test]
fn addresses_gateways_and_routes_are_there() {
    let host = host();
    let veth = Veth {
        gateways: vec![ip("10.9.0.1"), ip("fd09::1")],
        ..veth(&["10.9.0.2/24", "10.9.0.3/32", "fd09::2/64"])
    };
    let routes = [
        Route {
            destination: Some(net("10.50.0.0/16")),
            gateway: Some(ip("10.9.0.9")),
            source: Some(ip("10.9.0.3")),
            interface: "eth0".into(),
        },
        Route {
            destination: Some(net("192.0.2.7/24")),
            interface: "eth0".into(),
            ..Route::default()
        },
        Route {
            destination: Some(net("fd50::/32")),
            gateway: Some(ip("fd09::9")),
            source: Some(ip("fd09::2")),
            ..Route::default()
        },
        // Behind a gateway that the route before makes reachable.
        Route {
            destination: Some(net("198.51.100.0/24")),
            gateway: Some(ip("192.0.2.1")),
            ..Route::default()
        },
    ];
    let container = start(&host, "web", &[Network::Veth(veth)], &routes).unwrap();
    let inside = &container.namespace;
    assert_eq!(
        inside.addresses("eth0"),
        ["10.9.0.2/24 brd 10.9.0.255", "10.9.0.3/32", "fd09::2/64"]
    );
    assert_eq!(
        inside.routes(),
        [
            "10.50.0.0/16 via 10.9.0.9 dev eth0 src 10.9.0.3",
            "10.9.0.0/24 dev eth0 src 10.9.0.2",
            "192.0.2.0/24 dev eth0",
            "198.51.100.0/24 via 192.0.2.1 dev eth0",
            "default via 10.9.0.1 dev eth0",
            "default via fd09::1 dev eth0",
            "fd09::/64 dev eth0",
            "fd50::/32 via fd09::9 dev eth0 src fd09::2",
        ]
    );
}

#[test]
fn a_gateway_may_lie_behind_a_route_to_the_link() {
    let host = host();
    let veth = Veth { gateways: vec![ip("10.77.0.1")], ..veth(&["10.9.0.2/32"]) };
    let on_link = Route {
        destination: Some(net("10.77.0.1/32")),
        interface: "eth0".into(),
        ..Route::default()
    };
    let container = start(&host, "web", &[Network::Veth(veth)], &[on_link]).unwrap();
    let expected = ["10.77.0.1/32 dev eth0", "default via 10.77.0.1 dev eth0"];
    assert_eq!(container.namespace.routes(), expected);
}

/// Serves one connection in `server` and makes it from `client`.
fn connect(server: &Namespace, address: &str, client: &Namespace) {
    let address = SocketAddr::new(ip(address), 0);
    let listener = server.run(|| TcpListener::bind(address)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"hello").unwrap();
        });
        let wait = Duration::from_secs(20);
        let mut stream = client.run(|| TcpStream::connect_timeout(&address, wait)).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
    });
}

fn two_containers(host: &Namespace) -> (Container, Container) {
    let first = Network::Veth(veth(&["10.9.0.2/24", "fd09::2/64"]));
    let second = Network::Veth(veth(&["10.9.0.3/24", "fd09::3/64"]));
    (start(host, "a", &[first], &[]).unwrap(), start(host, "b", &[second], &[]).unwrap())
}

#[test]
fn containers_reach_each_other_and_the_host_over_the_bridge() {
    let host = host();
    let (a, b) = two_containers(&host);
    connect(&a.namespace, "10.9.0.2", &b.namespace);
    connect(&b.namespace, "fd09::3", &a.namespace);
    connect(&host, "10.9.0.1", &a.namespace);
    connect(&a.namespace, "fd09::2", &host);
}

#[test]
fn an_ipv6_address_is_bound_at_once() {
    let host = host();
    let network = Network::Veth(veth(&["fd09::2/64"]));
    let container = start(&host, "web", &[network], &[]).unwrap();
    container.namespace.run(|| TcpListener::bind(("fd09::2", 0))).unwrap();
}

#[test]
fn an_address_that_is_there_is_named() {
    let host = host();
    let network = Network::Veth(veth(&["10.9.0.2/24"]));
    let container = start(&host, "web", &[network], &[]).unwrap();
    let again = container.namespace.run(|| configure(&container.plan.container));
    assert_eq!(
        again.unwrap_err().to_string(),
        "RTM_NEWADDR 10.9.0.2/24 dev eth0: File exists (the interface has this address already)"
    );
}

#[test]
fn a_gateway_out_of_reach_is_named() {
    let host = host();
    for (id, gateway, address) in [("a", "10.8.0.1", "10.9.0.2/24"), ("b", "fd08::1", "fd09::2/64")]
    {
        let veth = Veth { gateways: vec![ip(gateway)], ..veth(&[address]) };
        let error = start(&host, id, &[Network::Veth(veth)], &[]).err().unwrap().to_string();
        let begin = format!("RTM_NEWROUTE default via {gateway} dev eth0: ");
        let end = "(the gateway must lie in a network of an address of the interface)";
        assert!(error.starts_with(&begin) && error.ends_with(end), "{error}");
    }
}

#[test]
fn ipv6_switched_off_is_said() {
    let host = host();
    let inside = Namespace::new();
    let networks = [Network::Veth(veth(&["fd09::2/64"]))];
    let plan = plan(&networks, &[], "web", "/run/test").unwrap();
    host.run(|| attach(&plan.host, inside.fd())).unwrap();
    // /proc/sys/net shows the namespace of the thread that looks.
    let file = "/proc/sys/net/ipv6/conf/all/disable_ipv6";
    inside.run(|| std::fs::write(file, "1")).unwrap();
    let error = inside.run(|| configure(&plan.container)).unwrap_err().to_string();
    assert!(error.starts_with("RTM_NEWADDR fd09::2/64 dev eth0: "), "{error}");
    assert!(error.contains("IPv6 is switched off"), "{error}");
}

#[test]
fn a_route_that_cannot_be_is_named() {
    let host = host();
    let to = |destination, source, interface: &str| Route {
        destination: Some(net(destination)),
        source,
        interface: interface.into(),
        ..Route::default()
    };
    let unknown_source = to("192.0.2.0/24", Some(ip("10.9.0.77")), "eth0");
    let twice = to("192.0.2.0/24", None, "eth0");
    let cases = [
        (vec![unknown_source], "src 10.9.0.77: Invalid argument (the kernel says: "),
        (
            vec![to("192.0.2.0/24", None, "eth7")],
            "route 192.0.2.0/24 dev eth7: ioctl SIOCGIFINDEX eth7: No such device",
        ),
        (
            vec![twice.clone(), twice],
            "192.0.2.0/24 dev eth0: File exists (there is a route to this destination already)",
        ),
    ];
    for (index, (routes, expected)) in cases.into_iter().enumerate() {
        let network = Network::Veth(veth(&[&format!("10.9.0.{}/24", index + 2)]));
        let error = start(&host, &format!("web{index}"), &[network], &routes).err().unwrap();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_link_that_is_not_there_is_named() {
    let link = LinkPlan { name: "eth0".into(), addresses: Vec::new(), gateways: Vec::new() };
    let network = ContainerNetwork { links: vec![link], ..ContainerNetwork::default() };
    let error = Namespace::new().run(|| configure(&network)).unwrap_err();
    assert_eq!(error.to_string(), "ioctl SIOCGIFINDEX eth0: No such device");
}

#[test]
fn more_addresses_than_one_batch_holds() {
    let host = host();
    let addresses: Vec<_> = (2..202).map(|last| format!("10.9.0.{last}/24")).collect();
    let texts: Vec<_> = addresses.iter().map(String::as_str).collect();
    let container = start(&host, "web", &[Network::Veth(veth(&texts))], &[]).unwrap();
    assert_eq!(container.namespace.addresses("eth0").len(), 200);
}
