//! One stage: locked, built, looked at, remembered.

use std::ffi::OsString;
use std::fs::File;
use std::time::{Duration, Instant};

use cachecore::environment::key::Inputs;
use cachecore::environment::spec::Network;
use cachecore::environment::template::{Build, FILES, label};
use camino::Utf8Path;
use engine::images::LocalImage;
use engine::presence::Presence;
use jiff::Timestamp;

use super::secrets::Secrets;
use super::{EnsureError, Verdict, Work, tag_of};
use crate::builder::{self, Ended, Masked, Tail};
use crate::read::Loaded;
use crate::state::{Failed, Lease, Locked, StateError};
use crate::watch::Event;

/// How often somebody who waits looks.
const GLANCE: Duration = Duration::from_millis(50);
/// How long a daemon that ends may take to hang up, once a build has failed for it.
const HANGS_UP: Duration = Duration::from_secs(1);
/// How often a build is begun anew because its daemon went away.
const MOST_LOST: u32 = 3;

/// A stage that is to be built.
pub(super) struct Attempt<'a> {
    pub(super) subject: &'a Loaded,
    /// Its place in the spec.
    pub(super) at: usize,
    pub(super) build: &'a Build,
    /// What it is built on.
    pub(super) parent: &'a LocalImage,
    pub(super) inputs: &'a Inputs,
}

/// What became of it.
pub(super) enum Outcome {
    /// It is there.
    There(LocalImage, Verdict),
    /// It cannot be built, and when it is tried again.
    Failed(String, Option<Timestamp>),
    /// Another process has failed to build it a moment ago.
    FailedElsewhere(Failed),
}

/// Whether this process builds.
enum Lock {
    /// It does.
    Taken(Locked),
    /// It cannot, and why.
    Refused(String),
}

/// How one build ended.
enum Built {
    Done,
    /// The script or the builder failed.
    Failed(String),
    /// The daemon went away.
    Lost(String),
    Late,
}

impl Attempt<'_> {
    fn tag(&self) -> &str {
        tag_of(&self.build.image)
    }

    /// Whether this is the image: it has the key, and stands on the parent.
    fn is_it(&self, image: &LocalImage) -> bool {
        image.labels.get(label::KEY) == Some(&self.build.key.to_string())
            && image.layers.starts_with(&self.parent.layers)
    }
}

