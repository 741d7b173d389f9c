//! A script as its top-level constructs.

use std::io::Cursor;

use brush_parser::ast::SourceLocation as _;
use brush_parser::{ParseError, Parser, ParserOptions, TokenizerError, ast};
use serde::Serialize;

use crate::construct::Construct;
use crate::error::{Position, ScriptError};
use crate::{nesting, reading};

/// The longest script that is read, in bytes.
pub const LONGEST: usize = 1 << 20;
/// The most top-level constructs of a script that is analysed.
const MOST_CONSTRUCTS: usize = 4000;
/// Stack for the parser, which is recursive. `nesting` keeps it from needing more.
const STACK: usize = 256 << 20;

/// A script that was read.
#[derive(Clone, Debug, Serialize)]
pub struct Script {
    /// Its text.
    #[serde(skip)]
    pub text: String,
    /// Bytes before the first construct that name the interpreter, line end included; often none.
    pub shebang: usize,
    /// Its constructs in order, without gaps, from behind the first line if that names the interpreter. What
    /// follows the last command belongs to its construct. Empty if the script is not understood.
    pub constructs: Vec<Construct>,
    /// Why it is not analysed although it may be a script.
    pub not_understood: Option<NotUnderstood>,
}

/// Why a script is not analysed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotUnderstood {
    /// Where.
    pub at: Position,
    /// The reason.
    pub reason: String,
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// [`ScriptError`] if the text is no script. A text that may be one, but is not understood, is none.
    pub fn read(bytes: &[u8]) -> Result<Self, ScriptError> {
        let text = checked(bytes)?;
        let analysed = if nesting::bounded_text(text) {
            on_a_large_stack(|| constructs(text))
        } else {
            Err(Refused::NotUnderstood(not_understood_at(
                start(),
                "it is nested too deeply to be analysed",
            )))
        };
        let shebang = shebang(text);
        let script = |constructs, not_understood| Self {
            text: text.to_owned(),
            shebang,
            constructs,
            not_understood,
        };
        match analysed {
            Ok(constructs) => Ok(script(constructs, None)),
            Err(Refused::NotUnderstood(why)) => Ok(script(Vec::new(), Some(why))),
            Err(Refused::Error(error)) => Err(error),
        }
    }

    /// A construct's text, the comments before it included.
    pub fn text_of(&self, construct: &Construct) -> &str {
        self.text
            .get(construct.start..construct.end)
            .unwrap_or_default()
    }
}

/// Why there are no constructs.
pub(crate) enum Refused {
    Error(ScriptError),
    NotUnderstood(NotUnderstood),
}

pub(crate) fn not_understood_at(at: Position, reason: impl Into<String>) -> NotUnderstood {
    NotUnderstood {
        at,
        reason: reason.into(),
    }
}

fn start() -> Position {
    Position { line: 1, column: 1 }
}

/// The text, if it can be a script at all.
fn checked(bytes: &[u8]) -> Result<&str, ScriptError> {
    if bytes.len() > LONGEST {
        return Err(ScriptError::TooLong {
            bytes: bytes.len(),
            most: LONGEST,
        });
    }
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(ScriptError::ByteOrderMark);
    }
    let no_text = |what, offset: usize| {
        let before = String::from_utf8_lossy(&bytes[..offset]);
        Err(ScriptError::NoText {
            at: after(&before),
            what,
        })
    };
    if let Some(offset) = bytes.iter().position(|byte| *byte == 0) {
        return no_text("it holds a NUL byte", offset);
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return no_text("it is not UTF-8", error.valid_up_to()),
    };
    match text.split_once('\n') {
        Some((first, _)) if first.ends_with('\r') => Err(ScriptError::CarriageReturns {
            at: after(first.trim_end_matches('\r')),
        }),
        _ => Ok(text),
    }
}

/// The position behind a text.
fn after(text: &str) -> Position {
    let last = text.rsplit('\n').next().unwrap_or_default();
    Position {
        line: text.matches('\n').count() + 1,
        column: last.chars().count() + 1,
    }
}

fn shebang(text: &str) -> usize {
    if !text.starts_with("#!") {
        return 0;
    }
    text.find('\n').map_or(text.len(), |end| end + 1)
}

/// Runs a recursive function where there is room for it.
fn on_a_large_stack<T: Send>(
    work: impl FnOnce() -> Result<T, Refused> + Send,
) -> Result<T, Refused> {
    let failed = |reason| Err(Refused::NotUnderstood(not_understood_at(start(), reason)));
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(STACK);
        match builder
            .spawn_scoped(scope, work)
            .map(|thread| thread.join())
        {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => failed("the parser gave up"),
            Err(_) => failed("there is no memory to analyse it"),
        }
    })
}

fn options() -> ParserOptions {
    ParserOptions::default()
}

