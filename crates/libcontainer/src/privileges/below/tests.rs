use std::sync::atomic::{AtomicBool, Ordering};

use super::super::testing::Scratch;
use super::*;

#[test]
fn renames_elsewhere_do_not_matter() {
    let (root, elsewhere) = (Scratch::new(), Scratch::new());
    std::fs::create_dir(root.path().join("a")).unwrap();
    let directory = std::fs::File::open(root.path()).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (one, two) = (elsewhere.path().join("one"), elsewhere.path().join("two"));
            std::fs::create_dir(&one).unwrap();
            while !done.load(Ordering::Relaxed) {
                std::fs::rename(&one, &two).unwrap();
                std::fs::rename(&two, &one).unwrap();
            }
        });
        let path = Path::new("a/../a/../a/../a/../a/../a");
        let failed = (0..5000).find_map(|_| open(&directory, path, OFlags::PATH).err());
        done.store(true, Ordering::Relaxed);
        assert_eq!(failed, None);
    });
}
