use std::path::Path;

use super::unescape;

#[test]
fn only_octal_is_unescaped() {
    assert_eq!(unescape(b"/a\\040b\\134c\\9\\4"), Path::new("/a b\\c\\9\\4"));
}
