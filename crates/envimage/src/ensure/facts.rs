//! What the daemon has, and what it pulls.

use std::fs::File;
use std::time::Instant;

use cachecore::environment::key::REPOSITORY;
use cachecore::environment::materials::Base;
use cachecore::environment::template::{Build, label};
use cachecore::environment::wanted::Wanted;
use engine::images::{ListedImage, LocalImage};

use super::{EnsureError, Work};
use crate::builder::{self, Attend, Ended, Masked, Tail};
use crate::daemon::Daemon;
use crate::watch::{Event, Watch};

/// What the daemon has of what a spec needs.
pub(super) struct Facts {
    /// The base image's id, if it is there.
    pub(super) base: Option<String>,
    listed: Vec<ListedImage>,
}

impl Facts {
    /// Asks the daemon once.
    pub(super) fn gather(daemon: &Daemon, base: &str) -> Result<Self, EnsureError> {
        let wanted = Wanted::read(base);
        let images = daemon.images();
        let listed = match &wanted {
            // Only names can be asked for.
            Wanted::Id(_) | Wanted::Digest(_) => images.list(&[])?,
            Wanted::Tag(name) => images.list(&[REPOSITORY, name])?,
        };
        let base = listed
            .iter()
            .find(|image| wanted.is(&image.id, &image.tags, &image.digests));
        Ok(Self {
            base: base.map(|image| image.id.clone()),
            listed,
        })
    }

    /// Whether the image of a stage is there. A name alone is none: anybody can give it to anything.
    pub(super) fn has(&self, build: &Build) -> bool {
        let mut named = self.listed.iter().filter(|i| i.tags.contains(&build.image));
        named.any(|image| image.labels.get(label::KEY) == Some(&build.key.to_string()))
    }
}

/// Watches something that docker does, until it has to end.
pub(super) struct Attending<'a> {
    pub(super) by: &'a str,
    pub(super) watch: &'a mut dyn Watch,
    pub(super) deadline: Option<Instant>,
    pub(super) interrupted: bool,
}

impl Attend for Attending<'_> {
    fn hear(&mut self, line: &str) {
        let by = self.by;
        self.watch.hear(Event::Said { by, line });
    }

    fn stop(&mut self) -> bool {
        self.interrupted |= self.watch.stop();
        self.interrupted || self.deadline.is_some_and(|at| Instant::now() >= at)
    }
}

impl Work<'_> {
    pub(super) fn attending<'a>(&'a mut self, by: &'a str) -> Attending<'a> {
        Attending {
            by,
            watch: &mut *self.watch,
            deadline: self.deadline,
            interrupted: false,
        }
    }

    /// Pulls the base image, and looks again at what there is.
    pub(super) fn pull(&mut self, image: &str) -> Result<Facts, EnsureError> {
        if let Wanted::Id(_) = Wanted::read(image) {
            let image = image.to_owned();
            let said = "the daemon has none with this id, and an id cannot be pulled".to_owned();
            return Err(EnsureError::NoBase { image, said });
        }
        self.watch.hear(Event::Pulling(image));
        let mut docker = self.daemon.docker();
        docker.arg("pull");
        if let Some(platform) = &self.subject.spec.platform {
            docker.args(["--platform", platform]);
        }
        docker.args(["--", image]);
        let nothing = File::open("/dev/null").map_err(|cause| EnsureError::NoDocker { cause })?;
        let mut tail = Tail::default();
        let mut attending = self.attending("pull");
        let ended = builder::run(
            docker,
            builder::Work::Other,
            nothing,
            &Masked::new(Vec::new()),
            None,
            &mut tail,
            &mut attending,
        );
        let interrupted = attending.interrupted;
        let said = match ended.map_err(|cause| EnsureError::NoDocker { cause })? {
            Ended::Stopped if interrupted => return Err(EnsureError::Interrupted),
            Ended::Stopped => "pulling it took longer than --timeout allows".to_owned(),
            Ended::ByItself(status) if status.success() => {
                return Facts::gather(self.daemon, image);
            }
            Ended::ByItself(status) => tail
                .reason()
                .unwrap_or_else(|| builder::status_in_words(status)),
        };
        let image = image.to_owned();
        Err(EnsureError::NoBase { image, said })
    }

    /// What the list does not say of the base image.
    pub(super) fn inspect(&self, base: &Base) -> Result<LocalImage, EnsureError> {
        let found = self.daemon.images().find(&base.id)?;
        found.ok_or_else(|| EnsureError::Gone {
            image: base.name.clone(),
        })
    }
}
