//! The images of environments that a daemon has, and those that go.

use std::collections::{BTreeMap, BTreeSet};

use cachecore::environment::collection::{self, Fate, GRACE, Image, Keep, Plan, Rules, Verdict};
use cachecore::environment::key::REPOSITORY;
use cachecore::environment::template::{BASE_REPOSITORY, label};
use camino::Utf8PathBuf;
use engine::images::{ImagesError, ListedContainer, ListedImage};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::daemon::Daemon;
use crate::ensure::tag_of;
use crate::state::{Failed, Remembered, State, timestamp};

/// How old an image may become if nothing is said.
pub const MAX_AGE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What a daemon has of environments.
#[derive(Debug, Clone, Serialize)]
pub struct Listing {
    /// The images, by project and stage.
    pub images: Vec<Verdict>,
    /// The stages that could not be built.
    pub failures: Vec<FailedStage>,
}

/// A stage that could not be built.
#[derive(Debug, Clone, Serialize)]
pub struct FailedStage {
    /// The stage.
    pub stage: String,
    /// The name that its image would have.
    pub image: String,
    /// What its last build printed, without secrets, if that is still there.
    pub log: Option<Utf8PathBuf>,
    /// Whose it is, how often and why it failed, and when it is tried again.
    #[serde(flatten)]
    pub failed: Failed,
}

/// What a collection did, or would do.
#[derive(Debug, Clone, Serialize)]
pub struct Collected {
    /// What was decided of each image.
    pub plan: Plan,
    /// What nobody needs of what is remembered, by kind: logs, uses, failures, locks, folders of scripts.
    pub forgotten: BTreeMap<String, u64>,
    /// Builds that were killed, whose remains were removed.
    pub abandoned: Vec<String>,
    /// What did not go, and why.
    pub left: Vec<Left>,
    /// Whether anything was done.
    pub dry_run: bool,
}

/// Something that did not go.
#[derive(Debug, Clone, Serialize)]
pub struct Left {
    /// What it is.
    pub what: String,
    /// Why.
    pub because: String,
}

/// Lists what a daemon has, and what is remembered of it.
///
/// # Errors
/// [`ImagesError`] if the daemon does not answer.
pub fn list(
    daemon: &Daemon,
    state: Option<&State>,
    max_age: SignedDuration,
) -> Result<Listing, ImagesError> {
    let rules = Rules {
        max_age,
        max_idle: None,
    };
    let facts = gather(daemon, state)?.facts;
    let mut images = collection::plan(&facts, &rules, Timestamp::now()).images;
    let parents: BTreeMap<String, String> = images
        .iter()
        .map(|verdict| (verdict.image.name.clone(), verdict.image.parent.clone()))
        .collect();
    // The daemon counts in seconds, within which several stages can be built.
    images.sort_by_cached_key(|verdict| {
        let image = &verdict.image;
        let below = std::iter::successors(Some(&image.name), |name| parents.get(*name));
        (
            image.project.clone(),
            image.created,
            below.take(parents.len() + 1).count(),
        )
    });
    let failures = state.map_or_else(Vec::new, |state| {
        let all = state.failures(&daemon.endpoint().to_string()).into_iter();
        let all = all.map(|(name, failed)| {
            let (stage, _) = name.rsplit_once('-').unwrap_or((&name, ""));
            FailedStage {
                stage: stage.to_owned(),
                image: format!("{REPOSITORY}:{name}"),
                log: state.kept_log(&name),
                failed,
            }
        });
        all.collect()
    });
    Ok(Listing { images, failures })
}

/// Removes the images that nobody needs and that are too old or unused, and what is remembered for nothing.
///
/// # Errors
/// [`ImagesError`] if the daemon does not answer. What cannot be removed is in the report.
pub fn collect(
    daemon: &Daemon,
    state: Option<&State>,
    rules: &Rules,
    dry_run: bool,
) -> Result<Collected, ImagesError> {
    let now = Timestamp::now();
    let Gathered { facts, containers } = gather(daemon, state)?;
    let plan = collection::plan(&facts, rules, now);
    let mut collected = Collected {
        plan,
        forgotten: BTreeMap::new(),
        abandoned: Vec::new(),
        left: Vec::new(),
        dry_run,
    };
    if !dry_run {
        remove_images(daemon, state, &mut collected);
    }
    if let Some(state) = state {
        let kept = collected.plan.images.iter();
        let kept = kept.filter(|verdict| matches!(verdict.fate, Fate::Keep(_)));
        let kept: BTreeSet<&str> = kept.map(|verdict| tag_of(&verdict.image.name)).collect();
        let is_stale = |what: &Remembered| {
            now.duration_since(what.when) > rules.max_age.max(GRACE)
                && !kept.contains(what.name.as_str())
                && !is_mounted(&containers, state, what)
        };
        let remembered = state.remembered();
        let mut dropped: BTreeMap<String, u64> = BTreeMap::new();
        for what in remembered.into_iter().filter(is_stale) {
            match if dry_run { Ok(()) } else { state.drop(&what) } {
                Ok(()) => *dropped.entry(what.kind.to_owned()).or_default() += 1,
                Err(cause) => collected.left.push(Left {
                    what: format!("{}/{}", what.kind, what.name),
                    because: cause.to_string(),
                }),
            }
        }
        collected.forgotten = dropped;
        for name in state.builds() {
            // Nobody else can begin it meanwhile, and what is left of it is ended first.
            let Ok(Some(_lock)) = state.try_lock(&name) else {
                continue;
            };
            match if dry_run {
                Ok(None)
            } else {
                state.begin_build(&name).map(Some)
            } {
                Ok(_) => collected.abandoned.push(name),
                Err(cause) => collected.left.push(Left {
                    what: format!("builds/{name}"),
                    because: cause.to_string(),
                }),
            }
        }
    }
    Ok(collected)
}

