//! Import: the data root of a stopped daemon becomes a project's golden.
//!
//! The data root is moved (or copied) into a session of its own first, which carries it into the
//! store, and that session is promoted. Where containerd's root lies outside the data root, it comes
//! into the same session, after it. Its id follows from project and path, so an import that was
//! killed anywhere is found and finished by the same command run again; a data root that was moved
//! is never discarded by anything but `session rm`.

mod from;

use cachecore::dataroot::Part;
use cachecore::id::{ProjectId, SessionId};
use cachecore::layout::{self, DOCKER, session_folder};
use cachecore::promotion::{Plan, Refusal, Volumes};
use cachecore::record::{
    FORMAT, Form, Lease, LeaseEnd, Origin, Other, Purpose, SessionRecord, SessionStage,
};
use cachecore::space::{self, Room};
use cachecore::strategy::{Filesystem, Strategy};
use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;
use rustix::io::Errno;
use treeclone::{CopyOptions, Observer};

use crate::clone;
use crate::error::StoreError;
use crate::handle::Handle;
use crate::layers;
use crate::parts::Parts;
use crate::promotion::{self, PromoteOptions, PromoteReport, Proved};
use crate::records;
use crate::store::Store;
use crate::subvolumes;
use from::{From, absolute, move_in};

/// What to import.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    /// Whose golden it becomes.
    pub project: ProjectId,
    /// The data root of a stopped daemon.
    pub from: Utf8PathBuf,
    /// Whether to copy it instead of moving it.
    pub copy: bool,
    /// Which volumes the golden keeps.
    pub volumes: Volumes,
    /// The source revision to note in the manifest.
    pub revision: Option<String>,
}

impl Store {
    /// Makes a golden of a data root.
    ///
    /// # Errors
    /// [`StoreError`]. Refusals (a live daemon, a folder that is no data root, a damaged one) leave
    /// the data root where it was, untouched.
    pub fn import(
        &self,
        request: &ImportRequest,
        observer: &dyn Observer,
    ) -> Result<PromoteReport, StoreError> {
        self.import_folders(request, None, observer)
    }

    /// Makes a golden of a data root whose containerd is a service of its own, with its root at
    /// `containerd`. That folder goes the way of the data root: it is moved, or copied.
    ///
    /// # Errors
    /// As [`Store::import`], and [`StoreError::NotBeside`] if one of the folders lies in the other.
    pub fn import_with_containerd(
        &self,
        request: &ImportRequest,
        containerd: &Utf8Path,
        observer: &dyn Observer,
    ) -> Result<PromoteReport, StoreError> {
        self.import_folders(request, Some(containerd), observer)
    }

    fn import_folders(
        &self,
        request: &ImportRequest,
        containerd: Option<&Utf8Path>,
        observer: &dyn Observer,
    ) -> Result<PromoteReport, StoreError> {
        self.recover()?;
        let from = From {
            docker: absolute(&request.from)?,
            containerd: containerd.map(absolute).transpose()?,
        };
        from.refuse_nested()?;
        let session = SessionId::of_import(&request.project, from.docker.as_str());
        let imported = self.import_as(request, &from, &session, observer);
        self.sweep(observer);
        imported
    }

