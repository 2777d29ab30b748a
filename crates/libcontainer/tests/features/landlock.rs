//! What Landlock leaves of a process's rights, seen from inside; root of the container is held too.

use libcontainer::config::{
    Capabilities, FileAccess, Landlock, LandlockFiles, LandlockNetwork, LandlockRule, ProcessSpec,
    Scope,
};
use libcontainer::{Config, Process};

use crate::common::{Place, Test, skip, test};
use crate::kit::{self, Running, field, once, refusal};

pub fn tests() -> Vec<Test> {
    vec![
        test("landlock::files", files),
        test("landlock::executing", executing),
        test("landlock::ports", ports),
        test("landlock::scopes", scopes),
        test("landlock::further_processes_and_children", inherited),
        test("landlock::privileges", privileges),
        test("landlock::paths_are_the_containers", paths),
        test("landlock::with_a_reaper", reaper),
    ]
}

/// Whether the kernel's version is at least this; says so if not.
fn version(least: u32) -> bool {
    let version = sys::landlock::version().unwrap_or(0);
    if version < least {
        skip(&format!("the kernel's Landlock has version {version}, and this takes {least}"));
    }
    version >= least
}

fn place() -> Option<Place> {
    let place = kit::place()?;
    let root = place.rootfs();
    for directory in ["data", "secret", "data/below"] {
        std::fs::create_dir(root.join(directory)).unwrap();
    }
    // What a shell gives its background jobs.
    std::fs::write(root.join("dev/null"), "").unwrap();
    for file in ["data/file", "data/below/file", "secret/file", "secret/one"] {
        std::fs::write(root.join(file), "text\n").unwrap();
    }
    Some(place)
}

fn rule(paths: &[&str], allow: &[FileAccess]) -> LandlockRule {
    LandlockRule { paths: paths.iter().map(Into::into).collect(), allow: allow.to_vec() }
}

fn with_files(place: &Place, rules: Vec<LandlockRule>) -> Config {
    // The program itself is one, too: its file must be allowed.
    let mut all = vec![rule(&["/bin"], &[FileAccess::Execute, FileAccess::ReadFile])];
    all.extend(rules);
    let files = LandlockFiles { restrict: None, rules: all };
    with(place, Landlock { filesystem: Some(files), best_effort: true, ..Landlock::default() })
}

fn with(place: &Place, landlock: Landlock) -> Config {
    Config { landlock: Some(landlock), ..place.small() }
}

/// What the probe says as a further process.
#[track_caller]
fn says(running: &Running, args: &[&str], expected: &str) {
    let all: Vec<&str> = ["/bin/probe"].iter().chain(args).copied().collect();
    assert_eq!(running.exec(&all).0.trim_end(), expected, "{args:?}");
}

fn files() {
    use FileAccess::*;
    if !version(3) {
        return;
    }
    let Some(place) = place() else { return };
    let rules = vec![
        rule(&["/data"], &[ReadFile, ReadDir]),
        rule(&["/data/below"], &[WriteFile, Truncate, MakeReg, MakeDir, RemoveFile]),
        rule(&["/secret/one"], &[ReadFile, ReadDir, MakeReg]),
    ];
    let running = Running::new(&place, "files", with_files(&place, rules));
    for (args, expected) in [
        (&["open", "/data/file"][..], "ok"),
        (&["open", "/data"], "ok"),
        (&["open", "/data/file", "w"], "error EACCES open /data/file"),
        (&["open", "/data/below/file", "rw"], "ok"),
        (&["write", "/data/below/file", "new"], "ok"),
        (&["open", "/data/below/made", "create"], "ok"),
        (&["unlink", "/data/below/made"], "ok"),
        (&["mkdir", "/data/below/directory"], "ok"),
        (&["rmdir", "/data/below/directory"], "error EACCES rmdir /data/below/directory"),
        (&["symlink", "x", "/data/below/link"], "error EACCES symlink /data/below/link"),
        (&["mkdir", "/data/directory"], "error EACCES mkdir /data/directory"),
        (&["open", "/secret/file"], "error EACCES open /secret/file"),
        (&["open", "/secret"], "error EACCES open /secret"),
        (&["open", "/secret/one"], "ok"),
        (&["open", "/secret/one", "w"], "error EACCES open /secret/one"),
        (&["open", "/proc/self/status"], "error EACCES open /proc/self/status"),
        // What Landlock does not restrict.
        (&["chmod", "/secret/file", "600"], "ok"),
    ] {
        says(&running, args, expected);
    }
    assert_eq!(std::fs::read(place.rootfs().join("secret/file")).unwrap(), b"text\n");
}

