//! The lock of the whole store, which commands share and a collection has to itself, and the gate
//! before it.
//!
//! The kernel gives a shared lock to whoever asks while others share it, so commands that overlap
//! without a gap would keep a collection waiting for ever. So all come in through a gate: who shares the
//! store has it for the instant in which he takes the store's lock, and a collection closes it. Then
//! those inside end, newcomers wait, and the collection is next.
//!
//! Some of those inside take long: a verification reads every layer. Newcomers do not wait for that:
//! the gate is closed for a turn at a time, and open in between. So whatever is inside, a session
//! starts at most [`LONGEST_TURN`] and one collection's work later.

use std::fs::File;
use std::time::Duration;

use cachecore::layout;

use crate::error::{ErrorClass, StoreError};
use crate::handle::Handle;
use crate::interleave::Patience;
use crate::lock::{self, Lock, Mode};
use crate::store::Store;

/// How long the gate is closed at first: several times what most commands take.
const FIRST_TURN: Duration = Duration::from_millis(250);
/// And at most; each turn is twice as long as the one before.
const LONGEST_TURN: Duration = Duration::from_secs(1);
/// After a turn the gate is open for so many times as long.
const OPEN: u32 = 3;

const STORE: &str = "the store";

/// The store to oneself.
#[derive(Debug)]
pub(crate) struct Alone {
    _store: Lock,
    /// Closed as long, if it was: other collections do not wait at it, before those who start.
    _gate: Option<Lock>,
}

impl Store {
    /// Holds off collections.
    pub(crate) fn share(&self) -> Result<Lock, StoreError> {
        let _gate = lock::lock(self.gate()?, Mode::Shared, STORE, lock::PATIENCE)?;
        // Who has it to himself now does not wait at the gate.
        lock::lock(self.lock_file()?, Mode::Shared, STORE, lock::PATIENCE)
    }

    /// Takes the store for a collection, waiting for those who clone or promote.
    pub(crate) fn exclude(&self) -> Result<Alone, StoreError> {
        let mut turn = FIRST_TURN;
        let mut waited = Duration::ZERO;
        loop {
            let gate = lock::lock(self.gate()?, Mode::Exclusive, STORE, lock::PATIENCE)?;
            if let Some(store) = busy_is_none(self.exclude_within(turn))? {
                return Ok(Alone {
                    _store: store,
                    _gate: Some(gate),
                });
            }
            drop(gate);
            let open = turn * OPEN;
            waited += turn + open;
            match self.exclude_within(open) {
                Err(StoreError::Busy { .. }) if waited < lock::PATIENCE => {}
                store => {
                    return Ok(Alone {
                        _store: store?,
                        _gate: None,
                    });
                }
            }
            turn = (turn * 2).min(LONGEST_TURN);
        }
    }

    fn exclude_within(&self, turn: Duration) -> Result<Lock, StoreError> {
        let patience = Patience::of_turn(turn);
        lock::lock_within(self.lock_file()?, Mode::Exclusive, STORE, patience)
    }

    /// Takes the store for the collection of left-overs, if nobody clones or promotes right now.
    pub(crate) fn try_exclude(&self) -> Result<Option<Lock>, StoreError> {
        lock::try_lock(self.lock_file()?, Mode::Exclusive)
    }

    fn lock_file(&self) -> Result<File, StoreError> {
        lock::open_file(self.layout().root().join(layout::LOCK).as_std_path())
    }

    /// The folder of goldens, whose lock is the gate: every store has it, also one that cannot be
    /// written to.
    fn gate(&self) -> Result<File, StoreError> {
        Ok(Handle::open(self.golden.path())?.into_file())
    }
}

fn busy_is_none(taken: Result<Lock, StoreError>) -> Result<Option<Lock>, StoreError> {
    match taken {
        Err(e) if e.class() == ErrorClass::Busy => Ok(None),
        taken => taken.map(Some),
    }
}
