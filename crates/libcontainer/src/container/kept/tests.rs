use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use super::*;

/// A state root that goes with the test.
struct Root(PathBuf);

impl Root {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("kept-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Root(path)
    }

    /// What a start makes of the profiles, and whether it had to compile them.
    fn start(&self, profiles: &[Profile]) -> (Filters, bool) {
        let mut kept = Kept::default();
        let found = kept.find_or_compile(&self.0, profiles).unwrap();
        let compiled = kept.fresh.is_some();
        kept.keep();
        (found, compiled)
    }

    fn files(&self) -> Vec<PathBuf> {
        let Ok(all) = fs::read_dir(self.0.join(DIRECTORY)) else { return Vec::new() };
        all.map(|one| one.unwrap().path()).collect()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn profile(errno: u32) -> Profile {
    let rule = json!({"names": ["mkdir", "fly", "rmdir"], "action": "SCMP_ACT_ERRNO",
        "errnoRet": errno, "args": [{"index": 1, "value": 7, "op": "SCMP_CMP_GE"}]});
    serde_json::from_value(json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]})).unwrap()
}

/// One with an agent, and so large that a start looks for it.
fn large() -> Profile {
    let rules = (0..WORTHWHILE).map(|at| {
        json!({"names": ["ioctl"], "action": if at == 0 { "SCMP_ACT_NOTIFY" } else { "SCMP_ACT_TRAP" },
            "args": [{"index": 1, "value": at, "op": "SCMP_CMP_EQ"}]})
    });
    let rules: Vec<_> = rules.collect();
    serde_json::from_value(json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules,
        "listenerPath": "/run/agent", "listenerMetadata": "m"}))
    .unwrap()
}

#[test]
fn the_second_start_finds_what_the_first_has_compiled() {
    let root = Root::new();
    for profiles in [vec![profile(1)], vec![large()], vec![profile(1), large()]] {
        let compiled = filters(&profiles).unwrap();
        assert_eq!(root.start(&profiles), (compiled.clone(), true));
        assert_eq!(root.start(&profiles), (compiled, false), "the same, to the warnings");
    }
    let mode = |path: &Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&root.0.join(DIRECTORY)), 0o700);
    assert!(root.files().iter().all(|file| mode(file) == 0o600), "{:?}", root.files());
    // Another value somewhere is another profile.
    let (found, compiled) = root.start(&[profile(2)]);
    assert!(compiled && found == filters(&[profile(2)]).unwrap());
}

#[test]
fn only_large_ones_of_engines_leave_a_trace() {
    let root = Root::new();
    let template = [seccomp::default_profile(&|_| true), seccomp::tiocsti_filter()];
    for (oci, seccomp, files) in [
        (true, vec![], 0),
        (true, vec![profile(1), profile(2)], 0),
        (false, template.to_vec(), 0),
        (false, vec![large()], 0),
        (true, vec![large()], 1),
    ] {
        let config = Config { oci, seccomp, ..Config::default() };
        let mut kept = Kept::default();
        let found = kept.filters(&root.0, &config).unwrap();
        assert_eq!(found, filters(&config.seccomp).unwrap());
        kept.keep();
        assert_eq!(root.files().len(), files);
        assert_eq!(root.0.join(DIRECTORY).exists(), files > 0);
    }
    assert!(crate::container::id::check(DIRECTORY).is_err(), "no container is called that");
}

