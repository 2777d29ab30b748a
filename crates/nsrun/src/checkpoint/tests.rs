use std::path::Path;

use super::beside;

#[test]
fn a_parent_is_found_before_the_images_directory_is_made() {
    let top = std::env::temp_dir().join(format!("nsrun-beside-{}", std::process::id()));
    let images = top.join("checkpoint");
    std::fs::create_dir_all(top.join("pre")).unwrap();
    // Podman makes none.
    assert!(beside(&images, Path::new("../pre")).is_dir());
    assert!(beside(&images.join("deeper"), Path::new("../../pre")).is_dir());
    assert!(!beside(&images, Path::new("../other")).is_dir());
    std::fs::create_dir(&images).unwrap();
    assert_eq!(beside(&images, Path::new("../pre")), images.join("../pre"));
    std::fs::remove_dir_all(top).unwrap();
}
