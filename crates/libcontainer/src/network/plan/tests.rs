//! Names are made, and what is wrong is refused with the path of its field.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::*;
use crate::ErrorKind;
use crate::config::Veth;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn one(veth: Veth) -> Result<NetworkPlan> {
    plan(&[Network::Loopback, Network::Veth(veth)], &[], "web", "/run/x")
}

#[test]
fn no_network_is_nothing_to_do() {
    assert_eq!(plan(&[], &[], "web", "/run/x").unwrap(), NetworkPlan::default());
}

#[test]
fn loopback_alone_makes_no_link() {
    let plan = plan(&[Network::Loopback], &[], "web", "/run/x").unwrap();
    assert!(plan.container.loopback && plan.host.is_empty() && plan.container.links.is_empty());
}

#[test]
fn made_names_are_short_stable_and_distinct() {
    let pairs = [Network::Veth(Veth::default()), Network::Veth(Veth::default())];
    let names = |id: &str, scope: &str| -> Vec<(String, Mac)> {
        let plan = plan(&pairs, &[], id, scope).unwrap();
        plan.host.into_iter().map(|veth| (veth.name, veth.mac)).collect()
    };
    let mut all = names("web", "/run/x");
    assert_eq!(all, names("web", "/run/x"));
    all.extend(names("web", "/run/y"));
    all.extend(names("db", "/run/x"));
    for (name, mac) in &all {
        assert!(name.starts_with("veth") && name.len() <= 15, "{name}");
        assert_eq!(mac[0], 0xfe);
    }
    let distinct: BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), 6);
}

#[test]
fn an_alias_fits_the_kernel() {
    let networks = [Network::Veth(Veth::default())];
    let plan = plan(&networks, &[], &"ä".repeat(500), "/run/x").unwrap();
    let alias = &plan.host[0].alias;
    assert!(alias.starts_with("libcontainer:ä") && (254..=255).contains(&alias.len()));
}

#[test]
fn a_prefix_starts_the_host_name() {
    let veth = Veth { host_prefix: "longest8".into(), ..Veth::default() };
    let name = &one(veth).unwrap().host[0].name;
    assert!(name.starts_with("longest8") && name.len() == 15, "{name}");
}

#[test]
fn names_inside_fill_the_gaps() {
    let named = |name: &str| Network::Veth(Veth { name: name.into(), ..Veth::default() });
    let networks = [named(""), named("eth1"), named(""), named("mgmt")];
    let plan = plan(&networks, &[], "web", "/run/x").unwrap();
    let names: Vec<_> = plan.container.links.iter().map(|link| link.name.as_str()).collect();
    assert_eq!(names, ["eth0", "eth1", "eth2", "mgmt"]);
}

#[test]
fn a_hardware_address_is_parsed() {
    let veth = Veth { mac_address: "02:42:AC:11:0:02".into(), ..Veth::default() };
    assert_eq!(one(veth).unwrap().host[0].peer_mac, Some([2, 0x42, 0xac, 0x11, 0, 2]));
}

#[test]
fn wrong_values_are_refused_with_their_field() {
    let address = |text: &str, length| vec![(ip(text), length)];
    let d = Veth::default;
    let cases = [
        ("name", Veth { name: "sixteen-bytes-xx".into(), ..d() }),
        ("name", Veth { name: "a/b".into(), ..d() }),
        ("name", Veth { name: "lo".into(), ..d() }),
        ("name", Veth { name: "..".into(), ..d() }),
        ("host_interface_name", Veth { host_name: "eth%d".into(), ..d() }),
        ("host_interface_name", Veth { host_prefix: "ninebytes".into(), ..d() }),
        ("bridge", Veth { bridge: "no space".into(), ..d() }),
        ("hairpin_mode", Veth { hairpin: true, ..d() }),
        ("mac_address", Veth { mac_address: "02:42:ac:11:00".into(), ..d() }),
        ("mac_address", Veth { mac_address: "02:42:ac:11:00:02:03".into(), ..d() }),
        ("mac_address", Veth { mac_address: "02:42:ac:11:00:+2".into(), ..d() }),
        ("mac_address", Veth { mac_address: "01:00:5e:00:00:01".into(), ..d() }),
        ("mac_address", Veth { mac_address: "00:00:00:00:00:00".into(), ..d() }),
        ("address", Veth { addresses: address("10.0.0.2", 33), ..d() }),
        ("address", Veth { addresses: address("0.0.0.0", 8), ..d() }),
        ("address", Veth { addresses: address("224.0.0.1", 8), ..d() }),
        ("ipv6_address", Veth { addresses: address("fd00::1", 129), ..d() }),
        ("gateway", Veth { gateways: vec![ip("127.0.0.1")], ..d() }),
        ("gateway", Veth { gateways: vec![ip("10.0.0.1"), ip("10.0.0.3")], ..d() }),
        ("ipv6_gateway", Veth { gateways: vec![ip("::")], ..d() }),
        (
            "gateway",
            Veth { addresses: address("10.0.0.2", 24), gateways: vec![ip("10.0.0.2")], ..d() },
        ),
        ("mtu", Veth { mtu: 67, ..d() }),
        ("mtu", Veth { mtu: 65536, ..d() }),
        ("mtu", Veth { mtu: 1279, addresses: address("fd00::1", 64), ..d() }),
    ];
    for (key, veth) in cases {
        let error = one(veth.clone()).expect_err(key);
        let field = format!("networks[1].{key}");
        assert_eq!(*error.kind(), ErrorKind::InvalidConfig { field }, "{veth:?}: {error}");
    }
}

