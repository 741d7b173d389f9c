//! Clones that overlap on purpose, and a collection among them.

use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use goldenstore::{StartRequest, StoreError};
use rustix::fs::{FlockOperation, flock};
use shuttle::thread::yield_now;
use treeclone::Observer;

use crate::scene::{Scene, project, session};

/// How many looks a clone takes at least: a collection needs many before it asks for the store.
const LEAST: usize = 500;

/// What those who clone and the one who collects know of each other.
#[derive(Debug, Default)]
pub(crate) struct Relay {
    /// How many clones have come as far as to copy.
    begun: AtomicUsize,
    /// Whether the collection has ended.
    collected: AtomicBool,
}

/// When a clone goes on that has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// The next one has begun, so that there is no gap between them; or it cannot, because the gate
    /// is closed.
    Next,
    /// The collection has ended.
    Collected,
}

struct Cloning<'a> {
    scene: &'a Scene,
    until: Until,
}

impl Observer for Cloning<'_> {
    /// Called when all is locked and nothing copied.
    fn expects(&self, _: u64, _: u64) {
        let relay = self.scene.relay();
        let nth = relay.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let next = || relay.begun.load(Ordering::SeqCst) > nth || self.scene.gate_is_closed();
        for looks in 0.. {
            let goes_on = self.until == Until::Next && looks >= LEAST && next();
            if relay.has_collected() || goes_on {
                return;
            }
            yield_now();
        }
    }
}

impl Relay {
    pub(crate) fn reset(&self) {
        self.begun.store(0, Ordering::SeqCst);
        self.collected.store(false, Ordering::SeqCst);
    }

    pub(crate) fn has_collected(&self) -> bool {
        self.collected.load(Ordering::SeqCst)
    }
}

impl Scene {
    /// Clones until the collection has ended, each clone beginning before another's ends.
    pub(crate) fn clone_without_a_gap(&self, name: &str) -> Result<(), StoreError> {
        let mut nth = 0;
        while !self.relay().has_collected() {
            nth += 1;
            self.clone_until(&format!("{name}-{nth}"), Until::Next)?;
        }
        Ok(())
    }

    /// A clone that takes longer than the collection waits for it.
    pub(crate) fn clone_for_long(&self, id: &str) -> Result<(), StoreError> {
        self.clone_until(id, Until::Collected)
    }

    fn clone_until(&self, id: &str, until: Until) -> Result<(), StoreError> {
        let request = StartRequest::new(project("api"), session(id));
        let observer = Cloning { scene: self, until };
        self.store().start_session(&request, &observer).map(drop)
    }

    /// Collects once a clone has begun.
    pub(crate) fn collect_among_clones(&self) -> Result<(), StoreError> {
        while self.relay().begun.load(Ordering::SeqCst) == 0 {
            yield_now();
        }
        let collected = self.collect();
        self.relay().collected.store(true, Ordering::SeqCst);
        collected
    }

    /// Starts a session once a collection waits for its turn.
    pub(crate) fn start_before_it_has_collected(&self, id: &str) -> Result<(), StoreError> {
        while !self.gate_is_closed() {
            yield_now();
        }
        self.start(id)?;
        assert!(!self.relay().has_collected(), "{id} waited for as long");
        Ok(())
    }

    /// Whether a collection holds others off.
    fn gate_is_closed(&self) -> bool {
        let gate = File::open(self.store_root().join("golden")).unwrap();
        flock(&gate, FlockOperation::NonBlockingLockShared).is_err()
    }
}
