//! The options of `checkpoint` and `restore`, each with what it is for.

use std::path::Path;

use e2e::counting::{COUNT, no_criu};
use e2e::{Cmd, View, World, each_view, on_this_host, skip, until};
use serde_json::json;

/// No flags.
const NONE: [&str; 0] = [];

/// How much memory is in a directory of images, in bytes.
fn pages(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).unwrap().flatten();
    let is_pages = |name: &str| name.starts_with("pages-");
    let all = entries.filter(|entry| is_pages(entry.file_name().to_str().unwrap()));
    all.map(|entry| entry.metadata().unwrap().len()).sum()
}

#[test]
fn memory_ahead_makes_the_checkpoint_small() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.sh("exec /probe survive /go memory >/said 2>&1");
        bundle.detach();
        let said = bundle.path.join("rootfs/said");
        let text = || std::fs::read_to_string(&said).unwrap_or_default();
        until("set up", || text().contains("ready"));
        let run = bundle.checkpoint("one", ["--pre-dump"]).run();
        if run.err.contains("which memory has changed") {
            bundle.delete();
            return skip("this kernel does not track changes of memory (CONFIG_MEM_SOFT_DIRTY)");
        }
        run.success();
        assert_eq!(bundle.status(), "running");
        let flags = ["--pre-dump", "--parent-path", "../one"];
        bundle.checkpoint("two", flags).run().success();
        assert_eq!(bundle.status(), "running");
        bundle.checkpoint("three", ["--parent-path", "../two"]).run().success();
        assert_eq!(bundle.status(), "checkpointed");
        let sizes = ["one", "two", "three"].map(|name| pages(&bundle.path.join(name)));
        assert!(sizes[0] > 4 << 20, "{sizes:?}");
        assert!(sizes[1] < 1 << 20 && sizes[2] < 1 << 20, "{sizes:?}");
        bundle.restore("three", NONE).run().success();
        std::fs::write(bundle.path.join("rootfs/go"), "").unwrap();
        until("an answer", || text().contains("end\n"));
        assert!(text().contains("ok memory") && !text().contains("lost"), "{}", text());
        bundle.delete();
        bundle.tidy(["one", "two", "three"]);
    });
}

/// CRIU looks into a parent wherever there is one, also where kernels do not track memory.
#[test]
fn parents_come_along() {
    if no_criu() {
        return;
    }
    on_this_host(|world: &World| {
        let bundle = world.counting();
        bundle.checkpoint("late/two", NONE).run().success();
        bundle.verb("delete").run().success();
        let counted = std::fs::read(bundle.path.join("rootfs/count")).unwrap();
        let (one, two) = (bundle.path.join("early/one"), bundle.path.join("late/two"));
        std::fs::create_dir(bundle.path.join("early")).unwrap();
        Cmd::new("cp", ["-a", two.to_str().unwrap(), one.to_str().unwrap()]).run().success();
        std::os::unix::fs::symlink("../../early/one", two.join("parent")).unwrap();
        bundle.restore("late/two", NONE).run().success();
        bundle.counts_on();
        bundle.delete();
        std::fs::write(bundle.path.join("rootfs/count"), counted).unwrap();
        // From somewhere else it does not.
        Cmd::new("mount", ["-t", "tmpfs", "other"]).args([&one]).run().success();
        bundle.restore("late/two", NONE).run().code(1).error(&["early/one", "another mount"]);
        bundle.verb("state").run().code(1);
        Cmd::new("umount", [&one]).run().success();
        std::fs::remove_dir_all(&one).unwrap();
        bundle.restore("late/two", NONE).run().code(1).error(&["the parent of the checkpoint"]);
    });
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    if no_criu() {
        return;
    }
    on_this_host(|world: &World| {
        let bundle = world.counting();
        let refused: [(&[&str], &[&str]); 8] = [
            (&["--parent-path", "/tmp"], &["--parent-path", "relative"]),
            (&["--parent-path", "../no"], &["--parent-path", "no directory"]),
            (&["--page-server", "here"], &["--page-server here", "ADDRESS:PORT"]),
            (&["--lazy-pages"], &["--lazy-pages", "--page-server"]),
            (&["--manage-cgroups-mode", "props"], &["--manage-cgroups-mode props"]),
            (&["--empty-ns", "pid"], &["--empty-ns pid"]),
            (&["--status-fd", "77"], &["--status-fd"]),
            (&["--image-path", "/proc/no"], &["directory of the images"]),
        ];
        for (flags, words) in refused {
            let command = bundle.nsrun(["checkpoint"]).args(flags).args([&bundle.id]);
            command.with_criu().run().code(1).error(words);
        }
        bundle.checkpoint("images", ["--leave-running"]).run().success();
        let other = world.bundle();
        let images = bundle.path.join("images");
        let refused: [(&[&str], &[&str]); 5] = [
            (&["--no-pivot"], &["--no-pivot"]),
            (&["--lsm-profile", "smack:x"], &["--lsm-profile"]),
            (&["--manage-cgroups-mode", "x"], &["--manage-cgroups-mode x"]),
            (&["--empty-ns", "ipc"], &["--empty-ns ipc"]),
            (&["--console-socket", "/x"], &["console socket"]),
        ];
        for (flags, words) in refused {
            other.restore(images.to_str().unwrap(), flags).run().code(1).error(words);
        }
        let empty = world.path("empty");
        std::fs::create_dir(&empty).unwrap();
        other.restore(empty.to_str().unwrap(), NONE).run().code(1).error(&["no checkpoint"]);
        other.verb("state").run().code(1);
        bundle.delete();
    });
}

