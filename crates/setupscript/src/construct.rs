//! A top-level construct, and what it does as far as its text says.

use serde::Serialize;

use crate::error::Position;
use crate::word::Word;

/// One complete command at the top level, with the comments and blank lines before it. It may span lines.
#[derive(Clone, Debug, Serialize)]
pub struct Construct {
    /// The first byte, of the comments before it.
    pub start: usize,
    /// The first byte behind it; the next construct starts there.
    pub end: usize,
    /// Where the command itself begins.
    pub at: Position,
    /// Its last line.
    pub last_line: usize,
    /// What it is.
    pub kind: Kind,
    /// All commands in it, inner ones too, as they are written. What a substitution runs comes before the
    /// command whose word it is.
    pub commands: Vec<Command>,
}

/// What a construct is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One command.
    Command,
    /// Assignments alone.
    Assignment,
    /// Commands joined with `|`.
    Pipeline,
    /// Commands joined with `&&`, `||`, `;` or `&`.
    List,
    /// `if`.
    If,
    /// `for`, `while` or `until`.
    Loop,
    /// `case`.
    Case,
    /// The definition of a function.
    Function,
    /// `{ }`.
    Group,
    /// `( )`.
    Subshell,
    /// `[[ ]]`.
    Test,
    /// `(( ))`.
    Arithmetic,
    /// `coproc`.
    Coprocess,
}

/// A command, or another part of a construct that has words.
#[derive(Clone, Debug, Serialize)]
pub struct Command {
    /// What it is.
    pub form: Form,
    /// Where it begins. Inside a substitution the line is right and the column near.
    pub at: Position,
    /// Its words, the name first; empty if it only assigns or redirects.
    pub words: Vec<Word>,
    /// What it assigns: before its name, or as arguments of `export`, `declare` and their like.
    pub assignments: Vec<Assignment>,
    /// Its redirections; a compound command's are those of a command of its own, [`Form::Redirected`].
    pub redirects: Vec<Redirect>,
    /// Where it stands.
    pub context: Context,
}

impl Command {
    /// Its name, if that is written out.
    pub fn name(&self) -> Option<&str> {
        if self.form != Form::Simple {
            return None;
        }
        self.words.first()?.literal.as_deref()
    }

    /// Its arguments.
    pub fn arguments(&self) -> &[Word] {
        self.words.get(1..).unwrap_or_default()
    }
}

/// What the words of a [`Command`] belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// A simple command.
    Simple,
    /// `[[ ]]`: its operands and operators.
    Test,
    /// `(( ))`, the head of an arithmetic `for`, or an index: its text as one word.
    Arithmetic,
    /// The head of `for`: the words it goes through; the variable is its assignment.
    For,
    /// The head of `case`: its word.
    Case,
    /// A pattern of `case`.
    Pattern,
    /// The beginning of a function definition: its name. The body's commands follow.
    Function,
    /// The redirections of a compound command.
    Redirected,
    /// The beginning of a coprocess: its name, if it has one.
    Coprocess,
}

/// An assignment.
#[derive(Clone, Debug, Serialize)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// `+=`.
    pub append: bool,
    /// It sets one element of an array.
    pub element: bool,
    /// The values; several or none for an array.
    pub values: Vec<Word>,
    /// It assigns an array.
    pub array: bool,
}

/// A redirection.
#[derive(Clone, Debug, Serialize)]
pub struct Redirect {
    /// Which.
    pub kind: RedirectKind,
    /// The file, the descriptor, or the text of a here document or here string.
    pub target: Word,
}

/// The kinds of redirections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RedirectKind {
    /// `<`.
    Read,
    /// `>`, `>|`, `&>`.
    Write,
    /// `>>`, `&>>`.
    Append,
    /// `<>`.
    ReadWrite,
    /// `<&`, `>&` with a descriptor.
    Duplicate,
    /// `<<`.
    HereDocument,
    /// `<<<`.
    HereString,
    /// `< <( )` and `> >( )`; the commands are listed before.
    Process,
}

/// Where a command stands inside its construct.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Context {
    /// The function whose body it is in.
    pub function: Option<String>,
    /// It runs in a process of its own: `( )`, a part of a pipeline, a substitution.
    pub subshell: bool,
    /// It runs in a process of its own inside another one.
    pub nested: bool,
    /// It runs beside what follows: `&`.
    pub background: bool,
    /// It may be left out: a branch, a loop's body, behind `&&` or `||`.
    pub conditional: bool,
    /// Its failure does not end a script with `set -e`: a condition, before `&&` or `||`, behind `!`.
    pub masked: bool,
    /// Its output becomes a part of a word.
    pub substitution: bool,
    /// It is inside a loop.
    pub looped: bool,
    /// Its input comes from another command of the script.
    pub fed: bool,
}
