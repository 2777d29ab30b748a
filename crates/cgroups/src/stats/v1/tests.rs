use super::entry;
use crate::BlkioEntry;

#[test]
fn lines_of_both_forms() {
    let read = BlkioEntry { major: 8, minor: 16, op: "Read".to_owned(), value: 42 };
    assert_eq!(entry("8:16 Read 42"), Some(read.clone()));
    assert_eq!(entry("8:16 42"), Some(BlkioEntry { op: String::new(), ..read }));
    assert_eq!(entry("Total 42"), None);
}
