//! User namespaces, of root's and of an ordinary user's containers, by nsinit and by nsrun: which ids
//! there are and whose files are whose (docs/security.md, "User namespaces").

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use e2e::{Bundle, Cmd, Hierarchy, Rootfs, Run, User, World, each_view, on_this_host};
use serde_json::{Value, json};

/// No flags.
const NONE: [&str; 0] = [];

/// Mappings: what is 0 in the container, and how many, each with its first id outside.
type Map<'a> = &'a [(u32, u32, u32)];

/// Both tools' containers with these mappings; what a script says in each.
struct Both<'a> {
    user: Option<&'a User>,
    root: Rootfs,
    bundle: Bundle,
}

impl<'a> Both<'a> {
    fn new(world: &World, user: Option<&'a User>) -> Self {
        let both = Self { user, root: world.busybox(), bundle: world.bundle() };
        if let Some(user) = user {
            user.own_all(&both.root.path);
            user.own_all(&both.bundle.path);
            for name in ["nsinit", "nsrun"] {
                let state = user.runtime_dir.join(name);
                std::fs::create_dir_all(&state).unwrap();
                user.own(&state);
            }
        }
        both
    }

    fn mapped(&mut self, map: Map) -> &mut Self {
        self.namespace(json!("user"), map);
        self
    }

    /// A user namespace that is new, or at a path.
    fn namespace(&mut self, user: Value, map: Map) {
        let path = user.get("path").cloned().unwrap_or(json!(""));
        let of = |first: &str, second: &str, size: &str| {
            let one = |(inside, outside, count): &(u32, u32, u32)| json!({first: inside, second: outside, size: count});
            json!(map.iter().map(one).collect::<Vec<_>>())
        };
        let names =
            ["NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET"].map(|name| json!({"type": name}));
        let mut names = names.to_vec();
        names.push(json!({"type": "NEWUSER", "path": path}));
        let ours = of("container_id", "host_id", "size");
        self.root.configure(
            json!({"namespaces": names, "uid_mappings": ours, "gid_mappings": ours}).to_string(),
        );
        let mut names: Vec<_> =
            ["pid", "network", "ipc", "uts", "mount"].map(|kind| json!({"type": kind})).to_vec();
        names.push(match user {
            Value::String(kind) => json!({"type": kind}),
            other => other,
        });
        let theirs = of("containerID", "hostID", "size");
        self.bundle.set("/linux/namespaces", names);
        self.bundle.set("/linux/uidMappings", theirs.clone()).set("/linux/gidMappings", theirs);
        for set in ["bounding", "effective", "permitted"] {
            let all = ["CAP_CHOWN", "CAP_MKNOD", "CAP_SETUID", "CAP_SETGID", "CAP_DAC_OVERRIDE"];
            self.bundle.set(&format!("/process/capabilities/{set}"), json!(all));
        }
        if self.user.is_some() {
            self.bundle.set("/linux/cgroupsPath", json!(null));
        }
    }

    fn by(&self, cmd: Cmd) -> Cmd {
        match self.user {
            Some(user) => user.run(cmd),
            None => cmd,
        }
    }

    /// What each tool's container says to a script, and how it ends.
    fn say(&mut self, script: &str) -> [Run; 2] {
        self.bundle.sh(script);
        [self.by(self.root.sh(script)).run(), self.by(self.bundle.run(NONE)).run()]
    }
}