/// Parses a whole script or a part of one.
pub(crate) fn parsed(text: &str) -> Result<ast::Program, Refused> {
    let options = options();
    let tokens = brush_parser::uncached_tokenize_str(text, &options.tokenizer_options())
        .map_err(|error| Refused::Error(unfinished(text, &error)))?;
    if !nesting::bounded(&tokens) {
        let reason = "it is nested too deeply to be analysed";
        return Err(Refused::NotUnderstood(not_understood_at(start(), reason)));
    }
    let program = Parser::new(Cursor::new(text.as_bytes()), &options).parse_program();
    program.map_err(|error| match error {
        ParseError::ParsingNear(at) => Refused::NotUnderstood(not_understood_at(
            Position {
                line: at.line,
                column: at.column,
            },
            "this is not understood",
        )),
        ParseError::ParsingAtEndOfInput => Refused::Error(ScriptError::Unfinished {
            at: after(text),
            what: "the script ends inside a command".to_owned(),
        }),
        ParseError::Tokenizing { inner, .. } => Refused::Error(unfinished(text, &inner)),
    })
}

/// What a tokenizer did not find the end of.
fn unfinished(text: &str, error: &TokenizerError) -> ScriptError {
    use TokenizerError as Error;
    let position = |at: &brush_parser::SourcePosition| Position {
        line: at.line,
        column: at.column,
    };
    let end = after(text);
    let (at, what) = match error {
        Error::UnterminatedSingleQuote(at) | Error::UnterminatedAnsiCQuote(at) => {
            (position(at), "a single quote that is not closed".to_owned())
        }
        Error::UnterminatedDoubleQuote(at) => {
            (position(at), "a double quote that is not closed".to_owned())
        }
        Error::UnterminatedBackquote(at) => {
            (position(at), "a backquote that is not closed".to_owned())
        }
        Error::UnterminatedExtendedGlob(at) => {
            (position(at), "a pattern that is not closed".to_owned())
        }
        Error::UnterminatedHereDocuments(tags, at) => {
            let mut numbers = at.split(',').map(|number| number.trim().parse().ok());
            let at = match (numbers.next().flatten(), numbers.next().flatten()) {
                (Some(line), Some(column)) => Position { line, column },
                _ => end,
            };
            (at, format!("a here document without its end, {tags}"))
        }
        Error::MissingHereTag(tag) => (end, format!("a here document without its end, {tag}")),
        Error::MissingHereTagForDocumentBody => (end, "a here document without a name".to_owned()),
        Error::UnterminatedCommandSubstitution => {
            (end, "a command substitution that is not closed".to_owned())
        }
        Error::UnterminatedVariable | Error::UnterminatedExpansion => {
            (end, "an expansion that is not closed".to_owned())
        }
        Error::UnterminatedEscapeSequence => (end, "a backslash with nothing behind it".to_owned()),
        other => (end, other.to_string()),
    };
    ScriptError::Unfinished { at, what }
}

/// The constructs of a script. Each of them was parsed again by itself and is the same, so that no cut between
/// two of them goes through either.
fn constructs(text: &str) -> Result<Vec<Construct>, Refused> {
    let program = parsed(text)?;
    let shebang = shebang(text);
    let lines = line_starts(text);
    let mut pieces: Vec<(usize, usize)> = Vec::new();
    for command in &program.complete_commands {
        let Some(at) = command.location() else {
            let reason = "where a command begins is not known";
            return Err(Refused::NotUnderstood(not_understood_at(start(), reason)));
        };
        let line = at.start.line;
        let begins = begin_of_comments(text, &lines, line, shebang);
        pieces.push((begins, line));
    }
    if pieces.len() > MOST_CONSTRUCTS {
        let reason = format!("it has more than {MOST_CONSTRUCTS} commands");
        return Err(Refused::NotUnderstood(not_understood_at(start(), reason)));
    }
    let mut constructs = Vec::new();
    for (number, (command, (begins, line))) in
        program.complete_commands.iter().zip(&pieces).enumerate()
    {
        let begins = if number == 0 { shebang } else { *begins };
        let ends = pieces.get(number + 1).map_or(text.len(), |next| next.0);
        let lost = || {
            let at = Position {
                line: *line,
                column: 1,
            };
            Refused::NotUnderstood(not_understood_at(
                at,
                "where this command ends is not known",
            ))
        };
        let piece = text.get(begins..ends).ok_or_else(lost)?;
        let alone = parsed(piece).map_err(|_| lost())?;
        let same = match alone.complete_commands.as_slice() {
            [only] => only.to_string() == command.to_string(),
            _ => false,
        };
        if !same {
            return Err(lost());
        }
        let first_line = lines.partition_point(|start| *start <= begins) - 1;
        constructs.push(reading::construct(
            &alone.complete_commands[0],
            piece,
            begins,
            first_line,
        )?);
    }
    Ok(constructs)
}

/// The offset of each line.
fn line_starts(text: &str) -> Vec<usize> {
    let ends = text.match_indices('\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(ends).collect()
}

/// Where the comments and blank lines before a line begin.
fn begin_of_comments(text: &str, lines: &[usize], line: usize, not_before: usize) -> usize {
    let offset = |line: usize| lines.get(line - 1).copied().unwrap_or(text.len());
    let mut first = line;
    while first > 1 && offset(first - 1) >= not_before {
        let before = text[offset(first - 1)..offset(first)].trim();
        if !(before.is_empty() || before.starts_with('#')) {
            break;
        }
        first -= 1;
    }
    offset(first)
}

/// The options with which scripts are parsed.
pub(crate) fn parser_options() -> ParserOptions {
    options()
}

#[cfg(test)]
mod tests;
