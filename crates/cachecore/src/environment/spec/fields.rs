//! The fields of a thing in a document, and what their values may be.

use std::collections::BTreeMap;

use super::{Position, Problem};
use crate::environment::document::{Node, Value};
use crate::environment::nearest::nearest;

/// What is read, or what is wrong, and where.
pub(super) type Read<T> = Result<T, (Position, Problem)>;

pub(super) fn list<'a>(node: &'a Node, field: &str) -> Read<&'a [Node]> {
    match &node.value {
        Value::List(items) => Ok(items),
        other => Err(kind(node, field, "a list", other)),
    }
}

pub(super) fn scalar<'a>(node: &'a Node, field: &str) -> Read<&'a str> {
    let text = node.value.text();
    text.ok_or_else(|| kind(node, field, "a text", &node.value))
}

pub(super) fn allowed(
    node: &Node,
    field: &str,
    is: impl Fn(&str) -> bool,
    rule: &'static str,
) -> Read<String> {
    let text = scalar(node, field)?;
    if is(text) {
        Ok(text.to_owned())
    } else {
        Err(refused(node, field, rule))
    }
}

pub(super) fn too_many(at: Position, what: &'static str, count: usize, most: usize) -> Read<()> {
    if count <= most {
        return Ok(());
    }
    Err((at, Problem::TooMany { what, count, most }))
}

pub(super) fn refused(node: &Node, field: &str, rule: &'static str) -> (Position, Problem) {
    let value = match node.value.text() {
        Some(text) => shortened(text),
        None => node.value.kind().to_owned(),
    };
    let field = field.to_owned();
    (node.at, Problem::Value { field, value, rule })
}

pub(super) fn kind(
    node: &Node,
    field: &str,
    expected: &'static str,
    found: &Value,
) -> (Position, Problem) {
    let problem = Problem::Kind {
        field: field.to_owned(),
        expected,
        found: found.kind(),
    };
    (node.at, problem)
}

pub(super) fn shortened(text: &str) -> String {
    if text.chars().count() <= 60 {
        return text.to_owned();
    }
    text.chars().take(60).chain("…".chars()).collect()
}

/// The fields of a thing.
pub(super) struct Fields<'a> {
    /// What it is, for messages.
    pub(super) place: String,
    at: Position,
    pub(super) entries: Vec<(&'a Node, &'a Node)>,
}

impl<'a> Fields<'a> {
    /// Fields of any names, each of them once.
    pub(super) fn any(node: &'a Node, place: &str) -> Read<Self> {
        let Value::Map(entries) = &node.value else {
            return Err(kind(node, place, "fields with values", &node.value));
        };
        let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
        for (key, _) in entries {
            let Some(name) = key.value.text() else {
                return Err(kind(key, "a field's name", "a text", &key.value));
            };
            if let Some(first) = seen.insert(name, key.at.line) {
                let name = shortened(name);
                let what = "field";
                return Err((key.at, Problem::Twice { what, name, first }));
            }
        }
        Ok(Self {
            place: place.to_owned(),
            at: node.at,
            entries: entries.iter().map(|(key, value)| (key, value)).collect(),
        })
    }

    /// Fields of these names.
    pub(super) fn of(node: &'a Node, place: &str, known: &[&'static str]) -> Read<Self> {
        let fields = Self::any(node, place)?;
        fields.only(known)?;
        Ok(fields)
    }

    pub(super) fn only(&self, known: &[&'static str]) -> Read<()> {
        for (key, _) in &self.entries {
            let name = key.value.text().unwrap_or_default();
            if !known.contains(&name) {
                let nearest = nearest(name, known.iter().copied());
                let problem = Problem::UnknownField {
                    place: self.place.clone(),
                    field: shortened(name),
                    nearest: nearest.and_then(|name| known.iter().copied().find(|it| *it == name)),
                };
                return Err((key.at, problem));
            }
        }
        Ok(())
    }

    pub(super) fn called(self, place: String) -> Self {
        Self { place, ..self }
    }

    /// The value of a field; one without a value is not there.
    pub(super) fn get(&self, name: &str) -> Option<&'a Node> {
        let mut entries = self.entries.iter();
        let (_, value) = entries.find(|(key, _)| key.value.text() == Some(name))?;
        (value.value != Value::Null).then_some(*value)
    }

    pub(super) fn needed(&self, name: &'static str) -> Read<&'a Node> {
        self.get(name).ok_or_else(|| self.missing(name))
    }

    pub(super) fn missing(&self, field: &'static str) -> (Position, Problem) {
        let place = self.place.clone();
        (self.at, Problem::Missing { place, field })
    }

    pub(super) fn allowed(
        &self,
        name: &str,
        is: fn(&str) -> bool,
        rule: &'static str,
    ) -> Read<Option<String>> {
        let node = self.get(name);
        node.map(|node| allowed(node, name, is, rule)).transpose()
    }
}
