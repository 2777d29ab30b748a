use super::*;
use crate::config::{Config, IdMap, Namespace, NamespaceKind, ProcessSpec, Rootfs};
use crate::host::HostFacts;
use crate::plan::filters::Filters;
use crate::plan::hooks::{HookPlan, InitHooks, Subject};
use crate::plan::{Entry, Place, first, join, process_of, start};

fn spec(terminal: bool) -> ProcessSpec {
    ProcessSpec { args: vec!["/bin/true".into()], terminal, ..ProcessSpec::default() }
}

fn first_plan(user: bool, terminal: bool, hold: bool) -> InitPlan {
    let map = IdMap { container_id: 0, host_id: 100_000, size: 65_536 };
    let mut config = Config {
        rootfs: Rootfs::Directory("/somewhere".into()),
        namespaces: vec![Namespace { kind: NamespaceKind::Mount, path: None }],
        ..Config::default()
    };
    if user {
        config.namespaces.push(Namespace { kind: NamespaceKind::User, path: None });
        (config.uid_mappings, config.gid_mappings) = (vec![map], vec![map]);
    }
    let facts = HostFacts::read().unwrap();
    let place = Place { id: "id", scope: "/run", facts: &facts, mountinfo: &[], selinux: false };
    let container = start(&config, &place).unwrap();
    let (process, _) =
        process_of(&config, &spec(terminal), &Filters::NONE, "id", false, 0).unwrap();
    first(&container, process, hold)
}

fn order(plan: &InitPlan) -> Vec<Expected> {
    Sequence::of(plan).expected.collect()
}

#[test]
fn the_order_comes_from_the_plan() {
    use Expected::*;
    assert_eq!(order(&first_plan(false, false, false)), [Born, Executing, End]);
    assert_eq!(order(&first_plan(true, false, true)), [WantMaps, Born, Built, End]);
    assert_eq!(order(&first_plan(false, true, false)), [Born, Terminal, Executing, End]);
    let agent = crate::plan::filters::Listener { path: "/a".into(), metadata: String::new() };
    for (hold, expected) in
        [(false, vec![Born, Executing, Listener, End]), (true, vec![Born, Built, End])]
    {
        let mut asking = first_plan(false, false, hold);
        asking.process.listener = Some(agent.clone());
        assert_eq!(order(&asking), expected);
    }
    let mut hooked = first_plan(true, true, true);
    for (creators, expected) in [
        (false, vec![WantMaps, Born, Terminal, Built, End]),
        (true, vec![WantMaps, Born, HooksDue, Terminal, Built, End]),
    ] {
        let Entry::Start(start) = &mut hooked.entry else { panic!() };
        start.hooks = Some(Box::new(InitHooks {
            creators,
            create_container: Vec::new(),
            start_container: Vec::new(),
            subject: Subject { id: "id".into(), bundle: "/".into(), annotations: Vec::new() },
        }));
        assert_eq!(order(&hooked), expected);
    }
    // Each hook in the container asks the agent too.
    let mut asking = first_plan(false, false, false);
    asking.process.listener = Some(agent);
    let Entry::Start(start) = &mut asking.entry else { panic!() };
    let hook = HookPlan { path: c"/h".into(), args: Vec::new(), env: Vec::new(), timeout: None };
    start.hooks = Some(Box::new(InitHooks {
        creators: false,
        create_container: vec![hook.clone()],
        start_container: vec![hook.clone(), hook],
        subject: Subject { id: "id".into(), bundle: "/".into(), annotations: Vec::new() },
    }));
    assert_eq!(order(&asking), [Born, Listener, Listener, Executing, Listener, End]);
    let (process, _) =
        process_of(&Config::default(), &spec(false), &Filters::NONE, "id", false, 0).unwrap();
    assert_eq!(order(&join(0, false, process)), [Born, Executing, End]);
}

#[test]
fn a_message_out_of_order_is_refused_and_a_failure_is_passed_on() {
    let mut sequence = Sequence::of(&first_plan(false, false, false));
    assert!(sequence.take(&FromInit::Executing(Vec::new())).is_err());
    let mut sequence = Sequence::of(&first_plan(false, false, false));
    assert!(!sequence.is_complete());
    sequence.take(&FromInit::Born(7)).unwrap();
    sequence.take(&FromInit::Executing(Vec::new())).unwrap();
    assert!(sequence.is_complete());
    let failure = Error::new(ErrorKind::Paused, "why");
    let error = sequence.take(&FromInit::Failed(failure.clone())).unwrap_err();
    assert_eq!(error, failure);
}
