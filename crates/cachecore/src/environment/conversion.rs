//! What becomes of a file of another format: a spec, and everything that has no place in one.

use serde::Serialize;
use serde_json::Value;

use super::spec::{Problem, Spec};

/// What a file of another format became.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Conversion {
    /// The spec.
    pub spec: Spec,
    /// What the person should know before the spec is used.
    pub warnings: Vec<Warning>,
    /// What has no place in a spec, in the order of the names.
    pub kept: Vec<Kept>,
}

/// What a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The field that it is about, dotted where it lies deeper.
    pub field: String,
    /// What is the matter.
    pub text: String,
    /// What to do.
    pub fix: String,
}

/// A field that has no place in a spec.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kept {
    /// Its name, dotted where it lies deeper.
    pub field: String,
    /// Its value.
    pub value: Value,
    /// Why it has no place.
    pub why: String,
    /// What to do instead; nothing if it changes nothing about a task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
}

impl Conversion {
    /// What a file became, if the spec can be read again.
    pub(super) fn new(
        spec: Spec,
        warnings: Vec<Warning>,
        mut kept: Vec<Kept>,
    ) -> Result<Self, Problem> {
        Spec::parse(&spec.to_yaml(), "").map_err(|error| error.problem)?;
        kept.sort_by(|a, b| a.field.cmp(&b.field));
        Ok(Self {
            spec,
            warnings,
            kept,
        })
    }

    /// The spec as a file: a comment with what was kept, and the fields.
    ///
    /// `program` made it out of the file `from`.
    pub fn file(&self, program: &str, from: &str) -> String {
        let mut text = String::new();
        let mut comment = |line: &str| {
            text.push('#');
            if !line.is_empty() {
                text.push(' ');
                text.extend(line.chars().map(visible));
            }
            text.push('\n');
        };
        comment(&format!("Made by {program} from {from}."));
        for warning in &self.warnings {
            comment("");
            comment(&format!("{}: {}", warning.field, warning.text));
            comment(&format!("  {}", warning.fix));
        }
        if !self.kept.is_empty() {
            comment("");
            comment("Kept, because a spec has no place for it:");
        }
        for kept in &self.kept {
            comment(&format!("  {}: {}", kept.field, kept.value));
            let instead = kept.instead.as_deref();
            comment(&format!("    {}", kept.why));
            if let Some(instead) = instead {
                comment(&format!("    {instead}"));
            }
        }
        text.push('\n');
        text.push_str(&self.spec.to_yaml());
        text
    }
}

/// A character as a comment of one line can hold it.
fn visible(letter: char) -> char {
    // What YAML takes for the end of a line, or refuses.
    let refused = letter.is_control()
        || matches!(
            letter,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        );
    if refused { ' ' } else { letter }
}

/// A name that a project can have, made out of one that people wrote.
pub(super) fn project(name: &str) -> Option<crate::id::ProjectId> {
    let mut id = String::new();
    for letter in name.trim().chars() {
        let letter = letter.to_ascii_lowercase();
        let fits = letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
        let letter = if fits { letter } else { '-' };
        let dropped = match letter {
            '-' => id.is_empty() || id.ends_with('-'),
            '.' | '_' => id.is_empty(),
            _ => false,
        };
        if !dropped {
            id.push(letter);
        }
        if id.len() >= crate::id::MAX_ID {
            break;
        }
    }
    crate::id::ProjectId::new(id.trim_end_matches('-')).ok()
}
