//! A runtime inside a container whose control group is delegated to it: three deep, nsinit inside
//! nsrun, and what is said where the outer container forbids something.

use std::path::Path;

use e2e::{
    Bundle, Cmd, Run, View, World, cell, each_view, hierarchies, nsinit, nsrun, on_this_host, probe,
};
use serde_json::json;

/// Its capabilities are all that there are, and its control groups its own to divide. Below /b
/// are the bundles of those inside.
fn outer(world: &World) -> Bundle {
    let mut bundle = world.bundle();
    let own = Cmd::new(probe(), ["status"]).run().success();
    let all: Vec<_> = own.fact("cap-bnd").split(' ').map(|name| format!("CAP_{name}")).collect();
    bundle
        .set("/process/capabilities", json!({"bounding": all, "effective": all, "permitted": all}));
    bundle.set("/process/noNewPrivileges", false);
    bundle.set("/linux/maskedPaths", json!([]));
    bundle.set("/linux/readonlyPaths", json!([]));
    bundle.set("/linux/resources/devices", json!([{"allow": true, "access": "rwm"}]));
    for (destination, kind) in [("/sys", "sysfs"), ("/sys/fs/cgroup", "cgroup")] {
        let mount = json!({"destination": destination, "type": kind, "source": kind,
            "options": ["rw", "nosuid", "nodev", "noexec"]});
        bundle.push("/mounts", mount);
    }
    bundle
}

/// Puts a bundle for each further level, and the runtimes, below /b of the outer one; the
/// innermost finds them there too.
fn furnish(world: &World, outer: &mut Bundle) {
    let inside = world.path("inside");
    std::fs::create_dir(&inside).unwrap();
    for (program, name) in [(nsrun(), "nsrun"), (nsinit(), "nsinit")] {
        std::fs::copy(program, inside.join(name)).unwrap();
    }
    let rootfs = &outer.rootfs.path;
    std::fs::create_dir(rootfs.join("b")).unwrap();
    Cmd::new("cp", ["-a", rootfs.to_str().unwrap(), inside.to_str().unwrap()]).run().success();
    let mount = |source: &Path| json!({"destination": "/b", "type": "bind", "source": source, "options": ["rbind", "rw"]});
    for level in ["two", "three"] {
        let mut config = outer.config().clone();
        config["mounts"].as_array_mut().unwrap().push(mount(Path::new("/b")));
        config["linux"]["cgroupsPath"] = json!(format!("/{level}"));
        config["root"]["path"] = json!("/b/rootfs");
        std::fs::create_dir(inside.join(level)).unwrap();
        std::fs::write(inside.join(level).join("config.json"), config.to_string()).unwrap();
    }
    outer.push("/mounts", mount(&inside));
}

/// A script in the outer container.
fn one(bundle: &Bundle, script: &str) -> Run {
    bundle.exec(["sh", "-euc", script]).leaves_behind().run()
}

/// A script in the container `two` of the outer one.
fn two(bundle: &Bundle, script: &str) -> Run {
    bundle.exec(["/b/nsrun", "exec", "two", "sh", "-euc", script]).leaves_behind().run()
}

const START: &str = "/b/nsrun run --detach --bundle";

