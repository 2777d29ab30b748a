use super::*;

fn config(root: &str) -> Config {
    template(Rootfs::Directory(root.into()))
}

#[test]
fn a_file_in_the_root_is_bound_over_itself() {
    let mut config = config("/srv/web");
    assert!(protect(&mut config, Path::new("/srv/web/container.json")));
    let mount = config.mounts.last().unwrap();
    assert_eq!(mount.destination, Path::new("/container.json"));
    assert_eq!(mount.source.as_deref(), Some(Path::new("/srv/web/container.json")));
    assert!(mount.options.contains(&"ro".to_owned()));
}

#[test]
fn a_file_elsewhere_is_let_be() {
    let mut config = config("/tmp");
    let before = config.clone();
    assert!(!protect(&mut config, Path::new("/etc/container.json")));
    assert_eq!(config, before);
}

#[test]
fn an_empty_directory_is_no_root_and_nothing_is_made_in_it() {
    let dir = std::env::temp_dir().join(format!("nsinit-noroot-{}", std::process::id()));
    std::fs::create_dir(&dir).unwrap();
    let config = config(dir.to_str().unwrap());
    let place = Place::here().unwrap();
    let error = check_root(&config, &place).unwrap_err().to_string();
    assert!(error.contains("no root file system") && error.contains("debootstrap"), "{error}");
    std::fs::create_dir(dir.join("usr")).unwrap();
    check_root(&config, &place).unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
}
