//! A class of service in resctrl: what a processor without it says, and on a tree of plain files
//! that a record names as the real one, the way through a container's life.

use std::path::Path;

use libcontainer::config::IntelRdt;
use libcontainer::{Container, ErrorKind, Process};

use crate::common::{Place, Test, skip, test};
use crate::kit::{self, field, refusal};

pub fn tests() -> Vec<Test> {
    vec![
        test("resctrl::refused_where_it_is_not_mounted", refused),
        test("resctrl::made_joined_changed_and_removed", life),
        test("resctrl::what_another_has_made_stays", taken),
    ]
}

fn refused() {
    let Some(place) = kit::place() else { return };
    if std::fs::read_to_string("/proc/self/mountinfo").unwrap().contains(" - resctrl ") {
        return skip("this machine has resctrl");
    }
    let mut config = place.small();
    config.intel_rdt = Some(IntelRdt::default());
    let error = refusal(&place, config.clone());
    assert_eq!(field(&error), "intel_rdt");
    assert!(error.to_string().contains("no resctrl is mounted"), "{error}");
    let container = place.factory().create("without", place.small()).unwrap();
    let error = container.set_rdt(None, Some("MB:0=20")).unwrap_err();
    assert_eq!(field(&error), "intel_rdt");
    container.destroy().unwrap();
}

/// A container whose record has a class of its own below `root`.
fn recorded(place: &Place, root: &Path) -> Container {
    let id = "rdt";
    drop(place.factory().create(id, place.small()).unwrap());
    let path = place.state_root().join(id).join("record.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let (first, config) = text.split_once('\n').unwrap();
    let mut record: serde_json::Value = serde_json::from_str(first).unwrap();
    record["resctrl"] = serde_json::json!({
        "root": root, "class": id, "own": true, "checked": [], "schemata": ["L3:0=f"],
        "monitoring": null,
    });
    std::fs::write(&path, format!("{record}\n{config}")).unwrap();
    place.factory().load(id).unwrap()
}

fn life() {
    let Some(place) = kit::place() else { return };
    let root = place.dir().join("resctrl");
    let class = root.join("rdt");
    std::fs::create_dir(&root).unwrap();
    let container = recorded(&place, &root);
    let mut init = container.run(Process::new(["/bin/probe", "sleep", "1000"]).silent()).unwrap();
    let text = |name: &str| std::fs::read_to_string(class.join(name)).unwrap();
    assert_eq!(text("schemata"), "L3:0=f\n");
    assert_eq!(text("tasks"), init.pid().to_string());
    container.set_rdt(Some("L3:0=3"), Some("MB:0=20")).unwrap();
    assert_eq!(text("schemata"), "L3:0=3\nMB:0=20\n");
    assert!(container.set_rdt(None, Some("L3:0=1")).is_err());
    let stats = container.stats().unwrap().intel_rdt.unwrap();
    assert_eq!(stats.l3_cache_schema.as_deref(), Some("L3:0=3"));
    assert_eq!(stats.mem_bw_schema.as_deref(), Some("MB:0=20"));
    container.kill().unwrap();
    init.wait().unwrap();
    for file in ["schemata", "tasks"] {
        std::fs::remove_file(class.join(file)).unwrap();
    }
    container.destroy().unwrap();
    assert!(root.exists() && !class.exists());
}

fn taken() {
    let Some(place) = kit::place() else { return };
    let root = place.dir().join("resctrl");
    std::fs::create_dir_all(root.join("rdt")).unwrap();
    let container = recorded(&place, &root);
    let process = Process::new(["/bin/probe", "sleep", "1000"]).silent();
    let error = container.run(process).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::System, "{error}");
    assert!(error.to_string().contains("File exists"), "{error}");
    container.destroy().unwrap();
    assert!(root.join("rdt").exists());
}
