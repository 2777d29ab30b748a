use super::{list, page_size};

#[test]
fn lists_of_processors() {
    assert_eq!(list("0-2,7\n"), [0, 1, 2, 7]);
    assert_eq!(list("3\n"), [3]);
    assert_eq!(list("\n"), [0_u32; 0]);
}

#[test]
fn page_sizes_are_named_as_in_control_files() {
    assert_eq!(page_size(64), "64KB");
    assert_eq!(page_size(2048), "2MB");
    assert_eq!(page_size(524_288), "512MB");
    assert_eq!(page_size(1_048_576), "1GB");
}
