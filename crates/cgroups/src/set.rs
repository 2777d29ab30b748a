//! Limits written to a group, at its start and while it runs.

use std::cell::OnceCell;

use crate::file::Dir;
use crate::setting::{Setting, write_all};
use crate::{DevicePrograms, Error, Manager, Resources, Result, devices, v1, v2};

impl Manager {
    /// Gives the group these limits; those not asked for stay as they are. Serves the start and
    /// changes while it runs, and raises and lowers.
    ///
    /// Where an error comes back some of the limits may already have been changed.
    ///
    /// Errors: [`Error::Unsupported`] for a limit whose controller this host does not have;
    /// [`Error::Invalid`]; [`Error::System`] with the file and the value that the kernel refused.
    pub fn set(&self, limits: &Resources) -> Result<()> {
        self.set_all(limits, None)
    }

    /// The same at a start, where the group's device program may be one that others have already:
    /// see [`DevicePrograms`]. It has the same effect, and takes less time.
    pub fn set_first(&self, limits: &Resources, programs: &DevicePrograms) -> Result<()> {
        self.set_all(limits, Some(programs))
    }

    fn set_all(&self, limits: &Resources, programs: Option<&DevicePrograms>) -> Result<()> {
        limits.check()?;
        let writer = Writer { manager: self, programs, v2: OnceCell::new() };
        writer.set_memory(limits)?;
        writer.set_cpu(limits)?;
        if let Some(limit) = limits.pids {
            match writer.same("pids", "pids.limit", &v1::pids::settings(limit)) {
                // No limit is what there is where nothing can limit; engines ask for it always.
                Err(Error::Unsupported { .. }) if limit < 0 => {}
                done => done?,
            }
        }
        if !limits.rdma.is_empty() {
            writer.same("rdma", "rdma", &v1::rdma::settings(&limits.rdma))?;
        }
        writer.set_block_io(limits)?;
        if !limits.hugetlb.is_empty() {
            match self.v1("hugetlb") {
                Some(path) => {
                    write_v1(
                        &Dir::open(path)?,
                        "hugetlb",
                        &v1::hugetlb::settings(&limits.hugetlb),
                    )?;
                }
                None => writer.write_v2(
                    "hugetlb",
                    "hugepageLimits",
                    &v2::hugetlb::settings(&limits.hugetlb),
                )?,
            }
        }
        writer.set_net(limits)?;
        writer.set_devices(limits)?;
        writer.set_unified(limits)
    }
}

/// Writes limits, and opens the version 2 directory at most once for all of them.
struct Writer<'a> {
    manager: &'a Manager,
    programs: Option<&'a DevicePrograms>,
    v2: OnceCell<Dir>,
}

