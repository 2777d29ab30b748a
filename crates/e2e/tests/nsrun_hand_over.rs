//! What goes with a process: pid files, terminals and pidfds over sockets, descriptors that it
//! inherits, and the service manager that wants to be told.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use e2e::{Bundle, Cmd, World, each_view, on_this_host, until};
use rustix::process::{Signal, pidfd_send_signal};

/// No flags.
const NONE: [&str; 0] = [];

#[test]
fn the_pid_file_has_the_pid_and_nothing_else() {
    on_this_host(|world: &World| {
        let bundle = world.bundle();
        let file = world.path("pid");
        let path = file.to_str().unwrap();
        let before = world.snapshot();
        for verb in ["create", "run"] {
            let detach: &[&str] = if verb == "run" { &["--detach"] } else { &[] };
            let command = bundle.nsrun([verb, "--pid-file", path]).args(detach).args([&bundle.id]);
            command.leaves_behind().run().success();
            let text = std::fs::read_to_string(&file).unwrap();
            assert_eq!(text, bundle.state()["pid"].to_string());
            assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o644);
            bundle.delete();
            // It is replaced as a whole the next time.
        }
        std::fs::remove_file(&file).unwrap();
        // A relative one is where we are called, and not in the bundle.
        let here = world.path("here");
        std::fs::create_dir(&here).unwrap();
        let run = bundle.nsrun([
            "create",
            "-b",
            bundle.path.to_str().unwrap(),
            "--pid-file",
            "p",
            &bundle.id,
        ]);
        run.dir(&here).leaves_behind().run().success();
        assert!(here.join("p").is_file());
        bundle.delete();
        std::fs::remove_dir_all(&here).unwrap();
        // One that cannot be written ends the container.
        let flags = ["--pid-file", "/no/such/directory/pid"];
        let why = ["--pid-file", "no such file or directory"];
        bundle.create(flags).run().code(1).error(&why);
        bundle.run(flags).run().code(255).error(&why);
        before.assert_restored();
    });
}

#[test]
fn the_terminal_goes_over_the_console_socket() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.set("/process/terminal", true);
        bundle.set("/process/consoleSize", serde_json::json!({"height": 30, "width": 90}));
        bundle.sh("tty; stty size; read x; echo got $x; sleep 1000");
        let receiver = world.receiver();
        let socket = receiver.path.to_str().unwrap();
        for run in [false, true] {
            let before = world.snapshot();
            if run {
                bundle.run(["-d", "--console-socket", socket]).run().success();
            } else {
                bundle.create(["--console-socket", socket]).run().success();
                bundle.verb("start").run().success();
            }
            let (name, master) = receiver.receive();
            assert!(name.starts_with("/dev/"), "{name}");
            converse(File::from(master), "got word", &["/dev/pts/0", "30 90"]);
            bundle.delete();
            before.assert_restored();
        }
        bundle.set("/process/terminal", false).args(["/probe", "sleep", "1000"]);
        let before = world.snapshot();
        bundle.detach();
        let exec = ["exec", "-d", "-t", "--console-socket", socket, &bundle.id];
        let script = "tty; read x; echo got $x; sleep 1000";
        bundle.nsrun(exec).args(["sh", "-c", script]).run().success();
        let (_, master) = receiver.receive();
        converse(File::from(master), "got word", &["/dev/pts/0"]);
        bundle.delete();
        before.assert_restored();
    });
}

