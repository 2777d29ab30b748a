//! `nsrun update`

use std::io::Read;
use std::path::{Path, PathBuf};

use cli::verb::Given;
use libcontainer::{Error, ErrorKind, Resources, Result, Step, config};
use serde_json::{Map, Number, Value};
use sys::Context;

use crate::arguments::{path_of, text};
use crate::settings::Settings;

/// How a flag writes its value.
enum Kind {
    Number,
    /// With a unit, in which 1k is 1024: `64M`, `1.5g`, `512KiB`.
    Bytes,
    Text,
}

/// The field of `linux.resources` that each flag stands for.
const FIELDS: [(&str, [&str; 2], Kind); 14] = [
    ("blkio-weight", ["blockIO", "weight"], Kind::Number),
    ("cpu-period", ["cpu", "period"], Kind::Number),
    ("cpu-quota", ["cpu", "quota"], Kind::Number),
    ("cpu-burst", ["cpu", "burst"], Kind::Number),
    ("cpu-rt-period", ["cpu", "realtimePeriod"], Kind::Number),
    ("cpu-rt-runtime", ["cpu", "realtimeRuntime"], Kind::Number),
    ("cpu-share", ["cpu", "shares"], Kind::Number),
    ("cpu-idle", ["cpu", "idle"], Kind::Number),
    ("cpuset-cpus", ["cpu", "cpus"], Kind::Text),
    ("cpuset-mems", ["cpu", "mems"], Kind::Text),
    ("memory", ["memory", "limit"], Kind::Bytes),
    ("memory-reservation", ["memory", "reservation"], Kind::Bytes),
    ("memory-swap", ["memory", "swap"], Kind::Bytes),
    ("pids-limit", ["pids", "limit"], Kind::Number),
];

/// Changes the limits that are named, and no other.
pub fn run(settings: &Settings, given: &Given) -> Result<u8> {
    let container = settings.container(given)?;
    let limits = limits(given)?;
    if !container.status()?.is_alive() {
        let message = format!("container not running: {:?}", container.id());
        return Err(Error::new(ErrorKind::NotRunning, message));
    }
    if limits != Resources::default() {
        container.set(&limits)?;
    }
    container.set_rdt(text(given, "l3-cache-schema"), text(given, "mem-bw-schema"))?;
    Ok(0)
}

/// What the file says, and over that what the flags say.
fn limits(given: &Given) -> Result<Resources> {
    let (file, bytes) = match path_of(given, "resources") {
        None => (PathBuf::from("update"), b"{}".to_vec()),
        Some(path) => read(&path)?,
    };
    let flags = flags(given)?;
    if flags.is_empty() {
        return config::resources(&bytes, &file);
    }
    // Both are checked together: the limits of a file and of a flag may contradict each other.
    let Ok(Value::Object(mut document)) = serde_json::from_slice(&bytes) else {
        return config::resources(&bytes, &file);
    };
    for ([object, field], value) in flags {
        let object = document.entry(object).or_insert(Value::Null);
        if object.is_null() {
            *object = Value::Object(Map::new());
        }
        if let Value::Object(map) = object {
            map.insert(field.to_owned(), value);
        }
    }
    config::resources(Value::Object(document).to_string().as_bytes(), &file)
}

fn read(path: &Path) -> Result<(PathBuf, Vec<u8>)> {
    let step = || "--resources";
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).sys("read", || "standard input").step(step)?;
        return Ok((PathBuf::from("standard input"), bytes));
    }
    let bytes = std::fs::read(path).sys("open", || path.display().to_string()).step(step)?;
    Ok((path.to_owned(), bytes))
}

fn flags(given: &Given) -> Result<Vec<([&'static str; 2], Value)>> {
    let mut set = Vec::new();
    for (flag, place, kind) in FIELDS {
        let Some(text) = text(given, flag) else { continue };
        let wrong =
            |what: &str| Error::new(ErrorKind::System, format!("--{flag}: {text:?} is not {what}"));
        let value = match kind {
            Kind::Text => Value::from(text),
            Kind::Number => text.parse::<Number>().map_err(|_| wrong("a number"))?.into(),
            Kind::Bytes => bytes(text).ok_or_else(|| wrong("a size like 64M, or -1"))?.into(),
        };
        set.push((place, value));
    }
    Ok(set)
}

/// A size in bytes; -1 is none.
fn bytes(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<i64>() {
        return Some(number);
    }
    let text = text.to_ascii_lowercase();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim_end();
    let unit = text[digits.len()..].trim_start();
    let power = match unit.strip_suffix("ib").or(unit.strip_suffix('b')).unwrap_or(unit) {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return None,
    };
    let number: f64 = digits.parse().ok().filter(|number| *number >= 0.0)?;
    let bytes = number * 1024_f64.powi(power);
    (bytes < i64::MAX as f64).then_some(bytes as i64)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("123", Some(123)),
            ("123b", Some(123)),
            ("64M", Some(64 << 20)),
            ("64mb", Some(64 << 20)),
            ("64 MiB", Some(64 << 20)),
            ("1.5g", Some(3 << 29)),
            ("2t", Some(2 << 40)),
            ("", None),
            ("M", None),
            ("-5M", None),
            ("5x", None),
            ("5bb", None),
            ("9e", None),
            ("nan", None),
            ("99999p", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }
}
