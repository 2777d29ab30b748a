//! Makes, runs and destroys the container of the bundle in the current directory again and again,
//! and prints the nanoseconds of each: `start_loop TIMES STATE_DIRECTORY`, for `make bench`.

use std::path::PathBuf;
use std::time::Instant;

use libcontainer::{Factory, Process, config};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    libcontainer::init();
    let mut args = std::env::args().skip(1);
    let mut next = || args.next().ok_or("usage: start_loop TIMES STATE_DIRECTORY");
    let (times, state) = (next()?.parse::<u32>()?, next()?);
    let bundle = std::env::current_dir()?;
    let file = bundle.join("config.json");
    let bytes = std::fs::read(&file)?;
    let factory = Factory::new(state);
    let mut ended = Vec::new();
    for number in 0..times {
        let start = Instant::now();
        // Its init starts up while the configuration is read.
        factory.prepare()?;
        let mut config = config::parse_oci(&bytes, &file, &bundle)?.config;
        let id = format!("loop-{}-{number}", std::process::id());
        config.cgroup = Some(PathBuf::from(&id));
        let container = factory.create(&id, config)?;
        let result = container.run(Process::configured()).and_then(|mut child| child.wait());
        container.destroy()?;
        result?;
        ended.push(start.elapsed().as_nanos());
    }
    ended.iter().for_each(|nanoseconds| println!("{nanoseconds}"));
    Ok(())
}