/// Takes the names away one by one. Docker keeps what a container was made of meanwhile.
fn remove_images(daemon: &Daemon, state: Option<&State>, collected: &mut Collected) {
    let images = daemon.images();
    let mut left = Vec::new();
    for verdict in &mut collected.plan.images {
        let Fate::Remove(_) = verdict.fate else {
            continue;
        };
        let image = &verdict.image;
        // While it is held nobody builds the image; who builds on it has used it just now.
        let lock = match state.map(|state| state.try_lock(tag_of(&image.name))) {
            Some(Ok(None)) => {
                verdict.fate = Fate::Keep(Keep::Building);
                continue;
            }
            Some(Ok(lock)) => lock,
            Some(Err(_)) | None => None,
        };
        let used = state.and_then(|state| state.last_use(tag_of(&image.name)));
        if used.map(timestamp) > image.last_used {
            verdict.fate = Fate::Keep(Keep::JustUsed);
            continue;
        }
        match images.untag(&image.name) {
            Ok(()) | Err(ImagesError::Refused { status: 404, .. }) => {
                if let Some(state) = state {
                    state.forget(tag_of(&image.name));
                }
            }
            Err(cause) => left.push(Left {
                what: image.name.clone(),
                because: answer_of(cause),
            }),
        }
        drop(lock);
    }
    for name in &collected.plan.bases {
        match images.untag(name) {
            Ok(()) | Err(ImagesError::Refused { status: 404, .. }) => {}
            Err(cause) => left.push(Left {
                what: name.clone(),
                because: answer_of(cause),
            }),
        }
    }
    collected.left = left;
}

/// The daemon's own words, if it has said something.
fn answer_of(error: ImagesError) -> String {
    match error {
        ImagesError::Refused { said, .. } => said,
        error @ ImagesError::Unreachable { .. } => error.to_string(),
    }
}

/// Whether a container, running or not, has a folder of scripts mounted.
fn is_mounted(containers: &[ListedContainer], state: &State, what: &Remembered) -> bool {
    what.kind == "startup" && {
        let folder = state.folder().join(what.kind).join(&what.name);
        let mut sources = containers.iter().flat_map(|container| &container.sources);
        sources.any(|source| folder == source.as_str())
    }
}

struct Gathered {
    facts: collection::Facts,
    containers: Vec<ListedContainer>,
}

fn gather(daemon: &Daemon, state: Option<&State>) -> Result<Gathered, ImagesError> {
    let images = daemon.images();
    let listed = images.list(&[REPOSITORY, BASE_REPOSITORY])?;
    let lost = images.nameless(label::KEY)?;
    let containers = images.containers()?;
    let mut facts = collection::Facts::default();
    for image in &listed {
        for tag in &image.tags {
            if tag.starts_with(&format!("{BASE_REPOSITORY}:")) {
                facts.bases.insert(tag.clone());
            } else if tag.starts_with(&format!("{REPOSITORY}:"))
                && image.labels.contains_key(label::KEY)
            {
                facts.images.push(stage_image(image, Some(tag), state));
            }
        }
    }
    let lost = lost.iter().map(|image| stage_image(image, None, state));
    facts.images.extend(lost);
    for container in &containers {
        for image in [&container.image, &container.image_id] {
            facts.used.insert(image.clone(), container.name.clone());
        }
    }
    for name in state.into_iter().flat_map(State::builds) {
        let is_running = state.is_some_and(|state| matches!(state.try_lock(&name), Ok(None)));
        if is_running {
            facts
                .built_on
                .extend(state.and_then(|state| state.built_on(&name)));
            facts.building.insert(format!("{REPOSITORY}:{name}"));
        }
    }
    Ok(Gathered { facts, containers })
}

/// An image by this name, or one that has lost its own.
fn stage_image(image: &ListedImage, tag: Option<&String>, state: Option<&State>) -> Image {
    let label = |name: &str| image.labels.get(name).cloned().unwrap_or_default();
    let last_used = tag.and_then(|tag| state?.last_use(tag_of(tag)));
    Image {
        name: tag.unwrap_or(&image.id).clone(),
        id: image.id.clone(),
        project: label(label::PROJECT),
        stage: label(label::STAGE),
        parent: label(label::PARENT),
        is_named: tag.is_some(),
        created: Timestamp::from_second(image.created).unwrap_or(Timestamp::MIN),
        last_used: last_used.map(timestamp),
        size: image.size,
    }
}
