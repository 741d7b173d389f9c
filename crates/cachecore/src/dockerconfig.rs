//! Docker's `config.json`, changed in one place and nowhere else: every other byte stays, so that nobody's
//! order, spaces and unknown keys are lost.
//!
//! What is changed is `cliPluginsExtraDirs`, the folders in which docker looks for plugins first.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::ops::Range;

/// The key.
const KEY: &str = "cliPluginsExtraDirs";

/// What was made to have a folder listed, and goes when it is no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Made {
    /// The file.
    File,
    /// The key.
    Key,
    /// The entry alone.
    Entry,
}

/// Why the file is left alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is no JSON object.
    #[error("it is not a JSON object: {0}")]
    NotAnObject(String),
    /// The key has another kind of value.
    #[error("its {KEY} is not a list of strings")]
    NotAList,
}

/// The folders that are listed, in order.
///
/// # Errors
/// [`ConfigError`] if it is not what docker reads.
pub fn plugin_dirs(text: &str) -> Result<Vec<String>, ConfigError> {
    match object(text)?.get(KEY) {
        None => Ok(Vec::new()),
        Some(Value::Array(values)) => values
            .iter()
            .map(|value| Ok(value.as_str().ok_or(ConfigError::NotAList)?.to_owned()))
            .collect(),
        Some(_) => Err(ConfigError::NotAList),
    }
}

/// The file with a folder listed before all others. `None` for a file that is not there.
///
/// # Errors
/// [`ConfigError`] if it is not what docker reads.
pub fn with_plugin_dir(text: Option<&str>, dir: &str) -> Result<(String, Made), ConfigError> {
    let dir = Value::from(dir).to_string();
    let Some(text) = text else {
        return Ok((format!("{{\"{KEY}\": [{dir}]}}\n"), Made::File));
    };
    plugin_dirs(text)?;
    let fields = items(text, 0);
    let field = fields.iter().find(|field| is_key(&text[(*field).clone()]));
    Ok(match field {
        None => (inserted(text, 0, &format!("\"{KEY}\": [{dir}]")), Made::Key),
        Some(field) => {
            let list = value_at(text, field);
            (inserted(text, list, &dir), Made::Entry)
        }
    })
}

/// The file as it was before [`with_plugin_dir`]; `None` if there is to be none.
///
/// # Errors
/// [`ConfigError`] if it is not what docker reads.
pub fn without_plugin_dir(
    text: &str,
    dir: &str,
    made: Made,
) -> Result<Option<String>, ConfigError> {
    if made == Made::File && with_plugin_dir(None, dir)?.0 == text {
        return Ok(None);
    }
    let Some(at) = plugin_dirs(text)?.iter().position(|listed| listed == dir) else {
        return Ok(Some(text.to_owned()));
    };
    let fields = items(text, 0);
    let Some(nth) = fields.iter().position(|field| is_key(&text[field.clone()])) else {
        return Ok(Some(text.to_owned()));
    };
    let list = items(text, value_at(text, &fields[nth]));
    let is_all = list.len() == 1 && made != Made::Entry;
    Ok(Some(if is_all {
        removed(text, &fields, nth)
    } else {
        removed(text, &list, at)
    }))
}

fn object(text: &str) -> Result<serde_json::Map<String, Value>, ConfigError> {
    serde_json::from_str(text).map_err(|e| ConfigError::NotAnObject(e.to_string()))
}

/// Whether a field, `"key": value`, is the one.
fn is_key(field: &str) -> bool {
    let end = end_of_string(field, 0);
    serde_json::from_str::<String>(&field[..end]).is_ok_and(|key| key == KEY)
}

/// Where the value of a field begins.
fn value_at(text: &str, field: &Range<usize>) -> usize {
    let colon = skip_space(text, end_of_string(text, field.start));
    skip_space(text, colon + 1)
}

/// What stands between the commas of the object or list that begins there or after space. The text is JSON.
fn items(text: &str, from: usize) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = skip_space(text, skip_space(text, from) + 1);
    let (mut items, mut begin, mut end, mut depth) = (Vec::new(), at, at, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = end_of_string(text, at) - 1,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => break,
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => {
                items.push(begin..end);
                at = skip_space(text, at + 1);
                (begin, end) = (at, at);
                continue;
            }
            _ => {}
        }
        at += 1;
        if !bytes[at - 1].is_ascii_whitespace() {
            end = at;
        }
    }
    if end > begin {
        items.push(begin..end);
    }
    items
}

/// Behind the string that begins there.
fn end_of_string(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = from + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'"' => return at + 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

fn skip_space(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + rest.len() - rest.trim_ascii_start().len()
}

/// With a first item in the object or list that begins there, spaced as the one that was first.
fn inserted(text: &str, from: usize, item: &str) -> String {
    let open = skip_space(text, from) + 1;
    let mut changed = text.to_owned();
    match items(text, from).first() {
        None => changed.insert_str(open, item),
        Some(first) => {
            let space = &text[open..first.start];
            let space = if space.is_empty() { " " } else { space };
            changed.insert_str(first.start, &format!("{item},{space}"));
        }
    }
    changed
}

/// Without one of these items, and the comma that it needed.
fn removed(text: &str, items: &[Range<usize>], nth: usize) -> String {
    let mut changed = text.to_owned();
    let gone = match (items.get(nth + 1), nth.checked_sub(1)) {
        (Some(next), _) => items[nth].start..next.start,
        (None, Some(before)) => items[before].end..items[nth].end,
        (None, None) => items[nth].clone(),
    };
    changed.replace_range(gone, "");
    changed
}

#[cfg(test)]
mod tests;
