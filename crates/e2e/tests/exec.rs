//! `nsinit exec`: exit codes, streams, joins.

use e2e::{World, each_view};

#[test]
fn the_exit_code_is_the_commands() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            root.exec(["/bin/true"]).run().success();
            for code in [1, 3, 42, 125, 255] {
                root.sh(&format!("exit {code}")).run().code(code);
            }
            before.assert_restored();
        }
    });
}
