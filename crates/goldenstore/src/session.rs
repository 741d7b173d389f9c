//! Sessions: started from a golden, listed, removed.
//!
//! A session appears whole or not at all: it is put together under `sessions/.starting-…` and
//! renamed. What a killed start left is under such a name, and goes when nobody is starting.

mod folders;
mod hold;
mod listing;
mod removal;
mod start;

pub use folders::MountSpec;
pub use hold::HeldSession;
pub(crate) use listing::read_record;
pub use listing::{SessionInfo, UnusableSession};
pub use removal::RemovalReport;
pub(crate) use start::STARTING;
pub use start::{StartReport, StartRequest};
