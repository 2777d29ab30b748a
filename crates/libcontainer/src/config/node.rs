//! A place in a JSON document that knows its path, so that every error names its field.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Error, ErrorKind, Result};

/// A value and the way to it. Paths are only put together when an error needs one.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    value: &'a Value,
    parent: Option<&'a Node<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> Node<'a> {
    /// The whole document.
    pub fn root(value: &'a Value) -> Self {
        Self { value, parent: None, step: Step::Root }
    }

    /// Where this is: `mounts[3].options[1]`.
    pub fn path(&self) -> String {
        let mut path = self.parent.map(Node::path).unwrap_or_default();
        match self.step {
            Step::Root => {}
            Step::Index(index) => path.push_str(&format!("[{index}]")),
            Step::Key(key) if plain(key) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(shortened(key));
            }
            Step::Key(key) => path.push_str(&format!("[{:?}]", shortened(key))),
        }
        path
    }

    /// This field is wrong in the way that `message` says.
    pub fn error(&self, message: impl Into<String>) -> Error {
        Error::invalid(self.path(), bounded(message.into()))
    }

    /// An error of a parser that knows nothing of this file, put at this field.
    pub fn at<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| error.as_kind(ErrorKind::InvalidConfig { field: self.path() }))
    }

    /// An error of a parser that knows a part of this, with the way to that part put before.
    pub fn inside<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| match error.kind() {
            ErrorKind::InvalidConfig { field } => {
                let field = format!("{}.{field}", self.path());
                error.as_kind(ErrorKind::InvalidConfig { field })
            }
            _ => error,
        })
    }

    /// The field `key`; `None` if it is absent or null.
    pub fn get<'b>(&'b self, key: &'b str) -> Result<Option<Node<'b>>> {
        Ok(self.written(key)?.filter(|node| !node.value.is_null()))
    }

    /// The field `key` if the file has it, even as null.
    pub fn written<'b>(&'b self, key: &'b str) -> Result<Option<Node<'b>>> {
        let value = self.object()?.and_then(|map| map.get(key));
        Ok(value.map(|value| Node { value, parent: Some(self), step: Step::Key(key) }))
    }

    /// The field `key`, which must be there.
    pub fn need<'b>(&'b self, key: &'b str) -> Result<Node<'b>> {
        self.get(key)?.ok_or_else(|| {
            let missing = Node { value: self.value, parent: Some(self), step: Step::Key(key) };
            missing.error("is required")
        })
    }

    /// Null, or a list, object or text with nothing in it.
    pub fn is_empty(&self) -> bool {
        match self.value {
            Value::Null => true,
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
            Value::String(text) => text.is_empty(),
            Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        self.value.is_null()
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        self.value.is_object()
    }

    /// Whether it is a text.
    pub fn is_text(&self) -> bool {
        self.value.is_string()
    }

    /// A text without NUL bytes, which no system call could take.
    pub fn text(&self) -> Result<&'a str> {
        match self.value {
            Value::String(text) if text.contains('\0') => Err(self.error("has a NUL byte")),
            Value::String(text) => Ok(text),
            _ => Err(self.wrong("a text")),
        }
    }

    /// true or false.
    pub fn boolean(&self) -> Result<bool> {
        self.value.as_bool().ok_or_else(|| self.wrong("true or false"))
    }

    /// An integer in the range of `T`.
    pub fn number<T: TryFrom<i128>>(&self) -> Result<T> {
        let Value::Number(number) = self.value else { return Err(self.wrong("a number")) };
        let wide = match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => i128::from(number),
            (None, Some(number)) => i128::from(number),
            (None, None) => return Err(self.error(format!("{number} is not an integer"))),
        };
        T::try_from(wide).map_err(|_| self.error(format!("{number} is out of range")))
    }

    /// The elements; none for null.
    pub fn list<'b>(&'b self) -> Result<impl Iterator<Item = Node<'b>>> {
        let list: &[Value] = match self.value {
            Value::Null => &[],
            Value::Array(list) => list,
            _ => return Err(self.wrong("a list")),
        };
        let node =
            move |(index, value)| Node { value, parent: Some(self), step: Step::Index(index) };
        Ok(list.iter().enumerate().map(node))
    }

    /// The keys and values of an object; none for null.
    pub fn entries<'b>(&'b self) -> Result<impl Iterator<Item = (&'b str, Node<'b>)>> {
        let entries = self.object()?.into_iter().flat_map(Map::iter);
        Ok(entries.map(move |(key, value)| {
            (key.as_str(), Node { value, parent: Some(self), step: Step::Key(key) })
        }))
    }

    /// What serde makes of the value: for enums whose names serde knows.
    pub fn named<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(self.value).map_err(|error| self.error(error.to_string()))
    }

    fn object(&self) -> Result<Option<&'a Map<String, Value>>> {
        match self.value {
            Value::Null => Ok(None),
            Value::Object(map) => Ok(Some(map)),
            _ => Err(self.wrong("an object")),
        }
    }

    fn wrong(&self, expected: &str) -> Error {
        let found = match self.value {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => format!("the number {number}"),
            Value::String(text) => format!("the text {:?}", shortened(text)),
            Value::Array(_) => "a list".to_owned(),
            Value::Object(_) => "an object".to_owned(),
        };
        self.error(format!("expected {expected}, found {found}"))
    }
}