fn executing() {
    if !version(1) {
        return;
    }
    let Some(place) = place() else { return };
    std::fs::copy(place.rootfs().join("bin/probe"), place.rootfs().join("data/probe")).unwrap();
    let config = with_files(&place, vec![rule(&["/data"], &[FileAccess::ReadFile])]);
    let running = Running::new(&place, "executing", config.clone());
    assert_eq!(running.exec(&["/bin/probe", "exit", "7"]).1, 7);
    let denied = running.container.exec(Process::new(["/data/probe"]).silent()).unwrap_err();
    assert_eq!(denied.errno(), Some(13), "{denied}");
    drop(running);
    // It is no reason to be refused that the program itself is not allowed; it just cannot run.
    let error = kit::refusal_of(&place, config, Process::new(["/data/probe"]).silent());
    assert_eq!(error.errno(), Some(13), "{error}");
    // A program's file is read as well.
    let files =
        LandlockFiles { restrict: None, rules: vec![rule(&["/bin"], &[FileAccess::Execute])] };
    let only = Landlock { filesystem: Some(files), best_effort: true, ..Landlock::default() };
    assert_eq!(refusal(&place, with(&place, only)).errno(), Some(13));
    // Without a restriction of it, everything is executed.
    let files = LandlockFiles { restrict: Some(vec![FileAccess::WriteFile]), rules: vec![] };
    let config = with(&place, Landlock { filesystem: Some(files), ..Landlock::default() });
    assert_eq!(once(&place, "unrestricted", config, &["/data/probe", "exit", "3"]).1, 3);
}

fn ports() {
    if !version(4) {
        return;
    }
    let Some(place) = place() else { return };
    let network = LandlockNetwork { bind_tcp: Some(vec![8080]), connect_tcp: Some(vec![8080, 7]) };
    let config = with(&place, Landlock { network: Some(network), ..Landlock::default() });
    let config = Config { networks: vec![libcontainer::config::Network::Loopback], ..config };
    let running = Running::new(&place, "ports", config.clone());
    let script = "/bin/probe listen 127.0.0.1:8080 hello & \
        for try in $(seq 500); do \
        /bin/probe connect 127.0.0.1:8080 | grep got && break; usleep 10000; done; wait";
    let (text, code) = running.exec(&["/bin/sh", "-c", script]);
    assert!(code == 0 && text.contains("got hello"), "{code} {text}");
    let bind = "error EACCES bind 127.0.0.1:8081";
    says(&running, &["listen", "127.0.0.1:8081"], bind);
    // 7 may be connected to, but nobody is there.
    says(&running, &["connect", "127.0.0.1:7"], "error ECONNREFUSED connect 127.0.0.1:7");
    says(&running, &["connect", "[::1]:9"], "error EACCES connect [::1]:9");
    // One of the two alone.
    let network = LandlockNetwork { bind_tcp: None, connect_tcp: Some(vec![]) };
    let config = Config {
        landlock: Some(Landlock { network: Some(network), ..Landlock::default() }),
        ..config
    };
    let running = Running::new(&place, "ports-1", config);
    let script = "/bin/probe listen 127.0.0.1:8081 & sleep 0.1; \
        /bin/probe connect 127.0.0.1:8081; kill $!; true";
    let (text, _) = running.exec(&["/bin/sh", "-c", script]);
    assert!(text.contains("listening 127.0.0.1:8081"), "{text}");
    assert!(text.contains("error EACCES connect 127.0.0.1:8081"), "{text}");
}

fn scopes() {
    if !version(6) {
        return;
    }
    let Some(place) = place() else { return };
    let both = vec![Scope::AbstractUnixSocket, Scope::Signal];
    let config = with(&place, Landlock { scopes: both, ..Landlock::default() });
    let server = Process::new(["/bin/probe", "listen", "@landlock", "hello"]).silent();
    let running = Running::with(&place, "scopes", config.clone(), server);
    // Each process is restricted by itself: others of the container are strangers to it.
    says(&running, &["kill", "1", "TERM"], "error EPERM kill 1 TERM");
    says(&running, &["connect", "@landlock"], "error EPERM connect @landlock");
    // Its own children are not.
    let script = "sleep 100 & kill $! && echo killed; \
        /bin/probe listen @own hello & \
        for try in $(seq 500); do \
        /bin/probe connect @own | grep got && break; usleep 10000; done; wait";
    let (text, _) = running.exec(&["/bin/sh", "-c", script]);
    assert!(text.contains("killed") && text.contains("got hello"), "{text}");
}

