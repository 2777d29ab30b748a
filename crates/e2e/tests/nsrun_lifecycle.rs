//! From `create` to `delete`.

use e2e::{World, each_view};

#[test]
fn a_container_is_created_started_and_deleted() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.sh("echo begun > /run/begun; exec /probe sleep 1000");
        let before = world.snapshot();
        bundle.create([] as [&str; 0]).run().success();
        let state = bundle.state();
        assert_eq!(state["status"], "created");
        let pid = state["pid"].as_i64().unwrap();
        let begun = format!("/proc/{pid}/root/run/begun");
        assert!(!std::path::Path::new(&begun).exists());
        bundle.verb("start").run().success();
        e2e::until("begun", || std::path::Path::new(&begun).exists());
        let state = bundle.state();
        assert_eq!((&state["status"], state["pid"].as_i64()), (&"running".into(), Some(pid)));
        bundle.nsrun(["kill", &bundle.id, "KILL"]).run().success();
        bundle.until_stopped();
        assert_eq!(bundle.state()["pid"], 0);
        bundle.verb("delete").run().success();
        bundle.verb("state").run().code(1).error(&["container does not exist"]);
        before.assert_restored();
    });
}