/// Types a word, and reads until the answer; what else must have been shown.
fn converse(mut master: File, answer: &str, shown: &[&str]) {
    master.write_all(b"word\n").unwrap();
    let mut text = String::new();
    let mut buffer = [0; 1024];
    while !text.contains(answer) {
        let length = master.read(&mut buffer).unwrap();
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    for part in shown {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn a_socket_that_nobody_listens_at() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        bundle.set("/process/terminal", true);
        let gone = world.path("gone");
        drop(std::os::unix::net::UnixListener::bind(&gone).unwrap());
        let before = world.snapshot();
        for (socket, why) in [
            ("/no/such/socket", "no such file or directory"),
            (gone.to_str().unwrap(), "connection refused"),
        ] {
            let run = bundle.create(["--console-socket", socket]).run().code(1);
            run.error(&["--console-socket", socket, why]);
            let run = bundle.create(["--pidfd-socket", socket, "--console-socket", "/x"]).run();
            run.code(1).error(&["socket"]);
        }
        // A path that is longer than an address may be.
        let long = world.path(&"x".repeat(120));
        std::fs::create_dir(&long).unwrap();
        let short = e2e::Receiver::at(world.path("short"));
        let path = long.join("socket");
        std::fs::rename(&short.path, &path).unwrap();
        let run = bundle.create(["--console-socket", path.to_str().unwrap()]);
        run.run().success();
        short.receive();
        bundle.delete();
        std::fs::remove_dir_all(&long).unwrap();
        before.assert_restored();
    });
}

#[test]
fn the_pidfd_goes_over_its_socket() {
    each_view(|world: &World| {
        let bundle = world.bundle();
        let receiver = world.receiver();
        let before = world.snapshot();
        bundle.create(["--pidfd-socket", receiver.path.to_str().unwrap()]).run().success();
        let (_, pidfd) = receiver.receive();
        let info = format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd());
        let info = std::fs::read_to_string(info).unwrap();
        assert!(info.contains(&format!("Pid:\t{}\n", bundle.state()["pid"])), "{info}");
        bundle.verb("start").run().success();
        let exec = ["exec", "--pidfd-socket", receiver.path.to_str().unwrap(), &bundle.id];
        let running = bundle.nsrun(exec).args(["/probe", "sleep", "1000"]).start();
        let (_, executed) = receiver.receive();
        pidfd_send_signal(executed.as_fd(), Signal::KILL).unwrap();
        running.wait().code(137);
        pidfd_send_signal(pidfd.as_fd(), Signal::KILL).unwrap();
        bundle.until_stopped();
        bundle.verb("delete").run().success();
        before.assert_restored();
    });
}

/// The command with descriptors 3 and up open on files that say their number.
fn with_files(world: &World, command: Cmd, count: usize, more: &str) -> Cmd {
    let mut script = String::new();
    for number in 3..3 + count {
        let file = world.path("file");
        std::fs::write(&file, format!("file {number}\n")).unwrap();
        script += &format!("exec {number}<{}; ", file.display());
    }
    command.by(["sh", "-c", &format!("{script}{more} exec \"$@\""), "sh"])
}

#[test]
fn descriptors_are_preserved() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.sh("cat <&3; cat <&4; ls /proc/self/fd | tr '\\n' ' '; echo $LISTEN_FDS");
        let run = with_files(world, bundle.run(["--preserve-fds", "2"]), 3, "").run().success();
        assert_eq!(run.out, "file 3\nfile 4\n0 1 2 3 4 5 \n", "the last is ls's own");
        let run = with_files(world, bundle.run(NONE), 3, "").run();
        assert!(!run.out.contains("file"), "{run:?}");
        // One that is not there.
        let run = with_files(world, bundle.run(["--preserve-fds=2"]), 1, "").run().code(1);
        run.error(&["--preserve-fds", "descriptor 4", "bad file descriptor"]);
        // Our own log is not taken for one.
        let log = world.path("log");
        let flags = ["--log", log.to_str().unwrap(), "run", "--preserve-fds", "1", &bundle.id];
        bundle.nsrun(flags).run().code(1).error(&["descriptor 3", "bad file descriptor"]);
        bundle.run(["--preserve-fds", "-1"]).run().code(1).error(&["--preserve-fds"]);
        bundle.args(["/probe", "sleep", "1000"]).detach();
        let exec = bundle.nsrun(["exec", "--preserve-fds", "1", &bundle.id, "sh", "-c", "cat <&3"]);
        assert_eq!(with_files(world, exec, 1, "").run().success().out, "file 3\n");
        bundle.delete();
    });
}

