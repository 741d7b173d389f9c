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
//! | `image` | gives a store a btrfs of its own |
//! | `session` | starts, lists, removes sessions |
//! | `clone` | carries out a clone |
//! | `promotion`, `import` | make generations |
//! | `generation`, `project`, `builds` | what serves, what stands where, what was built |
//! | `requests` | who wants a golden built, and who builds it |
//! | `layers` | the layers that everything shares |
//! | `collection` | removes what nobody needs, and goldens |
//! | `space` | whether a clone fits |
//! | `verification`, `quarantine` | whether goldens are what they were, and what becomes of those that are not |
//! | `subvolumes` | data roots that have their layers inside |
//! | `sharing` | whether the filesystem shares blocks |
//! | `recovery`, `trash` | make good what was killed, remove what is not needed |
//! | `parts` | the folders that a data root is |
//! | `reader`, `handle`, `liveness`, `mounts` | look at data roots that strangers wrote |
//! | `interleave` | lets tests decide who goes on at each step |
//! | `lock`, `records`, `nonce` | how any of it is safe from the others |
#![forbid(unsafe_code)]

mod builds;
mod clone;
mod collection;
mod error;
mod gate;
mod generation;
mod handle;
mod image;
mod import;
mod interleave;
mod layers;
mod liveness;
mod lock;
mod mounts;
mod nonce;
mod parts;
mod project;
mod promotion;
mod quarantine;
mod reader;
mod records;
mod recovery;
mod requests;
mod session;
mod sharing;
mod space;
mod store;
mod subvolumes;
mod trash;
mod verification;

pub use builds::fresh_build_id;
pub use collection::{CollectionReport, GoldenRemoval};
pub use error::{ErrorClass, StoreError};
pub use image::ImageReport;
pub use import::ImportRequest;
#[cfg(feature = "interleave")]
pub use interleave::at_every_step;
pub use project::BuildRight;
pub use promotion::{PromoteOptions, PromoteReport};
pub use requests::Asked;
pub use session::{
    HeldSession, MountSpec, RemovalReport, SessionInfo, StartReport, StartRequest, UnusableSession,
};
pub use store::{InitReport, Store};
pub use trash::Scratch;
pub use treeclone::{Observer, Silent};
pub use verification::{
    Depth, GenerationFindings, LayerFindings, Need, Obstacle, Unmarked, VerifyOptions, VerifyReport,
};
