//! The images of a spec's stages: those that are there, and those that are built.
//!
//! One question to the daemon decides whether anything is built. If so, the stages are built one by one, each
//! by one process at a time. A stage that cannot be built is left to the start-up phase, with those after it;
//! so there is always an image to run.

mod error;
mod facts;
mod secrets;
mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use cachecore::environment::key::{self, Inputs, StageKey};
use cachecore::environment::materials::Base;
use cachecore::environment::plan::{self, Plan, Reason};
use cachecore::environment::spec::StageName;
use cachecore::environment::template::{self, Build};
use cachecore::id::ProjectId;
use camino::Utf8PathBuf;
use jiff::Timestamp;
use serde::Serialize;

use crate::daemon::Daemon;
use crate::read::Loaded;
use crate::state::{Failed, State};
use crate::watch::{Event, Watch};
pub use error::EnsureError;
use facts::Facts;
pub(crate) use secrets::place as place_of_secret;
use stage::{Attempt, Outcome};

/// How it is ensured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wishes {
    /// How long pulling and building may take in all.
    pub timeout: Duration,
    /// Whether the base image is pulled.
    pub pull: Pull,
    /// Whether what has failed a moment ago is built again at once.
    pub retry: bool,
}

/// Whether a base image is pulled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pull {
    /// If it is not there.
    #[default]
    IfAbsent,
    /// Always.
    Always,
}

/// How long pulling and building may take if nothing is said.
pub const TIMEOUT: Duration = Duration::from_secs(600);

impl Default for Wishes {
    fn default() -> Self {
        Self {
            timeout: TIMEOUT,
            pull: Pull::default(),
            retry: false,
        }
    }
}

/// What was ensured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ensured {
    /// Whose environment it is.
    pub project: ProjectId,
    /// The base image, as the spec names it.
    pub base: String,
    /// Its id.
    pub base_id: String,
    /// The image to run: that of the last stage that has one, else the base image's id.
    pub image: String,
    /// What became of each stage, in the spec's order.
    pub stages: Vec<Ensuring>,
}

/// What became of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ensuring {
    /// The stage.
    pub stage: StageName,
    /// What became of it.
    pub verdict: Verdict,
    /// Why it is not an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When its build is tried again, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again: Option<Timestamp>,
    /// What its last build printed, without secrets, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Utf8PathBuf>,
    /// The name that its image has, or would have.
    pub image: String,
    /// Its key.
    pub key: StageKey,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
}

/// What became of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Its image is there.
    Hit,
    /// Its image was built.
    Built,
    /// Its image could not be built. Its cached script runs at start.
    Failed,
    /// Its cached script runs at start, and nobody has tried to build it now.
    Start,
}

impl Ensured {
    /// The stages whose cached scripts run at start, by their place in the spec.
    pub fn started(&self) -> impl Iterator<Item = usize> {
        let stages = self.stages.iter().enumerate();
        stages
            .filter(|(_, stage)| matches!(stage.verdict, Verdict::Failed | Verdict::Start))
            .map(|(at, _)| at)
    }
}

/// Ensures that the stages of a spec are images, as far as they can be.
///
/// # Errors
/// [`EnsureError`] if there is nothing to run: the daemon cannot be asked, or the base image cannot be had;
/// or if it was told to stop. A stage that cannot be built is no error.
pub fn ensure(
    subject: &Loaded,
    daemon: &Daemon,
    state: &State,
    wishes: Wishes,
    watch: &mut dyn Watch,
) -> Result<Ensured, EnsureError> {
    let deadline = Instant::now().checked_add(wishes.timeout);
    let mut work = Work {
        subject,
        daemon,
        state,
        deadline,
        retried: wishes.retry.then(Timestamp::now),
        watch,
    };
    let ensured = work.ensure(wishes.pull);
    work.watch.hear(Event::Done);
    let mut ensured = ensured?;
    for stage in &mut ensured.stages {
        let has_failed = stage.again.is_some();
        let log = has_failed.then(|| state.kept_log(tag_of(&stage.image)));
        stage.log = log.flatten();
    }
    if let Err(error) = state.note_use(tag_of(&ensured.image)) {
        tracing::warn!(%error, "the use of the image is not remembered");
    }
    Ok(ensured)
}

