//! Collection: what nobody needs any more goes.
//!
//! 1. What killed commands left in the projects is made good, and sizes are found out. Nobody waits.
//! 2. With the store to itself, the collection looks at everything again, decides
//!    ([`cachecore::collection::plan`]), and renames what goes into the trash: generations before
//!    the layers they link to. This is short, however much goes.
//! 3. The trash is deleted, while sessions start and end.
//!
//! Killed anywhere, it leaves whole generations and sessions, and the next one does the rest.

pub(crate) mod facts;
mod golden;
mod links;
mod removals;
mod sizes;

use std::time::Instant;

use cachecore::collection::{self, CollectionPlan, Policy, Unjudged};
use jiff::Timestamp;
use serde::Serialize;
use treeclone::Observer;

use crate::error::StoreError;
use crate::lock;
use crate::store::Store;
use facts::Gathering;
pub use golden::GoldenRemoval;

/// What a collection did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CollectionReport {
    /// What was to be done.
    pub plan: CollectionPlan,
    /// What of it could not be done, with the reason; the next collection tries again.
    pub failed: Vec<Unjudged>,
    /// Files and folders that were deleted.
    pub entries: u64,
    /// Bytes that are free on the store's filesystem now.
    pub free: u64,
    /// How long others had to wait for the store, in milliseconds.
    pub locked_ms: u64,
    /// How long all of it took, in milliseconds.
    pub elapsed_ms: u64,
}

impl Store {
    /// What a collection would do now. Changes nothing.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub fn plan_collection(
        &self,
        policy: &Policy,
        observer: &dyn Observer,
    ) -> Result<CollectionPlan, StoreError> {
        let mut gathering = Gathering::new(policy, observer);
        gathering.gather(self)?;
        // What comes and goes during the look would be taken for what cannot be read.
        let _exclusive = self.exclude()?;
        let facts = gathering.again().gather(self)?;
        Ok(collection::plan(&facts, policy, Timestamp::now()))
    }

    /// Removes what nobody needs any more, and more of it to keep within the policy's limits.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read, or is busy for too long. What a single item
    /// refuses is no error: it stays, and the report says so.
    pub fn collect(
        &self,
        policy: &Policy,
        observer: &dyn Observer,
    ) -> Result<CollectionReport, StoreError> {
        let begun = Instant::now();
        self.recover_projects()?;
        let mut gathering = Gathering::new(policy, observer);
        gathering.gather(self)?;

        let locked = Instant::now();
        let (plan, mut failed) = {
            let _exclusive = self.exclude()?;
            // Commands may have been killed since.
            let unrecovered = self.recover_projects()?;
            let facts = gathering.again().after_recovery(unrecovered).gather(self)?;
            let plan = collection::plan(&facts, policy, Timestamp::now());
            let failed = self.carry_out(&plan, observer)?;
            self.clear_sessions()?;
            (plan, failed)
        };
        let locked_ms = millis(locked);
        let entries = match self.delete_trash(&mut failed, observer) {
            // What was planned is out of the store; only files are left.
            Err(StoreError::Interrupted) => {
                return Err(StoreError::CollectionInterrupted {
                    removed: plan.removals.len() - failed.len().min(plan.removals.len()),
                    planned: plan.removals.len(),
                });
            }
            deleted => deleted?,
        };
        Ok(CollectionReport {
            plan,
            failed,
            entries,
            free: self.disk()?.free.bytes,
            locked_ms,
            elapsed_ms: millis(begun),
        })
    }

    /// Deletes the trash, also what others have put there. One who is at it already is waited for:
    /// what came in since he looked would be left.
    fn delete_trash(
        &self,
        failed: &mut Vec<Unjudged>,
        observer: &dyn Observer,
    ) -> Result<u64, StoreError> {
        match self.empty_trash_waiting(lock::PATIENCE, observer) {
            Ok(entries) => Ok(entries),
            Err(StoreError::Interrupted) => Err(StoreError::Interrupted),
            Err(e) => {
                failed.push(removals::stays("trash".to_owned(), &e));
                Ok(0)
            }
        }
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
