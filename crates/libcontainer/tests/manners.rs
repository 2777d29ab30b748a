//! The library is a guest in its host's process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::{HostSnapshot, Place, output, test};

fn main() -> std::process::ExitCode {
    libcontainer::init();
    common::run(vec![test("nothing_is_left", nothing_is_left).in_both_views()])
}

/// A container with all that the template has, an exec in it, and its end.
fn nothing_is_left() {
    let Some(place) = Place::new() else { return };
    let before = HostSnapshot::take(&place);
    {
        let factory = place.factory();
        let container = factory.create("all", place.config("all")).unwrap();
        let mut init =
            container.run(libcontainer::Process::new(["sleep", "100"]).silent()).unwrap();
        let said = output(&["sh", "-c", "echo said; exit 7"], |process| container.exec(process));
        assert_eq!(said, ("said\n".to_owned(), 7));
        assert!(!before.difference(&before.again()).is_empty());
        container.kill().unwrap();
        init.wait().unwrap();
        container.destroy().unwrap();
    }
    before.assert_restored(Duration::from_secs(2));
}
