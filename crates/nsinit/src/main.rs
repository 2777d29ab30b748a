//! nsinit: runs containers straight from a directory.
#![forbid(unsafe_code)]

mod arguments;

fn main() {
    libcontainer::init();
    let matches = arguments::command().get_matches();
    println!("{matches:?} {}", arguments::FLAGS.len());
}