impl Writer<'_> {
    /// The version 2 directory, for a controller that no version 1 hierarchy has.
    fn v2_dir(&self, controller: &str, key: &str) -> Result<&Dir> {
        if self.v2.get().is_none() {
            let Some(path) = self.manager.v2() else { return Err(not_mounted(controller, key)) };
            let dir = Dir::open(path)?;
            return Ok(self.v2.get_or_init(|| dir));
        }
        self.v2.get().ok_or_else(|| not_mounted(controller, key))
    }

    /// Writes to the version 2 group; a file that is not there makes its controller be enabled.
    fn write_v2(&self, controller: &str, key: &str, settings: &[Setting]) -> Result<()> {
        let dir = self.v2_dir(controller, key)?;
        let mut enabled = false;
        write_all(dir, settings, |file| {
            if enabled {
                return Err(Error::unsupported(controller, file, "this kernel has no such file"));
            }
            v2::controllers::enable(dir.path(), controller, key)?;
            enabled = true;
            Ok(true)
        })
    }

    /// Writes settings that are the same in both versions.
    fn same(&self, controller: &str, key: &str, settings: &[Setting]) -> Result<()> {
        match self.manager.v1(controller) {
            Some(path) => write_v1(&Dir::open(path)?, controller, settings),
            None => self.write_v2(controller, key, settings),
        }
    }

    fn set_memory(&self, limits: &Resources) -> Result<()> {
        let memory = &limits.memory;
        if *memory == crate::Memory::default() {
            return Ok(());
        }
        match self.manager.v1("memory") {
            Some(path) => write_v1(&Dir::open(path)?, "memory", &v1::memory::settings(memory)),
            None => {
                let settings = v2::memory::settings(self.v2_dir("memory", "memory")?, memory)?;
                self.write_v2("memory", "memory", &settings)
            }
        }
    }

    fn set_cpu(&self, limits: &Resources) -> Result<()> {
        let cpu = &limits.cpu;
        if cpu.wants_cpu() {
            match self.manager.v1("cpu") {
                Some(path) => write_v1(&Dir::open(path)?, "cpu", &v1::cpu::settings(cpu))?,
                None => {
                    let settings = v2::cpu::settings(self.v2_dir("cpu", "cpu")?, cpu)?;
                    self.write_v2("cpu", "cpu", &settings)?;
                }
            }
        }
        if cpu.wants_cpuset() {
            self.same("cpuset", "cpu.cpus and cpu.mems", &v1::cpuset::settings(cpu))?;
        }
        Ok(())
    }

    fn set_block_io(&self, limits: &Resources) -> Result<()> {
        let block = &limits.block_io;
        if *block == crate::BlockIo::default() {
            return Ok(());
        }
        match self.manager.v1("blkio") {
            Some(path) => write_v1(&Dir::open(path)?, "blkio", &v1::blkio::settings(block)),
            None => self.write_v2("io", "blockIO", &v2::io::settings(block)?),
        }
    }

    fn set_net(&self, limits: &Resources) -> Result<()> {
        let class = limits.net_cls_classid.map(v1::net::class_settings).unwrap_or_default();
        let priorities = v1::net::priority_settings(&limits.net_prio);
        for (controller, key, settings) in
            [("net_cls", "network.classID", class), ("net_prio", "network.priorities", priorities)]
        {
            if settings.is_empty() {
                continue;
            }
            let Some(path) = self.manager.v1(controller) else {
                let hint = format!(
                    "only version 1 has it: mount it with \"mount -t cgroup -o {controller}\""
                );
                return Err(Error::unsupported(controller, key, hint));
            };
            write_v1(&Dir::open(path)?, controller, &settings)?;
        }
        Ok(())
    }

    fn set_devices(&self, limits: &Resources) -> Result<()> {
        if limits.devices.is_empty() {
            return Ok(());
        }
        match self.manager.v1("devices") {
            Some(path) => v1::devices::set(&Dir::open(path)?, &limits.devices),
            None => {
                let dir = self.v2_dir("devices", "devices")?;
                devices::bpf::set(dir, &limits.devices, self.programs)
            }
        }
    }

    fn set_unified(&self, limits: &Resources) -> Result<()> {
        for (file, value) in &limits.unified {
            let controller = file.split('.').next().unwrap_or(file);
            // Files with a line for each device take one line at a time; an empty list is a line.
            let mut lines: Vec<&str> = value.lines().filter(|line| !line.is_empty()).collect();
            if lines.is_empty() {
                lines.push("\n");
            }
            let settings: Vec<Setting> =
                lines.into_iter().map(|line| Setting::new(file.clone(), line)).collect();
            self.write_v2(controller, file, &settings)?;
        }
        Ok(())
    }
}

fn write_v1(dir: &Dir, controller: &str, settings: &[Setting]) -> Result<()> {
    write_all(dir, settings, |file| {
        let hint = match file {
            "memory.memsw.limit_in_bytes" => "boot the kernel with swapaccount=1",
            _ => "this kernel has no such file",
        };
        Err(Error::unsupported(controller, file, hint))
    })
}

fn not_mounted(controller: &str, key: &str) -> Error {
    let hint = format!(
        "mount it with \"mount -t cgroup -o {controller}\", or, without root, have it delegated"
    );
    Error::unsupported(controller, key, hint)
}