/// Under which name an image is remembered: its tag, or its id.
pub(crate) fn tag_of(image: &str) -> &str {
    image.rsplit(':').next().unwrap_or(image)
}

struct Work<'a> {
    subject: &'a Loaded,
    daemon: &'a Daemon,
    state: &'a State,
    /// `None` is for ever.
    deadline: Option<Instant>,
    /// Failures before this do not count.
    retried: Option<Timestamp>,
    watch: &'a mut dyn Watch,
}

/// What is decided on an answer of the daemon's.
struct Decided {
    base: Base,
    inputs: Vec<Inputs>,
    builds: Vec<Build>,
    /// Failures that are too young to try again.
    failures: BTreeMap<StageKey, Failed>,
    plan: Plan,
}

impl Work<'_> {
    fn ensure(&mut self, pull: Pull) -> Result<Ensured, EnsureError> {
        let subject = self.subject;
        let spec = &subject.spec;
        let name = spec.image.as_str();
        let mut facts = Facts::gather(self.daemon, name)?;
        let mut pulled = false;
        if pull == Pull::Always || facts.base.is_none() {
            facts = self.pull(name)?;
            pulled = true;
        }
        let mut decided = self.decide(&facts, String::new())?;
        if decided.plan.is_hit() {
            return Ok(report(&decided));
        }
        let mut image = self.inspect(&decided.base)?;
        if !suits(&image.platform, spec.platform.as_deref()) && !pulled {
            facts = self.pull(name)?;
            decided = self.decide(&facts, String::new())?;
            image = self.inspect(&decided.base)?;
        }
        if !suits(&image.platform, spec.platform.as_deref()) {
            return Err(EnsureError::Platform {
                image: name.to_owned(),
                is: image.platform,
                wanted: spec.platform.clone().unwrap_or_default(),
            });
        }
        decided = self.decide(&facts, image.user.clone())?;
        self.build(&decided, image)
    }

    fn decide(&self, facts: &Facts, user: String) -> Result<Decided, EnsureError> {
        let Loaded {
            spec, materials, ..
        } = self.subject;
        let name = spec.image.clone();
        let Some(id) = facts.base.clone() else {
            let said = "the daemon does not have it under this name, pulled or not".to_owned();
            return Err(EnsureError::NoBase { image: name, said });
        };
        let base = Base { name, id, user };
        let inputs = key::inputs(spec, materials, &base);
        let keys: Vec<StageKey> = inputs.iter().map(|inputs| inputs.key).collect();
        let builds = template::builds(spec, materials, &base, &keys);
        let present: BTreeSet<&str> = builds
            .iter()
            .filter(|build| facts.has(build))
            .map(|build| build.image.as_str())
            .collect();
        let mut failures = BTreeMap::new();
        // What is there needs no look at what failed before.
        for build in builds
            .iter()
            .filter(|build| !present.contains(build.image.as_str()))
        {
            if let Some(failed) = self.failure(tag_of(&build.image)) {
                failures.insert(build.key, failed);
            }
        }
        let reasons = failures.iter();
        let reasons = reasons.map(|(key, failed)| (*key, failed.to_string()));
        let is_present = |image: &str| present.contains(image);
        let plan = plan::plan(spec, &base, &builds, is_present, &reasons.collect());
        Ok(Decided {
            base,
            inputs,
            builds,
            failures,
            plan,
        })
    }

    /// A failure that is too young to try again.
    fn failure(&self, image: &str) -> Option<Failed> {
        let at = self.daemon.endpoint().to_string();
        let failed = self.state.failure(image, &at)?;
        let counts = self.retried.is_none_or(|retried| failed.at >= retried);
        (counts && failed.holds(Timestamp::now())).then_some(failed)
    }

    /// Builds what is to be built.
    fn build(
        &mut self,
        decided: &Decided,
        base: engine::images::LocalImage,
    ) -> Result<Ensured, EnsureError> {
        let mut ensured = report(decided);
        let images = self.daemon.images();
        let first = decided.plan.built().next().unwrap_or_default();
        let mut parent = match first.checked_sub(1) {
            None => {
                let name = template::base_image(&decided.base);
                let (repository, tag) = name.rsplit_once(':').unwrap_or((&name, "latest"));
                images.tag(&base.id, repository, tag)?;
                base
            }
            Some(below) => {
                let name = &decided.builds[below].image;
                let found = images.find(name)?;
                found.ok_or_else(|| EnsureError::Gone {
                    image: name.clone(),
                })?
            }
        };
        let mut failed: Option<StageName> = None;
        for at in first..ensured.stages.len() {
            let build = &decided.builds[at];
            let is_asked = decided.plan.steps[at].verdict == plan::Verdict::Build;
            let stage = &mut ensured.stages[at];
            if let Some(failed) = &failed {
                stage.verdict = Verdict::Start;
                stage.reason = Some(Reason::After(failed.clone()).to_string());
                stage.again = None;
                continue;
            }
            if !is_asked {
                continue;
            }
            let began = Instant::now();
            let attempt = Attempt {
                subject: self.subject,
                at,
                build,
                parent: &parent,
                inputs: &decided.inputs[at],
            };
            match self.attempt(&attempt)? {
                Outcome::There(image, verdict) => {
                    stage.verdict = verdict;
                    parent = image;
                }
                Outcome::Failed(reason, again) => {
                    stage.verdict = Verdict::Failed;
                    stage.reason = Some(reason);
                    stage.again = again;
                    failed = Some(build.stage.clone());
                }
                Outcome::FailedElsewhere(before) => {
                    stage.verdict = Verdict::Start;
                    stage.reason = Some(before.to_string());
                    stage.again = Some(before.again);
                    failed = Some(build.stage.clone());
                }
            }
            stage.elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        }
        let images = ensured.stages.iter();
        let last = images
            .take_while(|stage| matches!(stage.verdict, Verdict::Hit | Verdict::Built))
            .last();
        ensured.image = last.map_or_else(|| ensured.base_id.clone(), |stage| stage.image.clone());
        Ok(ensured)
    }
}