    fn import_as(
        &self,
        request: &ImportRequest,
        from: &From,
        session: &SessionId,
        observer: &dyn Observer,
    ) -> Result<PromoteReport, StoreError> {
        let _shared = self.share()?;
        if request.copy {
            self.forget_unfilled(session)?;
        }
        let mut left_out = None;
        // Nothing, where an earlier run was killed.
        let mut proved = Proved::default();
        if self.sessions.stat(session_folder(session))?.is_none() {
            if let Some(report) = self.imported_before(request, &from.docker, session)? {
                return Ok(report);
            }
            for (_, folder) in from.each() {
                self.refuse_own_folders(folder)?;
            }
            let source = from.open().map_err(|e| match e {
                StoreError::Unexpected { path, .. } => StoreError::Refused {
                    data_root: path,
                    refusal: Refusal::NotADataRoot,
                },
                e => e,
            })?;
            let mut examined = self.examine(&source, self.form()?, &request.volumes)?;
            // Here, because what is refused should be refused where it lies, and once: whoever could
            // change it until it is promoted could do so afterwards too.
            proved = self.prove_layers(&source, &mut examined, &proved, false, observer)?;
            let record = self.import_record(request, from, session)?;
            if request.copy {
                left_out = self.copy_in(&source, &examined.plan, &record, observer)?;
            } else {
                self.open_import(&record)?;
            }
        }
        let hold = self.hold(session)?;
        let folder = self.session_handle(session)?;
        let record = self.session(session)?;
        from.refuse_another(&record)?;
        if let Err(e) = self.move_in(request, from, &folder) {
            drop(hold);
            self.forget_unfilled(session)?;
            return Err(e);
        }
        if self.form()? == Form::Whole {
            for (part, _) in from.each() {
                self.make_whole(&folder, part, observer)?;
            }
        }
        let origin = Origin::Import {
            path: from.docker.clone(),
            session: session.clone(),
        };
        let options = PromoteOptions {
            // The data root did not grow out of any generation; what serves is replaced.
            force: true,
            volumes: request.volumes.clone(),
            revision: request.revision.clone(),
            ..PromoteOptions::default()
        };
        let mut report = self.promote_proved(&record, origin, &options, &proved, observer)?;
        report.notes.extend(left_out);
        Ok(report)
    }

    /// Takes back a session that no data root has come into: its import was killed before, or could
    /// not move it. Nothing is lost with it.
    fn forget_unfilled(&self, session: &SessionId) -> Result<(), StoreError> {
        let _hold = match self.hold(session) {
            Err(StoreError::UnknownSession { .. }) => return Ok(()),
            held => held?,
        };
        if self.session_handle(session)?.stat(DOCKER)?.is_none() {
            self.discard(&self.sessions, session_folder(session))?;
        }
        Ok(())
    }

    /// Moves in what has not come in yet. If a folder cannot be moved, those before it go back to where
    /// they were, also if an earlier run has moved them.
    fn move_in(
        &self,
        request: &ImportRequest,
        from: &From,
        session: &Handle,
    ) -> Result<(), StoreError> {
        let is_in = |part: Part| Ok::<_, StoreError>(session.stat(part.name())?.is_some());
        if from.each().try_fold(true, |all, (part, _)| {
            Ok::<_, StoreError>(all && is_in(part)?)
        })? {
            return Ok(());
        }
        let moved = (|| {
            let open = |part: Part, path: &Utf8Path| match is_in(part)? {
                true => session.folder(part.name()),
                false => Handle::open(path.as_std_path()),
            };
            let containerd = from.containerd.as_ref();
            let source = Parts::new(
                open(Part::Docker, &from.docker)?,
                containerd
                    .map(|path| open(Part::Containerd, path))
                    .transpose()?,
            );
            let _examined = self.examine(&source, self.form()?, &request.volumes)?;
            for ((part, path), (_, folder)) in from.each().zip(source.each()) {
                if !is_in(part)? {
                    move_in(path, folder, session, part)?;
                }
            }
            Ok(())
        })();
        if moved.is_err() && from.containerd.is_some() {
            from.take_back(session);
        }
        moved
    }

    /// The report of an import that an earlier run has finished: its data root was moved away, and
    /// the golden that serves came from there.
    fn imported_before(
        &self,
        request: &ImportRequest,
        from: &Utf8Path,
        session: &SessionId,
    ) -> Result<Option<PromoteReport>, StoreError> {
        if from.symlink_metadata().is_ok() {
            return Ok(None);
        }
        Ok(self
            .promoted_before(session)?
            .filter(|report| report.project == request.project))
    }

    /// A part of the store is no data root to import.
    fn refuse_own_folders(&self, from: &Utf8Path) -> Result<(), StoreError> {
        let root = self.layout().root();
        if from.starts_with(root) || root.starts_with(from) {
            return Err(StoreError::PartOfTheStore {
                data_root: from.into(),
                store: root.into(),
            });
        }
        Ok(())
    }

