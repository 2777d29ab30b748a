//! On a tree of plain files that looks like resctrl: few processors have it.

use std::os::unix::fs::MetadataExt;

use super::*;

/// A tree with a class `gold` of a two-socket machine, gone with the test.
struct Tree(PathBuf);

impl Tree {
    fn new(name: &str) -> Self {
        let root = std::env::temp_dir().join(format!("resctrl-{name}-{}", std::process::id()));
        for directory in ["info", "mon_groups", "gold/mon_groups"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        fs::write(root.join("gold/schemata"), "    L3:0=007f0;1=0001f\n    MB:0=  20;1=  70\n")
            .unwrap();
        Self(root)
    }

    fn plan(&self, rdt: IntelRdt) -> Place {
        plan(&rdt, "web", Some(self.0.clone())).unwrap()
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.0.join(path)).unwrap()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn rdt(class: Option<&str>) -> IntelRdt {
    IntelRdt { clos_id: class.map(str::to_owned), ..IntelRdt::default() }
}

fn with(class: Option<&str>, l3: &str, bandwidth: &str, schemata: &[&str]) -> IntelRdt {
    IntelRdt {
        l3_cache_schema: (!l3.is_empty()).then(|| l3.to_owned()),
        mem_bw_schema: (!bandwidth.is_empty()).then(|| bandwidth.to_owned()),
        schemata: schemata.iter().map(|line| (*line).to_owned()).collect(),
        ..rdt(class)
    }
}

#[test]
fn it_is_found_where_it_is_mounted() {
    let line = |root: &str, at: &str, fstype: &str| {
        format!("36 25 0:30 {root} {at} rw,nosuid shared:9 - {fstype} resctrl rw\n")
    };
    let other = line("/", "/sys/fs/cgroup", "cgroup2");
    let text = other.clone() + &line("/gold", "/mnt/part", "resctrl");
    assert_eq!(find(text.as_bytes()), None);
    let text = text + &line("/", "/mnt/my\\040rdt", "resctrl");
    assert_eq!(find(text.as_bytes()).as_deref(), Some(Path::new("/mnt/my rdt")));
    let error = plan(&rdt(None), "web", None).unwrap_err().to_string();
    assert!(error.starts_with("intel_rdt: no resctrl is mounted"), "{error}");
}

#[test]
fn a_class_of_its_own_is_made_and_goes() {
    let tree = Tree::new("own");
    let place = tree.plan(with(None, "L3:0=f;1=f", "MB:0=20", &["L2:0=1"]));
    place.check().unwrap();
    place.make().unwrap();
    assert_eq!(tree.text("web/schemata"), "L3:0=f;1=f\nMB:0=20\nL2:0=1\n");
    place.assign(77).unwrap();
    assert_eq!(tree.text("web/tasks"), "77");
    place.set(&["MB:0=30"]).unwrap();
    assert_eq!(tree.text("web/schemata"), "MB:0=30\n");
    // Nobody else's is taken.
    assert!(place.check().unwrap_err().to_string().contains("is there already"));
    assert_eq!(place.make().unwrap_err().errno(), Some(rustix::io::Errno::EXIST.raw_os_error()));
    for file in ["web/schemata", "web/tasks"] {
        fs::remove_file(tree.0.join(file)).unwrap();
    }
    for _ in 0..2 {
        place.remove().unwrap();
        assert!(!tree.0.join("web").exists());
    }
}

#[test]
fn a_shared_class_stays_as_it_is_and_where_it_is() {
    let tree = Tree::new("shared");
    let before = tree.text("gold/schemata");
    let place = tree.plan(rdt(Some("gold")));
    place.check().unwrap();
    place.make().unwrap();
    place.assign(77).unwrap();
    assert_eq!(tree.text("gold/tasks"), "77");
    assert_eq!(tree.text("gold/schemata"), before);
    place.remove().unwrap();
    assert!(tree.0.join("gold").exists());
    // One that is not there is made from schemata only, and stays as well.
    let error = tree.plan(rdt(Some("silver"))).check().unwrap_err().to_string();
    assert!(error.contains("there is no"), "{error}");
    let place = tree.plan(with(Some("silver"), "", "", &["L3:0=3"]));
    place.check().unwrap();
    place.make().unwrap();
    assert_eq!(tree.text("silver/schemata"), "L3:0=3\n");
    place.remove().unwrap();
    assert!(tree.0.join("silver").exists());
}

#[test]
fn an_existing_class_must_have_the_share() {
    let tree = Tree::new("share");
    for (l3, bandwidth) in [
        ("L3:0=7f0;1=1f", "MB:0=20;1=70"),
        ("L3:1=1F", ""),
        ("", "MB:1=070"),
        ("L3:0=7f0\nL3:1=1f", ""),
    ] {
        let place = tree.plan(with(Some("gold"), l3, bandwidth, &["L2:0=1"]));
        place.check().unwrap();
    }
    for (l3, bandwidth) in
        [("L3:0=7f", ""), ("L3:2=1", ""), ("L2:0=1", ""), ("", "MB:0=2"), ("x", "")]
    {
        let error = tree.plan(with(Some("gold"), l3, bandwidth, &[])).check().unwrap_err();
        assert!(error.to_string().contains("which is not"), "{l3} {bandwidth}: {error}");
    }
}

#[test]
fn the_default_class_and_monitoring() {
    let tree = Tree::new("monitoring");
    let inode = || fs::metadata(&tree.0).unwrap().ino();
    let root = inode();
    let place = tree.plan(IntelRdt { enable_monitoring: true, ..rdt(Some("/")) });
    place.check().unwrap();
    place.make().unwrap();
    place.assign(77).unwrap();
    assert_eq!((tree.text("tasks"), tree.text("mon_groups/web/tasks")), ("77".into(), "77".into()));
    assert!(place.check().unwrap_err().to_string().contains("mon_groups/web is there"));
    fs::remove_file(tree.0.join("mon_groups/web/tasks")).unwrap();
    place.remove().unwrap();
    assert!(!tree.0.join("mon_groups/web").exists());
    assert_eq!(inode(), root);
    let place = tree.plan(IntelRdt { enable_monitoring: true, ..rdt(Some("gold")) });
    place.make().unwrap();
    assert!(tree.0.join("gold/mon_groups/web").is_dir());
    // What the kernel says goes along.
    fs::write(tree.0.join("info/last_cmd_status"), "no free closids\n").unwrap();
    let error = place.make().unwrap_err().to_string();
    assert!(error.contains("no free closids"), "{error}");
}

#[test]
fn names_that_resctrl_has_taken() {
    let root = Some(PathBuf::from("/r"));
    assert!(plan(&rdt(None), "info", root.clone()).is_err());
    assert_eq!(plan(&rdt(None), "web", root).unwrap().class, Path::new("web"));
}

#[test]
fn figures() {
    let tree = Tree::new("figures");
    let put = |path: &str, text: &str| {
        let path = tree.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let place = tree.plan(IntelRdt { enable_monitoring: true, ..rdt(Some("gold")) });
    // A processor that counts and shares out nothing more.
    let stats = place.stats().unwrap();
    assert_eq!(stats.l3_cache_schema.as_deref(), Some("L3:0=007f0;1=0001f"));
    let json = serde_json::to_value(&stats).unwrap();
    let schemas = serde_json::json!({
        "l3_cache_schema": "L3:0=007f0;1=0001f", "mem_bw_schema": "MB:0=  20;1=  70",
    });
    assert_eq!(json, schemas);
    put("schemata", "    MB:0=100;1=100\n    L3:0=fffff;1=fffff\n");
    put("info/L3/cbm_mask", "fffff\n");
    put("info/L3/min_cbm_bits", "1\n");
    put("info/L3/num_closids", "16\n");
    put("info/MB/bandwidth_gran", "10\n");
    put("info/MB/delay_linear", "1\n");
    put("info/MB/min_bandwidth", "10\n");
    put("info/MB/num_closids", "8\n");
    for (cache, used) in [("00", "3407872"), ("01", "18446744073709551615")] {
        put(&format!("gold/mon_groups/web/mon_data/mon_L3_{cache}/llc_occupancy"), used);
    }
    let cache = "gold/mon_groups/web/mon_data/mon_L3_00";
    put(&format!("{cache}/mbm_total_bytes"), "77\n");
    put(&format!("{cache}/mbm_local_bytes"), "Unavailable\n");
    let mut expected = schemas;
    for (key, value) in [
        ("l3_cache_schema_root", "L3:0=fffff;1=fffff".into()),
        ("mem_bw_schema_root", "MB:0=100;1=100".into()),
        (
            "l3_cache_info",
            serde_json::json!({"cbm_mask": "fffff", "min_cbm_bits": 1, "num_closids": 16}),
        ),
        (
            "mem_bw_info",
            serde_json::json!({
                "bandwidth_gran": 10, "delay_linear": 1, "min_bandwidth": 10, "num_closids": 8,
            }),
        ),
        ("mbm_stats", serde_json::json!([{"mbm_total_bytes": 77}])),
        (
            "cmt_stats",
            serde_json::json!([{"llc_occupancy": 3_407_872}, {"llc_occupancy": u64::MAX}]),
        ),
    ] {
        expected[key] = value;
    }
    assert_eq!(serde_json::to_value(place.stats().unwrap()).unwrap(), expected);
    // Without a group of its own, the class is counted.
    put("gold/mon_data/mon_L3_00/llc_occupancy", "5");
    let stats = tree.plan(rdt(Some("gold"))).stats().unwrap();
    assert_eq!(serde_json::to_value(stats.cmt_stats).unwrap()[0]["llc_occupancy"], 5);
}
