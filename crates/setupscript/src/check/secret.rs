//! Secrets, by the names of variables and by what they look like.

use super::{Finding, Rule};
use crate::error::Position;
use crate::script::Script;

/// Whether the name of a variable says that its value is a secret.
pub fn is_secret_name(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    // Where a secret is, is none.
    let place = ["_FILE", "_PATH", "_DIR", "_URL", "_NAME"];
    crate::split::value::secret(name) && !place.iter().any(|end| upper.ends_with(end))
}

/// What begins the keys that services hand out, and how many characters follow at least.
const KEYS: [(&str, usize); 15] = [
    ("ghp_", 30),
    ("gho_", 30),
    ("ghs_", 30),
    ("github_pat_", 30),
    ("glpat-", 16),
    ("npm_", 30),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("sk-ant-", 20),
    ("sk-proj-", 20),
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 30),
    ("pypi-", 40),
    ("hf_", 30),
];

/// What kind of secret a text holds, if it looks like one that services hand out.
pub fn is_secret_value(text: &str) -> Option<&'static str> {
    if text.contains("PRIVATE KEY-----") && text.contains("-----BEGIN ") {
        return Some("a private key");
    }
    let of_key = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    for (start, length) in KEYS {
        for (at, _) in text.match_indices(start) {
            let free = !text[..at].ends_with(of_key);
            let rest = text[at + start.len()..]
                .chars()
                .take_while(|c| of_key(*c))
                .count();
            if free && rest >= length {
                return Some("a key");
            }
        }
    }
    for (at, _) in text.match_indices("://") {
        let rest = &text[at + 3..];
        let end = rest.find(|c: char| c == '/' || c.is_whitespace() || matches!(c, '"' | '\''));
        let host = &rest[..end.unwrap_or(rest.len())];
        let secret = host
            .rsplit_once('@')
            .and_then(|(user, _)| user.split_once(':'));
        if secret.is_some_and(|(_, word)| !word.is_empty() && !word.contains(['$', '{', '<', '`']))
        {
            return Some("a password in an address");
        }
    }
    None
}

/// Variables that sound like a secret and get one that stands there.
pub(super) fn assigned(script: &Script) -> Vec<Finding> {
    let commands = script
        .constructs
        .iter()
        .flat_map(|construct| &construct.commands);
    let mut findings = Vec::new();
    for command in commands {
        for assignment in &command.assignments {
            let values = assignment
                .values
                .iter()
                .filter_map(|word| word.literal.as_deref());
            // Shorter ones are switches and examples, and what begins like this says where the secret is.
            let written = |value: &str| {
                value.len() >= 8
                    && !value.starts_with(['/', '.', '~', '<'])
                    && !value.contains(char::is_whitespace)
            };
            if is_secret_name(&assignment.name) && values.into_iter().any(written) {
                findings.push(Finding {
                    rule: Rule::Secret,
                    at: command.at,
                    reason: format!("{} is written out", assignment.name),
                    fix: "name it under `secrets`; a stage reads it from /run/secrets/ID, and a \
                          task gets it with `envimage run --env`"
                        .to_owned(),
                });
            }
        }
    }
    findings
}

/// Secrets that stand in a script, comments included: whoever can read the script can read them.
pub(super) fn written_out(script: &Script) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in script.text.lines().enumerate() {
        if let Some(kind) = is_secret_value(line) {
            findings.push(Finding {
                rule: Rule::Secret,
                at: Position {
                    line: number + 1,
                    column: 1,
                },
                reason: format!("{kind} is written out"),
                fix: "take it back where it came from, and name the new one under `secrets`; a \
                      stage reads it from /run/secrets/ID"
                    .to_owned(),
            });
        }
    }
    findings
}
