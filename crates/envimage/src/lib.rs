//! Environment images: the slow half of a setup script, as an image keyed by content.
//!
//! | module | holds |
//! |---|---|
//! | `cli`, `commands`, `show` | the program: its command line, one file a command, what it prints |
//! | [`exit`], [`failure`] | exit codes and messages |
//! | [`conversion`] | files of other formats, which become specs |
//! | [`file`](mod@file) | files that people name |
//! | [`read`] | a spec, with the files that it names |

#[cfg(feature = "cli")]
mod cli;
#[cfg(feature = "cli")]
mod commands;
pub mod conversion;
pub mod exit;
pub mod failure;
pub mod file;
pub mod read;
#[cfg(feature = "cli")]
mod show;

#[cfg(feature = "cli")]
mod program;
#[cfg(feature = "cli")]
pub use program::run;