impl Work<'_> {
    /// Ensures one stage.
    pub(super) fn attempt(&mut self, attempt: &Attempt<'_>) -> Result<Outcome, EnsureError> {
        let name = attempt.build.stage.as_str();
        let _locked = match self.lock(attempt)? {
            Lock::Taken(locked) => locked,
            Lock::Refused(reason) => return Ok(Outcome::Failed(reason, None)),
        };
        // Whoever had the lock may have built it, or failed.
        let images = self.daemon.images();
        if let Some(image) = images.find(&attempt.build.image)?
            && attempt.is_it(&image)
        {
            return Ok(Outcome::There(image, Verdict::Hit));
        }
        if let Some(failed) = self.failure(attempt.tag()) {
            return Ok(Outcome::FailedElsewhere(failed));
        }
        let folder = &attempt.subject.folder;
        let secrets = match Secrets::find(attempt.build, folder, |name| std::env::var_os(name)) {
            Ok(secrets) => secrets,
            // It costs nothing to find out again.
            Err(reason) => return Ok(Outcome::Failed(reason, None)),
        };
        self.watch.hear(Event::Building(name));
        let mut lost = 0;
        let reason = loop {
            match self.build_once(attempt, &secrets)? {
                Built::Done => match images.find(&attempt.build.image)? {
                    Some(image) if attempt.is_it(&image) => {
                        self.remember(attempt);
                        return Ok(Outcome::There(image, Verdict::Built));
                    }
                    Some(_) => {
                        break "the image that was built does not stand on its parent".into();
                    }
                    None => break "docker built it, and the daemon does not have it".into(),
                },
                Built::Failed(reason) => break reason,
                Built::Late => {
                    break "it was not built within the time that --timeout allows".to_owned();
                }
                Built::Lost(reason) => {
                    lost += 1;
                    self.watch.hear(Event::Lost(name));
                    self.await_daemon()?;
                    // A build can be what its daemon dies of.
                    if lost == MOST_LOST {
                        break reason;
                    }
                }
            }
        };
        let at = self.daemon.endpoint().to_string();
        let project = attempt.subject.spec.name.as_str();
        let noted = self
            .state
            .note_failure(attempt.tag(), &at, project, &reason, Timestamp::now());
        let again = noted.as_ref().ok().map(|failed| failed.again);
        if let Err(error) = noted {
            tracing::warn!(%error, "the failure is not remembered");
        }
        Ok(Outcome::Failed(reason, again))
    }

    /// Takes the right to build, once nobody else has it.
    fn lock(&mut self, attempt: &Attempt<'_>) -> Result<Lock, EnsureError> {
        let mut told = false;
        loop {
            match self.state.try_lock(attempt.tag()) {
                Ok(Some(locked)) => return Ok(Lock::Taken(locked)),
                Ok(None) => {}
                Err(error) => return Ok(Lock::Refused(in_words(&error))),
            }
            if !std::mem::replace(&mut told, true) {
                self.watch
                    .hear(Event::Waiting(attempt.build.stage.as_str()));
            }
            if !self.goes_on()? {
                let reason = "another process was still building it when the time was up";
                return Ok(Lock::Refused(reason.to_owned()));
            }
            std::thread::sleep(GLANCE);
        }
    }

    /// Whether there is time left.
    fn goes_on(&mut self) -> Result<bool, EnsureError> {
        if self.watch.stop() {
            return Err(EnsureError::Interrupted);
        }
        Ok(self.deadline.is_none_or(|at| Instant::now() < at))
    }

    /// Waits for the daemon. Without one there is nothing to run.
    fn await_daemon(&mut self) -> Result<(), EnsureError> {
        loop {
            match self.daemon.images().are_in_containerd() {
                Ok(_) => return Ok(()),
                Err(error) if !self.goes_on()? => return Err(error.into()),
                Err(_) => std::thread::sleep(GLANCE),
            }
        }
    }

    fn build_once(
        &mut self,
        attempt: &Attempt<'_>,
        secrets: &Secrets,
    ) -> Result<Built, EnsureError> {
        let lease = match self.state.begin_build(attempt.tag()) {
            Ok(lease) => lease,
            Err(error) => return Ok(Built::Failed(in_words(&error))),
        };
        let dockerfile = match write_context(attempt, &lease) {
            Ok(dockerfile) => dockerfile,
            Err(error) => return Ok(Built::Failed(in_words(&error))),
        };
        let images = self.daemon.images();
        // The name may stand for another image by now.
        let below = images.find(&attempt.build.parent)?;
        if below.is_none_or(|below| below.id != attempt.parent.id) {
            let image = attempt.build.parent.clone();
            return Err(EnsureError::Gone { image });
        }
        let log = self.state.log(attempt.tag()).ok();
        let log = log.and_then(|path| File::create(path).ok());
        let masked = Masked::new(secrets.values.clone());
        let presence = Presence::begin(self.daemon.endpoint());
        let mut docker = self.daemon.docker();
        docker
            .args(words(attempt.build, secrets, &dockerfile, &lease.context()))
            .env("DOCKER_BUILDKIT", "1")
            .env("BUILDX_NO_DEFAULT_ATTESTATIONS", "1");
        for meant_otherwise in [
            "DOCKER_DEFAULT_PLATFORM",
            "DOCKER_CONTENT_TRUST",
            "SOURCE_DATE_EPOCH",
        ] {
            docker.env_remove(meant_otherwise);
        }
        let mut tail = Tail::default();
        let mut attending = self.attending(attempt.build.stage.as_str());
        let stdin = lease.stdin()?;
        let work = builder::Work::Build;
        let ended = builder::run(docker, work, stdin, &masked, log, &mut tail, &mut attending);
        let interrupted = attending.interrupted;
        let status = match ended.map_err(|cause| EnsureError::NoDocker { cause })? {
            Ended::Stopped if interrupted => return Err(EnsureError::Interrupted),
            Ended::Stopped => return Ok(Built::Late),
            Ended::ByItself(status) if status.success() => return Ok(Built::Done),
            Ended::ByItself(status) => status,
        };
        let reason = tail
            .reason()
            .unwrap_or_else(|| builder::status_in_words(status));
        // A script's code is the script's, unless the daemon has ended it.
        let wait = match tail.script_code() {
            Some(_) => Duration::ZERO,
            None => HANGS_UP,
        };
        let is_gone = presence.map_or(true, |presence| presence.ends_within(wait));
        Ok(if is_gone {
            Built::Lost(reason)
        } else {
            Built::Failed(reason)
        })
    }

    fn remember(&self, attempt: &Attempt<'_>) {
        self.state.forget_failure(attempt.tag());
        let (project, stage) = (&attempt.subject.spec.name, &attempt.build.stage);
        let noted = self
            .state
            .note_inputs(project.as_str(), stage.as_str(), attempt.inputs);
        if let Err(error) = noted {
            tracing::warn!(%error, "the inputs of the build are not remembered");
        }
    }
}

/// Writes what the builder is sent.
fn write_context(attempt: &Attempt<'_>, lease: &Lease) -> Result<camino::Utf8PathBuf, StateError> {
    let files = &attempt.subject.materials.stages[attempt.at];
    for file in files.all() {
        let path = Utf8Path::new(FILES).join(&file.path);
        lease.write(&path, file.mode(), &file.bytes)?;
    }
    lease.write_dockerfile(&attempt.build.dockerfile)
}

/// What docker is told.
fn words(
    build: &Build,
    secrets: &Secrets,
    dockerfile: &Utf8Path,
    context: &Utf8Path,
) -> Vec<OsString> {
    // An image that is not there is made anew: what a builder remembers of it may be as old as the image was.
    let mut words = vec![
        "build".to_owned(),
        "--progress=plain".to_owned(),
        "--no-cache".to_owned(),
    ];
    words.push(format!("--file={dockerfile}"));
    words.push(format!("--tag={}", build.image));
    if build.network != Network::Default {
        words.push(format!("--network={}", build.network));
    }
    words.extend(
        build
            .platform
            .as_ref()
            .map(|platform| format!("--platform={platform}")),
    );
    words.extend(secrets.words.iter().cloned());
    words.push("--".to_owned());
    words.push(context.to_string());
    words.into_iter().map(OsString::from).collect()
}

fn in_words(error: &StateError) -> String {
    use std::error::Error as _;
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
