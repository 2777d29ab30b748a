//! Images and neighbours that attack the one who mounts (`security.md`, rows 4 to 10).

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::fs::{AtFlags, CWD, RenameFlags, StatxFlags, renameat_with, statx};

use super::child::{
    bind, built, entered, facts, in_thread, isolated, mount, private_host, template, terminal,
};
use crate::config::{Config, Mount, Rootfs};
use crate::plan::mounts::MountFacts;

/// How often a race is run.
const ROUNDS: usize = 150;

/// An image, and what lies outside of it.
struct Scene {
    image: PathBuf,
    outside: PathBuf,
}

impl Scene {
    fn new(scratch: &Path) -> Self {
        let scene = Self { image: scratch.join("image"), outside: scratch.join("outside") };
        for directory in [&scene.image, &scene.outside] {
            fs::create_dir(directory).unwrap();
        }
        fs::write(scene.outside.join("ptmx"), "mine").unwrap();
        scene
    }

    /// Nothing was made, removed, changed or mounted outside of the image.
    fn check(&self) {
        let names: Vec<_> =
            fs::read_dir(&self.outside).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["ptmx"]);
        assert_eq!(fs::read_to_string(self.outside.join("ptmx")).unwrap(), "mine");
        let here = mount_of(&self.image);
        assert_eq!(mount_of(&self.outside), here, "something is mounted there");
        assert_eq!(mount_of(&self.outside.join("ptmx")), here, "something is mounted there");
    }

    fn config(&self, mounts: Vec<Mount>) -> Config {
        Config { rootfs: Rootfs::Directory(self.image.clone()), mounts, ..Config::default() }
    }
}

/// The mount that a path of the host is on.
fn mount_of(path: &Path) -> u64 {
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    statx(CWD, path, flags, StatxFlags::MNT_ID).unwrap().stx_mnt_id
}

#[test]
fn links_at_mount_targets_stay_in_the_root() {
    isolated("attacks::links_at_mount_targets_stay_in_the_root", |scratch| {
        let scene = Scene::new(scratch);
        symlink(&scene.outside, scene.image.join("absolute")).unwrap();
        symlink("../../../../../../outside", scene.image.join("relative")).unwrap();
        symlink("relative/..", scene.image.join("up")).unwrap();
        fs::create_dir(scene.image.join("dir")).unwrap();
        symlink("../../absolute", scene.image.join("dir/nested")).unwrap();
        let targets = ["/absolute", "/relative/new", "/dir/nested/deep/new", "/up/beside"];
        let volume = scratch.join("volume");
        fs::create_dir(&volume).unwrap();
        for target in targets {
            let config = scene.config(vec![bind(&volume, target, &["rbind"])]);
            in_thread(|| {
                let root = built(&config, &facts()).unwrap();
                scene.check();
                root.enter().unwrap();
            });
            scene.check();
        }
    });
}

#[test]
fn proc_sys_and_dev_are_no_links() {
    isolated("attacks::proc_sys_and_dev_are_no_links", |scratch| {
        let scene = Scene::new(scratch);
        let outside = scene.outside.to_str().unwrap().to_owned();
        fs::create_dir(scene.image.join("dir")).unwrap();
        for text in [&outside, "../outside", "dir", "missing"] {
            for name in ["proc", "sys", "dev"] {
                symlink(text, scene.image.join(name)).unwrap();
                let fstype = match name {
                    "sys" => "sysfs",
                    "dev" => "tmpfs",
                    proc => proc,
                };
                let config = scene.config(vec![mount(fstype, &format!("/{name}"), &[])]);
                let error = in_thread(|| entered(&config, &facts()).unwrap_err());
                assert_eq!(error.errno(), Some(40), "ELOOP: {error}");
                scene.check();
                fs::remove_file(scene.image.join(name)).unwrap();
            }
        }
    });
}

#[test]
fn a_linked_dev_gets_no_nodes_and_loses_none() {
    isolated("attacks::a_linked_dev_gets_no_nodes_and_loses_none", |scratch| {
        let scene = Scene::new(scratch);
        for text in [scene.outside.to_str().unwrap(), "../outside", "../../../outside"] {
            symlink(text, scene.image.join("dev")).unwrap();
            let all = template(&scene.image);
            let without_tmpfs = Config {
                mounts: all.mounts.iter().filter(|m| m.fstype != "tmpfs").cloned().collect(),
                ..all.clone()
            };
            let only_nodes = Config { devices: all.devices.clone(), ..scene.config(Vec::new()) };
            for config in [all, without_tmpfs, only_nodes] {
                in_thread(|| entered(&config, &facts()).unwrap_err());
                scene.check();
            }
            fs::remove_file(scene.image.join("dev")).unwrap();
        }
    });
}

/// Says that it is over, also when an assertion fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Swaps two names until the body is done.
fn swapping(a: &Path, b: &Path, body: impl FnOnce()) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let _over = Over(&done);
        body();
    });
}

#[test]
fn a_neighbour_who_swaps_a_component_gains_nothing() {
    isolated("attacks::a_neighbour_who_swaps_a_component_gains_nothing", |scratch| {
        let scene = Scene::new(scratch);
        let volume = scratch.join("volume");
        fs::create_dir(&volume).unwrap();
        let (real, link) = (scene.image.join("real"), scene.image.join("link"));
        fs::create_dir(&real).unwrap();
        symlink("../outside", &link).unwrap();
        let absolute = scene.image.join("other");
        symlink(&scene.outside, &absolute).unwrap();
        for link in [&link, &absolute] {
            swapping(&real, link, || {
                for round in 0..ROUNDS {
                    let config = scene.config(vec![
                        bind(&volume, &format!("/real/{round}/deep"), &["bind"]),
                        mount("tmpfs", "/real", &[]),
                        mount("proc", "/real/proc", &[]),
                    ]);
                    in_thread(|| {
                        // It may fail; it may not reach outside.
                        let root = built(&config, &facts());
                        scene.check();
                        root.and_then(|root| root.enter()).ok();
                    });
                    scene.check();
                }
            });
        }
    });
}