    fn import_record(
        &self,
        request: &ImportRequest,
        from: &From,
        session: &SessionId,
    ) -> Result<SessionRecord, StoreError> {
        let generation = match self.current(&request.project) {
            Err(StoreError::UnknownProject { .. }) => None,
            current => current?,
        };
        let now = Timestamp::now();
        Ok(SessionRecord {
            format: FORMAT,
            session: session.clone(),
            project: request.project.clone(),
            generation,
            purpose: Purpose::Import {
                from: from.docker.clone(),
                containerd: from.containerd.clone(),
            },
            stage: SessionStage::Ready,
            strategy: Strategy::Copy,
            why: vec!["import: the data root of a daemon".to_owned()],
            lease: Lease {
                taken_at: now,
                ends: LeaseEnd::Removal,
                idle_seconds: None,
            },
            started_at: now,
            other: Other::new(),
        })
    }

    /// Copies a data root into a new session. A subvolume of the store's filesystem is snapshotted as
    /// it is; otherwise what a golden does not keep is left out, and noted.
    fn copy_in(
        &self,
        source: &Parts,
        plan: &Plan,
        record: &SessionRecord,
        observer: &dyn Observer,
    ) -> Result<Option<String>, StoreError> {
        let folder = session_folder(&record.session);
        let staging = self.stage(&folder)?;
        let copied = self
            .fill_import(source, &staging.folder, plan, observer)
            .and_then(|left_out| {
                records::write(&staging.folder, layout::SESSION_RECORD, record)?;
                self.publish(&staging, &folder, &record.session)?;
                Ok(left_out)
            });
        if copied.is_err() {
            self.give_up(&staging);
        }
        copied
    }

    fn fill_import(
        &self,
        source: &Parts,
        to: &Handle,
        plan: &Plan,
        observer: &dyn Observer,
    ) -> Result<Option<String>, StoreError> {
        let whole = self.form()? == Form::Whole;
        let mut left = Vec::new();
        for (part, folder) in source.each() {
            if whole && subvolumes::is_subvolume(folder)? {
                match subvolumes::snapshot(folder, to, part.name()) {
                    Ok(()) => continue,
                    // Of another btrfs.
                    Err(Errno::XDEV) => {}
                    Err(e) => return Err(StoreError::io("snapshot", folder.path(), e)),
                }
            }
            left.push((part, folder));
        }
        let (mut needed, mut entries, mut bytes) = (Room::default(), 0, 0);
        for (_, folder) in &left {
            let size = layers::measure(folder)?;
            let one_disk = folder.own_stat()?.st_dev == to.own_stat()?.st_dev;
            // Where no file can share, nobody has to try it out.
            let able = !matches!(self.filesystem()?, Filesystem::Ext | Filesystem::Tmpfs);
            let shares = one_disk && able && self.shares_blocks()?;
            let room = space::of_copy(size.entries, size.allocated, shares);
            needed.bytes += room.bytes;
            needed.inodes += room.inodes;
            entries += size.entries;
            bytes += size.allocated;
        }
        self.prove_room(needed)?;
        observer.expects(entries, bytes);
        let mut dropped = None;
        for (part, folder) in left {
            if whole {
                subvolumes::make_subvolume(to, part.name())?;
            }
            let docker = part == Part::Docker;
            let left_out = |path: &[u8]| docker && plan.drops.iter().any(|drop| drop.path == path);
            let options = CopyOptions {
                skip: Some(&left_out),
                into_existing: whole,
                ..CopyOptions::default()
            };
            clone::copy(folder, to, part.name(), &options, observer)?;
            if docker {
                dropped = promotion::volumes_left_out(plan);
            }
        }
        Ok(dropped)
    }

    /// Makes the session that a data root will be moved into.
    fn open_import(&self, record: &SessionRecord) -> Result<(), StoreError> {
        let folder = session_folder(&record.session);
        let staging = self.stage(&folder)?;
        let opened = records::write(&staging.folder, layout::SESSION_RECORD, record)
            .and_then(|()| self.publish(&staging, &folder, &record.session));
        if opened.is_err() {
            self.give_up(&staging);
        }
        opened
    }
}
