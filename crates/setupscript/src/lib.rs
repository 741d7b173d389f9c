//! Reads setup scripts: what of them can be done once, in an image, and what has to be done at every start.
//!
//! Pure: a script's text in, decisions out. Nothing is run and nothing is looked up.
//!
//! | module | holds |
//! |---|---|
//! | [`script`] | a script as its top-level constructs, each with its range and what it does |
//! | [`construct`], [`word`] | the parts of a construct: commands, redirections, words |
//! | [`mod@split`] | which construct is in which half, and why |
//! | [`check`](mod@check) | what is probably wrong with a script |
//! | [`error`] | why a text is no script |

pub mod check;
pub mod construct;
pub mod error;
mod nesting;
mod reading;
pub mod script;
pub mod split;
pub mod word;

pub use construct::{Command, Construct, Context, Form, Kind, Redirect, RedirectKind};
pub use error::{Position, ScriptError};
pub use script::{NotUnderstood, Script};
pub use split::{Confidence, Options, Part, Split, Verdict, split};
pub use word::{Piece, Word};