#[test]
fn several_ranges() {
    each_view(|world: &World| {
        let user = world.user();
        // Further ids in two parts, with a gap inside; for root also out of order.
        let his = [(0, user.id, 1), (1, 200_000, 10), (1000, 201_000, 5)];
        let roots = [(1000, 300_000, 5), (0, 100_000, 20)];
        for (user, map) in [(Some(&user), &his[..]), (None, &roots[..])] {
            if user.is_some_and(|user| !user.is_registered(world)) {
                continue;
            }
            let mut both = Both::new(world, user);
            both.mapped(map);
            if user.is_none() {
                let owner = "100000:100000";
                for path in [both.root.file("root"), both.bundle.rootfs.file("root")] {
                    Cmd::new("chown", ["-Rh", owner, path.to_str().unwrap()]).run().success();
                }
            }
            let script = "cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups; cd /root; \
                touch f g h; chown 9:9 f && chown 1004:1000 g && ! chown 1005:0 h 2>/dev/null && \
                ! chown 500:0 h 2>/dev/null && stat -c %u:%g f g h; rm h";
            for run in both.say(script) {
                let out = run.code(0).out;
                let numbers: Vec<&str> = out.split_whitespace().collect();
                let table: Vec<String> =
                    map.iter().flat_map(|(a, b, c)| [a, b, c].map(u32::to_string)).collect();
                assert_eq!(numbers[..table.len()], table, "{out}");
                assert_eq!(numbers[table.len()..2 * table.len()], table, "{out}");
                assert_eq!(
                    numbers[2 * table.len()..],
                    ["allow", "9:9", "1004:1000", "0:0"],
                    "{out}"
                );
            }
            for root in [&both.root, &both.bundle.rootfs] {
                let owner = |name: &str| {
                    let stat = std::fs::metadata(root.file("root").join(name)).unwrap();
                    std::fs::remove_file(root.file("root").join(name)).unwrap();
                    (stat.uid(), stat.gid())
                };
                let wanted = match user {
                    Some(_) => [(200_008, 200_008), (201_004, 201_000)],
                    None => [(100_009, 100_009), (300_004, 300_000)],
                };
                assert_eq!([owner("f"), owner("g")], wanted);
            }
        }
    });
}

/// By the kernel's own leave: no helper is looked for, and setgroups is denied.
#[test]
fn one_id_without_helpers() {
    on_this_host(|world: &World| {
        let user = world.user();
        let mut both = Both::new(world, Some(&user));
        both.mapped(&[(0, user.id, 1)]);
        let script = "cat /proc/self/setgroups; id -u; ! chown 1 /root 2>/dev/null && \
                      echo x > /root/x && stat -c %u /root/x && rm /root/x";
        both.bundle.sh(script);
        for cmd in [both.root.sh(script), both.bundle.run(NONE)] {
            let run = user.run(cmd).env("PATH", "/nowhere").run().code(0);
            assert_eq!(run.out, "deny\n0\n0\n");
        }
        // As another user than root, whom nobody else can be there.
        both.mapped(&[(33, user.id, 1)]);
        for run in both.say("id -u") {
            assert!(
                !run.status.success() && run.err.contains("must map the container's group 0"),
                "{}",
                run.err
            );
        }
    });
}

/// A container in the user namespace of another, by its path: its ids, its privileges over what the
/// first one has.
#[test]
fn joined_by_path() {
    on_this_host(|world: &World| {
        let user = world.user();
        for user in [Some(&user), None] {
            let first = user.map_or(100_000, |user| user.id);
            let mut both = Both::new(world, user);
            both.mapped(&[(0, first, 1)]);
            both.bundle.args(["/probe", "sleep", "1000"]);
            both.by(both.bundle.run(["--detach"]).leaves_behind()).run().success();
            let state = both.by(both.bundle.verb("state")).run().success().json();
            let path = format!("/proc/{}/ns/user", state["pid"]);
            let mut second = Both::new(world, user);
            second.namespace(json!({"type": "user", "path": path}), &[]);
            for run in second.say("readlink /proc/self/ns/user; cat /proc/self/uid_map; id -u") {
                let out = run.code(0).out;
                let link = std::fs::read_link(&path).unwrap();
                assert!(out.starts_with(link.to_str().unwrap()), "{out}");
                let words: Vec<&str> = out.split_whitespace().skip(1).collect();
                assert_eq!(words, ["0", &first.to_string(), "1", "0"], "{out}");
            }
            both.by(both.bundle.nsrun(["delete", "--force", &both.bundle.id])).run().success();
        }
    });
}

