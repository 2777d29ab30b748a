//! Values of properties, in the types that D-Bus has.

use zbus::wire::{Array, ObjectPath, Signature, StructureBuilder, Variant};

use super::Property;

/// A value, as the D-Bus specification has them ("Type System").
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Byte(u8),
    Boolean(bool),
    Int16(i16),
    Uint16(u16),
    Int32(i32),
    Uint32(u32),
    Int64(i64),
    Uint64(u64),
    Double(f64),
    Text(String),
    Path(String),
    Signature(String),
    Variant(Box<Value>),
    /// With the signature of its elements, which all have that type.
    Array(String, Vec<Value>),
    Tuple(Vec<Value>),
}

impl Value {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A list of what a(sv) holds.
    pub(crate) fn properties(list: &[Property]) -> Self {
        let one = |one: &Property| {
            let value = Self::Variant(Box::new(one.value.clone()));
            Self::Tuple(vec![Self::text(one.name.clone()), value])
        };
        Self::Array("(sv)".to_owned(), list.iter().map(one).collect())
    }

    /// Its signature.
    pub(crate) fn signature(&self) -> String {
        match self {
            Self::Byte(_) => "y".to_owned(),
            Self::Boolean(_) => "b".to_owned(),
            Self::Int16(_) => "n".to_owned(),
            Self::Uint16(_) => "q".to_owned(),
            Self::Int32(_) => "i".to_owned(),
            Self::Uint32(_) => "u".to_owned(),
            Self::Int64(_) => "x".to_owned(),
            Self::Uint64(_) => "t".to_owned(),
            Self::Double(_) => "d".to_owned(),
            Self::Text(_) => "s".to_owned(),
            Self::Path(_) => "o".to_owned(),
            Self::Signature(_) => "g".to_owned(),
            Self::Variant(_) => "v".to_owned(),
            Self::Array(element, _) => format!("a{element}"),
            Self::Tuple(fields) => {
                format!("({})", fields.iter().map(Self::signature).collect::<String>())
            }
        }
    }

    /// The same for the wire.
    pub(crate) fn for_the_wire(&self) -> zbus::wire::Result<Variant<'static>> {
        Ok(match self {
            Self::Byte(value) => Variant::U8(*value),
            Self::Boolean(value) => Variant::Bool(*value),
            Self::Int16(value) => Variant::I16(*value),
            Self::Uint16(value) => Variant::U16(*value),
            Self::Int32(value) => Variant::I32(*value),
            Self::Uint32(value) => Variant::U32(*value),
            Self::Int64(value) => Variant::I64(*value),
            Self::Uint64(value) => Variant::U64(*value),
            Self::Double(value) => Variant::F64(*value),
            Self::Text(value) => Variant::Str(value.clone().into()),
            Self::Path(value) => Variant::ObjectPath(ObjectPath::try_from(value.clone())?),
            Self::Signature(value) => Variant::Signature(Signature::try_from(value.as_str())?),
            Self::Variant(value) => Variant::Variant(Box::new(value.for_the_wire()?)),
            Self::Array(element, values) => {
                let mut array = Array::new(&Signature::try_from(element.as_str())?);
                for value in values {
                    array.append(value.for_the_wire()?)?;
                }
                Variant::Array(array)
            }
            Self::Tuple(fields) => Variant::Structure(structure(fields)?),
        })
    }
}

/// Several values one after the other, as a message's body has them.
pub(crate) fn structure(fields: &[Value]) -> zbus::wire::Result<zbus::wire::Structure<'static>> {
    let mut structure = StructureBuilder::new();
    for field in fields {
        structure = structure.append_field(field.for_the_wire()?);
    }
    structure.build()
}
