//! Protocol Buffers on the wire (protobuf.dev, "Encoding"): as much of them as CRIU's messages have.
//!
//! A message is a row of fields, each a key (the field's number and how its value is written) and
//! a value. Three fields of a dozen are looked at in an answer, so no generated code is worth its
//! place in the binary.

/// A message while it is written.
#[derive(Debug, Clone, Default)]
pub struct Message(Vec<u8>);

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;
const FIXED32: u64 = 5;

impl Message {
    /// An unsigned number, an enum's value, or a boolean as 0 or 1.
    pub fn number(&mut self, field: u64, value: u64) -> &mut Self {
        self.varint(field << 3 | VARINT);
        self.varint(value);
        self
    }

    /// An int32: negative ones are written as 64 bits.
    pub fn signed(&mut self, field: u64, value: i32) -> &mut Self {
        self.number(field, i64::from(value).cast_unsigned())
    }

    /// A boolean; what is false is left out, which every reader takes for false.
    pub fn flag(&mut self, field: u64, value: bool) -> &mut Self {
        if value {
            self.number(field, 1);
        }
        self
    }

    /// A string.
    pub fn text(&mut self, field: u64, value: &[u8]) -> &mut Self {
        self.varint(field << 3 | BYTES);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    /// A message in the message.
    pub fn nested(&mut self, field: u64, message: &Message) -> &mut Self {
        self.text(field, &message.0)
    }

    /// The fields of another one.
    pub fn append(&mut self, other: &Message) -> &mut Self {
        self.0.extend_from_slice(&other.0);
        self
    }

    /// As it is sent.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// A field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A number, an enum's value or a boolean.
    Number(u64),
    /// A string or a message.
    Bytes(&'a [u8]),
}

impl Value<'_> {
    /// The number, or nothing for a string.
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Bytes(_) => None,
        }
    }
}

/// The fields of a message that has come, in order; it ends at what cannot be read, which `None`
/// in the place of a field tells.
#[derive(Debug, Clone)]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Of this message.
    pub fn of(message: &'a [u8]) -> Self {
        Self(message)
    }

    /// The last value of a field that comes once.
    pub fn last(&self, field: u64) -> Option<Value<'a>> {
        let same = self.clone().flatten().filter(|(number, _)| *number == field);
        same.last().map(|(_, value)| value)
    }

    /// The last number of a field.
    pub fn number(&self, field: u64) -> Option<u64> {
        self.last(field)?.number()
    }

    /// The last string or message of a field.
    pub fn bytes(&self, field: u64) -> Option<&'a [u8]> {
        match self.last(field)? {
            Value::Bytes(bytes) => Some(bytes),
            Value::Number(_) => None,
        }
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let key = self.varint()?;
        let little = |bytes: &[u8]| bytes.iter().rev().fold(0, |all, b| all << 8 | u64::from(*b));
        let value = match key & 7 {
            VARINT => Value::Number(self.varint()?),
            FIXED64 => Value::Number(little(self.take(8)?)),
            FIXED32 => Value::Number(little(self.take(4)?)),
            BYTES => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            _ => return None,
        };
        Some((key >> 3, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests;
