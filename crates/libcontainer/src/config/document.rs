//! The JSON of a configuration file. A profile of system calls stays the text that it is: it is most
//! of what engines write, and much goes on while it is read.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::{Error, Result};

/// Where an OCI config has the profile.
const PROFILE: &[&str] = &["linux", "seccomp"];

/// A file's content, an object.
#[derive(Debug)]
pub(super) struct Document<'a> {
    /// All but [`profile`](Self::profile).
    pub(super) value: Value,
    /// The text of `linux.seccomp`. It has been looked at only as far as to find its end.
    pub(super) profile: Option<&'a str>,
    bytes: &'a [u8],
}

impl<'a> Document<'a> {
    /// Reads a file that holds an object with `of`.
    pub(super) fn read(bytes: &'a [u8], of: &str) -> Result<Self> {
        if let Some((value, profile)) = apart(bytes) {
            return Ok(Self { value: value.into(), profile: profile.map(RawValue::get), bytes });
        }
        Ok(Self { value: object(bytes, of)?, profile: None, bytes })
    }

    /// The same with the profile in its place.
    pub(super) fn whole(&self) -> Result<Value> {
        object(self.bytes, "a profile")
    }
}

/// The file's bytes as one value, an object with `of`.
pub(super) fn object(bytes: &[u8], of: &str) -> Result<Value> {
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| Error::invalid("", format!("not JSON: {error}")))?;
    match value {
        Value::Object(_) => Ok(value),
        _ => Err(Error::invalid("", format!("expected a JSON object with {of}"))),
    }
}

/// An object, and what was taken from it.
type Parts<'a> = (Map<String, Value>, Option<&'a RawValue>);

/// `None` for all that is not as expected: what reads the whole of it says why.
fn apart(bytes: &[u8]) -> Option<Parts<'_>> {
    // As a whole: string by string takes longer.
    let text = std::str::from_utf8(bytes).ok()?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let parts = Without(PROFILE).deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    Some(parts)
}

/// Reads an object without what is at this path in it.
struct Without(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Without {
    type Value = Parts<'de>;

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> std::result::Result<Parts<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Without {
    type Value = Parts<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    /// Of a key that is there twice, the last value counts.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Parts<'de>, A::Error> {
        let (mut rest, mut taken) = (Map::new(), None);
        while let Some(key) = map.next_key::<String>()? {
            match self.0 {
                [last] if key == *last => taken = Some(map.next_value()?),
                [first, below @ ..] if key == *first => {
                    let (inner, found) = map.next_value_seed(Without(below))?;
                    taken = found;
                    rest.insert(key, inner.into());
                }
                _ => {
                    rest.insert(key, map.next_value()?);
                }
            }
        }
        Ok((rest, taken))
    }
}

#[cfg(test)]
mod tests;
