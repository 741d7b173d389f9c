//! `${localEnv:HOME}` and its like, which no shell knows.

use crate::environment::shell_word::spelled;
use crate::environment::spec::is_variable;

/// What is known of the place that a file lies in.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// Where the workspace lies in the container.
    pub(super) workspace: Option<String>,
    /// The name of the folder that the file configures.
    pub(super) folder: Option<String>,
}

/// A part of a text in which variables stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text as it is.
    Text(String),
    /// A variable of the container's environment, and what stands for it where it is not set.
    Container {
        name: String,
        default: Option<String>,
    },
}

/// A text whose variables are known, and those that only the host knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Substituted {
    pub(super) pieces: Vec<Piece>,
    /// As they stood there: `${localEnv:TOKEN}`.
    pub(super) unknown: Vec<String>,
    /// It names the workspace.
    pub(super) workspace: bool,
}

impl Substituted {
    /// The text, if it does not depend on the container.
    pub(super) fn literal(&self) -> Option<String> {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => Some(text.as_str()),
                Piece::Container { .. } => None,
            })
            .collect()
    }

    /// The text in the middle of a shell's program.
    pub(super) fn shell(&self) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Container { name, default } => expansion(name, default.as_deref()),
        };
        self.pieces.iter().map(text).collect()
    }

    /// The text as one word of a shell's program.
    pub(super) fn word(&self) -> String {
        if let Some(text) = self.literal() {
            return spelled(&text);
        }
        let word = |piece: &Piece| match piece {
            Piece::Text(text) => spelled(text),
            Piece::Container { name, default } => {
                format!("\"{}\"", expansion(name, default.as_deref()))
            }
        };
        self.pieces.iter().map(word).collect()
    }
}

fn expansion(name: &str, default: Option<&str>) -> String {
    match default {
        None => format!("${{{name}}}"),
        Some(default) => {
            let mut escaped = String::new();
            for letter in default.chars() {
                if matches!(letter, '\\' | '"' | '$' | '`' | '}') {
                    escaped.push('\\');
                }
                escaped.push(letter);
            }
            format!("${{{name}:-{escaped}}}")
        }
    }
}

/// Puts in what is known.
pub(super) fn substitute(text: &str, known: &Known) -> Substituted {
    let mut out = Substituted::default();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        literal.push_str(&rest[..start]);
        let from = &rest[start..];
        let Some(end) = from.find('}') else {
            rest = from;
            break;
        };
        let (whole, inner) = (&from[..=end], &from[2..end]);
        match variable(inner, whole, known, &mut out) {
            Some(Piece::Text(value)) => literal.push_str(&value),
            Some(piece) => {
                if !literal.is_empty() {
                    out.pieces.push(Piece::Text(std::mem::take(&mut literal)));
                }
                out.pieces.push(piece);
            }
            None => {
                // No variable of this format: the shell's.
                literal.push_str("${");
                rest = &from[2..];
                continue;
            }
        }
        rest = &from[end + 1..];
    }
    literal.push_str(rest);
    if !literal.is_empty() || out.pieces.is_empty() {
        out.pieces.push(Piece::Text(literal));
    }
    out
}

fn variable(inner: &str, whole: &str, known: &Known, out: &mut Substituted) -> Option<Piece> {
    let mut parts = inner.splitn(3, ':');
    let kind = parts.next()?;
    let name = parts.next();
    let default = parts.next();
    let mut or_unknown = |value: Option<String>| {
        if value.is_none() {
            out.unknown.push(whole.to_owned());
        }
        Some(Piece::Text(value.unwrap_or_default()))
    };
    let base = |path: &String| path.rsplit('/').next().map(str::to_owned);
    match (kind, name) {
        ("localEnv" | "env", Some(_)) => {
            out.unknown.push(whole.to_owned());
            Some(Piece::Text(default.unwrap_or_default().to_owned()))
        }
        ("containerEnv", Some(name)) if is_variable(name) => Some(Piece::Container {
            name: name.to_owned(),
            default: default.map(str::to_owned),
        }),
        ("localWorkspaceFolderBasename", None) => or_unknown(known.folder.clone()),
        ("localWorkspaceFolder" | "devcontainerId", None) => or_unknown(None),
        ("containerWorkspaceFolder", None) => {
            let value = or_unknown(known.workspace.clone());
            out.workspace = true;
            value
        }
        ("containerWorkspaceFolderBasename", None) => {
            or_unknown(known.workspace.as_ref().and_then(base))
        }
        _ => None,
    }
}