#[test]
fn groups_come_back_in_every_mode() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        for mode in ["soft", "full", "strict", "ignore"] {
            let mut bundle = world.bundle();
            let main =
                if world.view == View::Host { "/sys/fs/cgroup/pids" } else { "/sys/fs/cgroup" };
            let offered = std::fs::read_to_string("/sys/fs/cgroup/cgroup.controllers");
            let limited = world.view == View::Host || offered.is_ok_and(|all| all.contains("pids"));
            if limited {
                bundle.set("/linux/resources/pids/limit", 50);
            }
            bundle.sh(COUNT);
            let pid = bundle.detach();
            // A group of the container's own, with a process in it.
            let inner = format!("{main}/{}/inner", bundle.id);
            std::fs::create_dir(&inner).unwrap();
            std::fs::write(format!("{inner}/cgroup.procs"), pid.to_string()).unwrap();
            bundle.counts_on();
            let flags = ["--manage-cgroups-mode", mode];
            bundle.checkpoint("images", flags).run().success();
            bundle.restore("images", flags).run().success();
            bundle.counts_on();
            let pid = bundle.state()["pid"].as_i64().unwrap();
            let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
            assert!(groups.contains(&format!("/{}", bundle.id)), "{mode}: {groups}");
            let inside = groups.contains("/inner\n");
            assert_eq!(inside, mode != "ignore", "{mode}: {groups}");
            if limited {
                let max = std::fs::read_to_string(format!("{main}/{}/pids.max", bundle.id));
                assert_eq!(max.unwrap(), "50\n", "{mode}");
            }
            bundle.delete();
            std::fs::remove_dir_all(&bundle.path).unwrap();
        }
    });
}

#[test]
fn a_paused_container_is_saved_and_goes_on_when_it_is_back() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let bundle = world.counting();
        bundle.verb("pause").run().success();
        bundle.checkpoint("images", ["--leave-running"]).run().success();
        assert_eq!(bundle.status(), "paused");
        bundle.checkpoint("images", NONE).run().success();
        assert_eq!(bundle.status(), "checkpointed");
        bundle.restore("images", NONE).run().success();
        bundle.counts_on();
        bundle.delete();
        bundle.tidy(["images"]);
    });
}

#[test]
fn a_process_executed_from_outside_is_refused_before_anything_is_frozen() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let bundle = world.counting();
        bundle
            .nsrun(["exec", "-d", &bundle.id, "/bin/sleep", "1000"])
            .leaves_behind()
            .run()
            .success();
        let run = bundle.checkpoint("images", NONE).run().code(1);
        run.error(&["sleep", "executed in it from outside"]);
        assert!(!bundle.path.join("images/dump.log").exists());
        bundle.counts_on();
        bundle.delete();
    });
}

