//! Words: what a command is given, with what the shell puts into them.

use brush_parser::word::{
    Parameter, ParameterExpr, ParameterTransformOp, SpecialParameter, TildeExpr, WordPiece,
    WordPieceWithSource,
};
use brush_parser::{ParserOptions, word as brush};
use serde::Serialize;

/// A word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Word {
    /// As it is written.
    pub text: String,
    /// What it is, if the shell puts nothing into it and finds no pattern in it.
    pub literal: Option<String>,
    /// Its parts in order.
    pub pieces: Vec<Piece>,
}

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Piece {
    /// Text as it is.
    Text(String),
    /// Text with an unquoted pattern or brace expansion in it.
    Pattern(String),
    /// The home folder: `~`.
    Home,
    /// A variable's value as it is: `$X`, `${X}`.
    Variable {
        /// Its name; special ones as they are written: `?`, `#`, `1`, `@`.
        name: String,
        /// Not in quotes: it becomes several words or a pattern.
        bare: bool,
    },
    /// A variable's value, changed: `${X:-a}`, `${X%b}`, `${#X}`. What the change reads follows.
    Changed {
        /// Its name.
        name: String,
        /// It is assigned if it has none: `${X:=a}`.
        assigns: bool,
        /// Nothing but `X` itself is read if it has a value: `${X:-a}` and its like.
        default: bool,
        /// The words that the change itself reads.
        with: Vec<Word>,
    },
    /// What a command printed: `$( )`. The commands are in the construct.
    Output,
    /// `$(( ))`, as it is written.
    Arithmetic(String),
    /// Anything else: `${!X}`, `~user`, `${X@P}`.
    Other,
}

/// Something to be read in a word that is not read here: the text of a substitution, at an offset of the word.
pub(crate) struct Inner {
    pub(crate) text: String,
    /// Lines of the word before it.
    pub(crate) lines_before: usize,
}

/// Words inside words, at most so deep.
const DEEPEST: usize = 20;

pub(crate) struct Reader<'a> {
    pub(crate) options: &'a ParserOptions,
    /// The substitutions that were found.
    pub(crate) inner: Vec<Inner>,
}

