//! A checkpoint that somebody could write to: attacks.md, row 24. What is wrong with its content is
//! in `checkpoint_faults`.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use e2e::counting::no_criu;
use e2e::{Cmd, World, on_this_host};

/// No flags.
const NONE: [&str; 0] = [];

/// What is read of a checkpoint, and what is written beside it.
const NAMES: [&str; 9] = [
    "pages-1.img",
    "core-1.img",
    "inventory.img",
    "libcontainer.json",
    "restore.log",
    "dump.log",
    "stats-restore",
    "criu.conf",
    ".",
];

/// Puts something in the place of a file: a link to one of the host, one to nothing, a FIFO; all
/// that was there comes back when this goes.
struct InPlace {
    at: PathBuf,
    kept: PathBuf,
}

impl InPlace {
    fn of(images: &Path, name: &str, put: impl Fn(&Path)) -> Self {
        let at = if name == "." { images.to_owned() } else { images.join(name) };
        let kept = images.with_extension("kept");
        let _ = std::fs::rename(&at, &kept);
        put(&at);
        Self { at, kept }
    }
}

impl Drop for InPlace {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.at);
        let _ = std::fs::rename(&self.kept, &self.at);
    }
}

/// Nothing of the host is read or written by way of its names; it is restored or refused, in time.
fn go_for(world: &World, images: &Path, restore: &Cmd, give_up: &Cmd) {
    let (canary, nothing) = (world.path("canary"), world.path("nothing"));
    std::fs::write(&canary, "host").unwrap();
    let (mut refused, mut restored) = (0, 0);
    for name in NAMES {
        for kind in ["link", "dangling", "fifo"] {
            let put = |at: &Path| match kind {
                "link" => symlink(&canary, at).unwrap(),
                "dangling" => symlink(&nothing, at).unwrap(),
                _ => drop(Cmd::new("mkfifo", [at]).run().success()),
            };
            let in_place = InPlace::of(images, name, put);
            let run = restore.clone().seconds(20).run();
            assert_eq!(std::fs::read_to_string(&canary).unwrap(), "host", "{name} {kind}");
            assert!(!nothing.exists(), "{name} {kind}");
            if run.status.success() {
                restored += 1;
                give_up.run().code(0);
            } else {
                refused += 1;
                assert!(run.err.lines().count() == 1, "{name} {kind}: {}", run.err);
            }
            drop(in_place);
            for log in ["restore.log", "stats-restore"] {
                let _ = std::fs::remove_file(images.join(log));
            }
        }
    }
    assert!(refused >= 5 * 3, "{refused} refused, {restored} restored");
    // As it was, it is good.
    restore.run().code(0);
    give_up.run().code(0);
}

#[test]
fn row_24_links_in_a_checkpoint_of_nsrun() {
    if no_criu() {
        return;
    }
    on_this_host(|world: &World| {
        let bundle = world.counting();
        bundle.checkpoint("images", NONE).run().success();
        bundle.verb("delete").run().success();
        let delete = bundle.nsrun(["delete", "--force", &bundle.id]);
        go_for(world, &bundle.path.join("images"), &bundle.restore("images", NONE), &delete);
        bundle.tidy(["images"]);
    });
}

/// Its checkpoint is in the image by default, where the container can write to it.
#[test]
fn row_24_links_in_a_checkpoint_of_nsinit() {
    if no_criu() {
        return;
    }
    on_this_host(|world: &World| {
        let root = world.busybox();
        root.detach(NONE);
        root.nsinit(["checkpoint"]).with_criu().run().success();
        root.nsinit(["delete"]).run().success();
        let restore = root.nsinit(["restore", "--detach"]).with_criu().leaves_behind();
        go_for(world, &root.file("checkpoint"), &restore, &root.nsinit(["delete", "--force"]));
        std::fs::remove_file("/run/criu.kdat").unwrap();
    });
}
