//! Devices are moved and put back, between a host's namespace and a container's that each test
//! makes for itself.

use std::collections::BTreeMap;

use netlink_packet_route::link::{InfoKind, LinkFlags};

use super::super::configure;
use super::super::plan::{ContainerNetwork, LinkPlan, plan_devices};
use super::super::testing::{Namespace, net};
use super::*;

/// A host with pairs `one` and `two`, whose first has addresses and is up.
fn host() -> Namespace {
    let host = Namespace::new();
    for name in ["one", "two"] {
        host.make(name, InfoKind::Veth);
    }
    let addresses = ["10.9.0.1/24", "10.9.0.2/24", "fd09::1/64"].map(net).to_vec();
    let link = LinkPlan { name: "one".into(), addresses, gateways: Vec::new() };
    let network = ContainerNetwork { links: vec![link], ..ContainerNetwork::default() };
    host.run(|| configure(&network)).unwrap();
    host
}

fn devices(all: &[(&str, &str)]) -> Result<Vec<Device>> {
    let all: BTreeMap<String, String> =
        all.iter().map(|(name, inside)| ((*name).to_owned(), (*inside).to_owned())).collect();
    plan_devices(&all, &ContainerNetwork::default(), "web", "/run/test")
}

/// Looks and takes, as a start does.
fn moved(host: &Namespace, inside: &Namespace, all: &[(&str, &str)]) -> Result<Vec<Taken>> {
    let devices = devices(all)?;
    host.run(|| {
        let taken = look(&devices, inside.fd())?;
        take(&taken, inside.fd()).inspect_err(|_| put_back(&taken, Some(inside.fd())).unwrap())?;
        Ok(taken)
    })
}

fn is_up(namespace: &Namespace, name: &str) -> bool {
    namespace.link(name).header.flags.contains(LinkFlags::Up)
}

const ADDRESSES: [&str; 3] =
    ["10.9.0.1/24 brd 10.9.0.255", "10.9.0.2/24 brd 10.9.0.255", "fd09::1/64"];

#[test]
fn a_device_is_moved_with_its_addresses_and_put_back() {
    let (host, inside) = (host(), Namespace::new());
    let taken = moved(&host, &inside, &[("one", "web0"), ("two", "two")]).unwrap();
    assert_eq!(inside.names(), ["two", "web0"]);
    assert_eq!(inside.addresses("web0"), ADDRESSES);
    assert!(is_up(&inside, "web0") && is_up(&inside, "two"));
    assert!(!host.names().iter().any(|name| name == "one" || name == "two"));
    for _ in 0..2 {
        host.run(|| put_back(&taken, Some(inside.fd()))).unwrap();
        assert!(inside.names().is_empty());
        assert_eq!(host.addresses("one"), ADDRESSES);
        assert!(is_up(&host, "one") && !is_up(&host, "two"), "as they were");
    }
}

#[test]
fn the_kernel_may_choose_the_name() {
    let (host, inside) = (host(), Namespace::new());
    inside.make("web0", InfoKind::Veth);
    let taken = moved(&host, &inside, &[("one", "web%d"), ("two", "web%d")]).unwrap();
    assert_eq!(inside.addresses("web1"), ADDRESSES);
    assert!(is_up(&inside, "web2"));
    host.run(|| put_back(&taken, Some(inside.fd()))).unwrap();
    assert_eq!(host.addresses("one"), ADDRESSES);
}

#[test]
fn a_name_that_is_taken_there_stays() {
    let (host, inside) = (host(), Namespace::new());
    inside.make("one", InfoKind::Veth);
    let before = host.names();
    let error = moved(&host, &inside, &[("one", "one")]).unwrap_err().to_string();
    assert!(error.contains("net_devices[\"one\"]: the container's network"), "{error}");
    let error = moved(&host, &inside, &[("none", "x")]).unwrap_err().to_string();
    assert!(error.contains("has no network device \"none\""), "{error}");
    let error = moved(&host, &host, &[("one", "x")]).unwrap_err().to_string();
    assert!(error.contains("the host's"), "{error}");
    assert_eq!(host.names(), before);
    // Its present name may be somebody else's in there.
    moved(&host, &inside, &[("one", "other")]).unwrap();
    assert_eq!(inside.addresses("other"), ADDRESSES);
}

/// A name that was taken only after the look, and a device that cannot leave.
#[test]
fn what_fails_half_way_is_put_back() {
    let (host, inside) = (host(), Namespace::new());
    let before = host.names();
    let devices = devices(&[("one", "web0"), ("two", "web1")]).unwrap();
    let taken = host.run(|| look(&devices, inside.fd())).unwrap();
    inside.make("web1", InfoKind::Veth);
    let error = host.run(|| take(&taken, inside.fd())).unwrap_err().to_string();
    assert!(error.starts_with("moving the network device two into"), "{error}");
    host.run(|| put_back(&taken, Some(inside.fd()))).unwrap();
    assert_eq!(host.names(), before);
    assert_eq!(host.addresses("one"), ADDRESSES);
    host.make("bridge", InfoKind::Bridge);
    let error = moved(&host, &Namespace::new(), &[("bridge", "b"), ("two", "t")]).unwrap_err();
    assert!(error.to_string().contains("Invalid argument"), "{error}");
    assert!(host.names().contains(&"two".to_owned()));
}

/// As a creator that was killed leaves it: the note is all that is known.
#[test]
fn an_interrupted_move_is_put_back_from_wherever_it_is() {
    let (host, inside) = (host(), Namespace::new());
    let devices = devices(&[("one", "web%d"), ("two", "web1")]).unwrap();
    let taken = host.run(|| look(&devices, inside.fd())).unwrap();
    let note = serde_json::to_vec(&taken).unwrap();
    let taken: Vec<Taken> = serde_json::from_slice(&note).unwrap();
    // Nothing has happened yet.
    host.run(|| put_back(&taken, Some(inside.fd()))).unwrap();
    // Moved, and neither renamed nor configured.
    host.run(|| {
        let mut netlink = Netlink::open().unwrap();
        let index = netlink.index_of("one").unwrap();
        netlink.ask(super::moved(index, &devices[0].meanwhile, inside.fd(), "one")).unwrap();
    });
    host.run(|| put_back(&taken, Some(inside.fd()))).unwrap();
    assert_eq!(host.addresses("one"), ADDRESSES);
    // Come back under its name inside, as physical ones do.
    host.run(|| {
        let mut netlink = Netlink::open().unwrap();
        let index = netlink.index_of("two").unwrap();
        netlink.ask(renamed(index, "web1")).unwrap();
    });
    host.run(|| put_back(&taken, None)).unwrap();
    assert!(host.names().contains(&"two".to_owned()));
}

#[test]
fn names_are_checked_before_anything_is_moved() {
    let refused = |all: &[(&str, &str)]| devices(all).unwrap_err().to_string();
    for (name, inside, why) in [
        ("lo", "x", "cannot be moved"),
        ("one", "lo", "already"),
        ("one", "a name", "cannot have"),
        ("one", "longer-than-fifteen", "15 bytes"),
        ("one", "exactly15bytes%d", "15 bytes"),
        ("one", "%d", "is empty"),
        ("one", "a%d%d", "cannot have"),
        ("one", "", "is empty"),
    ] {
        let text = refused(&[(name, inside)]);
        assert!(text.contains(why), "{name} {inside}: {text}");
    }
    assert!(refused(&[("one", "x"), ("two", "x")]).starts_with("net_devices[\"two\"]: "));
    assert!(devices(&[("one", "two"), ("two", "one")]).is_ok());
}
