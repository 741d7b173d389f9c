//! The JSON of a `devcontainer.json`: with comments, with commas too many, and with places.

use jsonc_parser::ast;
use jsonc_parser::common::Ranged as _;
use serde_json::Value;

use super::DevcontainerError;

/// What people write in these files, and nothing more.
const OPTIONS: jsonc_parser::ParseOptions = jsonc_parser::ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// A value, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Shape,
    /// Bytes before it.
    pub(super) at: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Shape {
    Null,
    Bool(bool),
    Number(Value),
    Text(String),
    List(Vec<Node>),
    /// In the order of the file; of two with one name only the last, as JSON has it.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// What it is, for a message.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Shape::Null => "null",
            Shape::Bool(_) => "a truth value",
            Shape::Number(_) => "a number",
            Shape::Text(_) => "a string",
            Shape::List(_) => "an array",
            Shape::Object(_) => "an object",
        }
    }

    /// The string that it is.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Shape::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The field of that name.
    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        let Shape::Object(fields) = &self.value else {
            return None;
        };
        fields
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, node)| node)
    }

    /// The same without places.
    pub(super) fn json(&self) -> Value {
        match &self.value {
            Shape::Null => Value::Null,
            Shape::Bool(yes) => Value::Bool(*yes),
            Shape::Number(number) => number.clone(),
            Shape::Text(text) => Value::String(text.clone()),
            Shape::List(nodes) => nodes.iter().map(Node::json).collect(),
            Shape::Object(fields) => {
                let fields = fields
                    .iter()
                    .map(|(name, node)| (name.clone(), node.json()));
                Value::Object(fields.collect())
            }
        }
    }
}

/// Reads the file's object.
pub(super) fn read(text: &str) -> Result<Node, DevcontainerError> {
    let collect = jsonc_parser::CollectOptions::default();
    let parsed = jsonc_parser::parse_to_ast(text, &collect, &OPTIONS).map_err(|error| {
        let (line, column) = place(text, error.range().start);
        let reason = error.kind().to_string();
        DevcontainerError::Syntax {
            line,
            column,
            reason: lowered(&reason),
        }
    })?;
    let root = parsed.value.map(|value| node(&value));
    match root {
        Some(root) if matches!(root.value, Shape::Object(_)) => Ok(root),
        Some(other) => Err(DevcontainerError::NoObject { kind: other.kind() }),
        None => Err(DevcontainerError::Empty),
    }
}

/// Line and column of a byte, both from one; columns count characters.
pub(super) fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    (line, before[start..].chars().count() + 1)
}

fn lowered(reason: &str) -> String {
    let mut letters = reason.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

fn node(value: &ast::Value<'_>) -> Node {
    let shape = match value {
        ast::Value::NullKeyword(_) => Shape::Null,
        ast::Value::BooleanLit(literal) => Shape::Bool(literal.value),
        ast::Value::NumberLit(literal) => Shape::Number(number(literal.value)),
        ast::Value::StringLit(literal) => Shape::Text(literal.value.to_string()),
        ast::Value::Array(array) => Shape::List(array.elements.iter().map(node).collect()),
        ast::Value::Object(object) => {
            let mut fields: Vec<(String, Node)> = Vec::new();
            for property in &object.properties {
                let name = property.name.as_str().to_owned();
                fields.push((name, node(&property.value)));
            }
            Shape::Object(last_of_each(fields))
        }
    };
    Node {
        value: shape,
        at: value.range().start,
    }
}

fn number(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn last_of_each(fields: Vec<(String, Node)>) -> Vec<(String, Node)> {
    let mut seen = std::collections::BTreeSet::new();
    let mut last: Vec<_> = fields
        .into_iter()
        .rev()
        .filter(|(name, _)| seen.insert(name.clone()))
        .collect();
    last.reverse();
    last
}
