use std::os::unix::fs::symlink;

use rustix::fs::fstat;

use super::*;
use crate::checkpoint::Criu;

#[test]
fn all_that_images_build_on_is_below_one_directory() {
    let place = std::env::temp_dir().join(format!("chain-{}", std::process::id()));
    for name in ["a/one", "a/two", "b/three"] {
        std::fs::create_dir_all(place.join(name)).unwrap();
        std::fs::write(place.join(name).join("inventory.img"), "").unwrap();
    }
    symlink("../one", place.join("a/two/parent")).unwrap();
    symlink("../../a/two", place.join("b/three/parent")).unwrap();
    let inode = |path: &str| fstat(std::fs::File::open(place.join(path)).unwrap()).unwrap().st_ino;
    for (name, above, way) in
        [("a/one", "a/one", ""), ("a/two", "a", "two"), ("b/three", ".", "b/three")]
    {
        let criu = Criu { images: place.join(name), ..Criu::default() };
        let (top, found) = Directories::check(&criu, "restore.log").unwrap().together().unwrap();
        assert_eq!(fstat(&top).unwrap().st_ino, inode(above), "{name}");
        assert_eq!(found, PathBuf::from(way), "{name}");
    }
    std::fs::remove_dir_all(&place).unwrap();
}