/// What is said of a plan before anything is built.
fn report(decided: &Decided) -> Ensured {
    let steps = decided.plan.steps.iter().map(|step| {
        let (verdict, reason) = match &step.verdict {
            plan::Verdict::Hit => (Verdict::Hit, None),
            // Until it is.
            plan::Verdict::Build => (Verdict::Failed, None),
            plan::Verdict::Start(reason) => (Verdict::Start, Some(reason)),
        };
        let failed = matches!(reason, Some(Reason::Failed(_)));
        let failure = decided.failures.get(&step.key).filter(|_| failed);
        Ensuring {
            stage: step.stage.clone(),
            verdict,
            reason: reason.map(ToString::to_string),
            again: failure.map(|failed| failed.again),
            log: None,
            image: step.image.clone(),
            key: step.key,
            elapsed_ms: 0,
        }
    });
    Ensured {
        project: decided.plan.project.clone(),
        base: decided.base.name.clone(),
        base_id: decided.base.id.clone(),
        image: decided.plan.image.clone(),
        stages: steps.collect(),
    }
}

/// Whether what is wanted is what there is: `linux/arm64` is `linux/arm64/v8` as well.
fn suits(is: &str, wanted: Option<&str>) -> bool {
    let Some(wanted) = wanted else { return true };
    let mut parts = is.split('/');
    wanted.split('/').all(|part| parts.next() == Some(part))
}
