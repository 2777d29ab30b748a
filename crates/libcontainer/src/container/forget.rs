//! Giving up a container whose record cannot be read.

use crate::container::factory::Factory;
use crate::error::Step;
use crate::{Error, ErrorKind, Result};

impl Factory {
    /// Removes the record of a container that cannot be loaded, because the record is damaged or
    /// another version's. What it named, a control group for instance, stays as it is: nobody
    /// knows it any more.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::NotStopped`] for a container whose record can be
    /// read, which is for [`destroy`](crate::Container::destroy) to remove.
    pub fn forget(&self, id: &str) -> Result<()> {
        let step = || format!("forgetting container {id:?}");
        let entry = self.shared.store.open(id)?;
        let _lock = entry.lock().step(step)?;
        if entry.read(id).is_ok() {
            let error = Error::new(ErrorKind::NotStopped, "its record can be read");
            return Err(error.with_hint("destroy it").within(step()));
        }
        self.shared.store.remove(id, &entry).step(step)
    }
}
