//! `nsrun ps`

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use cli::print;
use cli::verb::Given;
use libcontainer::{Container, Error, ErrorKind, Result, Step};
use sys::Context;

use crate::arguments::text;
use crate::settings::Settings;

/// What is printed of the processes unless options say otherwise.
const USUAL: &str = "-ef";

/// Prints the container's processes: the lines of ps(1) that are about them, or their ids.
pub fn run(settings: &Settings, given: &Given) -> Result<u8> {
    let mut words = given.texts("words");
    let container = settings.factory.load(words.next().unwrap_or_default())?;
    let processes = || Ok::<BTreeSet<i32>, Error>(container.processes()?.into_iter().collect());
    if text(given, "format") == Some("json") {
        let ids: Vec<String> = processes()?.iter().map(i32::to_string).collect();
        print(&format!("[{}]\n", ids.join(",")))?;
        return Ok(0);
    }
    let options: Vec<&str> = words.collect();
    let listed = ps(if options.is_empty() { &[USUAL] } else { &options })?;
    print(&lines_about(&listed, &processes()?, &container)?)?;
    Ok(0)
}

/// What ps(1) prints.
fn ps(options: &[&str]) -> Result<String> {
    let output = Command::new("ps")
        .args(options)
        .stdin(Stdio::null())
        .output()
        .sys("execve", || "ps")
        .step(|| "listing processes")
        .hint(|| "the table is made by ps(1): install it, or ask for --format json")?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    let why = told.lines().map(str::trim).find(|line| !line.is_empty() && *line != "error:");
    let why = why.map_or_else(
        || output.status.to_string(),
        |line| line.strip_prefix("error: ").unwrap_or(line).to_owned(),
    );
    let options = options.join(" ");
    Err(Error::new(ErrorKind::System, format!("ps {options}: {why}")).within("listing processes"))
}

/// The headline, and the lines whose column PID has one of these.
fn lines_about(listed: &str, pids: &BTreeSet<i32>, container: &Container) -> Result<String> {
    let mut lines = listed.lines();
    let headline = lines.next().unwrap_or_default();
    let Some(column) = headline.split_whitespace().position(|title| title == "PID") else {
        let message = format!("ps printed no column PID for container {:?}", container.id());
        return Err(Error::new(ErrorKind::System, message)
            .with_hint("let its options include the process's id"));
    };
    let about = |line: &&str| {
        let pid = line.split_whitespace().nth(column).and_then(|field| field.parse().ok());
        pid.is_some_and(|pid: i32| pids.contains(&pid))
    };
    let mut text = format!("{headline}\n");
    for line in lines.filter(about) {
        text.push_str(line);
        text.push('\n');
    }
    Ok(text)
}
