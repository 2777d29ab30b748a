//! The network devices that a container has of the host's: a journal in its directory tells how
//! an interrupted start is taken back.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::process::Pid;

use crate::config::NamespaceKind;
use crate::container::handle::Container;
use crate::network;
use crate::procfs::Procfs;
use crate::{Result, Step};

impl Container {
    /// Moves the devices into the network namespace of the process `pid`; what is given back keeps
    /// that alive for [`return_devices`](Self::return_devices), should the start fail.
    pub(super) fn take_devices(
        &self,
        devices: &[network::Device],
        pid: Pid,
    ) -> Result<Option<OwnedFd>> {
        if devices.is_empty() {
            return Ok(None);
        }
        let namespace = Procfs::open()?.open_link(format!("{}/ns/net", pid.as_raw_nonzero()))?;
        let taken = network::look(devices, namespace.as_fd())?;
        self.entry.write_devices(&taken)?;
        if let Err(error) = network::take(&taken, namespace.as_fd()) {
            // What fails here, destroy tries again and reports.
            let _ = self.return_devices(Some(namespace.as_fd()));
            return Err(error);
        }
        Ok(Some(namespace))
    }

    /// Puts the devices back that a start has taken which is not complete.
    pub(super) fn return_devices(&self, namespace: Option<BorrowedFd<'_>>) -> Result<()> {
        let Some(taken) = self.entry.read_devices()? else { return Ok(()) };
        let joined = match namespace {
            Some(_) => None,
            None => self.joined_network()?,
        };
        network::put_back(&taken, namespace.or(joined.as_ref().map(AsFd::as_fd)))?;
        self.entry.forget_devices()
    }

    /// The network namespace that the container joins, if it is still there.
    fn joined_network(&self) -> Result<Option<OwnedFd>> {
        let record = self.record()?;
        let config = record.config()?;
        let network = config.namespaces.iter().find(|own| own.kind == NamespaceKind::Network);
        let Some(path) = network.and_then(|network| network.path.as_ref()) else {
            return Ok(None);
        };
        Ok(openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok())
    }

    /// The start is complete: from now on the devices are the container's.
    pub(super) fn keep_devices(&self, devices: &[network::Device]) -> Result<()> {
        if devices.is_empty() {
            return Ok(());
        }
        self.entry.forget_devices().step(|| "keeping the network devices")
    }
}