#[test]
fn logs_go_where_they_shall_and_a_status_is_told() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let bundle = world.counting();
        bundle.checkpoint("images", ["--work-path", "work"]).run().success();
        assert!(bundle.path.join("work/dump.log").exists());
        assert!(!bundle.path.join("images/dump.log").exists());
        bundle.restore("images", ["--work-path", "work"]).run().success();
        assert!(bundle.path.join("work/restore.log").exists());
        bundle.counts_on();
        bundle.delete();
    });
}

#[test]
fn a_page_server_gets_the_memory() {
    if no_criu() {
        return;
    }
    on_this_host(|world: &World| {
        let bundle = world.counting();
        let memory = bundle.path.join("images");
        std::fs::create_dir(&memory).unwrap();
        let criu = e2e::criu().unwrap().join("criu");
        let server = Cmd::new(criu.to_str().unwrap(), ["page-server", "--images-dir"])
            .args([memory.to_str().unwrap(), "--port", "9123", "--address", "127.0.0.1"])
            .start();
        until("it listens", || {
            std::fs::read_to_string("/proc/net/tcp").unwrap().contains(":23A3 ")
        });
        bundle.checkpoint("images", ["--page-server", "127.0.0.1:9123"]).run().success();
        server.wait().code(0);
        assert!(pages(&memory) > 0);
        bundle.restore("images", NONE).run().success();
        bundle.counts_on();
        bundle.delete();
    });
}

/// How long a pipe an ordinary process may make, in bytes.
const PIPES: &str = "/proc/sys/fs/pipe-max-size";

fn pipes_of_4_mib() -> bool {
    std::fs::read_to_string(PIPES).unwrap().trim().parse::<u32>().unwrap() >= 4 << 20
}

/// Root that lacks CAP_SYS_RESOURCE may make them, too, for a while.
struct LongerPipes(String);

impl LongerPipes {
    fn set() -> Self {
        let before = std::fs::read_to_string(PIPES).unwrap();
        if !pipes_of_4_mib() {
            std::fs::write(PIPES, "4194304").unwrap();
        }
        Self(before)
    }
}

impl Drop for LongerPipes {
    fn drop(&mut self) {
        let _ = std::fs::write(PIPES, &self.0);
    }
}

