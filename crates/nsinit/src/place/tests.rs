use super::*;

fn at(path: &str, inode: u64) -> Place {
    Place { path: PathBuf::from(path), device: 1, inode }
}

#[test]
fn an_id_has_the_directorys_name_made_legal() {
    let id = at("/srv/my köln & co", 7).id();
    assert!(id.starts_with("my_k_ln___co-"), "{id}");
    assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+-.".contains(&b)), "{id}");
}

#[test]
fn two_directories_of_one_name_have_two_ids() {
    assert_ne!(at("/a/web", 7).id(), at("/b/web", 8).id());
    assert_eq!(at("/a/web", 7).id(), at("/moved/web", 7).id());
}

#[test]
fn the_root_directory_and_long_names_have_ids() {
    assert!(at("/", 2).id().starts_with("root-"));
    assert!(at(&format!("/{}", "x".repeat(255)), 2).id().len() <= 73);
}

#[test]
fn a_directory_is_known_again_but_not_its_successor() {
    let path = std::env::temp_dir().join(format!("nsinit-place-{}", std::process::id()));
    std::fs::create_dir(&path).unwrap();
    let stat = rustix::fs::stat(&path).unwrap();
    let place = Place { path: path.clone(), device: stat.st_dev, inode: stat.st_ino };
    assert!(place.open().unwrap().is_some());
    let other = Place { inode: stat.st_ino + 1, ..place.clone() };
    assert!(other.open().unwrap().is_none());
    std::fs::remove_dir(&path).unwrap();
    assert!(place.open().unwrap().is_none());
}
