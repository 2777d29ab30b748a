//! Values in the text form of GVariant, as annotations have them (GLib's "GVariant Text Format").

use super::value::Value;

/// Reads a value: `true`, `3`, `uint64 3`, `'text'`, `['a', 'b']`, `@as []`, `(1, 'a')`, `<3>`,
/// `b'bytes'`.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    let mut reader = Reader { rest: text };
    let value = reader.value(None, 0)?;
    reader.skip();
    match reader.rest {
        "" => Ok(value),
        more => Err(format!("{more:?} follows a whole value")),
    }
}

/// Deeper than any property is.
const DEEPEST: usize = 16;

/// The types that have a word.
const WORDS: [(&str, &str); 13] = [
    ("boolean", "b"),
    ("byte", "y"),
    ("int16", "n"),
    ("uint16", "q"),
    ("int32", "i"),
    ("handle", "i"),
    ("uint32", "u"),
    ("int64", "x"),
    ("uint64", "t"),
    ("double", "d"),
    ("string", "s"),
    ("objectpath", "o"),
    ("signature", "g"),
];

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, sign: char) -> bool {
        self.skip();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// What goes on as long as `part` says.
    fn word(&mut self, part: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn value(&mut self, kind: Option<&str>, depth: usize) -> Result<Value, String> {
        if depth > DEEPEST {
            return Err("is nested too deeply".to_owned());
        }
        self.skip();
        match self.rest.chars().next() {
            None => Err("has no value".to_owned()),
            Some('@') => {
                self.rest = &self.rest[1..];
                let kind = self.word(|c| c.is_ascii_alphanumeric() || "(){}@".contains(c));
                self.value(Some(kind), depth + 1)
            }
            Some('[') => self.array(kind, depth),
            Some('(') => self.tuple(kind, depth),
            Some('<') => {
                self.rest = &self.rest[1..];
                let value = self.value(None, depth + 1)?;
                self.expect('>')?;
                typed(kind, Value::Variant(Box::new(value)))
            }
            Some('\'' | '"') => match (self.quoted()?, kind) {
                (text, None | Some("s")) => Ok(Value::Text(text)),
                (text, Some("o")) => Ok(Value::Path(text)),
                (text, Some("g")) => Ok(Value::Signature(text)),
                (_, Some(kind)) => Err(format!("a text is no {kind:?}")),
            },
            Some('b') if self.rest[1..].starts_with(['\'', '"']) => {
                self.rest = &self.rest[1..];
                let bytes = self.quoted()?.into_bytes().into_iter().chain([0]);
                let bytes = bytes.map(Value::Byte).collect();
                typed(kind, Value::Array("y".to_owned(), bytes))
            }
            Some(c) if c.is_ascii_alphabetic() => self.named(kind, depth),
            Some(_) => self.number(kind),
        }
    }

    fn expect(&mut self, sign: char) -> Result<(), String> {
        match self.eat(sign) {
            true => Ok(()),
            false => Err(format!("{sign:?} is missing before {:?}", self.rest)),
        }
    }

    fn array(&mut self, kind: Option<&str>, depth: usize) -> Result<Value, String> {
        self.rest = &self.rest[1..];
        let mut element = match kind {
            Some(kind) => Some(kind.strip_prefix('a').ok_or("a list is no such type")?.to_owned()),
            None => None,
        };
        let mut values = Vec::new();
        while !self.eat(']') {
            if !values.is_empty() {
                self.expect(',')?;
            }
            let value = self.value(element.as_deref(), depth + 1)?;
            let signature = value.signature();
            if element.get_or_insert(signature.clone()) != &signature {
                return Err("the elements of a list have one type".to_owned());
            }
            values.push(value);
        }
        let element = element.ok_or("an empty list needs its type before it: @as []")?;
        Ok(Value::Array(element, values))
    }

    fn tuple(&mut self, kind: Option<&str>, depth: usize) -> Result<Value, String> {
        self.rest = &self.rest[1..];
        let mut values = Vec::new();
        while !self.eat(')') {
            if !values.is_empty() {
                self.expect(',')?;
                if self.eat(')') {
                    break;
                }
            }
            values.push(self.value(None, depth + 1)?);
        }
        if values.is_empty() {
            return Err("an empty tuple is nothing on D-Bus".to_owned());
        }
        typed(kind, Value::Tuple(values))
    }

    /// `true`, `false`, or a word for a type and a value of that.
    fn named(&mut self, kind: Option<&str>, depth: usize) -> Result<Value, String> {
        let word = self.word(|c| c.is_ascii_alphanumeric());
        match word {
            "true" | "false" => typed(kind, Value::Boolean(word == "true")),
            "inf" | "nan" => Err(format!("{word} is no value of a property")),
            _ => match WORDS.iter().find(|(known, _)| *known == word) {
                Some((_, kind)) => self.value(Some(kind), depth + 1),
                None => Err(format!("{word:?} is no value; texts stand between quotes")),
            },
        }
    }

    fn number(&mut self, kind: Option<&str>) -> Result<Value, String> {
        let word = self.word(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        let wrong = || format!("{word:?} is no number of its type");
        let plain = word.strip_prefix(['+', '-']).unwrap_or(word);
        let hex = plain.strip_prefix("0x").or(plain.strip_prefix("0X"));
        let kind = match kind {
            Some(kind) => kind,
            None if hex.is_none() && plain.contains(['.', 'e', 'E']) => "d",
            None => "i",
        };
        if kind == "d" {
            return word.parse().map(Value::Double).map_err(|_| wrong());
        }
        let (digits, radix) = match hex {
            Some(digits) => (digits, 16),
            None if plain.len() > 1 && plain.starts_with('0') => (plain, 8),
            None => (plain, 10),
        };
        let amount =
            u128::from_str_radix(digits, radix).ok().and_then(|it| i128::try_from(it).ok());
        let amount = amount.filter(|_| !digits.starts_with('+')).ok_or_else(wrong)?;
        let value = if word.starts_with('-') { -amount } else { amount };
        Ok(match kind {
            "y" => Value::Byte(value.try_into().map_err(|_| wrong())?),
            "n" => Value::Int16(value.try_into().map_err(|_| wrong())?),
            "q" => Value::Uint16(value.try_into().map_err(|_| wrong())?),
            "i" => Value::Int32(value.try_into().map_err(|_| wrong())?),
            "u" => Value::Uint32(value.try_into().map_err(|_| wrong())?),
            "x" => Value::Int64(value.try_into().map_err(|_| wrong())?),
            "t" => Value::Uint64(value.try_into().map_err(|_| wrong())?),
            other => return Err(format!("a number is no {other:?}")),
        })
    }

    fn quoted(&mut self) -> Result<String, String> {
        let mut signs = self.rest.chars();
        let quote = signs.next().unwrap_or('\'');
        let mut text = String::new();
        loop {
            match signs.next() {
                Some(sign) if sign == quote => break,
                Some('\\') => text.push(match signs.next() {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some('r') => '\r',
                    Some('a') => '\x07',
                    Some('b') => '\x08',
                    Some('f') => '\x0c',
                    Some('v') => '\x0b',
                    Some(short @ ('u' | 'U')) => {
                        let length = if short == 'u' { 4 } else { 8 };
                        let digits: String = signs.by_ref().take(length).collect();
                        let number = u32::from_str_radix(&digits, 16).ok();
                        number.and_then(char::from_u32).ok_or("\\u stands before no letter")?
                    }
                    Some(other) => other,
                    None => return Err("a text has no end".to_owned()),
                }),
                Some(sign) => text.push(sign),
                None => return Err("a text has no end".to_owned()),
            }
        }
        self.rest = signs.as_str();
        Ok(text)
    }
}

/// That a value has the type which was asked for.
fn typed(kind: Option<&str>, value: Value) -> Result<Value, String> {
    match kind {
        Some(kind) if kind != value.signature() => {
            Err(format!("is of type {:?}, not {kind:?}", value.signature()))
        }
        _ => Ok(value),
    }
}

#[cfg(test)]
mod tests;