/// Who restricts himself restricts whoever he starts, whatever he executes.
fn inherited() {
    if !version(1) {
        return;
    }
    let Some(place) = place() else { return };
    let root = place.rootfs();
    std::fs::write(root.join("bin/script"), "#!/bin/sh\nexec /bin/probe open /secret/file\n")
        .unwrap();
    std::fs::set_permissions(
        root.join("bin/script"),
        std::os::unix::fs::PermissionsExt::from_mode(0o4755),
    )
    .unwrap();
    let config = with_files(&place, vec![]);
    let denied = "error EACCES open /secret/file\n";
    let deep = "sh -c 'sh -c \"(/bin/script)\"'";
    let (text, _) = once(&place, "inherited", config.clone(), &["/bin/sh", "-c", deep]);
    assert_eq!(text, denied);
    // The container's first process and further ones alike, with a user of their own too.
    let running = Running::new(&place, "further", config);
    assert_eq!(running.exec(&["/bin/sh", "-c", deep]).0, denied);
    // Nobody mounts his way out, though he may mount.
    let spec = ProcessSpec {
        capabilities: Some(Capabilities::of(["SYS_ADMIN", "DAC_OVERRIDE"])),
        args: ["/bin/probe", "mount", "/secret", "/data", "", "bind"].map(str::to_owned).to_vec(),
        ..ProcessSpec::default()
    };
    let (text, _) = {
        let mut process = Process { spec, ..Process::default() };
        process.stdout = libcontainer::Stdio::Pipe;
        kit::rest(&mut running.container.exec(process).unwrap())
    };
    assert!(text.starts_with("error EPERM"), "{text}");
}

/// With and without no_new_privs, with and without filters, root or not, and in a user namespace.
fn privileges() {
    if !version(1) {
        return;
    }
    let Some(place) = place() else { return };
    let maps = || vec![libcontainer::config::IdMap { container_id: 0, host_id: 0, size: 70_000 }];
    for user in ["0", "1000:1000"] {
        for no_new_privileges in [false, true] {
            for (filtered, namespace) in [(false, false), (true, false), (true, true)] {
                let mut config =
                    with_files(&place, vec![rule(&["/proc"], &[FileAccess::ReadFile])]);
                config.process.user = Some(user.parse().unwrap());
                config.process.capabilities = Some(Capabilities::default());
                config.process.no_new_privileges = Some(no_new_privileges);
                if filtered {
                    config.seccomp = vec![seccomp::tiocsti_filter()];
                }
                if namespace {
                    kit::own(&mut config, libcontainer::config::NamespaceKind::User);
                    (config.uid_mappings, config.gid_mappings) = (maps(), maps());
                }
                let case = format!("{user} {no_new_privileges} {filtered} {namespace}");
                let running = Running::new(&place, "privileges", config);
                let script = "/bin/probe open /data/file; grep -E 'NoNewPrivs|CapEff|CapPrm' /proc/self/status";
                let (text, _) = running.exec(&["/bin/sh", "-c", script]);
                let none = "0000000000000000";
                let set = u8::from(no_new_privileges);
                let expected = format!(
                    "error EACCES open /data/file\nCapPrm:\t{none}\nCapEff:\t{none}\nNoNewPrivs:\t{set}\n"
                );
                assert_eq!(text, expected, "{case}");
            }
        }
    }
}

fn paths() {
    if !version(3) {
        return;
    }
    let Some(place) = place() else { return };
    let root = place.rootfs();
    // Links lead nowhere else than in the container.
    std::os::unix::fs::symlink("/data", root.join("link")).unwrap();
    std::os::unix::fs::symlink(place.dir(), root.join("out")).unwrap();
    let read = [FileAccess::ReadFile];
    let running = Running::new(&place, "linked", with_files(&place, vec![rule(&["/link"], &read)]));
    says(&running, &["open", "/data/file"], "ok");
    says(&running, &["open", "/secret/file"], "error EACCES open /secret/file");
    drop(running);
    for (path, errno) in [("/absent", 2), ("/out", 2), ("/data/file/x", 20), ("/proc/self/cwd", 40)]
    {
        let mut config = with_files(&place, vec![rule(&["/data", path], &read)]);
        let landlock = config.landlock.as_mut().unwrap();
        landlock.best_effort = false;
        landlock.filesystem.as_mut().unwrap().restrict = Some(vec![FileAccess::ReadFile]);
        for rule in &mut landlock.filesystem.as_mut().unwrap().rules {
            rule.allow = read.to_vec();
        }
        let error = refusal(&place, config);
        assert_eq!(field(&error), "landlock.filesystem.rules[1].paths[1]", "{error}");
        assert_eq!(error.errno(), Some(errno), "{error}");
    }
    let config = with_files(&place, vec![rule(&["/absent"], &read)]);
    let running = Running::new(&place, "absent", config);
    let warnings = running.init.warnings.join("\n");
    assert!(warnings.contains("rules[1].paths[0]: /absent is not there"), "{warnings}");
}

/// The reaper is outside: it reaps and forwards.
fn reaper() {
    if !version(6) {
        return;
    }
    let Some(place) = place() else { return };
    let mut config = with_files(&place, vec![]);
    config.reaper = true;
    config.landlock.as_mut().unwrap().scopes = vec![Scope::Signal];
    let script = "/bin/probe open /data/file; /bin/probe kill 1 TERM; (sleep 0.01 &); exit 5";
    let (text, code) = once(&place, "reaper", config, &["/bin/sh", "-c", script]);
    assert_eq!(
        (text.as_str(), code),
        ("error EACCES open /data/file\nerror EPERM kill 1 TERM\n", 5)
    );
}
