//! Names that nobody else has.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A word that no other call gives on this host: process, time and a count. It is not secret; the
/// folders it is used in belong to root.
pub(crate) fn fresh() -> String {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_nanos());
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!(
        "{:x}-{:x}-{count:x}",
        std::process::id(),
        since & 0xffff_ffff_ffff
    )
}

/// Four hex digits, to tell apart what happens in one second.
pub(crate) fn short() -> String {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.subsec_nanos());
    let mixed = since ^ std::process::id() ^ (since >> 16);
    format!("{:04x}", mixed & 0xffff)
}
