use super::*;
use crate::ErrorKind;
use crate::config::{IoClass, MemoryFlag};

fn of(policy: SchedulerPolicy) -> Scheduler {
    let flags = Vec::new();
    Scheduler { policy, nice: 0, priority: 0, flags, runtime: 0, deadline: 0, period: 0 }
}

fn field(error: &Error) -> &str {
    match error.kind() {
        ErrorKind::InvalidConfig { field } => field,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_policy_gets_only_what_it_has_a_use_for() {
    use SchedulerPolicy::{Batch, Deadline, Fifo, Idle, Iso, Other, RoundRobin};
    for (wanted, wrong) in [
        (of(Iso), "policy"),
        (Scheduler { nice: 20, ..of(Other) }, "nice"),
        (Scheduler { nice: -21, ..of(Batch) }, "nice"),
        (of(Fifo), "priority"),
        (Scheduler { priority: 100, ..of(RoundRobin) }, "priority"),
        (Scheduler { priority: -1, ..of(Fifo) }, "priority"),
        (Scheduler { priority: 1, ..of(Idle) }, "priority"),
        (Scheduler { runtime: 1, ..of(Fifo) }, "priority"),
        (Scheduler { runtime: 1, ..of(Other) }, "runtime"),
        (Scheduler { deadline: 1, ..of(Batch) }, "deadline"),
        (Scheduler { period: 1, ..of(Idle) }, "period"),
    ] {
        let error = scheduler(&wanted).unwrap_err();
        assert_eq!(field(&error), format!("process.scheduler.{wrong}"), "{wanted:?}");
    }
    let deadline = Scheduler { nice: 19, runtime: 1, deadline: 2, period: 3, ..of(Deadline) };
    let attributes = scheduler(&deadline).unwrap();
    assert_eq!((attributes.policy, attributes.period), (6, 3));
}

#[test]
fn who_sets_a_policy() {
    use SchedulerPolicy::{Batch, Deadline, Fifo, Other};
    let inherited = |wanted: Scheduler| {
        let plan =
            Scheduling { scheduler: Some(scheduler(&wanted).unwrap()), ..Scheduling::default() };
        assert_ne!(plan.inherited().is_some(), plan.given().is_some());
        plan.inherited().is_some()
    };
    assert!(inherited(of(Other)) && inherited(Scheduler { nice: 5, ..of(Batch) }));
    assert!(!inherited(Scheduler { priority: 1, ..of(Fifo) }) && !inherited(of(Deadline)));
    let flags = vec![SchedulerFlag::ResetOnFork];
    assert!(!inherited(Scheduler { flags, ..of(Other) }));
    let none = Scheduling::default();
    assert!(none.inherited().is_none() && none.given().is_none());
}

#[test]
fn priorities_of_disk_accesses() {
    let of = |class, priority| io_priority(IoPriority { class, priority });
    assert_eq!(of(IoClass::BestEffort, 7).unwrap(), (2, 7));
    assert_eq!(field(&of(IoClass::Idle, 8).unwrap_err()), "process.ioPriority.priority");
}

#[test]
fn nodes_as_their_mode_wants_them() {
    let of = |mode, nodes: &str, flags: &[MemoryFlag]| {
        let nodes = (!nodes.is_empty()).then(|| nodes.parse().unwrap());
        memory_policy(&MemoryPolicy { mode, nodes, flags: flags.to_vec() })
    };
    assert_eq!(of(MemoryMode::Bind, "0,64-65", &[]).unwrap(), (2, vec![1, 3]));
    let flags = [MemoryFlag::StaticNodes, MemoryFlag::NumaBalancing];
    assert_eq!(of(MemoryMode::Interleave, "1", &flags).unwrap(), (0xa003, vec![2]));
    assert_eq!(of(MemoryMode::Preferred, "", &[]).unwrap(), (1, vec![]));
    for (mode, nodes) in [
        (MemoryMode::Bind, ""),
        (MemoryMode::Interleave, ""),
        (MemoryMode::WeightedInterleave, ""),
        (MemoryMode::PreferredMany, ""),
        (MemoryMode::Default, "0"),
        (MemoryMode::Local, "0"),
    ] {
        let error = of(mode, nodes, &[]).unwrap_err();
        assert_eq!(field(&error), "memory_policy.nodes", "{mode:?}");
    }
}
