use libcontainer::config::{Rootfs, template};

use super::*;
use crate::arguments::PROGRAM;

fn wanted(typed: &[&str]) -> Result<Wanted> {
    let line = ["nsinit", "exec"].iter().chain(typed);
    let typed = PROGRAM.read(&line.map(Into::into).collect::<Vec<_>>()).unwrap();
    Wanted::of(&typed.own)
}

#[test]
fn a_plain_command_leaves_all_to_the_configuration() {
    let config = template(Rootfs::Host);
    let process = wanted(&["sh", "-c", "x"]).unwrap().process(&config);
    let only =
        ProcessSpec { args: ["sh", "-c", "x"].map(str::to_owned).into(), ..Default::default() };
    assert_eq!(process.spec, only);
}

#[test]
fn variables_come_on_top_of_the_containers() {
    let config = template(Rootfs::Host);
    let typed = ["-e", "A=1", "-e", "NSINIT_SURELY_UNSET", "-e", "PATH", "-e", "B=", "sh"];
    let env = wanted(&typed).unwrap().process(&config).spec.env.unwrap();
    let before = config.process.env.unwrap();
    assert_eq!(env[..before.len()], before);
    let path = format!("PATH={}", std::env::var("PATH").unwrap());
    assert_eq!(env[before.len()..], ["A=1".to_owned(), path, "B=".to_owned()]);
}

#[test]
fn a_detached_command_outlives_its_starter_unless_asked() {
    let config = template(Rootfs::Host);
    let signal = |typed: &[&str]| wanted(typed).unwrap().process(&config).spec.parent_death_signal;
    assert_eq!(signal(&["-d", "sh"]), Some(0));
    assert_eq!(signal(&["-d", "--parent-death-signal", "TERM", "sh"]), None);
    assert_eq!(signal(&["sh"]), None);
}

#[test]
fn mistakes_are_refused() {
    for typed in [&["-e", "=x", "sh"][..], &["-u", "a:b:c", "sh"]] {
        assert!(wanted(typed).is_err(), "{typed:?}");
    }
}
