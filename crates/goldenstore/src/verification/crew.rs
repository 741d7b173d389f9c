use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use treeclone::Observer;

use crate::error::StoreError;
use crate::interleave;

/// Does a piece of work for each item, on as many threads as the machine runs at once, and gives the
/// results in the order of the items. The first error ends it.
pub(super) fn each<T: Sync, R: Send>(
    items: &[T],
    observer: &dyn Observer,
    work: impl Fn(&T, &dyn Observer) -> Result<R, StoreError> + Sync,
) -> Result<Vec<R>, StoreError> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let results: Mutex<Vec<(usize, Result<R, StoreError>)>> = Mutex::default();
    let crew = if interleave::is_scheduled() {
        // A step can be taken by the scheduler's own threads only.
        1
    } else {
        thread::available_parallelism().map_or(1, usize::from)
    };
    let until = Until {
        observer,
        failed: &failed,
    };
    let worker = || {
        while !failed.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else {
                return;
            };
            let result = work(item, &until);
            if result.is_err() {
                failed.store(true, Ordering::Relaxed);
            }
            if let Ok(mut results) = results.lock() {
                results.push((at, result));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..crew.min(items.len()) {
            scope.spawn(worker);
        }
        worker();
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(at, result)| {
        // Who was stopped because another failed says nothing about why.
        let stopped = matches!(result, Err(StoreError::Interrupted)) && !observer.interrupted();
        (stopped, *at)
    });
    if let Some(at) = results.iter().position(|(_, result)| result.is_err()) {
        results.swap(0, at);
    }
    results.into_iter().map(|(_, result)| result).collect()
}

struct Until<'a> {
    observer: &'a dyn Observer,
    failed: &'a AtomicBool,
}

impl Observer for Until<'_> {
    fn advanced(&self, entries: u64, bytes: u64) {
        self.observer.advanced(entries, bytes);
    }

    fn interrupted(&self) -> bool {
        self.failed.load(Ordering::Relaxed) || self.observer.interrupted()
    }
}
