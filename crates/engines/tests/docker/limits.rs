//! Memory, processors, processes, block devices, rlimits.

use crate::docker;

#[test]
fn control_groups_have_the_values() {
    let Some(docker) = docker() else { return };
    let options = "--memory 64m --memory-swap 96m --memory-reservation 32m --cpus 0.5 \
                   --cpu-shares 300 --cpuset-cpus 1 --cpuset-mems 0 --pids-limit 33";
    let script = "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes \
                  memory/memory.memsw.limit_in_bytes memory/memory.soft_limit_in_bytes \
                  cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us cpu/cpu.shares cpuset/cpuset.cpus \
                  pids/pids.max";
    docker.expect(options, script, "67108864\n100663296\n33554432\n50000\n100000\n300\n1\n33");
    let script = "cd /sys/fs/cgroup; cat cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us; nproc";
    docker.expect("--cpu-period 50000 --cpu-quota 20000", script, "20000\n50000\n2");
    docker.expect(
        "--memory 64m --memory-swap -1",
        "cat /sys/fs/cgroup/memory/memory.limit_in_bytes",
        "67108864",
    );
}

#[test]
fn they_are_held_to() {
    let Some(docker) = docker() else { return };
    let name = docker.sandbox.name("eater");
    let eat = "tail /dev/zero";
    let run = docker.cli(["run", "--name", &name, "--memory", "16m", "--memory-swap", "16m"]);
    run.args(["busybox", "sh", "-c", eat]).run().code(137);
    assert_eq!(docker.inspect(&name, ".State.OOMKilled"), "true");
    docker.remove(&[&name]);
    let script = "for n in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 100 & done; wait";
    let run = docker.sh("--pids-limit 8", script).run();
    assert!(run.err.contains("can't fork"), "{}", run.err);
    docker.expect(
        "--cpuset-cpus 0",
        "nproc; grep Cpus_allowed_list /proc/self/status",
        "1\nCpus_allowed_list:\t0",
    );
}

#[test]
fn rlimits_are_set() {
    let Some(docker) = docker() else { return };
    let options = "--ulimit nofile=123:456 --ulimit nproc=99 --ulimit core=0 --ulimit cpu=50 \
                   --ulimit fsize=1000000 --ulimit stack=1048576:2097152";
    let script = "ulimit -Sn; ulimit -Hn; grep processes /proc/self/limits | tr -s ' ' | cut -d' ' -f3; ulimit -c; ulimit -t; ulimit -Ss; ulimit -Hs";
    docker.expect(options, script, "123\n456\n99\n0\n50\n1024\n2048");
    // They hold for what joins, too.
    let name = docker.background("--ulimit nofile=123:456", &["sleep", "1000"]);
    let run = docker.exec("", &name, "ulimit -n; ulimit -Hn").run().code(0);
    assert_eq!(run.out, "123\n456\n");
    docker.remove(&[&name]);
    // Soft above hard.
    docker.run("--ulimit nofile=456:123 busybox true").run().code(125);
}

#[test]
fn oom_scores_and_the_killers_absence() {
    let Some(docker) = docker() else { return };
    docker.expect("--oom-score-adj 500", "cat /proc/self/oom_score_adj", "500");
    let script = "grep -w oom_kill_disable /sys/fs/cgroup/memory/memory.oom_control";
    docker.expect("--oom-kill-disable --memory 32m", script, "oom_kill_disable 1");
    let script = "cat /sys/fs/cgroup/memory/memory.swappiness";
    docker.expect("--memory-swappiness 0 --memory 32m", script, "0");
}

#[test]
fn block_devices_are_throttled() {
    let Some(docker) = docker() else { return };
    let run = docker.sandbox.sh("findmnt --noheadings --output MAJ:MIN,SOURCE --target /tmp").run();
    let (numbers, device) = run.out.trim().split_once(' ').expect("findmnt has both");
    let (numbers, device) = (numbers.trim(), device.trim());
    if !device.starts_with("/dev/") || numbers.starts_with("0:") {
        return e2e::skip("/tmp is not on a block device");
    }
    let options = format!(
        "--device-read-bps {device}:1mb --device-write-bps {device}:2mb \
         --device-read-iops {device}:100 --device-write-iops {device}:200"
    );
    let script = "cd /sys/fs/cgroup/blkio; cat blkio.throttle.read_bps_device \
                  blkio.throttle.write_bps_device blkio.throttle.read_iops_device \
                  blkio.throttle.write_iops_device";
    let run = docker.sh(&options, script).run().code(0);
    let values: Vec<_> = run.out.lines().filter_map(|line| line.split_once(' ')).collect();
    let wanted = [(numbers, "1048576"), (numbers, "2097152"), (numbers, "100"), (numbers, "200")];
    assert_eq!(values, wanted, "{}", run.out);
}
