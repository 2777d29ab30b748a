use std::path::Path;

use serde_json::{Value, json};

use super::super::super::{
    Config, IoClass, MemoryFlag, MemoryMode, Personality, SchedulerFlag, SchedulerPolicy, parse,
};

/// A config with these fields of `process` and `linux`.
fn read(process: Value, linux: Value) -> crate::Result<Config> {
    let mut config = json!({"ociVersion": "1.3.0", "root": {"path": "r"}, "linux": linux,
        "process": {"cwd": "/", "args": ["x"]}});
    for (key, value) in process.as_object().unwrap() {
        config["process"][key] = value.clone();
    }
    let text = config.to_string();
    Ok(parse(text.as_bytes(), Path::new("config.json"), Path::new("/bundle"))?.config)
}

#[test]
fn every_field() {
    let process = json!({
        "scheduler": {"policy": "SCHED_DEADLINE", "nice": -3, "priority": 4,
            "flags": ["SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_UTIL_CLAMP_MAX"],
            "runtime": 1, "deadline": 2, "period": 3},
        "ioPriority": {"class": "IOPRIO_CLASS_IDLE", "priority": 4},
        "execCPUAffinity": {"initial": "7", "final": "0-3,7"}});
    let linux = json!({
        "personality": {"domain": "LINUX32", "flags": []},
        "memoryPolicy": {"mode": "MPOL_INTERLEAVE", "nodes": "2-3",
            "flags": ["MPOL_F_STATIC_NODES"]}});
    let config = read(process, linux).unwrap();
    let scheduler = config.process.scheduler.unwrap();
    assert_eq!((scheduler.policy, scheduler.nice), (SchedulerPolicy::Deadline, -3));
    assert_eq!((scheduler.priority, scheduler.runtime), (4, 1));
    assert_eq!((scheduler.deadline, scheduler.period), (2, 3));
    let flags = [SchedulerFlag::ResetOnFork, SchedulerFlag::UtilizationMax];
    assert_eq!(scheduler.flags, flags);
    let priority = config.process.io_priority.unwrap();
    assert_eq!((priority.class, priority.priority), (IoClass::Idle, 4));
    let affinity = config.process.exec_affinity.unwrap();
    assert_eq!(affinity.initial.unwrap().numbers(), [7]);
    assert_eq!(affinity.last.unwrap().numbers(), [0, 1, 2, 3, 7]);
    assert_eq!(config.personality, Some(Personality::Linux32));
    let policy = config.memory_policy.unwrap();
    assert_eq!(
        (policy.mode, policy.flags),
        (MemoryMode::Interleave, vec![MemoryFlag::StaticNodes])
    );
    assert_eq!(policy.nodes.unwrap().numbers(), [2, 3]);
}

#[test]
fn what_may_be_left_out() {
    let process = json!({"scheduler": {"policy": "SCHED_IDLE", "flags": null},
        "ioPriority": {"class": "IOPRIO_CLASS_BE"},
        "execCPUAffinity": {"initial": "", "newer": 1}});
    let linux = json!({"personality": {"domain": "LINUX"}, "memoryPolicy": {"mode": "MPOL_LOCAL"}});
    let config = read(process, linux).unwrap();
    let scheduler = config.process.scheduler.unwrap();
    assert_eq!((scheduler.nice, scheduler.priority, scheduler.period), (0, 0, 0));
    assert_eq!(config.process.io_priority.unwrap().priority, 0);
    assert_eq!(config.process.exec_affinity, Some(Default::default()));
    assert_eq!(config.personality, Some(Personality::Linux));
    assert_eq!(config.memory_policy.unwrap().nodes, None);
    let config = read(json!({"scheduler": null}), json!({})).unwrap();
    assert_eq!((config.process.scheduler, config.process.io_priority), (None, None));
    assert_eq!((config.personality, config.memory_policy), (None, None));
    assert_eq!(config.process.umask, None);
}

#[test]
fn unknown_values_are_refused_with_their_place() {
    for (process, expected) in [
        (json!({"scheduler": {}}), "process.scheduler.policy: is required"),
        (json!({"scheduler": {"policy": "SCHED_NICE"}}), "process.scheduler.policy: unknown var"),
        (json!({"scheduler": {"policy": ""}}), "process.scheduler.policy: unknown variant"),
        (
            json!({"scheduler": {"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_X"]}}),
            "process.scheduler.flags[0]: unknown variant `SCHED_FLAG_X`",
        ),
        (
            json!({"scheduler": {"policy": "SCHED_OTHER", "nice": 1.5}}),
            "process.scheduler.nice: 1.5 is not an integer",
        ),
        (
            json!({"scheduler": {"policy": "SCHED_DEADLINE", "runtime": -1}}),
            "process.scheduler.runtime: -1 is out of range",
        ),
        (json!({"ioPriority": {"priority": 1}}), "process.ioPriority.class: is required"),
        (
            json!({"ioPriority": {"class": "IOPRIO_CLASS_NONE"}}),
            "process.ioPriority.class: unknown variant",
        ),
        (
            json!({"ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": -1}}),
            "process.ioPriority.priority: -1 is out of range",
        ),
        (
            json!({"execCPUAffinity": {"initial": "0,"}}),
            "process.execCPUAffinity.initial: \"0,\" is not a list",
        ),
        (
            json!({"execCPUAffinity": {"final": "0-1024"}}),
            "process.execCPUAffinity.final: 1024 is too large",
        ),
    ] {
        let error = read(process, json!({})).unwrap_err().to_string();
        assert!(error.starts_with(&format!("config.json: {expected}")), "{error}\n{expected}");
    }
    for (linux, expected) in [
        (json!({"personality": {}}), "linux.personality.domain: is required"),
        (
            json!({"personality": {"domain": "LINUX", "flags": ["ADDR_NO_RANDOMIZE"]}}),
            "linux.personality.flags[0]: unknown flag \"ADDR_NO_RANDOMIZE\"",
        ),
        (json!({"memoryPolicy": {"nodes": "0"}}), "linux.memoryPolicy.mode: is required"),
        (json!({"memoryPolicy": {"mode": "MPOL_X"}}), "linux.memoryPolicy.mode: unknown variant"),
        (
            json!({"memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_X"]}}),
            "linux.memoryPolicy.flags[0]: unknown variant `MPOL_F_X`",
        ),
        (
            json!({"memoryPolicy": {"mode": "MPOL_BIND", "nodes": "one"}}),
            "linux.memoryPolicy.nodes: \"one\" is not a list",
        ),
    ] {
        let error = read(json!({}), linux).unwrap_err().to_string();
        assert!(error.starts_with(&format!("config.json: {expected}")), "{error}\n{expected}");
    }
}
