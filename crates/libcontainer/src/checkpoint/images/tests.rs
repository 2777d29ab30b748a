use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::*;

struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("images-{name}-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn images(&self, name: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("inventory.img"), "").unwrap();
        path
    }

    fn check(images: &Path) -> Result<Directories> {
        Directories::check(&Criu { images: images.to_owned(), ..Criu::default() }, "restore.log")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn links_and_devices_are_refused_and_parents_are_looked_at() {
    let place = Place::new("links");
    let (first, second) = (place.images("first"), place.images("second"));
    symlink("../first", second.join("parent")).unwrap();
    Place::check(&second).unwrap();
    symlink("/etc/shadow", first.join("pages-1.img")).unwrap();
    for images in [&first, &second] {
        let error = Place::check(images).unwrap_err().to_string();
        assert!(error.contains("pages-1.img") && error.contains("tampered"), "{error}");
    }
    std::fs::remove_file(first.join("pages-1.img")).unwrap();
    symlink("../second", first.join("parent")).unwrap();
    let error = Place::check(&second).unwrap_err().to_string();
    assert!(error.contains("no end"), "{error}");
    std::fs::remove_file(first.join("parent")).unwrap();
    symlink("/", first.join("parent")).unwrap();
    let error = Place::check(&second).unwrap_err().to_string();
    assert!(error.contains("absolute"), "{error}");
}

#[test]
fn a_log_that_is_a_link_is_removed_and_not_written_through() {
    let place = Place::new("log");
    let images = place.images("images");
    let victim = place.0.join("victim");
    std::fs::write(&victim, "precious").unwrap();
    symlink(&victim, images.join("restore.log")).unwrap();
    Place::check(&images).unwrap();
    assert!(!images.join("restore.log").exists());
    assert_eq!(std::fs::read_to_string(victim).unwrap(), "precious");
}

#[test]
fn an_empty_directory_is_no_checkpoint() {
    let place = Place::new("empty");
    let error = Place::check(&place.0).unwrap_err().to_string();
    assert!(error.contains("inventory.img") && error.contains("no checkpoint"), "{error}");
    let error = Place::check(&place.0.join("no")).unwrap_err().to_string();
    assert!(error.contains("directory of the images"), "{error}");
}