#[test]
fn memory_comes_when_it_is_used() {
    if no_criu() {
        return;
    }
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        bundle.sh("exec /probe survive /go memory files >/said 2>&1");
        bundle.detach();
        let said = bundle.path.join("rootfs/said");
        let text = || std::fs::read_to_string(&said).unwrap_or_default();
        until("set up", || text().contains("ready"));
        let flags = ["--lazy-pages", "--page-server", "127.0.0.1:9124", "--work-path", "there"];
        // CRIU takes longer pipes than an ordinary process may make: told before anything is lost.
        if !pipes_of_4_mib() {
            let weak = ["setpriv", "--bounding-set=-sys_resource"];
            let run = bundle.checkpoint("images", flags).by(weak).run().code(1);
            run.error(&["F_SETPIPE_SZ", "CAP_SYS_RESOURCE", "fs.pipe-max-size"]);
            assert!(!bundle.path.join("images").exists());
        }
        let _longer = LongerPipes::set();
        let images = bundle.path.join("images");
        // It is told when memory is offered.
        let status = world.path("status");
        let script = format!("exec \"$@\" --status-fd 9 {} 9>{}", bundle.id, status.display());
        let command = bundle.nsrun(["checkpoint", "--image-path", "images"]).args(flags);
        let serving = command.by(["sh", "-c", &script, "sh"]).with_criu().start();
        let listens = || std::fs::read_to_string("/proc/net/tcp").unwrap().contains(":23A4 ");
        let mut serving = Some(serving);
        until("it serves", || listens() || serving.as_mut().unwrap().ended());
        if !listens() {
            let run = serving.take().unwrap().wait();
            assert!(run.err.contains("bring memory back lazily"), "{}", run.err);
            bundle.delete();
            return skip("this kernel has no userfaultfd for CRIU");
        }
        assert!(pages(&images) < 1 << 20, "it stays until it is asked for");
        until("told", || std::fs::read(&status).unwrap() == [0]);
        let criu = e2e::criu().unwrap().join("criu");
        let work = bundle.path.join("here");
        std::fs::create_dir(&work).unwrap();
        let words = ["lazy-pages", "--page-server", "--address", "127.0.0.1", "--port", "9124"];
        let daemon = Cmd::new(criu.to_str().unwrap(), words)
            .args(["-D", images.to_str().unwrap(), "-W", work.to_str().unwrap()])
            .start();
        until("the daemon", || work.join("lazy-pages.socket").exists());
        let mut again = world.bundle();
        again.sh("true");
        std::fs::remove_dir_all(again.path.join("rootfs")).unwrap();
        std::os::unix::fs::symlink(bundle.path.join("rootfs"), again.path.join("rootfs")).unwrap();
        let flags = ["--lazy-pages", "--work-path", work.to_str().unwrap()];
        again.restore(images.to_str().unwrap(), flags).run().success();
        std::fs::write(bundle.path.join("rootfs/go"), "").unwrap();
        until("an answer", || text().contains("end\n"));
        assert!(text().contains("ok memory"), "{}", text());
        // Its last look may find nobody there any more, who has given everything away.
        daemon.wait();
        serving.unwrap().wait().code(0);
        assert_eq!(bundle.status(), "checkpointed");
        again.delete();
        bundle.delete();
    });
}

#[test]
fn an_empty_network_is_for_hooks_to_fill() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        let told = world.path("told");
        let script = format!(
            "pid=$(sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/'); nsenter -n -t $pid ip link set lo up; \
             echo $pid >>{}",
            told.display()
        );
        bundle.push(
            "/hooks/prestart",
            json!({"path": "/bin/sh", "args": ["sh", "-c", script],
            "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]}),
        );
        bundle.sh(COUNT);
        bundle.detach();
        bundle.counts_on();
        let flags = ["--empty-ns", "network"];
        bundle.checkpoint("images", flags).run().success();
        bundle.restore("images", flags).run().success();
        bundle.counts_on();
        let pid = bundle.state()["pid"].as_i64().unwrap();
        let hooks = std::fs::read_to_string(&told).unwrap();
        assert_eq!(hooks.lines().count(), 2, "one for each beginning: {hooks}");
        assert_eq!(hooks.lines().last(), Some(pid.to_string().as_str()));
        let flags = Cmd::new("nsenter", ["-n", "-t", &pid.to_string(), "ip", "link", "show", "lo"]);
        assert!(flags.run().success().out.contains("LOWER_UP"));
        bundle.delete();
    });
}

#[test]
fn what_has_been_read_is_dropped() {
    if no_criu() {
        return;
    }
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        bundle.sh("exec /probe survive /go memory >/said 2>&1");
        bundle.detach();
        let said = bundle.path.join("rootfs/said");
        let text = || std::fs::read_to_string(&said).unwrap_or_default();
        until("set up", || text().contains("ready"));
        bundle.checkpoint("images", ["--auto-dedup"]).run().success();
        let images = bundle.path.join("images");
        let blocks = || {
            let stat = std::fs::metadata(images.join("pages-1.img")).unwrap();
            std::os::unix::fs::MetadataExt::blocks(&stat) * 512
        };
        let before = blocks();
        assert!(before > 4 << 20, "{before}");
        bundle.restore("images", ["--auto-dedup"]).run().success();
        assert!(blocks() < 1 << 20, "{} of {before}", blocks());
        std::fs::write(bundle.path.join("rootfs/go"), "").unwrap();
        until("an answer", || text().contains("end\n"));
        assert!(text().contains("ok memory") && !text().contains("lost"), "{}", text());
        bundle.delete();
    });
}
