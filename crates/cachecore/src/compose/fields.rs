//! The fields of a service's `build`, each of the form that it may have.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{AsItIs, as_it_is};

/// The fields of one service's `build`.
pub(super) struct Fields<'a> {
    /// The service.
    pub(super) name: &'a str,
    /// What it says.
    pub(super) build: &'a Map<String, Value>,
}

impl Fields<'_> {
    pub(super) fn refuse<T>(&self, field: &str, why: &str) -> Result<T, AsItIs> {
        as_it_is(format!("build.{field} of {} {why}", self.name))
    }

    /// Whether a field says anything.
    pub(super) fn says(&self, field: &str) -> bool {
        match self.build.get(field) {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Array(list)) => !list.is_empty(),
            Some(Value::Object(map)) => !map.is_empty(),
            Some(Value::String(text)) => !text.is_empty() && text != "false",
            Some(_) => true,
        }
    }

    pub(super) fn text(&self, field: &str) -> Result<Option<String>, AsItIs> {
        match self.build.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => self.refuse(field, "is no text"),
        }
    }

    pub(super) fn scalar(&self, field: &str) -> Result<Option<String>, AsItIs> {
        match self.build.get(field) {
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            _ => self.text(field),
        }
    }

    pub(super) fn switch(&self, field: &str) -> Result<bool, AsItIs> {
        match self.build.get(field) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(on)) => Ok(*on),
            Some(_) => self.refuse(field, "is neither true nor false"),
        }
    }

    pub(super) fn list(&self, field: &str) -> Result<Option<&Vec<Value>>, AsItIs> {
        match self.build.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(list)) => Ok(Some(list)),
            Some(_) => self.refuse(field, "is no list"),
        }
    }

    pub(super) fn texts(&self, field: &str) -> Result<Vec<String>, AsItIs> {
        let list = self.list(field)?.into_iter().flatten();
        let texts: Option<Vec<String>> = list.map(|item| Some(item.as_str()?.to_owned())).collect();
        texts.map_or_else(|| self.refuse(field, "has something that is no text"), Ok)
    }

    /// A map, or a list of `name=value`. What has no value is left out: compose has looked for one.
    pub(super) fn pairs(&self, field: &str) -> Result<BTreeMap<String, String>, AsItIs> {
        let mut pairs = BTreeMap::new();
        match self.build.get(field) {
            None | Some(Value::Null) => {}
            Some(Value::Object(map)) => {
                for (name, value) in map {
                    let value = match value {
                        Value::Null => continue,
                        Value::String(text) => text.clone(),
                        Value::Number(number) => number.to_string(),
                        Value::Bool(on) => on.to_string(),
                        _ => return self.refuse(field, "has a value that is no text"),
                    };
                    pairs.insert(name.clone(), value);
                }
            }
            Some(Value::Array(_)) => {
                for item in self.texts(field)? {
                    if let Some((name, value)) = item.split_once('=') {
                        pairs.insert(name.to_owned(), value.to_owned());
                    }
                }
            }
            Some(_) => return self.refuse(field, "is no map"),
        }
        Ok(pairs)
    }
}
