//! Many threads.

fn main() {
    libcontainer::init();
}
