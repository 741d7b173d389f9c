//! What a collection removes from the store, and what it keeps although it is over a limit.
//!
//! Without limits only that goes which nobody can need: trash, what killed commands left, sessions
//! whose time is over, superseded generations beyond those to keep, layers that no generation and no
//! session links to, records of builds that no project remembers. [`Policy::max_idle`] and
//! [`Policy::max_size`] take more: whole goldens, least recently used first.
//!
//! What a session leases stays, and so does everything of a project whose build runs. What could not
//! be read is never removed, nor is anything that only it could tell to be needed.
//!
//! **Use, not age.** A golden is as old as its last use or promotion, whichever was later; a session
//! as old as its last activity. Neither is ever removed for having been made long ago.

mod facts;
mod plan;
mod policy;
mod work;

pub use facts::{
    BuildFacts, Facts, GenerationFacts, LayerFacts, Leased, ProjectFacts, Remembered, SessionFacts,
    StagingFacts, TrashFacts, Unjudged,
};
pub use plan::{CollectionPlan, Item, Kept, KeptBecause, Limit, Reason, Removal};
pub use policy::{DEFAULT_KEEP, Policy};
pub use work::{plan, plan_removal};

#[cfg(test)]
mod tests;
