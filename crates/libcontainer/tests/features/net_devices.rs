//! Devices of the host's network in a container; the host is this test's own network namespace.

use std::process::Command;
use std::time::Duration;

use libcontainer::config::{Config, NamespaceKind};
use libcontainer::{ErrorKind, Process};

use crate::common::{HostSnapshot, Place, Test, deadline, has_program, skip, test};
use crate::kit::{self, Running, field, refusal};

pub fn tests() -> Vec<Test> {
    vec![
        test("net_devices::moved_with_addresses", moved),
        test("net_devices::a_failed_start_puts_them_back", put_back),
        test("net_devices::a_joined_namespace_keeps_them", joined),
        test("net_devices::physical_ones_would_return_virtual_ones_go", gone),
        test("net_devices::refusals", refusals),
    ]
}

fn place() -> Option<Place> {
    if !has_program("ip") || !has_program("nsenter") {
        skip("there is no ip(8) or nsenter(1), by which the test makes devices and looks at them");
        return None;
    }
    kit::place()
}

fn run(program: &str, args: &str) -> String {
    let run = Command::new(program).args(args.split(' ')).output().unwrap();
    let why = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{program} {args}: {why}");
    String::from_utf8(run.stdout).unwrap()
}

fn ip(args: &str) -> String {
    run("ip", args)
}

/// A pair, whose one end has addresses and is up; gone with this.
struct Pair;

impl Pair {
    fn new() -> Self {
        ip("link add dev0 type veth peer name peer0");
        ip("link set dev0 mtu 1400 address 02:00:00:00:00:77");
        ip("addr add 10.78.0.2/24 dev dev0");
        ip("addr add fd78::2/64 dev dev0 nodad");
        ip("addr add 10.79.0.2/24 dev dev0 scope link");
        ip("link set dev0 up");
        ip("link set peer0 up");
        Self
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["link", "del", "peer0"]).output();
    }
}

fn with(place: &Place, all: &[(&str, &str)]) -> Config {
    let mut config = place.small();
    kit::own(&mut config, NamespaceKind::Network);
    let pair = |(name, inside): &(&str, &str)| ((*name).to_owned(), (*inside).to_owned());
    config.net_devices = all.iter().map(pair).collect();
    config
}

/// What ip(8) says in the container's network namespace.
fn inside(running: &Running, args: &str) -> String {
    run("nsenter", &format!("--net=/proc/{}/ns/net ip {args}", running.init.pid()))
}

#[track_caller]
fn as_it_was() {
    let text = ip("addr show dev0");
    for word in ["10.78.0.2/24", "fd78::2/64", "mtu 1400", "02:00:00:00:00:77", "UP"] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

fn moved() {
    let Some(place) = place() else { return };
    let _pair = Pair::new();
    let running = Running::new(&place, "moved", with(&place, &[("dev0", "web0")]));
    assert!(!ip("link").contains("dev0@"));
    let text = inside(&running, "addr show web0");
    for word in ["10.78.0.2/24", "fd78::2/64", "mtu 1400", "02:00:00:00:00:77", "UP"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    // Only global ones go along.
    assert!(!text.contains("10.79.0.2"), "{text}");
    assert!(running.say(&["cat", "/proc/net/dev"]).contains("web0"));
}

fn put_back() {
    let Some(place) = place() else { return };
    let _pair = Pair::new();
    let before = HostSnapshot::take(&place);
    let process = Process::new(["/no/such/program"]).silent();
    let error = kit::refusal_of(&place, with(&place, &[("dev0", "web0")]), process);
    assert_eq!(*error.kind(), ErrorKind::ProcessNotExecuted, "{error}");
    as_it_was();
    // What the kernel says no to in the middle: a bridge cannot leave its namespace.
    ip("link add yyy type bridge");
    let error = refusal(&place, with(&place, &[("dev0", "web0"), ("yyy", "b")]));
    ip("link del yyy");
    assert!(error.to_string().contains("moving the network device yyy"), "{error}");
    as_it_was();
    before.assert_restored(Duration::from_secs(2));
}

/// Its owner decides what becomes of a device in it.
fn joined() {
    let Some(place) = place() else { return };
    let _pair = Pair::new();
    let mut config = place.small();
    kit::own(&mut config, NamespaceKind::Network);
    let owner = Running::new(&place, "owner", config);
    let mut config = with(&place, &[("dev0", "eth%d")]);
    let path = owner.namespace_path(NamespaceKind::Network);
    kit::join(&mut config, NamespaceKind::Network, &path);
    drop(Running::new(&place, "guest", config.clone()));
    assert!(inside(&owner, "addr show eth0").contains("10.78.0.2/24"));
    // It is there, and no more the host's.
    let error = Running::try_new(&place, "late", config).err().unwrap();
    assert_eq!(field(&error), "net_devices[\"dev0\"]");
}

/// A veth end is a virtual device: it goes with the namespace, says the specification.
fn gone() {
    let Some(place) = place() else { return };
    let _pair = Pair::new();
    drop(Running::new(&place, "gone", with(&place, &[("dev0", "dev0")])));
    let _alarm = deadline(Duration::from_secs(30));
    while ip("link").contains("peer0") {
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn refusals() {
    let Some(place) = place() else { return };
    let _pair = Pair::new();
    assert_eq!(field(&refusal(&place, with(&place, &[("none", "x")]))), "net_devices[\"none\"]");
    let mut config = with(&place, &[("dev0", "x")]);
    kit::host(&mut config, NamespaceKind::Network);
    assert_eq!(field(&refusal(&place, config.clone())), "net_devices");
    kit::join(&mut config, NamespaceKind::Network, "/proc/self/ns/net");
    assert_eq!(field(&refusal(&place, config)), "net_devices");
    as_it_was();
}
