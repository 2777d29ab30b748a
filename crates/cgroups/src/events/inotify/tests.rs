use std::path::Path;
use std::process::Command;

use rustix::process::Pid;

use super::Watch;
use crate::events::Event;
use crate::file::Dir;
use crate::{Host, Manager};

/// The memory counters are not in every version 2 tree; whether the group is populated is, and
/// is told in the same way.
#[test]
fn a_counter_and_the_end_are_seen() {
    let host = Host::detect().unwrap();
    if host.v2.is_none() {
        println!("SKIP: no version 2 tree");
        return;
    }
    let path = format!("cgroups-test-inotify-{}/x", std::process::id());
    let group = Manager::new(&host, Path::new(&path)).unwrap();
    group.create().unwrap();
    let dir = Dir::open(group.v2().unwrap()).unwrap();
    let mut watch = Watch::new().unwrap();
    let empty = |count, _: &str| Event::OutOfMemory { killed: count };
    watch.add(&dir, "cgroup.events", &[("populated", empty)]).unwrap();
    assert_eq!(watch.take().unwrap(), None);
    let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    group.attach_v2(Pid::from_child(&child)).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert_eq!(watch.take().unwrap(), None);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(soon(&mut watch), Some(Event::OutOfMemory { killed: 0 }));
    group.destroy().unwrap();
    assert_eq!(soon(&mut watch), Some(Event::Gone));
    assert_eq!(watch.take().unwrap(), None);
    group.prune(1).unwrap();
}

fn soon(watch: &mut Watch) -> Option<Event> {
    for _ in 0..200 {
        if let Some(event) = watch.take().unwrap() {
            return Some(event);
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    None
}
