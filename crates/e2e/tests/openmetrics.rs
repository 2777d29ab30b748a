//! `nsinit stats --format openmetrics`, held against the rules of OpenMetrics 1.0.0.

use std::collections::{BTreeMap, BTreeSet};

use e2e::{World, each_view, has_controller};

/// Samples by name and labels.
type Samples = BTreeMap<(String, BTreeMap<String, String>), f64>;

/// One metric family.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    samples: Samples,
}

/// Reads an exposition, and asserts what the specification asks for: `# EOF` at the end and only
/// there, metadata before samples and once each, a unit that the name ends with, families that are
/// not interleaved, names and values as their type has them, no sample twice.
fn parse(text: &str) -> BTreeMap<String, Family> {
    let body = text.strip_suffix("# EOF\n").expect("no # EOF at the end");
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    let mut told = BTreeSet::new();
    for line in body.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (what, name) = (words.next().unwrap(), words.next().unwrap());
            let value = words.next().unwrap();
            assert!(told.insert((what.to_owned(), name.to_owned())), "twice: {line}");
            match what {
                "TYPE" => {
                    assert!(["counter", "gauge", "stateset"].contains(&value), "{line}");
                    let family = Family { kind: value.to_owned(), ..Family::default() };
                    assert!(families.insert(name.to_owned(), family).is_none(), "{line}");
                    current = name.to_owned();
                }
                "UNIT" => assert!(name.ends_with(&format!("_{value}")), "{line}"),
                "HELP" => assert!(!value.contains(['\\', '"']), "{line}"),
                other => panic!("{other}: {line}"),
            }
            assert_eq!(name, current, "interleaved: {line}");
            assert!(families[name].samples.is_empty(), "after samples: {line}");
            continue;
        }
        let (name, rest) = line.split_once('{').unwrap_or_else(|| panic!("no labels: {line}"));
        let (labels, value) = rest.rsplit_once("} ").unwrap();
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "_:".contains(c)), "{line}");
        let family = families.get_mut(&current).unwrap();
        let suffix = if family.kind == "counter" { "_total" } else { "" };
        assert_eq!(name, format!("{current}{suffix}"), "{line}");
        let labels: BTreeMap<String, String> = labels
            .split(',')
            .map(|label| {
                let (key, value) = label.split_once('=').unwrap();
                let value = value.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
                assert!(!value.contains(['"', '\\']), "{line}");
                (key.to_owned(), value.to_owned())
            })
            .collect();
        let number: f64 = match value {
            "+Inf" => f64::INFINITY,
            value => value.parse().unwrap(),
        };
        assert!(number >= 0.0 && (number.is_finite() || family.kind == "gauge"), "{line}");
        assert!(family.kind != "stateset" || [0.0, 1.0].contains(&number), "{line}");
        let sample = ((*name).to_owned(), labels);
        assert!(family.samples.insert(sample, number).is_none(), "twice: {line}");
    }
    families
}

/// The value of a sample that has these labels, and maybe more.
fn value(families: &BTreeMap<String, Family>, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let family = families.get(&format!("nsinit_container_{name}"))?;
    let has = |all: &BTreeMap<String, String>| {
        labels.iter().all(|(key, value)| all.get(*key).is_some_and(|it| it == value))
    };
    family.samples.iter().find(|((_, labels), _)| has(labels)).map(|(_, value)| *value)
}

#[test]
fn a_scraper_can_read_it() {
    each_view(|world: &World| {
        let (one, other) = (world.busybox(), world.busybox());
        let before = world.snapshot();
        let limit = if has_controller("memory") { &["--memory-limit", "64m"][..] } else { &[] };
        let id = one.detach(limit);
        let second = other.detach([""; 0]);
        let told = |args: &[&str]| {
            let args = ["stats", "--format", "openmetrics"].iter().chain(args);
            one.nsinit(args).run().success().out
        };
        let single = parse(&told(&[]));
        let all = parse(&told(&["--all"]));
        for (families, other) in [(&single, false), (&all, true)] {
            let status = |id: &str, status: &str| {
                let labels = [("id", id), ("nsinit_container_status", status)];
                value(families, "status", &labels)
            };
            assert_eq!(status(&id, "running"), Some(1.0));
            assert_eq!(status(&id, "paused"), Some(0.0));
            assert_eq!(status(&second, "running"), other.then_some(1.0));
            let of = |name: &str| value(families, name, &[("id", &id)]);
            assert!(of("cpu_usage_seconds").unwrap() > 0.0);
            // What is not counted has no sample.
            for (name, controller) in [
                ("memory_usage_bytes", "memory"),
                ("memory_limit_bytes", "memory"),
                ("processes", "pids"),
                ("cpu_periods", "cpu"),
            ] {
                assert_eq!(of(name).is_some(), has_controller(controller), "{name}");
            }
            if has_controller("memory") {
                assert_eq!(of("memory_limit_bytes"), Some(f64::from(64 << 20)));
                let unlimited = value(families, "memory_limit_bytes", &[("id", &second)]);
                assert_eq!(unlimited, other.then_some(f64::INFINITY));
            }
        }
        // The same as JSON has, where nothing changes any more.
        one.nsinit(["pause"]).run().success();
        let stats = one.nsinit(["stats"]).run().success().json();
        let frozen = parse(&told(&[]));
        let used = stats["CgroupStats"]["cpu_stats"]["cpu_usage"]["total_usage"].as_u64().unwrap();
        let seconds = value(&frozen, "cpu_usage_seconds", &[("id", &id)]).unwrap();
        assert!((seconds - used as f64 / 1e9).abs() < 1e-9, "{seconds} {used}");
        one.nsinit(["unpause"]).run().success();
        // As JSON, all by id.
        let all = one.nsinit(["stats", "--all"]).run().success().json();
        assert!(all[&id]["CgroupStats"].is_object() && all[&second]["CgroupStats"].is_object());
        one.nsinit(["stats", "--all", "--id", &id]).run().code(2);
        one.nsinit(["stats", "--format", "xml"]).run().code(2);
        one.delete();
        other.delete();
        // Nothing runs: that is valid too.
        let none = parse(&told(&["--all"]));
        assert!(value(&none, "cpu_usage_seconds", &[("id", &id)]).is_none());
        before.assert_restored();
    });
}