#[test]
fn sockets_of_the_service_manager_are_passed_on() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        let script = "echo $LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES; cat <&3; cat <&4; cat <&5";
        bundle.sh(script);
        let ours = "export LISTEN_FDS=2 LISTEN_PID=$$ LISTEN_FDNAMES=a:b;";
        let run = with_files(world, bundle.run(NONE), 3, ours).run();
        assert!(run.out.starts_with("2 1 a:b\nfile 3\nfile 4\n"), "{run:?}");
        assert!(!run.out.contains("file 5"));
        let run = with_files(world, bundle.run(["--preserve-fds", "1"]), 3, ours).run().success();
        assert_eq!(run.out, "2 1 a:b\nfile 3\nfile 4\nfile 5\n");
        let whose = "unset LISTEN_PID; export LISTEN_FDS=1;";
        let run = with_files(world, bundle.run(NONE), 3, whose).run();
        assert!(run.out.starts_with("1 1\nfile 3\n") && !run.out.contains("file 4"), "{run:?}");
        // Those of another process are not ours.
        let theirs = "export LISTEN_FDS=2 LISTEN_PID=1;";
        let run = with_files(world, bundle.run(NONE), 3, theirs).run();
        assert_eq!(run.out, "\n");
        // Only the first process gets them.
        bundle.args(["/probe", "sleep", "1000"]);
        let create = with_files(world, bundle.create(NONE), 2, ours);
        create.leaves_behind().run().success();
        bundle.verb("start").run().success();
        let pid = bundle.state()["pid"].to_string();
        let environment = std::fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
        assert!(environment.contains("LISTEN_PID=1\0"));
        for (number, there) in [(3, true), (4, true), (5, false)] {
            let file = std::fs::read_to_string(format!("/proc/{pid}/fd/{number}"));
            assert_eq!(file.is_ok_and(|text| text == format!("file {number}\n")), there);
        }
        let exec = with_files(world, bundle.exec(["env"]), 2, ours).run().success();
        assert!(!exec.out.contains("LISTEN"), "{exec:?}");
        bundle.delete();
    });
}

/// A service manager, as far as messages go: it takes them as they come, as barriers want it.
struct Manager {
    messages: Receiver<String>,
    path: String,
}

impl Manager {
    fn new(world: &World) -> Self {
        let path = world.path("manager").to_str().unwrap().to_owned();
        let socket = UnixDatagram::bind(&path).unwrap();
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length) = socket.recv(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                if !text.starts_with("BARRIER=1") && sender.send(text).is_err() {
                    break;
                }
            }
        });
        Self { messages, path }
    }

    #[track_caller]
    fn hear(&self) -> String {
        self.messages.recv_timeout(Duration::from_secs(10)).unwrap()
    }

    #[track_caller]
    fn hears_nothing(&self) {
        self.messages.recv_timeout(Duration::from_millis(50)).unwrap_err();
    }
}

fn notifying(bundle: &mut Bundle, before: &str) {
    let script = format!(
        "{before}; /probe notify STATUS=half 'READY=1\nMAINPID=1' || exit 9; touch /run/ready; \
         exec /probe sleep 1000"
    );
    bundle.sh(&script);
}

