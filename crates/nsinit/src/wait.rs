//! `nsinit wait`

use cli::print;
use cli::verb::Given;
use libcontainer::foreground::exit_code;
use libcontainer::{Error, ErrorKind, Result};

use crate::people;
use crate::settings::Settings;

/// Waits until a container has ended, prints its exit code, and ends with it. One that has ended
/// before and stays (`--rm=false`) is asked for the code that was kept.
pub fn run(settings: &Settings, given: &Given) -> Result<u8> {
    let container = settings.container(given)?;
    let code = match container.wait() {
        Ok(status) => exit_code(status),
        Err(error) => match kept(settings, container.id()) {
            Some(code) => code,
            None if *error.kind() == ErrorKind::NotRunning => {
                let message = format!("container {:?} has ended", container.id());
                return Err(Error::new(ErrorKind::NotRunning, message)
                    .with_hint("its exit code is kept with exec --rm=false only"));
            }
            None => return Err(error),
        },
    };
    print(&format!("{code}\n"))?;
    Ok(code)
}

/// The code that was kept; its container's starter may be about to.
fn kept(settings: &Settings, id: &str) -> Option<u8> {
    for _ in 0..50 {
        if let Some(code) = people::read_exit(settings, id) {
            return Some(code);
        }
        // No longer there: nothing was kept.
        people::identity(settings, id)?;
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    None
}
