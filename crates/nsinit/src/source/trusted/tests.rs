use std::os::unix::fs::{chown, symlink};

use super::*;

#[test]
fn only_a_regular_file_of_root_or_the_caller_is_read() {
    let dir = std::env::temp_dir().join(format!("nsinit-trusted-{}", std::process::id()));
    std::fs::create_dir(&dir).unwrap();
    let (good, link, fifo) = (dir.join("good"), dir.join("link"), dir.join("fifo"));
    std::fs::write(&good, "{}").unwrap();
    symlink(&good, &link).unwrap();
    rustix::fs::mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR, 0).unwrap();
    assert_eq!(read(&good).unwrap().unwrap(), b"{}");
    assert_eq!(read(&dir.join("none")).unwrap(), None);
    assert!(read(&link).unwrap_err().to_string().contains("symbolic link"));
    assert!(read(&fifo).unwrap_err().to_string().contains("regular"));
    assert!(read(&dir).is_err());
    chown(&good, Some(12345), None).unwrap();
    assert!(read(&good).unwrap_err().to_string().contains("uid 12345"));
    std::fs::remove_dir_all(&dir).unwrap();
}
