//! Keeps warm Docker data roots on disk and clones them into sessions.
//!
//! ```no_run
//! use goldenstore::{Silent, StartRequest, Store};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = Store::open("/var/lib/cachecore".into())?;
//! let request = StartRequest::new("api".parse()?, "session-1".parse()?);
//! let report = store.start_session(&request, &Silent)?;
//! for mount in &report.mounts {
//!     println!("{} -> {} (read-only: {})", mount.source, mount.target, mount.read_only);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Facts are gathered here (`reader`, `liveness`), decisions are made in [`cachecore`], and the plans
//! that come back are carried out here:
//!
//! | module | does |
//! |---|---|
//! | `store` | makes and opens a store |
//! | `session` | starts, lists, removes sessions |
//! | `clone` | carries out a clone |
//! | `promotion`, `import` | make generations |
//! | `generation`, `project`, `builds` | what serves, what stands where, what was built |
//! | `layers` | the layers that everything shares |
//! | `verification`, `quarantine` | whether goldens are what they were, and what becomes of those that are not |
//! | `recovery`, `trash` | make good what was killed, remove what is not needed |
//! | `reader`, `handle`, `liveness`, `mounts` | look at data roots that strangers wrote |
//! | `lock`, `records`, `nonce` | how any of it is safe from the others |
#![forbid(unsafe_code)]

mod builds;
mod clone;
mod error;
mod generation;
mod handle;
mod import;
mod layers;
mod liveness;
mod lock;
mod mounts;
mod nonce;
mod project;
mod promotion;
mod quarantine;
mod reader;
mod records;
mod recovery;
mod session;
mod store;
mod trash;
mod verification;

pub use builds::fresh_build_id;
pub use error::{ErrorClass, StoreError};
pub use import::ImportRequest;
pub use project::BuildRight;
pub use promotion::{PromoteOptions, PromoteReport};
pub use session::{HeldSession, MountSpec, RemovalReport, SessionInfo, StartReport, StartRequest};
pub use store::{InitReport, Store};
pub use trash::Scratch;
pub use treeclone::{Observer, Silent};
pub use verification::{
    Depth, GenerationFindings, LayerFindings, Need, VerifyOptions, VerifyReport,
};
