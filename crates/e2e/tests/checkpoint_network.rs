//! Networks of saved containers: connections to peers that go on talking, veth pairs, and what else
//! leads out.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::time::Duration;

use e2e::counting::no_criu;
use e2e::{Bundle, Cmd, World, each_view, on_this_host, until};
use serde_json::json;

fn ip(words: &str) {
    Cmd::new("ip", words.split(' ')).run().success();
}

/// Says something to an echo.
fn echoes(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).unwrap();
    let mut buffer = vec![0; text.len()];
    stream.read_exact(&mut buffer).unwrap();
    assert_eq!(String::from_utf8_lossy(&buffer), text);
}

#[test]
fn a_peer_outside_goes_on_talking() {
    if no_criu() {
        return;
    }
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        ip("netns add outside");
        ip("link add ours type veth peer name theirs netns outside");
        ip("addr add 10.77.0.1/24 dev ours");
        ip("link set ours up");
        ip("netns exec outside ip addr add 10.77.0.2/24 dev theirs");
        ip("netns exec outside ip link set theirs up");
        bundle.set("/linux/namespaces/1", json!({"type": "network", "path": "/run/netns/outside"}));
        bundle.sh("exec nc -l -p 7000 -e /bin/cat");
        bundle.detach();
        let mut stream = None;
        until("it listens", || {
            stream = TcpStream::connect("10.77.0.2:7000").ok();
            stream.is_some()
        });
        let mut stream = stream.unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        echoes(&mut stream, "before");
        let flag = ["--tcp-established"];
        bundle.checkpoint("images", [""; 0]).run().code(1);
        echoes(&mut stream, "it goes on");
        bundle.checkpoint("images", flag).run().success();
        // What is said meanwhile comes again.
        stream.write_all(b"mean").unwrap();
        bundle.restore("images", flag).run().success();
        let mut buffer = [0; 4];
        stream.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"mean");
        echoes(&mut stream, "after");
        drop(stream);
        bundle.delete();
        ip("netns del outside");
    });
}

#[test]
fn a_pair_of_its_own_comes_back_on_its_bridge() {
    if no_criu() {
        return;
    }
    on_this_host(|world: &World| {
        let root = world.busybox();
        ip("link add br0 type bridge");
        ip("addr add 10.9.0.1/24 dev br0");
        ip("link set br0 up");
        let flags = ["--detach", "--veth-bridge", "br0", "--veth-address", "10.9.0.2/24"];
        root.exec(flags).args(["/bin/sleep", "1000"]).leaves_behind().run().success();
        let reached = || {
            Cmd::new("ip", ["-o", "link", "show", "master", "br0"]).run().out.lines().count() == 1
                && root.exec(["/bin/ping", "-c", "1", "-W", "1", "10.9.0.1"]).run().status.success()
        };
        until("reached", reached);
        let images = world.path("images");
        let images = images.to_str().unwrap();
        root.nsinit(["checkpoint", "--image-path", images]).with_criu().run().success();
        let restore = root.nsinit(["restore", "--detach", "--image-path", images]).with_criu();
        restore.leaves_behind().run().success();
        until("reached again", reached);
        root.nsinit(["delete", "--force"]).run().success();
        assert!(!Cmd::new("ip", ["-o", "link"]).run().out.contains("master br0"));
        ip("link del br0");
    });
}

#[test]
fn a_connection_to_a_socket_outside() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        let place = world.path("place");
        std::fs::create_dir(&place).unwrap();
        let listener = UnixListener::bind(place.join("socket")).unwrap();
        bundle.push(
            "/mounts",
            json!({"destination": "/place", "type": "bind",
            "source": place.to_str().unwrap(), "options": ["bind"]}),
        );
        bundle.sh("/probe connect /place/socket & while true; do sleep 0.1; done");
        bundle.detach();
        let _peer = listener.accept().unwrap();
        bundle.checkpoint("images", [""; 0]).run().code(1).error(&["CRIU failed"]);
        assert_eq!(bundle.status(), "running");
        bundle.delete();
    });
}

#[test]
fn what_hooks_have_made_they_make_again() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        // As Docker's do; both ends are inside, so that nothing is left anywhere.
        let script = "pid=$(sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/'); \
                      nsenter -n -t $pid sh -ec 'ip link set lo up; \
                      ip link add eth0 type veth peer name eth1; ip link set eth0 up; \
                      ip addr add 10.78.0.1/24 dev eth0'";
        bundle.push(
            "/hooks/prestart",
            json!({"path": "/bin/sh", "args": ["sh", "-c", script],
            "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]}),
        );
        bundle.sh("while true; do echo >>/count; sleep 0.05; done");
        bundle.detach();
        bundle.checkpoint("images", [""; 0]).run().success();
        bundle.restore("images", [""; 0]).run().success();
        let run = bundle.exec(["ip", "addr", "show", "eth0"]).run().success();
        assert!(run.out.contains("inet 10.78.0.1/24"), "{}", run.out);
        bundle.delete();
    });
}

