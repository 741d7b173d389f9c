//! Environment images: the slow half of a setup script, as an image keyed by content.
//!
//! | module | holds |
//! |---|---|
//! | `cli`, `commands`, `show` | the program: its command line, one file a command, what it prints |
//! | `progress`, `interrupt` | what it says meanwhile, and Ctrl-C |
//! | [`daemon`] | which daemon is meant, and how docker is run with it |
//! | [`ensure`] | images of stages, found or built |
//! | [`explain`] | what makes images what they are |
//! | [`run`](mod@run) | a container of an environment |
//! | [`collection`] | which images are there, and which go |
//! | [`watch`] | who watches long work |
//! | [`state`] | what is remembered between calls |
//! | [`exit`], [`failure`] | exit codes and messages |
//! | [`check`](mod@check) | what is wrong with a spec, and what probably is |
//! | [`conversion`] | files of other formats, which become specs |
//! | [`file`](mod@file) | files that people name |
//! | [`read`] | a spec, with the files that it names |
//!
//! # From another service
//!
//! Without the feature `cli` there is no command line in it, and nothing is printed. Calls block; a [`watch::Watch`]
//! hears what happens meanwhile, and can end it.
//!
//! ```no_run
//! use envimage::daemon::Daemon;
//! use envimage::ensure::{self, Wishes};
//! use envimage::state::State;
//! use envimage::{read, run};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let environment = read::load("environments/shop.yaml".into())?;
//! let daemon = Daemon::from_environment();
//! // Processes that share this folder build an image once.
//! let state = State::at("/var/lib/service/environments".into());
//!
//! // Nobody watches: `&mut ()`. A stage that cannot be built is no error, for its script runs at the start.
//! let ensured = ensure::ensure(&environment, &daemon, &state, Wishes::default(), &mut ())?;
//! println!("{} has {} stages to run at its start", ensured.image, ensured.started().count());
//!
//! let request = run::Request {
//!     command: vec!["make".into(), "test".into()],
//!     ..run::Request::default()
//! };
//! let launch = run::prepare(&environment, &daemon, &state, &ensured, request)?;
//! let ended = launch.command(&daemon).status()?;
//! println!("make ended with {ended}");
//! # Ok(())
//! # }
//! ```

mod builder;
pub mod check;
#[cfg(feature = "cli")]
mod cli;
pub mod collection;
#[cfg(feature = "cli")]
mod commands;
pub mod conversion;
pub mod daemon;
pub mod ensure;
pub mod explain;
pub mod failure;
pub mod file;
#[cfg(feature = "cli")]
mod interrupt;
#[cfg(feature = "cli")]
mod progress;
pub mod read;
pub mod run;
#[cfg(feature = "cli")]
mod show;
pub mod state;
pub mod watch;

pub use cachecore::exit;

#[cfg(feature = "cli")]
mod program;
#[cfg(feature = "cli")]
pub use program::run;
