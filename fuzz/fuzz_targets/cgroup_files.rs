//! The files of a control group, of both versions: each has the same content.
#![no_main]

use std::path::PathBuf;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

const NAMES: &str = "cpu.stat cpu.pressure memory.pressure io.pressure cpuacct.usage \
    cpuacct.usage_user cpuacct.usage_sys cpuacct.usage_percpu cpuacct.stat memory.stat \
    memory.oom_control memory.usage_in_bytes memory.max_usage_in_bytes memory.failcnt \
    memory.limit_in_bytes memory.memsw.usage_in_bytes memory.kmem.usage_in_bytes memory.current \
    memory.max memory.peak memory.events memory.swap.events memory.swap.current io.stat \
    memory.use_hierarchy memory.numa_stat \
    blkio.throttle.io_service_bytes_recursive blkio.throttle.io_serviced_recursive \
    blkio.throttle.io_service_bytes blkio.throttle.io_serviced blkio.bfq.io_serviced_recursive \
    hugetlb.2MB.usage_in_bytes hugetlb.2MB.max_usage_in_bytes hugetlb.2MB.failcnt \
    hugetlb.2MB.current hugetlb.2MB.max hugetlb.2MB.events pids.current pids.max rdma.current \
    rdma.max";

fuzz_target!(|bytes: &[u8]| {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    let place = PLACE.get_or_init(|| {
        let place = std::env::temp_dir().join(format!("fuzz-cgroup-{}", std::process::id()));
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join("all"), "").unwrap();
        for name in NAMES.split_ascii_whitespace() {
            std::fs::hard_link(place.join("all"), place.join(name)).unwrap();
        }
        place
    });
    std::fs::write(place.join("all"), bytes).unwrap();
    cgroups::fuzzing::statistics(place);
});
