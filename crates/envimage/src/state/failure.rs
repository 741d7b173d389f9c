//! What is remembered of a build that failed, so that not every start pays for it again.

use std::fmt;
use std::time::Duration;

use camino::Utf8PathBuf;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{State, StateError, read, replace};

/// How long the first failure is remembered; each further one twice as long.
const FIRST: Duration = Duration::from_secs(60);
/// How long a failure is remembered at most.
const LAST: Duration = Duration::from_secs(3600);

/// A build that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// When it failed.
    pub at: Timestamp,
    /// When it is tried again.
    pub again: Timestamp,
    /// How often it has failed since it last worked.
    pub times: u32,
    /// Why.
    pub reason: String,
    /// At which daemon.
    pub daemon: String,
    /// Whose environment was to be built.
    #[serde(default)]
    pub project: Option<String>,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            at, again, times, ..
        } = self;
        let failed = if *times == 1 {
            "its build failed".to_owned()
        } else {
            format!("its build failed {times} times, last")
        };
        write!(
            f,
            "{failed} at {at:.0} and is tried again after {again:.0}: {}",
            self.reason
        )
    }
}

impl Failed {
    /// The failure that follows the ones before.
    fn after(
        before: Option<&Self>,
        now: Timestamp,
        reason: String,
        daemon: String,
        project: &str,
    ) -> Self {
        let times = before.map_or(0, |failed| failed.times).saturating_add(1);
        let wait = FIRST.saturating_mul(1 << (times - 1).min(10)).min(LAST);
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::from_hours(1));
        Self {
            at: now,
            again: now.saturating_add(wait).unwrap_or(now),
            times,
            reason,
            daemon,
            project: Some(project.to_owned()),
        }
    }

    /// Whether it is too early to try again. A clock that was set back makes nobody wait.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.at <= now && now < self.again
    }
}

impl State {
    /// The last build of an image, if it failed at this daemon.
    pub fn failure(&self, image: &str, daemon: &str) -> Option<Failed> {
        let path = self.folder.join("failures").join(image);
        let failed: Failed = serde_json::from_slice(&read(&path)?).ok()?;
        (failed.daemon == daemon).then_some(failed)
    }

    /// Remembers that the build of an image failed.
    pub(crate) fn note_failure(
        &self,
        image: &str,
        daemon: &str,
        project: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<Failed, StateError> {
        let before = self.failure(image, daemon);
        let failed = Failed::after(
            before.as_ref(),
            now,
            reason.to_owned(),
            daemon.to_owned(),
            project,
        );
        let path = self.file("failures", image)?;
        let bytes = serde_json::to_vec(&failed).unwrap_or_default();
        replace(&path, &bytes)?;
        Ok(failed)
    }

    /// What the last build of an image printed, without secrets, if that is still there.
    pub fn kept_log(&self, image: &str) -> Option<Utf8PathBuf> {
        let path = self.folder.join("logs").join(image);
        path.is_file().then_some(path)
    }

    /// Forgets that the build of an image failed: it worked.
    pub(crate) fn forget_failure(&self, image: &str) {
        let _ = std::fs::remove_file(self.folder.join("failures").join(image));
    }
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::*;

    #[test]
    fn each_failure_is_remembered_longer_up_to_an_hour() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::at(Utf8Path::from_path(dir.path()).unwrap().to_owned());
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let waits: Vec<i64> = (0..8)
            .map(|_| {
                let failed = state
                    .note_failure("system-1", "unix:///d", "shop", "why", now)
                    .unwrap();
                assert!(failed.holds(now) && !failed.holds(failed.again));
                failed.again.as_second() - now.as_second()
            })
            .collect();
        assert_eq!(waits, [60, 120, 240, 480, 960, 1920, 3600, 3600]);
        let kept = state.failure("system-1", "unix:///d").unwrap();
        assert_eq!((kept.times, kept.reason.as_str()), (8, "why"));
        assert!(
            !kept.holds(now - SignedDuration::from_hours(1)),
            "the clock was set back"
        );
        assert_eq!(state.failure("system-1", "unix:///other"), None);
        state.forget_failure("system-1");
        assert_eq!(state.failure("system-1", "unix:///d"), None);
    }
}
