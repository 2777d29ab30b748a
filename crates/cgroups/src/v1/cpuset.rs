//! The cpuset controller of version 1 (cgroup-v1/cpusets.rst).

use std::path::Path;

use crate::Result;
use crate::file::Dir;
use crate::resources::Cpu;
use crate::setting::Setting;

/// What to write for these limits.
pub(crate) fn settings(cpu: &Cpu) -> Vec<Setting> {
    let files = [("cpuset.cpus", &cpu.cpus), ("cpuset.mems", &cpu.mems)];
    let set = files.into_iter().filter_map(|(file, list)| Some((file, list.as_ref()?)));
    set.map(|(file, list)| Setting::new(file, list)).collect()
}

/// Gives a new group its parent's processors and memory nodes: without any it takes no process.
///
/// The files are empty in a new group unless its parent has cgroup.clone_children set, which
/// [`let_children_inherit`] does for the parents that we make.
pub(crate) fn inherit(group: &Path) -> Result<()> {
    let dir = Dir::open(group)?;
    for file in ["cpuset.cpus", "cpuset.mems"] {
        if !dir.read(file)?.trim().is_empty() {
            continue;
        }
        let Some(parent) = group.parent() else { continue };
        let parent_dir = Dir::open(parent)?;
        let mut value = parent_dir.read(file)?;
        if value.trim().is_empty() {
            inherit(parent)?;
            value = parent_dir.read(file)?;
        }
        dir.write(file, value.trim())?;
    }
    Ok(())
}

/// Makes the groups that will be made in this one start with its processors and memory nodes.
pub(crate) fn let_children_inherit(group: &Path) -> Result<()> {
    Dir::open(group)?.write("cgroup.clone_children", "1")
}
