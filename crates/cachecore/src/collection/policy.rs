use std::num::NonZeroUsize;
use std::time::Duration;

use jiff::Timestamp;

use super::SessionFacts;
use crate::record::KEPT_BUILDS;

/// Generations of a project that are kept without being asked for: the one that serves, and the one
/// before it, so that a golden that turns out bad can be compared with the one that was good.
pub const DEFAULT_KEEP: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// How much a collection keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Generations of each project to keep, the serving one included.
    pub keep: NonZeroUsize,
    /// The store's size in bytes that goldens are given up for.
    pub max_size: Option<u64>,
    /// How long a golden may lie unused.
    pub max_idle: Option<Duration>,
    /// How long a session may lie idle for which nobody has said it. One that says so itself is
    /// held to what it says.
    pub session_idle: Option<Duration>,
    /// Records and logs of ended builds to keep of each project; at most as many as it remembers.
    pub keep_builds: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            keep: DEFAULT_KEEP,
            max_size: None,
            max_idle: None,
            session_idle: None,
            keep_builds: KEPT_BUILDS,
        }
    }
}

impl Policy {
    /// Whether a session's time is over, as far as its record says: who uses it is another question.
    pub fn is_over(&self, session: &SessionFacts, now: Timestamp) -> bool {
        let limit = session.idle_limit.or(self.session_idle);
        session.may_expire
            && limit.is_some_and(|limit| idle_since(session.last_activity, now) >= limit)
    }
}

/// How long ago something was; nothing for what lies in the future.
pub(super) fn idle_since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}
