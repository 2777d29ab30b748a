//! Loopback, veth pairs, routes, figures; bridges are made in this test's own network namespace.

use std::net::IpAddr;
use std::process::Command;
use std::time::Duration;

use libcontainer::config::{Capabilities, Config, NamespaceKind, Network, Route, Veth};
use libcontainer::{Process, Stdio};

use crate::common::{HostSnapshot, Place, Test, has_program, skip, test};
use crate::kit::{self, Running, field, refusal};

pub fn tests() -> Vec<Test> {
    vec![
        test("network::loopback", loopback),
        test("network::veth_with_everything", everything),
        test("network::routes", routes),
        test("network::two_containers_talk", talk),
        test("network::a_joined_namespace_is_not_configured", joined),
        test("network::refusals", refusals),
        test("network::the_host_end_goes", host_end_goes),
    ]
}

fn place() -> Option<Place> {
    if !has_program("ip") {
        skip("there is no ip(8), by which the test makes a bridge");
        return None;
    }
    kit::place()
}

fn ip(args: &str) -> String {
    let run = Command::new("ip").args(args.split(' ')).output().unwrap();
    assert!(run.status.success(), "ip {args}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

/// A bridge with the addresses of the gateways, gone with this.
struct Bridge;

impl Bridge {
    fn new() -> Self {
        ip("link add test0 type bridge");
        ip("addr add 10.77.0.1/24 dev test0");
        ip("addr add fd77::1/64 dev test0 nodad");
        ip("link set test0 up");
        Self
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["link", "del", "test0"]).status();
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn veth(last: u8) -> Veth {
    Veth {
        bridge: "test0".into(),
        addresses: vec![
            (address(&format!("10.77.0.{last}")), 24),
            (address(&format!("fd77::{last:x}")), 64),
        ],
        ..Veth::default()
    }
}

fn with(place: &Place, veths: &[Veth]) -> Config {
    let mut config = place.small();
    config.networks = vec![Network::Loopback];
    config.networks.extend(veths.iter().cloned().map(Network::Veth));
    config
}

fn loopback() {
    let Some(place) = place() else { return };
    let mut config = place.small();
    let running = Running::new(&place, "down", config.clone());
    assert!(running.exec(&["/bin/probe", "connect", "127.0.0.1:1"]).0.contains("ENETUNREACH"));
    drop(running);
    config.networks = vec![Network::Loopback];
    let running = Running::new(&place, "up", config);
    for address in ["127.0.0.1:1", "[::1]:1"] {
        let said = running.exec(&["/bin/probe", "connect", address]).0;
        assert!(said.starts_with("error ECONNREFUSED"), "{said}");
    }
}

fn everything() {
    let Some(place) = place() else { return };
    let before = HostSnapshot::take(&place);
    {
        let _bridge = Bridge::new();
        let first = Veth {
            name: "net0".into(),
            host_name: "host0".into(),
            mac_address: "02:42:ac:11:00:02".into(),
            gateways: vec![address("10.77.0.1"), address("fd77::1")],
            mtu: 1400,
            tx_queue_len: 77,
            hairpin: true,
            ..veth(2)
        };
        let mut config = with(&place, &[first, Veth::default()]);
        config.process.capabilities = Some(Capabilities::of(["NET_RAW"]));
        let running = Running::new(&place, "all", config);
        let show = |what: &str| running.say(&["ip", "addr", "show", "dev", what]);
        let text = show("net0");
        for part in [
            "mtu 1400",
            "qlen 77",
            "02:42:ac:11:00:02",
            "inet 10.77.0.2/24",
            "inet6 fd77::2/64",
            ",UP",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        // At once usable: no address is tentative.
        assert!(!text.contains("tentative") || text.contains("scope link tentative"), "{text}");
        // The second has the first free name.
        assert!(show("eth0").contains("UP"), "{}", show("eth0"));
        assert!(running.say(&["ip", "route"]).contains("default via 10.77.0.1 dev net0"));
        assert!(running.say(&["ip", "-6", "route"]).contains("default via fd77::1 dev net0"));
        let host = ip("-d link show host0");
        for part in ["mtu 1400", "qlen 77", "master test0", "hairpin on", "state UP"] {
            assert!(host.contains(part), "{part}: {host}");
        }
        running.say(&["ping", "-c", "1", "-W", "5", "10.77.0.1"]);
        running.say(&["ping", "-c", "2", "-W", "5", "fd77::1"]);
        let stats = running.container.stats().unwrap();
        let interface = stats.interfaces.iter().find(|one| one.name == "net0");
        let interface = interface.unwrap_or_else(|| panic!("{stats:?}"));
        assert!(interface.rx_packets > 0 && interface.tx_bytes > 80, "{interface:?}");
        let file = |name: &str| -> u64 {
            let text = running.say(&["grep", "net0", "/proc/net/dev"]);
            let numbers: Vec<&str> = text.split_whitespace().skip(1).collect();
            numbers[if name == "rx" { 1 } else { 9 }].parse().unwrap()
        };
        // Packets of neighbour discovery come when they like.
        assert!(file("rx").abs_diff(interface.rx_packets) <= 5);
        assert!(file("tx").abs_diff(interface.tx_packets) <= 5);
    }
    before.assert_restored(Duration::from_secs(3));
}

fn routes() {
    let Some(place) = place() else { return };
    let _bridge = Bridge::new();
    let mut config = with(&place, &[veth(2)]);
    let route = |destination: &str, length: u8| Route {
        destination: Some((address(destination), length)),
        interface: "eth0".into(),
        ..Route::default()
    };
    config.routes = vec![
        route("192.0.2.0", 24),
        Route {
            gateway: Some(address("10.77.0.9")),
            source: Some(address("10.77.0.2")),
            ..route("198.51.100.0", 25)
        },
        Route { gateway: Some(address("10.77.0.1")), ..Route::default() },
        Route { gateway: Some(address("fd77::9")), ..route("2001:db8::", 32) },
    ];
    let running = Running::new(&place, "routes", config.clone());
    let text = running.say(&["ip", "route"]);
    for part in [
        "192.0.2.0/24 dev eth0",
        "198.51.100.0/25 via 10.77.0.9 dev eth0",
        "src 10.77.0.2",
        "default via 10.77.0.1 dev eth0",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = running.say(&["ip", "-6", "route"]);
    assert!(text.contains("2001:db8::/32 via fd77::9 dev eth0"), "{text}");
    drop(running);
    // A gateway that nobody can reach.
    config.routes = vec![Route { gateway: Some(address("10.99.0.1")), ..Route::default() }];
    let text = refusal(&place, config).to_string();
    assert!(text.contains("10.99.0.1") && text.contains("unreachable"), "{text}");
}

fn talk() {
    let Some(place) = place() else { return };
    let _bridge = Bridge::new();
    let server = Running::new(&place, "server", with(&place, &[veth(2)]));
    let client = Running::new(&place, "client", with(&place, &[veth(3)]));
    for listen in ["10.77.0.2:4000", "[fd77::2]:4001"] {
        let mut process = Process::new(["/bin/probe", "listen", listen, "across"]);
        (process.stdin, process.stdout) = (Stdio::Null, Stdio::Pipe);
        let mut listener = server.container.exec(process).unwrap();
        let mut word = [0; 9];
        let stdout = listener.stdout.as_mut().unwrap();
        std::io::Read::read_exact(stdout, &mut word).unwrap();
        assert_eq!(&word, b"listening");
        assert_eq!(client.say(&["/bin/probe", "connect", listen]), "got across\n");
        let (said, code) = kit::rest(&mut listener);
        assert!(code == 0 && (said.contains("10.77.0.3") || said.contains("fd77::3")), "{said}");
    }
}

fn joined() {
    let Some(place) = place() else { return };
    let _bridge = Bridge::new();
    let donor = Running::new(&place, "donor", with(&place, &[veth(2)]));
    let mut config = place.small();
    kit::join(&mut config, NamespaceKind::Network, donor.namespace_path(NamespaceKind::Network));
    let joiner = Running::new(&place, "joiner", config.clone());
    assert!(joiner.say(&["ip", "addr"]).contains("10.77.0.2/24"));
    drop(joiner);
    config.networks = vec![Network::Loopback];
    let error = Running::try_new(&place, "configured", config).err().unwrap();
    assert_eq!(field(&error), "networks", "{error}");
    // Its end leaves the other's network.
    assert!(donor.say(&["ip", "addr"]).contains("10.77.0.2/24"));
}

fn refusals() {
    let Some(place) = place() else { return };
    let before = HostSnapshot::take(&place);
    {
        let _bridge = Bridge::new();
        let plain = veth(2);
        let cases: Vec<(&str, Veth)> = vec![
            ("mac", Veth { mac_address: "no".into(), ..plain.clone() }),
            ("name", Veth { name: "much-too-long-a-name".into(), ..plain.clone() }),
            ("name", Veth { name: "a/b".into(), ..plain.clone() }),
            ("host", Veth { host_name: "much-too-long-a-name".into(), ..plain.clone() }),
            ("address", Veth { addresses: vec![(address("10.77.0.2"), 33)], ..plain.clone() }),
            ("mtu", Veth { mtu: 1, ..plain.clone() }),
            (
                "gateway",
                Veth {
                    gateways: vec![address("10.77.0.1"), address("10.77.0.9")],
                    ..plain.clone()
                },
            ),
            ("nosuchbr0", Veth { bridge: "nosuchbr0".into(), ..plain.clone() }),
            // The bridge has it itself.
            ("10.77.0.1", Veth { addresses: vec![(address("10.77.0.1"), 24)], ..plain.clone() }),
            ("gateway", Veth { gateways: vec![address("10.99.0.1")], ..plain.clone() }),
            ("test0", Veth { host_name: "test0".into(), ..plain.clone() }),
        ];
        for (word, veth) in cases {
            let text = refusal(&place, with(&place, std::slice::from_ref(&veth))).to_string();
            // Whether a gateway can be reached only the container's kernel knows.
            let named = text.contains("networks[1]") || text.contains("RTM_NEWROUTE");
            assert!(named, "{veth:?}: {text}");
            assert!(text.to_lowercase().contains(word), "{veth:?}: {text}");
        }
        // Taken by another container.
        let running = Running::new(&place, "first", with(&place, &[veth(2)]));
        let error = Running::try_new(&place, "second", with(&place, &[veth(2)])).err().unwrap();
        assert!(error.to_string().contains("10.77.0.2"), "{error}");
        assert_eq!(running.exec(&["true"]).1, 0);
    }
    before.assert_restored(Duration::from_secs(3));
}

/// With the namespace, when its last process ends, or by destroy at the latest.
fn host_end_goes() {
    let Some(place) = place() else { return };
    let before = HostSnapshot::take(&place);
    {
        let _bridge = Bridge::new();
        let named = Veth { host_name: "goes0".into(), ..veth(2) };
        let container =
            place.factory().create("goes", with(&place, std::slice::from_ref(&named))).unwrap();
        let mut init = container.run(Process::new(["sleep", "1000"]).silent()).unwrap();
        ip("link show goes0");
        // Somebody else holds the namespace: the pair would stay.
        let held = std::fs::File::open(format!("/proc/{}/ns/net", init.pid())).unwrap();
        container.kill().unwrap();
        init.wait().unwrap();
        ip("link show goes0");
        container.destroy().unwrap();
        assert!(
            !Command::new("ip").args(["link", "show", "goes0"]).output().unwrap().status.success()
        );
        drop(held);
        // The name and the address are free again.
        let running = Running::new(&place, "again", with(&place, &[named]));
        assert!(running.say(&["ip", "addr"]).contains("10.77.0.2/24"));
    }
    before.assert_restored(Duration::from_secs(3));
}