impl Reader<'_> {
    /// Reads a word as it is written.
    pub(crate) fn word(&mut self, text: &str) -> Result<Word, String> {
        self.at_depth(text, DEEPEST)
    }

    /// Reads the body of a here document in which the shell puts values.
    pub(crate) fn here_document(&mut self, text: &str) -> Result<Word, String> {
        let parts = brush::parse_heredoc(text, self.options).map_err(|error| error.to_string())?;
        self.assembled(text, &parts, DEEPEST)
    }

    /// A text in which the shell changes nothing.
    pub(crate) fn verbatim(text: &str) -> Word {
        Word {
            text: text.to_owned(),
            literal: Some(text.to_owned()),
            pieces: vec![Piece::Text(text.to_owned())],
        }
    }

    fn at_depth(&mut self, text: &str, depth: usize) -> Result<Word, String> {
        if depth == 0 {
            return Err("words are nested too deeply".to_owned());
        }
        let parts = brush::parse(text, self.options).map_err(|error| error.to_string())?;
        self.assembled(text, &parts, depth)
    }

    fn assembled(
        &mut self,
        text: &str,
        parts: &[WordPieceWithSource],
        depth: usize,
    ) -> Result<Word, String> {
        let mut pieces = Vec::new();
        self.pieces(text, parts, false, depth, &mut pieces)?;
        let mut literal = Some(String::new());
        for piece in &pieces {
            match (piece, &mut literal) {
                (Piece::Text(text), Some(literal)) => literal.push_str(text),
                _ => literal = None,
            }
        }
        Ok(Word {
            text: text.to_owned(),
            literal,
            pieces,
        })
    }

    fn pieces(
        &mut self,
        text: &str,
        parts: &[WordPieceWithSource],
        quoted: bool,
        depth: usize,
        into: &mut Vec<Piece>,
    ) -> Result<(), String> {
        for part in parts {
            let lines_before = || {
                let before = text.char_indices().take(part.start_index);
                before.filter(|(_, character)| *character == '\n').count()
            };
            match &part.piece {
                WordPiece::Text(text) if !quoted && is_pattern(text) => {
                    into.push(Piece::Pattern(text.clone()));
                }
                WordPiece::Text(text) | WordPiece::SingleQuotedText(text) => {
                    into.push(Piece::Text(text.clone()));
                }
                WordPiece::AnsiCQuotedText(text) if !text.contains('\\') => {
                    into.push(Piece::Text(text.clone()));
                }
                WordPiece::DoubleQuotedSequence(inner)
                | WordPiece::GettextDoubleQuotedSequence(inner) => {
                    // Empty quotes are a word, too.
                    into.push(Piece::Text(String::new()));
                    self.pieces(text, inner, true, depth, into)?;
                }
                WordPiece::EscapeSequence(text) => {
                    let mut plain = text.as_str();
                    plain = plain.strip_prefix('\\').unwrap_or(plain);
                    let plain = if plain == "\n" { "" } else { plain };
                    into.push(Piece::Text(plain.to_owned()));
                }
                WordPiece::TildeExpansion(TildeExpr::Home) => into.push(Piece::Home),
                WordPiece::CommandSubstitution(command)
                | WordPiece::BackquotedCommandSubstitution(command) => {
                    self.inner.push(Inner {
                        text: command.clone(),
                        lines_before: lines_before(),
                    });
                    into.push(Piece::Output);
                }
                WordPiece::ArithmeticExpression(expression) => {
                    self.arithmetic(&expression.value, depth)?;
                    into.push(Piece::Arithmetic(expression.value.clone()));
                }
                WordPiece::ParameterExpansion(expression) => {
                    let piece = self.parameter(expression, quoted, depth)?;
                    into.push(piece);
                }
                WordPiece::AnsiCQuotedText(_) | WordPiece::TildeExpansion(_) => {
                    into.push(Piece::Other);
                }
            }
        }
        Ok(())
    }

    /// Finds the substitutions in an arithmetic expression.
    pub(crate) fn arithmetic(&mut self, text: &str, depth: usize) -> Result<(), String> {
        if text.contains(['$', '`']) {
            self.at_depth(text, depth.min(DEEPEST).saturating_sub(1))?;
        }
        Ok(())
    }

    fn parameter(
        &mut self,
        expression: &ParameterExpr,
        quoted: bool,
        depth: usize,
    ) -> Result<Piece, String> {
        use ParameterExpr as Expr;
        let (parameter, indirect, with, default): (_, _, Vec<&str>, _) = match expression {
            Expr::Parameter {
                parameter,
                indirect: false,
            } => {
                return Ok(match name(parameter) {
                    (name, None) => Piece::Variable {
                        name,
                        bare: !quoted,
                    },
                    (name, Some(index)) => Piece::Changed {
                        name,
                        assigns: false,
                        default: false,
                        with: vec![self.at_depth(&index, depth - 1)?],
                    },
                });
            }
            // A prompt may show the time.
            Expr::Transform {
                op: ParameterTransformOp::PromptExpand,
                ..
            } => return Ok(Piece::Other),
            Expr::Parameter {
                parameter,
                indirect,
            }
            | Expr::ParameterLength {
                parameter,
                indirect,
            }
            | Expr::Transform {
                parameter,
                indirect,
                ..
            } => (parameter, *indirect, vec![], false),
            Expr::UseDefaultValues {
                parameter,
                indirect,
                default_value: word,
                ..
            }
            | Expr::AssignDefaultValues {
                parameter,
                indirect,
                default_value: word,
                ..
            }
            | Expr::IndicateErrorIfNullOrUnset {
                parameter,
                indirect,
                error_message: word,
                ..
            }
            | Expr::UseAlternativeValue {
                parameter,
                indirect,
                alternative_value: word,
                ..
            } => (
                parameter,
                *indirect,
                word.as_deref().into_iter().collect(),
                true,
            ),
            Expr::RemoveSmallestSuffixPattern {
                parameter,
                indirect,
                pattern,
            }
            | Expr::RemoveLargestSuffixPattern {
                parameter,
                indirect,
                pattern,
            }
            | Expr::RemoveSmallestPrefixPattern {
                parameter,
                indirect,
                pattern,
            }
            | Expr::RemoveLargestPrefixPattern {
                parameter,
                indirect,
                pattern,
            }
            | Expr::UppercaseFirstChar {
                parameter,
                indirect,
                pattern,
            }
            | Expr::UppercasePattern {
                parameter,
                indirect,
                pattern,
            }
            | Expr::LowercaseFirstChar {
                parameter,
                indirect,
                pattern,
            }
            | Expr::LowercasePattern {
                parameter,
                indirect,
                pattern,
            } => (
                parameter,
                *indirect,
                pattern.as_deref().into_iter().collect(),
                false,
            ),
            Expr::Substring {
                parameter,
                indirect,
                offset,
                length,
            } => {
                let words = [Some(offset), length.as_ref()];
                let words = words.into_iter().flatten().map(|word| word.value.as_str());
                (parameter, *indirect, words.collect(), false)
            }
            Expr::ReplaceSubstring {
                parameter,
                indirect,
                pattern,
                replacement,
                ..
            } => {
                let words = [Some(pattern.as_str()), replacement.as_deref()];
                (
                    parameter,
                    *indirect,
                    words.into_iter().flatten().collect(),
                    false,
                )
            }
            Expr::VariableNames { .. } => return Ok(Piece::Other),
            Expr::MemberKeys { variable_name, .. } => {
                return Ok(Piece::Changed {
                    name: variable_name.clone(),
                    assigns: false,
                    default: false,
                    with: Vec::new(),
                });
            }
        };
        let mut words = Vec::new();
        for text in with {
            words.push(self.at_depth(text, depth - 1)?);
        }
        let (name, index) = name(parameter);
        if let Some(index) = index {
            words.push(self.at_depth(&index, depth - 1)?);
        }
        if indirect {
            return Ok(Piece::Other);
        }
        Ok(Piece::Changed {
            name,
            assigns: matches!(expression, Expr::AssignDefaultValues { .. }),
            default,
            with: words,
        })
    }
}

/// Whether the shell looks for files or several words in an unquoted text. `[` is the name of a command.
fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{']) && !matches!(text, "[" | "{" | "{}")
}

/// A parameter's name, and the index of an element.
fn name(parameter: &Parameter) -> (String, Option<String>) {
    let special = |parameter: &SpecialParameter| match parameter {
        SpecialParameter::AllPositionalParameters { concatenate: true } => "*",
        SpecialParameter::AllPositionalParameters { concatenate: false } => "@",
        SpecialParameter::PositionalParameterCount => "#",
        SpecialParameter::LastExitStatus => "?",
        SpecialParameter::CurrentOptionFlags => "-",
        SpecialParameter::ProcessId => "$",
        SpecialParameter::LastBackgroundProcessId => "!",
        SpecialParameter::ShellName => "0",
    };
    match parameter {
        Parameter::Positional(number) => (number.to_string(), None),
        Parameter::Special(parameter) => (special(parameter).to_owned(), None),
        Parameter::Named(name) | Parameter::NamedWithAllIndices { name, .. } => {
            (name.clone(), None)
        }
        Parameter::NamedWithIndex { name, index } => (name.clone(), Some(index.clone())),
    }
}