/// The fields of an object, in the forms that configs need.
impl Node<'_> {
    /// The text of `key`; `None` if it is absent, null or empty.
    pub fn text_of(&self, key: &str) -> Result<Option<String>> {
        match self.get(key)? {
            Some(node) => Ok(Some(node.text()?).filter(|text| !text.is_empty()).map(str::to_owned)),
            None => Ok(None),
        }
    }

    /// The truth of `key`; `None` if it is absent or null.
    pub fn boolean_of(&self, key: &str) -> Result<Option<bool>> {
        self.get(key)?.map(|node| node.boolean()).transpose()
    }

    /// The integer of `key`; `None` if it is absent or null.
    pub fn number_of<T: TryFrom<i128>>(&self, key: &str) -> Result<Option<T>> {
        self.get(key)?.map(|node| node.number()).transpose()
    }

    /// Each element of the list `key`, made by `make`; none if it is absent or null.
    pub fn each<T>(
        &self,
        key: &str,
        mut make: impl FnMut(&Node<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let Some(list) = self.get(key)? else { return Ok(Vec::new()) };
        list.list()?.map(|item| make(&item)).collect()
    }

    /// Each value of the object `key`, made by `make`, under its name; none if absent or null.
    pub fn each_entry<T, C: FromIterator<(String, T)>>(
        &self,
        key: &str,
        mut make: impl FnMut(&Node<'_>) -> Result<T>,
    ) -> Result<C> {
        let Some(map) = self.get(key)? else { return Ok(C::from_iter([])) };
        map.entries()?.map(|(name, value)| Ok((name.to_owned(), make(&value)?))).collect()
    }

    /// The texts of the list `key`; none if it is absent or null.
    pub fn texts_of(&self, key: &str) -> Result<Vec<String>> {
        self.each(key, |item| item.text().map(str::to_owned))
    }

    /// The texts of the object `key`; none if it is absent or null.
    pub fn text_map_of<C: FromIterator<(String, String)>>(&self, key: &str) -> Result<C> {
        self.each_entry(key, |value| value.text().map(str::to_owned))
    }
}

/// Whether a key can stand in a path as it is.
fn plain(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// As much of a value as belongs into an error message.
pub(crate) fn shortened(text: &str) -> &str {
    match text.char_indices().nth(60) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// A message without the middle of the file's words where these are very long: an error is one
/// line for a person.
fn bounded(message: String) -> String {
    let length = message.chars().count();
    if length <= 600 {
        return message;
    }
    let start: String = message.chars().take(300).collect();
    let end: String = message.chars().skip(length - 200).collect();
    format!("{start} … {end}")
}

#[cfg(test)]
mod tests;