#[test]
fn the_service_manager_is_told_when_a_detached_container_is_ready() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        let manager = Manager::new(world);
        for user in [0, 1000] {
            bundle.set("/process/user/uid", user).set("/mounts/4/options/2", "mode=777");
            notifying(&mut bundle, "sleep 0.2");
            let before = world.snapshot();
            bundle.run(["-d"]).env("NOTIFY_SOCKET", &manager.path).leaves_behind().run().success();
            let pid = bundle.state()["pid"].to_string();
            assert_eq!(manager.hear(), "STATUS=half\n");
            // As a whole: a manager never takes the wrong process for the main one.
            assert_eq!(manager.hear(), format!("READY=1\nMAINPID={pid}\n"));
            manager.hears_nothing();
            let environment = std::fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
            assert!(environment.contains("NOTIFY_SOCKET=/run/notify/notify.sock\0"));
            let exec = bundle.exec(["env"]).env("NOTIFY_SOCKET", &manager.path).run().success();
            assert!(!exec.out.contains("NOTIFY_SOCKET"));
            bundle.delete();
            before.assert_restored();
        }
    });
}

#[test]
fn start_returns_when_the_container_is_ready() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        let manager = Manager::new(world);
        notifying(&mut bundle, "while ! [ -e /run/go ]; do sleep 0.01; done");
        let before = world.snapshot();
        let with = |cmd: Cmd| cmd.env("NOTIFY_SOCKET", &manager.path);
        with(bundle.create(NONE)).run().success();
        let mut starting = with(bundle.verb("start")).start();
        until("running", || bundle.status() == "running");
        std::thread::sleep(Duration::from_millis(100));
        assert!(!starting.ended());
        bundle.exec(["touch", "/run/go"]).run().success();
        starting.wait().success();
        assert_eq!(manager.hear(), "STATUS=half\n");
        let pid = bundle.state()["pid"].clone();
        assert_eq!(manager.hear(), format!("READY=1\nMAINPID={pid}\n"));
        bundle.delete();
        before.assert_restored();
        // One that ends without a word is not waited for.
        bundle.sh("exit 3");
        let before = world.snapshot();
        with(bundle.create(NONE)).run().success();
        with(bundle.verb("start")).run().success();
        bundle.delete();
        before.assert_restored();
        // Nor where nobody wants to be told.
        bundle.args(["/probe", "sleep", "1000"]);
        let before = world.snapshot();
        bundle.create(NONE).run().success();
        with(bundle.verb("start")).run().success();
        manager.hears_nothing();
        bundle.delete();
        before.assert_restored();
    });
}

#[test]
fn in_the_foreground_all_is_told_and_we_are_the_main_process() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        let manager = Manager::new(world);
        notifying(&mut bundle, "true");
        let before = world.snapshot();
        let running = bundle.run(NONE).env("NOTIFY_SOCKET", &manager.path).start();
        assert_eq!(manager.hear(), "STATUS=half\n");
        assert_eq!(manager.hear(), format!("READY=1\nMAINPID={}\n", running.pid()));
        let later = "NOTIFY_SOCKET=/run/notify/notify.sock /probe notify STOPPING=1";
        bundle.exec(["sh", "-c", later]).run().success();
        assert_eq!(manager.hear(), "STOPPING=1\n");
        bundle.nsrun(["kill", &bundle.id, "KILL"]).run().success();
        running.wait().code(137);
        before.assert_restored();
        // A manager by an abstract name.
        let name = SocketAddr::from_abstract_name(bundle.id.as_bytes()).unwrap();
        let socket = UnixDatagram::bind_addr(&name).unwrap();
        bundle.sh("/probe notify READY=1");
        let before = world.snapshot();
        bundle.run(NONE).env("NOTIFY_SOCKET", format!("@{}", bundle.id)).run().code(0);
        let mut buffer = [0; 100];
        let length = socket.recv(&mut buffer).unwrap();
        assert!(buffer[..length].starts_with(b"READY=1\nMAINPID="));
        before.assert_restored();
        // Nobody who could be told is no reason to stop.
        bundle.sh("echo \"socket $NOTIFY_SOCKET\"");
        let run = bundle.run(NONE).env("NOTIFY_SOCKET", "/no/such/socket").run().code(0);
        assert_eq!(run.out, "socket \n");
        run.error(&["warning: ", "NOTIFY_SOCKET", "/no/such/socket"]);
    });
}
