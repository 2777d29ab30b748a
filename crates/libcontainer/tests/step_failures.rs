//! Every step of a start can fail.

fn main() {
    libcontainer::init();
}