/// Nobody makes a node in a user namespace: those of the host are bound, the default ones and those
/// that are asked for.
#[test]
fn devices_are_bound() {
    on_this_host(|world: &World| {
        let user = world.user();
        for user in [Some(&user), None] {
            let mut both = Both::new(world, user);
            both.mapped(&[(0, user.map_or(100_000, |user| user.id), 1)]);
            let fuse = Path::new("/dev/fuse").exists();
            if fuse {
                let device = json!({"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229});
                both.bundle.push("/linux/devices", device);
            }
            let script = "for d in null zero full random urandom tty; do \
                    printf '%s ' $(stat -c %t:%T /dev/$d); done; echo; \
                mknod /tmp/null c 1 3 2>/dev/null && echo made; \
                echo x > /dev/null && head -c 3 /dev/zero | wc -c && \
                head -c 3 /dev/urandom | wc -c && ! echo x > /dev/full 2>/dev/null && \
                grep -c ' /dev/null ' /proc/self/mountinfo";
            for run in both.say(script) {
                let out = run.code(0).out;
                assert_eq!(out, "1:3 1:5 1:7 1:8 1:9 5:0 \n3\n3\n1\n");
            }
            if fuse {
                both.bundle.sh("stat -c %t:%T /dev/fuse");
                let out = both.by(both.bundle.run(NONE)).run().code(0).out;
                assert_eq!(out, "a:e5\n");
            }
        }
    });
}

/// The image belongs to the host's root, and is his in the container: its mount is idmapped.
#[test]
fn an_image_of_other_ids() {
    on_this_host(|world: &World| {
        let mut both = Both::new(world, None);
        both.mapped(&[(0, 100_000, 65_536)]);
        let mut file: Value =
            serde_json::from_slice(&std::fs::read(both.root.file("container.json")).unwrap())
                .unwrap();
        let script = "stat -c %u:%g /bin/busybox && echo x > /new && chown 5:6 /new && \
                      stat -c %u:%g /new";
        // As it is, nothing in it is root's.
        for run in both.say(script) {
            assert!(!run.status.success(), "{}", run.out);
        }
        file["rootfs_idmap"] = json!(true);
        both.root.configure(file.to_string());
        both.bundle.set("/annotations", json!({"org.nsrun.rootfs-idmap": "true"}));
        let runs = both.say(script);
        if runs.iter().any(|run| run.err.contains("cannot be idmapped")) {
            return e2e::skip("the tests' directory is on a file system that cannot be idmapped");
        }
        for run in runs {
            assert_eq!(run.code(0).out, "0:0\n5:6\n");
        }
        for root in [&both.root, &both.bundle.rootfs] {
            let stat = std::fs::metadata(root.file("new")).unwrap();
            assert_eq!((stat.uid(), stat.gid()), (5, 6));
        }
        both.bundle.set("/annotations", json!({"org.nsrun.rootfs-idmap": "maybe"}));
        let run = both.bundle.run(NONE).run();
        assert!(!run.status.success() && run.err.contains("neither true nor false"), "{}", run.err);
        // It takes root of the host.
        let user = world.user();
        let mut both = Both::new(world, Some(&user));
        both.mapped(&[(0, user.id, 1)]);
        both.bundle.set("/annotations", json!({"org.nsrun.rootfs-idmap": "true"}));
        let run = user.run(both.bundle.run(NONE)).run();
        assert!(!run.status.success() && run.err.contains("CAP_SYS_ADMIN"), "{}", run.err);
    });
}

/// From a plain login, in a directory with a root file system and nothing else.
#[test]
fn nothing_is_configured() {
    each_view(|world: &World| {
        for further in [false, true] {
            let user = world.user();
            if further && !user.is_registered(world) {
                continue;
            }
            let root = world.busybox();
            user.own_all(&root.path);
            let run = |cmd: Cmd| user.run(cmd).run();
            run(root.exec(["true"])).code(0);
            let before = world.snapshot();
            let status = run(root.exec(["/probe", "status"])).code(0);
            assert_eq!((status.fact("uid"), status.fact("pid")), ("0 0 0 0", "1"));
            assert_eq!(status.all("uid-map").contains(&"1 200000 65536"), further);
            run(root.exec(["--", "/bin/sh", "-c", "echo x > /root/x && rm /root/x; exit 9"]))
                .code(9);
            let tty = run(root.exec(["--tty", "/bin/sh", "-c", "tty"])).code(0);
            assert!(tty.out.contains("/dev/pts/0"), "{}", tty.out);
            let alice = run(root.exec(["--user", "alice", "id", "-u"]));
            match further {
                true => assert_eq!(alice.code(0).out, "1000\n"),
                false => drop(alice.code(125).error(&["setresgid", "does not map it"])),
            }
            let pids = |one: &Hierarchy| {
                one.unified
                    || one.controllers.iter().any(|name| name == "pids" || name == "freezer")
            };
            let detach = root.exec(["--detach", "/probe", "sleep", "1000"]);
            let (detach, groups) = user.delegated(world, user.run(detach), pids);
            detach.run().code(0);
            let (exec, _) =
                user.delegated(world, user.run(root.exec(["/bin/echo", "joined"])), pids);
            assert_eq!(exec.run().code(0).out, "joined\n");
            assert_eq!(run(root.nsinit(["state"])).success().json()["status"], "running");
            let stats = run(root.nsinit(["stats"])).success().json();
            assert!(stats.to_string().contains("pids"), "{stats}");
            assert!(run(root.nsinit(["ps"])).success().out.contains("sleep"));
            run(root.nsinit(["pause"])).success();
            run(root.nsinit(["unpause"])).success();
            run(root.nsinit(["kill", "KILL"])).success();
            run(root.nsinit(["delete", "--force"])).success();
            for group in groups {
                for directory in [group.join("start"), group] {
                    e2e::until("nobody is in it", || std::fs::remove_dir(&directory).is_ok());
                }
            }
            before.assert_restored();
            // What a file says of namespaces stands; what it leaves out is as without it.
            root.configure(r#"{"hostname": "his"}"#);
            user.own(&root.file("container.json"));
            assert_eq!(run(root.exec(["hostname"])).code(0).out, "his\n");
        }
    });
}

/// vm.memfd_noexec forbids the sealed copy of the init program that an ordinary user has: root's own
/// file, which nobody in there can write to, is executed in its stead; another one is not.
#[test]
fn without_memory_to_execute() {
    on_this_host(|world: &World| {
        // Of the world's PID namespace.
        if std::fs::write("/proc/sys/vm/memfd_noexec", "2").is_err() {
            return e2e::skip("this kernel has no vm.memfd_noexec of a PID namespace");
        }
        let user = world.user();
        let mut both = Both::new(world, Some(&user));
        both.mapped(&[(0, user.id, 1)]);
        let programs = ["nsinit", "nsrun"].map(|name| world.scratch().join(name));
        let before = programs.each_ref().map(|path| std::fs::read(path).unwrap());
        let attack = "for way in '>' '>>' '<>'; do for pid in self 1 $PPID; do \
                eval \"echo pwned $way /proc/$pid/exe\" && echo wrote; \
            done; done 2>/dev/null; echo tried";
        for run in both.say(attack) {
            assert_eq!(run.code(0).out, "tried\n");
        }
        // One that joins is met as well.
        both.bundle.args(["/probe", "sleep", "1000"]);
        user.run(both.bundle.run(["--detach"]).leaves_behind()).run().success();
        assert_eq!(
            user.run(both.bundle.exec(["/bin/sh", "-c", attack])).run().code(0).out,
            "tried\n"
        );
        user.run(both.bundle.nsrun(["delete", "--force", &both.bundle.id])).run().success();
        for (path, before) in programs.iter().zip(&before) {
            assert!(std::fs::read(path).unwrap() == *before, "{}", path.display());
            user.own(path);
        }
        for run in both.say("true") {
            assert!(
                !run.status.success() && run.err.contains("vm.memfd_noexec is 2"),
                "{}",
                run.err
            );
        }
    });
}
