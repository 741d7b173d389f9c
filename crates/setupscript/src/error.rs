//! Why a text is no script that can be read.

use serde::Serialize;

/// Where something is in a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// The line, the first is 1.
    pub line: usize,
    /// The column in characters, the first is 1.
    pub column: usize,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Why a text is no script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// Something begins that never ends, such as a quote or a here document.
    #[error("{at}: {what}")]
    Unfinished {
        /// Where it begins, as far as that is known; else where the text ends.
        at: Position,
        /// What has no end.
        what: String,
    },
    /// It holds bytes that no script has.
    #[error("{at}: this is no text: {what}")]
    NoText {
        /// Where the first of them is.
        at: Position,
        /// Which it is.
        what: &'static str,
    },
    /// Its lines end as on Windows.
    #[error(
        "{at}: the line ends with a carriage return, which bash takes for a part of its last word"
    )]
    CarriageReturns {
        /// The end of the first line.
        at: Position,
    },
    /// It begins with a byte order mark.
    #[error(
        "1:1: the script begins with a byte order mark, which bash takes for a part of its first word"
    )]
    ByteOrderMark,
    /// It is longer than anything that is read.
    #[error("1:1: the script has {bytes} bytes; at most {most} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The longest.
        most: usize,
    },
}

impl ScriptError {
    /// Where the reason is.
    pub fn position(&self) -> Position {
        match self {
            Self::Unfinished { at, .. }
            | Self::NoText { at, .. }
            | Self::CarriageReturns { at } => *at,
            Self::ByteOrderMark | Self::TooLong { .. } => Position { line: 1, column: 1 },
        }
    }

    /// What to do next.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Unfinished { .. } => "end it; `bash -n` says whether a script is complete",
            Self::NoText { .. } => "name a bash script, as UTF-8 text",
            Self::CarriageReturns { .. } => "convert the line ends: sed -i 's/\\r$//' SCRIPT",
            Self::ByteOrderMark => "remove it: sed -i '1s/^\\xEF\\xBB\\xBF//' SCRIPT",
            Self::TooLong { .. } => "move data that the script carries into files beside it",
        }
    }
}
