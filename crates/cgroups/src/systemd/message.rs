//! Messages of the bus (D-Bus specification, "Message Protocol"): ours written, others' read.

use serde::ser::{Error as _, Serialize, SerializeSeq, SerializeStruct, Serializer};
use zbus::wire::serialized::{Context, Data};
use zbus::wire::{LE, ObjectPath, Signature, Structure, Type, Variant, to_bytes};

use super::value::{Value, structure};

/// The part of a header before its fields, and the length of those.
pub(crate) const FIXED: usize = 16;
/// The longest message (specification, "Message Format"), as a guard against nonsense.
const LONGEST: usize = 1 << 27;

const METHOD_CALL: u8 = 1;
/// The numbers of header fields.
mod field {
    pub(super) const PATH: u8 = 1;
    pub(super) const INTERFACE: u8 = 2;
    pub(super) const MEMBER: u8 = 3;
    pub(super) const ERROR_NAME: u8 = 4;
    pub(super) const REPLY_SERIAL: u8 = 5;
    pub(super) const DESTINATION: u8 = 6;
    pub(super) const SIGNATURE: u8 = 8;
}

/// A method to be called.
#[derive(Debug, Clone)]
pub(crate) struct Call<'a> {
    pub(crate) destination: &'a str,
    pub(crate) path: &'a str,
    pub(crate) interface: &'a str,
    pub(crate) member: &'a str,
    pub(crate) body: Vec<Value>,
}

impl Call<'_> {
    /// The message under this number.
    pub(crate) fn encode(&self, serial: u32) -> zbus::wire::Result<Vec<u8>> {
        let context = Context::new(LE, 0);
        let body = match self.body.is_empty() {
            true => Vec::new(),
            false => to_bytes(context, &structure(&self.body)?)?.bytes().to_vec(),
        };
        let signature: String = self.body.iter().map(Value::signature).collect();
        let fields = Fields { call: self, signature: &signature };
        let header = (b'l', METHOD_CALL, 0_u8, 1_u8, body.len() as u32, serial, fields);
        let mut message = to_bytes(context, &header)?.bytes().to_vec();
        message.resize(message.len().next_multiple_of(8), 0);
        message.extend(body);
        Ok(message)
    }
}

/// The fields of a call's header.
struct Fields<'a> {
    call: &'a Call<'a>,
    signature: &'a str,
}

impl Type for Fields<'_> {
    const SIGNATURE: &'static Signature = <Vec<(u8, Variant<'_>)> as Type>::SIGNATURE;
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let Call { destination, path, interface, member, .. } = self.call;
        let path = ObjectPath::try_from(*path).map_err(S::Error::custom)?;
        let mut list = serializer.serialize_seq(None)?;
        list.serialize_element(&(field::PATH, Variant::ObjectPath(path)))?;
        list.serialize_element(&(field::INTERFACE, Variant::from(*interface)))?;
        list.serialize_element(&(field::MEMBER, Variant::from(*member)))?;
        list.serialize_element(&(field::DESTINATION, Variant::from(*destination)))?;
        if !self.signature.is_empty() {
            list.serialize_element(&(field::SIGNATURE, OfBody(self.signature)))?;
        }
        list.end()
    }
}

/// The signature of a body, which may be of several values: the crate's own type takes it for that
/// of one, and adds parentheses.
struct OfBody<'a>(&'a str);

impl Type for OfBody<'_> {
    const SIGNATURE: &'static Signature = Variant::SIGNATURE;
}

impl Serialize for OfBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut variant = serializer.serialize_struct("Variant", 2)?;
        variant.serialize_field("signature", &Signature::Signature)?;
        variant.serialize_field("value", self.0)?;
        variant.end()
    }
}

/// What has come, as far as it matters here.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Incoming {
    /// The call that it answers.
    pub(crate) reply_to: Option<u32>,
    /// The error that it is.
    pub(crate) error: Option<String>,
    /// The signal that it is.
    pub(crate) member: Option<String>,
    /// The texts and object paths in its body, in order.
    pub(crate) texts: Vec<String>,
}

/// How long the message is that begins so; `None` for what is none.
pub(crate) fn length(start: &[u8; FIXED]) -> Option<usize> {
    let number = |at: usize| {
        let bytes = [start[at], start[at + 1], start[at + 2], start[at + 3]];
        let value =
            if start[0] == b'l' { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) };
        value as usize
    };
    let whole = (FIXED + number(12)).checked_next_multiple_of(8)?.checked_add(number(4))?;
    (matches!(start[0], b'l' | b'B') && whole <= LONGEST).then_some(whole)
}

/// Reads a whole message; `None` for one that cannot be understood.
pub(crate) fn decode(message: &[u8]) -> Option<Incoming> {
    let endian = if *message.first()? == b'l' { zbus::wire::LE } else { zbus::wire::BE };
    let data = Data::new(message, Context::new(endian, 0));
    type Header<'a> = (u8, u8, u8, u8, u32, u32, Vec<(u8, Variant<'a>)>);
    let (header, length): (Header<'_>, usize) = data.deserialize().ok()?;
    let mut incoming = Incoming::default();
    let mut signature = None;
    for (number, value) in &header.6 {
        match (*number, value) {
            (field::REPLY_SERIAL, Variant::U32(serial)) => incoming.reply_to = Some(*serial),
            (field::ERROR_NAME, Variant::Str(name)) => incoming.error = Some(name.to_string()),
            (field::MEMBER, Variant::Str(name)) => incoming.member = Some(name.to_string()),
            (field::SIGNATURE, Variant::Signature(of)) => signature = Some(of.clone()),
            _ => {}
        }
    }
    if let Some(signature) = signature {
        let start = length.next_multiple_of(8);
        let body = Data::new(message.get(start..)?, Context::new(endian, 0));
        let signature = format!("({})", signature.to_string_no_parens());
        let (body, _) =
            body.deserialize_for_dynamic_signature::<_, Structure<'_>>(signature.as_str()).ok()?;
        body.fields().iter().for_each(|value| texts(value, &mut incoming.texts));
    }
    Some(incoming)
}

fn texts(value: &Variant<'_>, all: &mut Vec<String>) {
    match value {
        Variant::Str(text) => all.push(text.to_string()),
        Variant::ObjectPath(path) => all.push(path.to_string()),
        Variant::Variant(value) => texts(value, all),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
