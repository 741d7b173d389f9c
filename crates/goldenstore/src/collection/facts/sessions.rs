use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use cachecore::collection::{Facts, Leased, SessionFacts, StagingFacts, Unjudged};
use cachecore::dataroot::Part;
use cachecore::id::SessionId;
use cachecore::layout::{self, session_folder, session_of_folder};
use cachecore::record::{LeaseEnd, Purpose, SessionRecord, SessionStage};
use jiff::Timestamp;

use super::{Gathering, links_of, stranger};
use crate::error::StoreError;
use crate::handle::Handle;
use crate::liveness;
use crate::lock::{self, Mode};
use crate::mounts;
use crate::parts::Parts;
use crate::session::{STARTING, read_record};
use crate::store::Store;

impl Gathering<'_> {
    pub(super) fn sessions(&mut self, store: &Store, facts: &mut Facts) -> Result<(), StoreError> {
        // Those that are to go, if nobody has them mounted.
        let mut ending: Vec<(usize, PathBuf)> = Vec::new();
        for name in store.sessions.names(usize::MAX)? {
            self.go_on()?;
            let text = name.to_string_lossy();
            let session = name.to_str().and_then(session_of_folder);
            let folder = match store.sessions.folder_if_there(&name) {
                Ok(Some(folder)) => folder,
                Ok(None) => continue,
                Err(_) => {
                    facts.strangers.push(stranger(layout::SESSIONS, &name));
                    continue;
                }
            };
            if text.starts_with(STARTING) && name.to_str().is_some() {
                // Whoever puts it together right now holds its lock.
                if lock::try_lock(folder.into_file(), Mode::Exclusive)?.is_some() {
                    facts.stagings.push(StagingFacts {
                        bytes: self.sizes.of(&store.sessions, &name, 0),
                        name: text.into_owned(),
                    });
                }
                continue;
            }
            let Some(session) = session else {
                facts.strangers.push(stranger(layout::SESSIONS, &name));
                continue;
            };
            let read = read_record(&folder);
            let mut found =
                match read.and_then(|record| self.session(store, facts, &folder, record)) {
                    Ok(found) => found,
                    // It has ended meanwhile.
                    Err(_) if store.sessions.stat(&name)?.is_none() => continue,
                    Err(e) => unusable(store, facts, &folder, session, &e),
                };
            let ends = found.abandoned || self.policy.is_over(&found, self.now);
            if ends && found.in_use.is_none() {
                match prove_no_daemon(&folder) {
                    Ok(()) => ending.extend(
                        Part::ALL
                            .map(|part| (facts.sessions.len(), folder.path().join(part.name()))),
                    ),
                    Err(e) => found.in_use = Some(e.to_string()),
                }
            }
            if ends || self.policy.max_size.is_some() {
                found.bytes = self.sizes.of(&store.sessions, &name, found.bytes);
            }
            facts.sessions.push(found);
        }
        let paths: Vec<_> = ending.iter().map(|(_, path)| path.as_path()).collect();
        let users = mounts::find_users(&paths)?;
        for ((at, _), user) in ending.iter().zip(users) {
            let found = &mut facts.sessions[*at].in_use;
            *found = found.take().or(user.map(|user| user.to_string()));
        }
        Ok(())
    }

    fn session(
        &self,
        store: &Store,
        facts: &mut Facts,
        folder: &Handle,
        record: SessionRecord,
    ) -> Result<SessionFacts, StoreError> {
        let SessionRecord {
            session, project, ..
        } = record;
        let ready = record.stage == SessionStage::Ready;
        let lease = record.generation.map(|generation| Leased {
            project,
            generation,
        });
        let base = lease.as_ref().and_then(|lease| {
            let project = facts.projects.iter().find(|p| p.project == lease.project)?;
            let mut generations = project.generations.iter();
            generations.find(|g| g.generation == lease.generation)
        });
        // A session links to layers of its generation, which its lease keeps, until a promotion
        // begins to bring its own to the store.
        let covered = ready && (lease.is_none() || base.is_some_and(|g| g.layers.is_some()));
        let bytes = base.map_or(0, |generation| generation.bytes);
        let links = if covered {
            Some(BTreeSet::new())
        } else {
            let what = format!("session {session}");
            links_of(store, folder, &what, &mut facts.unjudged)
        };
        let held = store.is_held(&session).unwrap_or(true);
        let started = record.started_at;
        // Its lease counts, whatever else cannot be read of it.
        let (last_change, is_known) = match last_change(folder) {
            Ok(last_change) => (last_change, true),
            Err(e) if store.sessions.stat(session_folder(&session))?.is_none() => return Err(e),
            Err(e) => {
                facts.unjudged.push(Unjudged {
                    what: format!("when session {session} was last used"),
                    because: e.to_string(),
                    busy: false,
                });
                (None, false)
            }
        };
        Ok(SessionFacts {
            session,
            bytes,
            lease,
            links,
            abandoned: record.lease.ends == LeaseEnd::Command && !held,
            may_expire: ready
                && is_known
                && record.lease.ends == LeaseEnd::Removal
                && record.purpose == Purpose::Session,
            idle_limit: record.lease.idle_seconds.map(Duration::from_secs),
            last_activity: last_change.map_or(started, |changed| changed.max(started)),
            in_use: held.then(|| "a command works in it".to_owned()),
            unjudged: false,
        })
    }
}

/// When a daemon last wrote into a session's databases; `None` where none has.
fn last_change(folder: &Handle) -> Result<Option<Timestamp>, StoreError> {
    let Some(parts) = Parts::of_session(folder)? else {
        return Ok(None);
    };
    Ok(Timestamp::from_second(liveness::last_change(&parts)?).ok())
}

/// A session whose record cannot be used: it stays, with all that it links to.
fn unusable(
    store: &Store,
    facts: &mut Facts,
    folder: &Handle,
    session: SessionId,
    error: &StoreError,
) -> SessionFacts {
    let what = format!("session {session}");
    let links = links_of(store, folder, &what, &mut facts.unjudged);
    facts.unjudged.push(Unjudged {
        what,
        because: error.to_string(),
        busy: false,
    });
    SessionFacts {
        session,
        bytes: 0,
        lease: None,
        links,
        abandoned: false,
        may_expire: false,
        idle_limit: None,
        last_activity: Timestamp::UNIX_EPOCH,
        in_use: None,
        unjudged: true,
    }
}

/// Makes sure that no daemon runs in a session.
fn prove_no_daemon(folder: &Handle) -> Result<(), StoreError> {
    match Parts::of_session(folder)? {
        Some(parts) => liveness::prove_no_daemon(&parts).map(drop),
        None => Ok(()),
    }
}
