//! JSON schemas of the runtime specification (`data/oci`), as far as they use draft 4 of JSON
//! Schema. What they would use beyond that stops the test.

use std::cell::RefCell;
use std::collections::HashMap;

use regex_lite::Regex;
use serde_json::{Map, Value};

use crate::paths;

/// Checks a document against `data/oci/{schema}`: what is wrong, each with its JSON pointer.
///
/// # Panics
/// If there is no such schema, or it says what is not understood here.
pub fn faults(schema: &str, document: &Value) -> Vec<String> {
    let checker = Checker { files: RefCell::default(), faults: RefCell::default() };
    checker.check(schema, &checker.file(schema), document, "");
    checker.faults.into_inner()
}

struct Checker {
    files: RefCell<HashMap<String, Value>>,
    faults: RefCell<Vec<String>>,
}

impl Checker {
    fn file(&self, name: &str) -> Value {
        let read = || {
            let text = std::fs::read_to_string(paths::data(&format!("oci/{name}")));
            serde_json::from_str(&text.unwrap_or_else(|error| panic!("{name}: {error}"))).unwrap()
        };
        self.files.borrow_mut().entry(name.to_owned()).or_insert_with(read).clone()
    }

    fn fault(&self, at: &str, what: String) {
        self.faults.borrow_mut().push(format!("{at}: {what}"));
    }

    /// Checks `value`, which is `at` in its document, against a schema of `file`.
    fn check(&self, file: &str, schema: &Value, value: &Value, at: &str) {
        let schema = schema.as_object().unwrap_or_else(|| panic!("{file}: {schema} is no schema"));
        if let Some(Value::String(reference)) = schema.get("$ref") {
            let (other, pointer) = reference.split_once('#').unwrap();
            let file = if other.is_empty() { file } else { other };
            let found = self.file(file).pointer(pointer).cloned();
            let schema = found.unwrap_or_else(|| panic!("{file} has no {pointer}"));
            return self.check(file, &schema, value, at);
        }
        for (keyword, rule) in schema {
            self.keyword(file, schema, (keyword, rule), value, at);
        }
    }

    fn keyword(
        &self,
        file: &str,
        schema: &Map<String, Value>,
        (keyword, rule): (&str, &Value),
        value: &Value,
        at: &str,
    ) {
        let wrong = |is: bool| {
            if is {
                self.fault(at, format!("{value} is not as {keyword} {rule} asks"));
            }
        };
        let list = || rule.as_array().unwrap();
        let pattern = |text: &Value| Regex::new(text.as_str().unwrap()).unwrap();
        match keyword {
            "description" | "$schema" | "definitions" | "id" => {}
            "type" => wrong(!is_of(rule.as_str().unwrap(), value)),
            "enum" => wrong(!list().contains(value)),
            "minimum" => wrong(value.as_f64() < rule.as_f64() && value.is_number()),
            "maximum" => wrong(value.as_f64() > rule.as_f64()),
            "pattern" => wrong(value.as_str().is_some_and(|text| !pattern(rule).is_match(text))),
            "minItems" => {
                wrong(
                    value.as_array().is_some_and(|all| (all.len() as u64) < rule.as_u64().unwrap()),
                );
            }
            "required" => wrong(value.as_object().is_some_and(|map| {
                list().iter().any(|key| !map.contains_key(key.as_str().unwrap()))
            })),
            "allOf" => list().iter().for_each(|one| self.check(file, one, value, at)),
            // Only ever one.
            "anyOf" if list().len() == 1 => self.check(file, &list()[0], value, at),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    self.check(file, rule, item, &format!("{at}/{index}"));
                }
            }
            "properties" => {
                for (key, property) in rule.as_object().unwrap() {
                    if let Some(value) = value.get(key) {
                        self.check(file, property, value, &format!("{at}/{key}"));
                    }
                }
            }
            "additionalProperties" | "patternProperties" => {
                let named = schema.get("properties").and_then(Value::as_object);
                for (key, value) in value.as_object().into_iter().flatten() {
                    let at = format!("{at}/{key}");
                    if keyword == "additionalProperties" {
                        assert!(rule.is_object() && named.is_none(), "{file}: {rule}");
                        self.check(file, rule, value, &at);
                        continue;
                    }
                    for (name, rule) in rule.as_object().unwrap() {
                        if Regex::new(name).unwrap().is_match(key) {
                            self.check(file, rule, value, &at);
                        }
                    }
                }
            }
            other => panic!("{file}: {other} is not understood here"),
        }
    }
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("{other} is no type"),
    }
}
