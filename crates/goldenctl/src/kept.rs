//! What is kept when a command is interrupted, and what becomes of the rest.

use std::fmt;

use cachecore::id::SessionId;
use camino::Utf8PathBuf;

/// Said to whoever interrupted a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It had changed nothing yet, or nothing that counts.
    Everything,
    /// A store that is not whole yet.
    PartOfAStore,
    /// A session did not come to be.
    NoSession { session: SessionId },
    /// A session is not promoted.
    Session { session: SessionId },
    /// Something is gone, but for files in the trash.
    Gone { what: String },
    /// A data root was not imported.
    Source { from: Utf8PathBuf },
    /// A data root is on its way into the store.
    OnItsWay { session: SessionId },
    /// So many things of what was to go are gone, but for files in the trash.
    SomeGone { removed: usize, planned: usize },
    /// So many projects are verified.
    SomeVerified { done: usize, of: usize },
    /// A measurement is given up.
    NoMeasurement,
    /// The session of a command that was run is gone.
    NoRun,
    /// The session of a command that was run stays, as it was asked for.
    Run { session: SessionId },
    /// A build that somebody waited for.
    Build,
    /// A build that was asked to end.
    EndingBuild,
    /// Whatever was begun.
    LeftToTheNext,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("nothing was changed"),
            Self::PartOfAStore => {
                f.write_str("the same command run again completes what there is of the store")
            }
            Self::NoSession { session } => write!(f, "session {session} was not made"),
            Self::Session { session } => {
                write!(f, "session {session} stays, and was not promoted")
            }
            Self::Gone { what } => {
                write!(
                    f,
                    "{what} is removed; what is left of its files goes with the next gc"
                )
            }
            Self::Source { from } => write!(f, "the data root stays where it was, at {from}"),
            Self::OnItsWay { session } => write!(
                f,
                "the data root is in the store, as session {session}; \
                 the same command run again finishes the import"
            ),
            Self::SomeGone { removed, planned } => {
                write!(
                    f,
                    "{removed} of {planned} removed; the rest goes with the next gc"
                )
            }
            Self::SomeVerified { done, of } => {
                write!(
                    f,
                    "{done} of {of} projects were verified; nothing else was changed"
                )
            }
            Self::NoMeasurement => {
                f.write_str("nothing was measured; what it was measured with is thrown away")
            }
            Self::NoRun => f.write_str("the session is thrown away"),
            Self::Run { session } => write!(f, "session {session} is kept"),
            Self::Build => f.write_str("the build goes on; `goldenctl status` shows it"),
            Self::EndingBuild => f.write_str("the build was asked to end, and does so by itself"),
            Self::LeftToTheNext => f.write_str("the next command makes good what was begun"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_one_sentence() {
        let session = SessionId::new("s1").unwrap();
        for (kept, says) in [
            (Kept::Everything, "nothing was changed"),
            (
                Kept::SomeGone {
                    removed: 3,
                    planned: 7,
                },
                "3 of 7 removed; the rest goes with the next gc",
            ),
            (
                Kept::Source {
                    from: "/var/lib/docker".into(),
                },
                "the data root stays where it was, at /var/lib/docker",
            ),
            (
                Kept::OnItsWay { session },
                "the data root is in the store, as session s1; \
                 the same command run again finishes the import",
            ),
            (
                Kept::SomeVerified { done: 1, of: 2 },
                "1 of 2 projects were verified; nothing else was changed",
            ),
        ] {
            assert_eq!(kept.to_string(), says);
        }
    }
}
