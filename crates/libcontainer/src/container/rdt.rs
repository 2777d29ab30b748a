//! The container's class of service in resctrl, by its record.

use rustix::io::Errno;

use crate::container::handle::{Container, locked};
use crate::container::record::Record;
use crate::{Error, Result, Step};

impl Container {
    /// Makes what the record says.
    pub(super) fn make_rdt(&self, record: &Record) -> Result<()> {
        let Some(place) = &record.resctrl else { return Ok(()) };
        match place.make() {
            Err(error) if error.errno() == Some(Errno::EXIST.raw_os_error()) => {
                // Somebody else's, since it was looked for: the record names it no longer, so that
                // what cleans up after this container does not remove it.
                let record = Record { resctrl: None, ..record.clone() };
                self.entry.rewrite(&record)?;
                *locked(&self.record) = Some(record.into());
                Err(error)
            }
            made => made,
        }
        .step(|| "making the container's place in resctrl")
    }

    /// Gives its class of service another share of the cache (`L3:0=7f0;1=1f`) and of the memory
    /// bandwidth (`MB:0=20;1=70`). A class that it shares with others changes for all.
    ///
    /// # Errors
    /// [`InvalidConfig`](crate::ErrorKind::InvalidConfig) for a container without
    /// [`intel_rdt`](crate::Config::intel_rdt); the kernel's, with its words, for a share that it
    /// does not take.
    pub fn set_rdt(&self, l3_cache: Option<&str>, memory_bandwidth: Option<&str>) -> Result<()> {
        let lines: Vec<&str> = l3_cache.into_iter().chain(memory_bandwidth).collect();
        if lines.is_empty() {
            return Ok(());
        }
        if memory_bandwidth.is_some_and(|line| !line.starts_with("MB:") || line.contains('\n')) {
            return Err(Error::invalid("memBwSchema", "must be one line that begins with MB:"));
        }
        let record = self.record()?;
        let Some(place) = &record.resctrl else {
            let what = "the container has no class of service in resctrl";
            let error = Error::invalid("intel_rdt", what);
            return Err(record.config()?.own_words(error));
        };
        place.set(&lines).step(|| format!("changing the shares of container {:?}", self.id))
    }
}