#[test]
fn masks_are_the_hosts_null_and_not_the_images() {
    isolated("attacks::masks_are_the_hosts_null_and_not_the_images", |scratch| {
        let scene = Scene::new(scratch);
        fs::create_dir(scene.image.join("dev")).unwrap();
        fs::write(scene.image.join("secret"), "secret").unwrap();
        fs::write(scene.image.join("readable"), "readable").unwrap();
        let (null, other) = (scene.image.join("dev/null"), scene.image.join("dev/other"));
        fs::write(&null, "not null").unwrap();
        symlink("/readable", &other).unwrap();
        let config = Config {
            masked_paths: vec!["/secret".into(), "/readable".into(), "/missing".into()],
            ..scene.config(Vec::new())
        };
        swapping(&null, &other, || {
            for _ in 0..ROUNDS {
                in_thread(|| {
                    entered(&config, &facts()).unwrap();
                    for path in ["/secret", "/readable"] {
                        let stat = fs::metadata(path).unwrap();
                        assert!(stat.file_type().is_char_device());
                        assert_eq!(stat.rdev(), 0x103);
                    }
                });
            }
        });
    });
}

#[test]
fn a_false_null_of_the_host_masks_nothing() {
    isolated("attacks::a_false_null_of_the_host_masks_nothing", |scratch| {
        let scene = Scene::new(scratch);
        private_host();
        fs::write(scene.image.join("secret"), "secret").unwrap();
        rustix::mount::mount_bind(scene.outside.join("ptmx"), "/dev/null").unwrap();
        let masked_paths = vec!["/secret".into()];
        let config = Config { masked_paths, ..scene.config(Vec::new()) };
        let error = in_thread(|| built(&config, &facts()).unwrap_err());
        let told = "opening the host's device /dev/null: it is not the character device 1:3";
        assert_eq!(error.to_string(), told);
        rustix::mount::unmount("/dev/null", rustix::mount::UnmountFlags::empty()).unwrap();
    });
}

#[test]
fn the_console_is_bound_on_no_link_and_opened_on_devpts_only() {
    isolated("attacks::the_console_is_bound_on_no_link_and_opened_on_devpts_only", |scratch| {
        let scene = Scene::new(scratch);
        fs::create_dir_all(scene.image.join("dev/pts")).unwrap();
        let facts = MountFacts { terminal: true, ..facts() };
        let pts = mount("devpts", "/dev/pts", &["newinstance", "ptmxmode=0666"]);
        let config = scene.config(vec![pts]);
        for text in [scene.outside.join("ptmx"), "../../outside/ptmx".into(), "pts/ptmx".into()] {
            symlink(text, scene.image.join("dev/console")).unwrap();
            in_thread(|| {
                let error = terminal(&built(&config, &facts).unwrap()).unwrap_err();
                assert_eq!(error.errno(), Some(40), "{error}");
                scene.check();
            });
            fs::remove_file(scene.image.join("dev/console")).unwrap();
        }
        // A devpts that is none: a bound directory with a link in it.
        let false_pts = scratch.join("pts");
        fs::create_dir(&false_pts).unwrap();
        symlink("/dev/real", false_pts.join("ptmx")).unwrap();
        fs::write(scene.image.join("dev/real"), "").unwrap();
        let config = scene.config(vec![bind(&false_pts, "/dev/pts", &["bind"])]);
        in_thread(|| terminal(&built(&config, &facts).unwrap()).unwrap_err());
        scene.check();
    });
}

#[test]
fn what_is_bound_at_proc_is_a_procfs() {
    isolated("attacks::what_is_bound_at_proc_is_a_procfs", |scratch| {
        let scene = Scene::new(scratch);
        let config = scene.config(vec![bind(&scene.outside, "/proc", &["rbind"])]);
        let error = in_thread(|| built(&config, &facts()).unwrap_err());
        assert!(error.to_string().contains("only a procfs may be bound at /proc"), "{error}");
        let config = scene.config(vec![bind(Path::new("/proc"), "/proc", &["rbind"])]);
        in_thread(|| {
            entered(&config, &facts()).unwrap();
            assert!(fs::read_to_string("/proc/thread-self/status").is_ok());
        });
    });
}

#[test]
fn no_link_leads_a_volume_to_the_kernels_files() {
    isolated("attacks::no_link_leads_a_volume_to_the_kernels_files", |scratch| {
        let scene = Scene::new(scratch);
        let config = template(&scene.image);
        in_thread(|| built(&config, &facts()).unwrap());
        for text in ["/proc", "proc/sys/kernel", "/dev", "dev/../dev/shm", "/sys/kernel", "/proc/1"]
        {
            symlink(text, scene.image.join("data")).unwrap();
            for target in ["/data", "/data/attr"] {
                let mut config = config.clone();
                config.mounts.push(bind(&scene.outside, target, &["rbind"]));
                let told = in_thread(|| built(&config, &facts()).map(|_| ()));
                // What cannot be made in the kernel's file systems fails by that.
                let told = told.unwrap_err().to_string();
                let expected = ["a symbolic link leads it to /", "mkdirat", "Too many"];
                assert!(expected.iter().any(|words| told.contains(words)), "{text}: {told}");
                scene.check();
            }
            fs::remove_file(scene.image.join("data")).unwrap();
        }
    });
}