/// A connection that nobody has taken yet has no descriptor, and CRIU nothing to save it by.
#[test]
fn connections_that_wait_are_left_out_if_one_says_so() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.sh("exec nc -ll -p 7000 -e /bin/cat");
        let inside = |bundle: &Bundle, words: &[&str]| {
            let pid = bundle.state()["pid"].to_string();
            Cmd::new("nsenter", ["-n", "-t", &pid]).args(words)
        };
        let echoed = |bundle: &Bundle, text: &str| {
            let script = format!("exec 3<>/dev/tcp/127.0.0.1/7000; echo {text} >&3; head -1 <&3");
            inside(bundle, &["timeout", "5", "bash", "-c", &script]).run().out.contains(text)
        };
        bundle.detach();
        let pid = bundle.state()["pid"].to_string();
        let table = || -> String {
            let text = |name| std::fs::read_to_string(format!("/proc/{pid}/net/{name}")).unwrap();
            ["tcp", "tcp6"].map(text).concat()
        };
        until("it listens", || table().contains(":1B58 "));
        assert!(echoed(&bundle, "before"));
        // All but those that listen, and those that nobody has any more.
        let talks =
            |line: &str| line.contains(':') && ![" 0A ", " 06 "].iter().any(|s| line.contains(s));
        until("nobody talks", || !table().lines().any(talks));
        // What stands still takes no connection; the kernel does, up to a point.
        bundle.verb("pause").run().success();
        let script = "exec 3<>/dev/tcp/127.0.0.1/7000; exec sleep 1000";
        let waiting = inside(&bundle, &["bash", "-c", script]).start();
        // A listening socket's queue is as long as the number of those that wait.
        let waits = |line: &str| line.contains(":1B58 ") && line.contains(" 0A 00000000:00000001");
        until("it waits", || table().lines().any(waits));
        let flag = ["--tcp-established"];
        for flags in [&flag[..], &[]] {
            bundle.checkpoint("images", flags).run().code(1).error(&["n-flight connection"]);
            assert_eq!(bundle.status(), "paused");
        }
        bundle.checkpoint("images", ["--tcp-skip-in-flight"]).run().success();
        assert_eq!(bundle.status(), "checkpointed");
        waiting.signal(rustix::process::Signal::KILL);
        let _ = waiting.wait();
        bundle.restore("images", [""; 0]).run().success();
        assert!(echoed(&bundle, "after"));
        bundle.delete();
    });
}

/// What says its numbers to a datagram socket outside, by that socket's own name. (CRIU sees peers in
/// the container's network namespace only.)
const TELLS: &str = r#"
    use Socket;
    socket(my $socket, AF_UNIX, SOCK_DGRAM, 0); connect($socket, sockaddr_un($ARGV[0])) or die;
    for (my $i = 0; ; $i++) { send($socket, $i, 0); select(undef, undef, undef, 0.05) }
"#;

#[test]
fn who_listens_outside_hears_it_again() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let Some(root) = world.debian() else { return };
        std::fs::write(root.file("tells.pl"), TELLS).unwrap();
        let place = std::path::Path::new("/run/listens");
        std::fs::create_dir(place).unwrap();
        let socket = place.join("socket");
        let listener = UnixDatagram::bind(&socket).unwrap();
        listener.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let hears = || -> u32 {
            let mut text = [0; 16];
            let length = listener.recv(&mut text).unwrap();
            std::str::from_utf8(&text[..length]).unwrap().parse().unwrap()
        };
        let bind = format!("{0}:{0}", place.display());
        let run = root.exec(["--detach", "--net", "host", "--bind", &bind, "perl", "/tells.pl"]);
        run.args([&socket]).leaves_behind().run().success();
        assert_eq!(hears(), 0);
        let images = world.path("images");
        let images = images.to_str().unwrap();
        let checkpoint = ["checkpoint", "--image-path", images];
        root.nsinit(checkpoint)
            .with_criu()
            .run()
            .error(&["CRIU failed: unix: External socket", "--ext-unix-sk"]);
        root.nsinit(checkpoint).args(["--ext-unix-sk"]).with_criu().run().success();
        listener.set_nonblocking(true).unwrap();
        let mut buffer = [0; 16];
        while listener.recv(&mut buffer).is_ok() {}
        listener.set_nonblocking(false).unwrap();
        let restore = root.nsinit(["restore", "--detach", "--image-path", images, "--ext-unix-sk"]);
        restore.with_criu().leaves_behind().run().success();
        let next = hears();
        assert!(next > 0);
        assert_eq!(hears(), next + 1);
        root.delete();
    });
}
