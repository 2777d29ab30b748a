use std::fs::OpenOptions;
use std::os::fd::{AsFd, AsRawFd};

use super::super::testing::{go, in_child, planned};
use super::*;
use crate::config::ProcessSpec;

fn owner(fd: impl AsFd) -> u32 {
    fstat(fd).unwrap().st_uid
}

#[test]
fn a_user_can_open_his_pipes_again() {
    in_child(module_path!(), "a_user_can_open_his_pipes_again", || {
        assert_eq!(owner(stdout()), 0, "a pipe of the caller");
        let user = Some("1000:1000".parse().unwrap());
        go(&planned(&ProcessSpec { user, ..ProcessSpec::default() })).unwrap();
        assert_eq!((owner(stdout()), owner(stderr())), (1000, 1000));
        OpenOptions::new().write(true).open("/proc/thread-self/fd/1").unwrap();
    });
}

#[test]
fn what_is_not_the_programs_stays() {
    in_child(module_path!(), "what_is_not_the_programs_stays", || {
        let file = std::fs::File::open("/dev/null").unwrap();
        let _placed = sys::close::duplicate_to(file.as_fd(), stdin().as_raw_fd()).unwrap();
        let path = std::env::temp_dir().join(format!("privileges-stdio-{}", std::process::id()));
        let log = std::fs::File::create(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let _placed = sys::close::duplicate_to(log.as_fd(), stderr().as_raw_fd()).unwrap();
        let user = Identity { uid: 1000, gid: 1000, groups: Vec::new(), home: c"/".to_owned() };
        own(&user, true).unwrap();
        assert_eq!((owner(&file), owner(&log)), (0, 0));
    });
}

#[test]
fn a_terminal_is_given_only_if_it_was_made_for_him() {
    in_child(module_path!(), "a_terminal_is_given_only_if_it_was_made_for_him", || {
        use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let terminal = OpenOptions::new().read(true).open(name.to_str().unwrap()).unwrap();
        let _placed = sys::close::duplicate_to(terminal.as_fd(), stdin().as_raw_fd()).unwrap();
        let user = Identity { uid: 1000, gid: 1000, groups: Vec::new(), home: c"/".to_owned() };
        own(&user, false).unwrap();
        assert_eq!(owner(&terminal), 0);
        own(&user, true).unwrap();
        assert_eq!(owner(&terminal), 1000);
    });
}
