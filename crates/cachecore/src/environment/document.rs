//! YAML as a tree that knows where each thing stands. JSON is YAML.
//!
//! The only file that knows the YAML parser. What it may take of memory and time is bounded, whatever the
//! text refers to.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::budget::BudgetBreach;
use serde_yaml::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_yaml::{Location, Options, Spanned};

use super::spec::{Position, Problem};

/// The longest text that is read, in bytes.
pub const LONGEST: usize = 1 << 20;

/// How deep a document is at most.
const DEEPEST: usize = 32;
/// How many things a document has at most, with those that aliases repeat.
const MOST_NODES: usize = 20_000;

/// A thing in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) value: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Nothing, `null` or `~`.
    Null,
    /// A number, `true` or `false`, in the letters of the document.
    Plain(String),
    /// Any other scalar, and all in quotes.
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Value {
    /// What it is, for people.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Plain(text) if text == "true" || text == "false" => "true or false",
            Self::Plain(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "fields with values",
        }
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Plain(text) | Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads a document.
pub(crate) fn read(text: &str) -> Result<Node, (Position, Problem)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.len() > LONGEST {
        let problem = Problem::TooLong {
            length: text.len(),
            most: LONGEST,
        };
        return Err((Position::START, problem));
    }
    if let Some(at) = text.find(forbidden) {
        let found = text[at..].chars().next().unwrap_or_default();
        return Err((end_of(&text[..at]), Problem::Control { code: found.into() }));
    }
    let raw: Raw = serde_yaml::from_str_with_options(text, options()).map_err(|error| {
        let error = error.without_snippet();
        let position = error.location().map_or(Position::START, position);
        (position, problem(error))
    })?;
    node(raw, text)
}

/// Control characters, which no text for people has.
fn forbidden(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{85}')
}

/// The place behind a text.
pub(crate) fn end_of(before: &str) -> Position {
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position {
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: u32::try_from(before[start..].chars().count() + 1).unwrap_or(u32::MAX),
    }
}

fn options() -> Options {
    serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_depth: DEEPEST,
            max_nodes: MOST_NODES,
            max_events: MOST_NODES * 3,
            max_documents: 1,
            max_aliases: 1000,
            max_anchors: 1000,
            max_merge_keys: 1000,
            max_total_scalar_bytes: 4 * LONGEST,
            max_recorded_anchor_events: MOST_NODES * 3,
            max_recorded_anchor_bytes: 4 * LONGEST,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: MOST_NODES,
            max_replay_stack_depth: DEEPEST,
        },
        // The reader of a spec refuses them, and knows where the first is.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        reject_unsupported_tags: true,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
    }
}

/// What is wrong, in the parser's own words where there are no better ones.
fn problem(error: &serde_yaml::Error) -> Problem {
    use serde_yaml::Error;
    match error {
        Error::Budget {
            breach: BudgetBreach::Documents { .. },
            ..
        } => Problem::SecondDocument,
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => Problem::TooMuch,
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            Problem::Syntax("an alias stands for something that it is in".to_owned())
        }
        Error::AliasError { error, .. } => problem(error),
        error => Problem::Syntax(message(error)),
    }
}

/// The parser's own words, in one line and without the place, which is told otherwise.
fn message(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or("it is none");
    let line = line.split(" at line ").next().unwrap_or(line);
    let said = match line
        .strip_prefix("line ")
        .and_then(|rest| rest.split_once(": "))
    {
        Some((_, said)) => said,
        None => line.trim_start_matches("error: "),
    };
    match said {
        "invalid indentation in multiline quoted scalar" => {
            "a text in quotes goes on here without indentation; is a quote not closed?".to_owned()
        }
        said => said.to_owned(),
    }
}

fn position(location: Location) -> Position {
    Position {
        line: u32::try_from(location.line()).unwrap_or(u32::MAX).max(1),
        column: u32::try_from(location.column()).unwrap_or(u32::MAX).max(1),
    }
}

/// A node whose plain scalars are still in the text.
type Raw = Spanned<Shape>;

enum Shape {
    Null,
    Plain(String),
    Text(String),
    List(Vec<Raw>),
    Map(Vec<(Raw, Raw)>),
}

fn node(raw: Raw, source: &str) -> Result<Node, (Position, Problem)> {
    let at = position(raw.referenced);
    let value = match raw.value {
        Shape::Null => Value::Null,
        Shape::Plain(read) => Value::Plain(written(&raw.defined, source).unwrap_or(read)),
        // Quotes can have any character in them, by its number.
        Shape::Text(text) if text.contains('\0') => return Err((at, Problem::Control { code: 0 })),
        Shape::Text(text) => Value::Text(text),
        Shape::List(items) => {
            let items = items.into_iter().map(|item| node(item, source));
            Value::List(items.collect::<Result<_, _>>()?)
        }
        Shape::Map(entries) => {
            let entries = entries.into_iter();
            let entries =
                entries.map(|(key, value)| Ok((node(key, source)?, node(value, source)?)));
            Value::Map(entries.collect::<Result<_, _>>()?)
        }
    };
    Ok(Node { at, value })
}

/// A scalar in the letters of the text: `1.10` is not `1.1`.
fn written(location: &Location, source: &str) -> Option<String> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let end = start.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
    let text = source.get(start..end)?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_none<E>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Shape, E> {
        Ok(Shape::Plain(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Shape, E> {
        Ok(Shape::Plain(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Shape, E> {
        Ok(Shape::Plain(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Shape, E> {
        Ok(Shape::Plain(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Shape, E> {
        Ok(Shape::Plain(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Shape, E> {
        Ok(Shape::Plain(value.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Shape, E> {
        Ok(Shape::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Shape, E> {
        Ok(Shape::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Shape::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Shape::Map(entries))
    }
}
