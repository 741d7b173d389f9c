//! Import: the data root of a stopped daemon becomes a project's golden.
//!
//! The data root is moved (or copied) into a session of its own first, which carries it into the
//! store, and that session is promoted. Its id follows from project and path, so an import that was
//! killed anywhere is found and finished by the same command run again; a data root that was moved
//! is never discarded by anything but `session rm`.

use cachecore::id::{ProjectId, SessionId};
use cachecore::layout::{self, DOCKER, session_folder};
use cachecore::promotion::{Plan, Refusal, Volumes};
use cachecore::record::{
    FORMAT, Form, Lease, LeaseEnd, Origin, Other, Purpose, SessionRecord, SessionStage,
};
use cachecore::space;
use cachecore::strategy::{Filesystem, Strategy};
use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;
use rustix::fs::RenameFlags;
use rustix::io::Errno;
use treeclone::{CopyOptions, Observer};

use crate::clone;
use crate::error::StoreError;
use crate::handle::Handle;
use crate::layers;
use crate::promotion::{self, PromoteOptions, PromoteReport, Proved};
use crate::records;
use crate::store::Store;
use crate::subvolumes;

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
        self.recover()?;
        let from = absolute(&request.from)?;
        let session = SessionId::of_import(&request.project, from.as_str());
        let imported = self.import_as(request, &from, &session, observer);
        self.sweep(observer);
        imported
    }

    fn import_as(
        &self,
        request: &ImportRequest,
        from: &Utf8Path,
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
            if let Some(report) = self.imported_before(request, from, session)? {
                return Ok(report);
            }
            self.refuse_own_folders(from)?;
            let source = Handle::open(from.as_std_path()).map_err(|e| match e {
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
        if folder.stat(DOCKER)?.is_none()
            && let Err(e) = self.move_in(request, from, &folder)
        {
            drop(hold);
            self.forget_unfilled(session)?;
            return Err(e);
        }
        if self.form()? == Form::Whole {
            self.make_whole(&folder, observer)?;
        }
        let record = self.session(session)?;
        let origin = Origin::Import {
            path: from.to_owned(),
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

    fn move_in(
        &self,
        request: &ImportRequest,
        from: &Utf8Path,
        session: &Handle,
    ) -> Result<(), StoreError> {
        let source = Handle::open(from.as_std_path())?;
        let _examined = self.examine(&source, self.form()?, &request.volumes)?;
        move_in(from, &source, session)
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
        from: &Utf8Path,
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
                from: from.to_owned(),
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
        source: &Handle,
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
        source: &Handle,
        to: &Handle,
        plan: &Plan,
        observer: &dyn Observer,
    ) -> Result<Option<String>, StoreError> {
        let whole = self.form()? == Form::Whole;
        if whole && subvolumes::is_subvolume(source)? {
            match subvolumes::snapshot(source, to) {
                Ok(()) => return Ok(None),
                // Of another btrfs.
                Err(Errno::XDEV) => {}
                Err(e) => return Err(StoreError::io("snapshot", source.path(), e)),
            }
        }
        let size = layers::measure(source)?;
        let one_disk = source.own_stat()?.st_dev == to.own_stat()?.st_dev;
        // Where no file can share, nobody has to try it out.
        let able = !matches!(self.filesystem()?, Filesystem::Ext | Filesystem::Tmpfs);
        let shares = one_disk && able && self.shares_blocks()?;
        self.prove_room(space::of_copy(size.entries, size.allocated, shares))?;
        observer.expects(size.entries, size.allocated);
        if whole {
            subvolumes::make_subvolume(to, DOCKER)?;
        }
        let left_out = |path: &[u8]| plan.drops.iter().any(|drop| drop.path == path);
        let options = CopyOptions {
            skip: Some(&left_out),
            into_existing: whole,
            ..CopyOptions::default()
        };
        clone::copy(source, to, DOCKER, &options, observer)?;
        Ok(promotion::volumes_left_out(plan))
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

/// The path without symlinks on the way. The data root itself must not be one; it may be gone, if an
/// earlier run moved it.
fn absolute(from: &Utf8Path) -> Result<Utf8PathBuf, StoreError> {
    let absolute = camino::absolute_utf8(from).map_err(|e| StoreError::io("find", from, e))?;
    let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
        return Err(StoreError::Unexpected {
            path: from.into(),
            expected: "a folder to import",
        });
    };
    let parent = parent
        .canonicalize_utf8()
        .map_err(|e| StoreError::io("open", parent, e))?;
    Ok(parent.join(name))
}

fn move_in(from: &Utf8Path, source: &Handle, session: &Handle) -> Result<(), StoreError> {
    let cannot = |because| StoreError::CannotMove {
        path: from.into(),
        because,
    };
    let Some((parent, name)) = from.parent().zip(from.file_name()) else {
        return Err(cannot("it is the root of the filesystem"));
    };
    let parent = Handle::open(parent.as_std_path())?;
    let mut moved = parent.rename(name, session, DOCKER, RenameFlags::NOREPLACE);
    if moved == Err(Errno::ROFS) && subvolumes::is_subvolume(source)? {
        // A received subvolume, say: none that is read-only can be moved to another folder.
        subvolumes::set_read_only(source, false)?;
        moved = parent.rename(name, session, DOCKER, RenameFlags::NOREPLACE);
        if moved.is_err() {
            subvolumes::set_read_only(source, true)?;
        }
    }
    match moved {
        Ok(()) => session.sync(),
        Err(Errno::XDEV) => Err(cannot("it lies on another filesystem than the store")),
        Err(Errno::BUSY) => Err(cannot("it is a mount point")),
        Err(e) => Err(StoreError::io("move", from, e)),
    }
}
