use super::super::Stats;
use super::super::files::Reader;
use super::{list, page_size, pids, rdma};

/// Control files that few machines have.
struct Tree(std::path::PathBuf);

impl Tree {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("cgroups-{name}-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        for (file, text) in files {
            std::fs::write(path.join(file), text).unwrap();
        }
        Self(path)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn rdma_devices_and_their_limits() {
    let tree = Tree::new(
        "rdma",
        &[
            (
                "rdma.current",
                "mlx4_0 hca_handle=2 hca_object=2000\nocrdma1 hca_handle=0 hca_object=0\n",
            ),
            (
                "rdma.max",
                "mlx4_0 hca_handle=3 hca_object=max\nocrdma1 hca_handle=max hca_object=max\n",
            ),
        ],
    );
    let (mut reader, mut stats) = (Reader::default(), Stats::default());
    let mut files = reader.open(&tree.0).unwrap();
    rdma(&mut files, &mut stats).unwrap();
    files.finish().unwrap();
    let one = stats.rdma["mlx4_0"];
    assert_eq!((one.hca_handles, one.hca_objects), (Some(2), Some(2000)));
    assert_eq!((one.hca_handles_limit, one.hca_objects_limit), (Some(3), None));
    assert_eq!(stats.rdma["ocrdma1"].hca_handles, Some(0));
}

#[test]
fn an_older_kernel_keeps_less() {
    let tree = Tree::new("older", &[("pids.current", "3\n"), ("pids.max", "max\n")]);
    let (mut reader, mut stats) = (Reader::default(), Stats::default());
    let mut files = reader.open(&tree.0).unwrap();
    pids(&mut files, &mut stats).unwrap();
    files.finish().unwrap();
    assert_eq!((stats.pids.current, stats.pids.limit, stats.pids.peak), (Some(3), None, None));
    // Nothing at all: the group is gone.
    let empty = Tree::new("empty", &[]);
    let mut files = reader.open(&empty.0).unwrap();
    pids(&mut files, &mut stats).unwrap();
    assert!(files.finish().unwrap_err().is_gone());
}

#[test]
fn a_long_file_is_read_whole() {
    let text: String = (0..9000).map(|line| format!("key{line} {line}\n")).collect();
    let tree = Tree::new("long", &[("memory.stat", &text)]);
    let mut reader = Reader::default();
    let mut files = reader.open(&tree.0).unwrap();
    assert_eq!(files.text("memory.stat").unwrap(), Some(&*text));
    assert_eq!(files.flat("memory.stat").unwrap().len(), 9000);
}

#[test]
fn lists_of_processors() {
    assert_eq!(list("0-2,7\n"), [0, 1, 2, 7]);
    assert_eq!(list("3\n"), [3]);
    assert_eq!(list("\n"), [0_u32; 0]);
}

#[test]
fn page_sizes_are_named_as_in_control_files() {
    assert_eq!(page_size(64), "64KB");
    assert_eq!(page_size(2048), "2MB");
    assert_eq!(page_size(524_288), "512MB");
    assert_eq!(page_size(1_048_576), "1GB");
}