#[test]
fn three_deep() {
    each_view(|world: &World| {
        let mut bundle = outer(world);
        furnish(world, &mut bundle);
        let before = world.snapshot();
        bundle.detach();
        one(&bundle, &format!("{START} /b/two two")).success();
        two(&bundle, &format!("{START} /b/three three")).success();
        // Each group is in that of the container that it was made in.
        for hierarchy in hierarchies() {
            let group = hierarchy.path.join(&bundle.id).join("two/three/cgroup.procs");
            assert_eq!(std::fs::read_to_string(group).unwrap().lines().count(), 1);
        }
        // Each level has its processes, figures, freezer and limits.
        let look = "for it in NAME; do /b/nsrun state $it | grep -q '\"running\"'; \
                    /b/nsrun ps $it -o pid | wc -l; \
                    /b/nsrun events --stats $it | grep -c '\"type\":\"stats\"'; \
                    /b/nsrun pause $it; /b/nsrun state $it | grep -q '\"paused\"'; \
                    ! /b/nsrun exec $it true 2>/dev/null; /b/nsrun resume $it; \
                    /b/nsrun exec $it hostname; done";
        let innermost = two(&bundle, &look.replace("NAME", "three")).success();
        assert_eq!(innermost.out, "2\n1\nnsrun\n");
        let middle = one(&bundle, &look.replace("NAME", "two")).success();
        assert_eq!(middle.out, "3\n1\nnsrun\n");
        assert_eq!(
            bundle.nsrun(["ps", &bundle.id, "-o", "pid"]).run().success().out.lines().count(),
            4
        );
        let limits = two(&bundle, "/b/nsrun update --pids-limit 50 three");
        match world.view == View::Host || limits.status.success() {
            true => drop(limits.success()),
            // The tree is without controllers here, and who is inside is told.
            false => drop(limits.code(1).error(&["pids", "offers"])),
        }
        // The outer freezer holds all of them, and is thawed from outside only.
        bundle.verb("pause").run().success();
        assert_eq!(bundle.status(), "paused");
        bundle.verb("resume").run().success();
        // Ended from the innermost, and made again.
        two(&bundle, "/b/nsrun kill three KILL; /b/nsrun delete --force three").success();
        two(&bundle, &format!("{START} /b/three three")).success();
        two(&bundle, "! /b/nsrun delete three 2>/dev/null; /b/nsrun delete --force three")
            .success();
        two(&bundle, &format!("{START} /b/three three")).success();
        // The middle goes with what is in it; then the outer one.
        one(&bundle, "/b/nsrun delete --force two; [ -z \"$(/b/nsrun list -q)\" ]").success();
        one(&bundle, &format!("{START} /b/two two")).success();
        two(&bundle, &format!("{START} /b/three three")).success();
        bundle.delete();
        before.assert_restored();
        cell(world.place(), "nested");
    });
}

#[test]
fn nsinit_inside() {
    each_view(|world: &World| {
        let mut bundle = outer(world);
        furnish(world, &mut bundle);
        let before = world.snapshot();
        bundle.detach();
        let run = one(&bundle, "cd /b/rootfs && /b/nsinit exec sh -c 'echo $$; id -u'");
        assert_eq!(run.success().out, "1\n0\n");
        // One that stays, and what its verbs say of it.
        let script = "cd /b/rootfs && id=$(/b/nsinit exec --detach sleep 1000); \
                      /b/nsinit stats | grep -q pids; /b/nsinit pause; \
                      /b/nsinit unpause; /b/nsinit exec --id $id echo joined; \
                      /b/nsinit kill KILL; \
                      /b/nsinit delete --force $id; /b/nsinit list | wc -l";
        assert_eq!(one(&bundle, script).code(0).out, "joined\n1\n");
        bundle.delete();
        before.assert_restored();
        cell(world.place(), "nsinit inside nsrun");
    });
}

#[test]
fn what_the_outer_container_forbids_is_said() {
    on_this_host(|world: &World| {
        let mut bundle = outer(world);
        furnish(world, &mut bundle);
        let start = format!("{START} /b/two two");
        // Its groups, for reading only.
        let last = bundle.config()["mounts"].as_array().unwrap().len() - 2;
        let options = format!("/mounts/{last}/options");
        bundle.set(&options, json!(["ro"]));
        bundle.detach();
        let refused = one(&bundle, &start).code(255).error(&["cgroup", "mounted read-only"]);
        assert!(!refused.err.contains("is left"), "{}", refused.err);
        one(&bundle, "[ -z \"$(/b/nsrun list -q)\" ]").success();
        bundle.delete();
        // Or no privileges.
        bundle.set(&options, json!(["rw"]));
        let few = ["CAP_CHOWN", "CAP_SETUID", "CAP_SETGID", "CAP_KILL"];
        bundle.set(
            "/process/capabilities",
            json!({"bounding": few, "effective": few, "permitted": few}),
        );
        bundle.detach();
        let run = one(&bundle, &start);
        assert!(!run.status.success());
        assert!(run.err.contains("CAP_SYS_ADMIN"), "{}", run.err);
        one(&bundle, "[ -z \"$(/b/nsrun list -q)\" ]").success();
        bundle.delete();
    });
}