/// What is not whole, not ours or not alone ours is compiled again, and replaced.
#[test]
fn what_is_doubtful_is_replaced() {
    let root = Root::new();
    let profiles = [profile(1)];
    let right = filters(&profiles).unwrap();
    root.start(&profiles);
    let file = root.files().remove(0);
    let good = fs::read(&file).unwrap();
    let replaced = |what: &str| {
        assert_eq!(root.start(&profiles), (right.clone(), true), "{what}");
        assert_eq!(root.start(&profiles), (right.clone(), false), "{what}");
    };
    let put = |content: &[u8]| {
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    };
    for at in 0..good.len() {
        let mut broken = good.clone();
        broken[at] ^= 1 << (at % 8);
        assert_eq!(understand(&broken, &key(&profiles).unwrap()), None, "byte {at}");
    }
    put(&[&good[..HEAD], &[0xff], &good[HEAD + 1..]].concat());
    replaced("a byte");
    put(&good[..good.len() - 1]);
    replaced("cut");
    put(&[&good, &b"x"[..]].concat());
    replaced("longer");
    put(b"");
    replaced("empty");
    put(&vec![0; LARGEST + 1]);
    replaced("large");
    for mode in [0o644, 0o620, 0o602, 0o606] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        replaced("others' to read or write");
    }
    let linked = root.0.join("linked");
    fs::hard_link(&file, &linked).unwrap();
    replaced("a second name");
    put(&good);
    fs::rename(&file, &linked).unwrap();
    symlink(&linked, &file).unwrap();
    replaced("a link");
    fs::remove_file(&file).unwrap();
    rustix::fs::mknodat(CWD, &file, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    replaced("a pipe");
    if geteuid().is_root() {
        chown(&file, Some(1), None).unwrap();
        replaced("somebody else's");
    }
    // Somebody else's directory at its place stays there, and does no harm.
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert_eq!(root.start(&profiles), (right.clone(), true));
    assert_eq!(root.start(&profiles), (right, true));
}

/// With a right checksum and the right key: what the compiler does not make, and what belongs to
/// others, is not taken for all that.
#[test]
fn what_cannot_be_ours() {
    let profiles = [profile(1)];
    let key = key(&profiles).unwrap();
    let right = filters(&profiles).unwrap();
    let understood = |change: &dyn Fn(&mut Filters)| {
        let mut filters = right.clone();
        change(&mut filters);
        understand(&content(&filters, &key).unwrap(), &key)
    };
    assert_eq!(understood(&|_| {}), Some(right.clone()));
    assert_eq!(understood(&|filters| filters.programs.clear()), None);
    assert_eq!(understood(&|filters| filters.programs[0].needs_listener = true), None);
    assert_eq!(understood(&|filters| filters.programs[0].flags = 1 << 3), None);
    assert_eq!(understood(&|filters| filters.programs[0].filter.truncate(3)), None);
    assert_eq!(understood(&|filters| filters.programs[0].filter[1].jt = 255), None);
    let other = super::key(&[profile(2)]).unwrap();
    assert_eq!(understand(&content(&right, &other).unwrap(), &key), None);
    // A key that is the beginning of another.
    let (short, long) = (&key[..key.len() - 1], &key[..]);
    assert_eq!(understand(&content(&right, long).unwrap(), short), None);
    assert_eq!(understand(&content(&right, short).unwrap(), long), None);
}

#[test]
fn their_number_and_size_have_a_limit() {
    let root = Root::new();
    for errno in 0..200 {
        root.start(&[profile(errno)]);
    }
    let count = root.files().len();
    assert!(count <= 32 && count > 16, "{count} files");
    // Names that are not looked at make it long.
    let mut long = profile(1);
    long.syscalls[0].names.push("x".repeat(LARGEST).into());
    let mut kept = Kept::default();
    kept.find_or_compile(&root.0, &[long]).unwrap();
    assert!(kept.fresh.is_none());
}

#[test]
fn a_state_root_that_cannot_be_used_is_no_obstacle() {
    let root = Root::new();
    let right = filters(&[profile(1)]).unwrap();
    let gone = Root(root.0.join("gone"));
    assert_eq!(gone.start(&[profile(1)]), (right.clone(), true));
    fs::write(root.0.join(DIRECTORY), "a file").unwrap();
    assert_eq!(root.start(&[profile(1)]), (right, true));
    assert!(root.start(&[]).0.programs.is_empty());
    let wrong: Profile = serde_json::from_value(json!({"defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": [], "action": "SCMP_ACT_TRAP"}]}))
    .unwrap();
    assert!(Kept::default().find_or_compile(&root.0, &[wrong]).is_err(), "refused all the same");
}

#[test]
fn many_at_once() {
    let root = Root::new();
    let right = filters(&[profile(1)]).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(root.start(&[profile(1)]).0, right);
                }
            });
        }
    });
    assert_eq!(root.files().len(), 1);
}