#[test]
fn what_may_be_there_once_is_refused_twice() {
    let given = Veth {
        name: "eth0".into(),
        host_name: "host0".into(),
        addresses: vec![(ip("10.0.0.2"), 24)],
        gateways: vec![ip("10.0.0.1")],
        ..Veth::default()
    };
    let d = Veth::default;
    let cases = [
        ("name", Veth { name: given.name.clone(), ..d() }),
        ("host_interface_name", Veth { host_name: given.host_name.clone(), ..d() }),
        ("address", Veth { addresses: given.addresses.clone(), ..d() }),
        ("gateway", Veth { gateways: vec![ip("10.0.0.9")], ..d() }),
    ];
    for (key, veth) in cases {
        let networks = [Network::Veth(given.clone()), Network::Veth(veth)];
        let error = plan(&networks, &[], "web", "/run/x").expect_err(key);
        assert!(error.to_string().starts_with(&format!("networks[1].{key}: ")), "{error}");
    }
}

fn route(route: Route) -> Result<RoutePlan> {
    plan(&[], &[route], "web", "/run/x").map(|plan| plan.container.routes[0].clone())
}

#[test]
fn routes_are_resolved() {
    let d = Route::default;
    let behind =
        Route { destination: Some((ip("10.1.2.3"), 8)), gateway: Some(ip("10.0.0.1")), ..d() };
    assert_eq!(route(behind).unwrap().destination, (ip("10.0.0.0"), 8));
    let six = Route { gateway: Some(ip("fd00::1")), ..d() };
    assert_eq!(route(six).unwrap().destination, (ip("::"), 0));
    let device = Route { interface: "eth0".into(), ..d() };
    assert_eq!(route(device).unwrap().destination, (ip("0.0.0.0"), 0));
    let host = Route { destination: Some((ip("fd00:1::5"), 128)), interface: "eth0".into(), ..d() };
    assert_eq!(route(host).unwrap().destination, (ip("fd00:1::5"), 128));
}

#[test]
fn wrong_routes_are_refused_with_their_field() {
    let d = Route::default;
    let gateway = Some(ip("10.0.0.1"));
    let cases = [
        ("routes[0]: ", Route { destination: Some((ip("10.0.0.0"), 8)), ..d() }),
        (
            "routes[0].destination: ",
            Route { destination: Some((ip("10.0.0.0"), 40)), gateway, ..d() },
        ),
        ("routes[0].gateway: ", Route { destination: Some((ip("fd00::"), 64)), gateway, ..d() }),
        ("routes[0].gateway: ", Route { gateway: Some(ip("0.0.0.0")), ..d() }),
        ("routes[0].source: ", Route { gateway, source: Some(ip("fd00::2")), ..d() }),
        ("routes[0].interface_name: ", Route { interface: "a b".into(), ..d() }),
    ];
    for (field, wrong) in cases {
        let error = route(wrong).expect_err(field).to_string();
        assert!(error.starts_with(field), "{error}");
    }
}

#[test]
fn a_plan_crosses_the_record_and_the_socket_unchanged() {
    let veth = Veth {
        mac_address: "02:42:ac:11:00:02".into(),
        addresses: vec![(ip("10.0.0.2"), 24), (ip("fd00::2"), 64)],
        gateways: vec![ip("10.0.0.1")],
        ..Veth::default()
    };
    let plan = one(veth).unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<NetworkPlan>(&text).unwrap(), plan);
    let bytes = postcard::to_allocvec(&plan).unwrap();
    assert_eq!(postcard::from_bytes::<NetworkPlan>(&bytes).unwrap(), plan);
}
