//! Which images of environments are there, until when they are fresh, and which of them a collection removes.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// Whoever has just been told an image's name is going to start it.
pub const GRACE: SignedDuration = SignedDuration::from_mins(10);

/// An image of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Image {
    /// Its name; its id if another image has got the name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// The project whose spec it was built from first.
    pub project: String,
    /// The stage.
    pub stage: String,
    /// The name of the image that it was built on.
    pub parent: String,
    /// Whether it still has its name.
    pub is_named: bool,
    /// When it was built.
    pub created: Timestamp,
    /// When it was used last, as far as that is known.
    pub last_used: Option<Timestamp>,
    /// Its size in bytes, with what it shares.
    pub size: u64,
}

/// What is known before a collection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// All images of stages.
    pub images: Vec<Image>,
    /// The names that builds have given to base images.
    pub bases: BTreeSet<String>,
    /// The images that containers were made of, by name and by id, with a container's name.
    pub used: BTreeMap<String, String>,
    /// The names of images that are being built.
    pub building: BTreeSet<String>,
    /// The names of the images that running builds are built on.
    pub built_on: BTreeSet<String>,
}

/// What a collection is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rules {
    /// The age from which an image is not used any more.
    pub max_age: SignedDuration,
    /// How long an image may be unused.
    pub max_idle: Option<SignedDuration>,
}

/// What becomes of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The image.
    pub image: Image,
    /// From when it is too old. An image is as old as the oldest that it is built on.
    pub refresh_by: Timestamp,
    /// Whether it goes, and why.
    pub fate: Fate,
}

/// Whether an image goes, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// It stays.
    Keep(Keep),
    /// It goes.
    Remove(Remove),
}

/// Why an image stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// A container was made of it, and may be running.
    #[error("container {0} uses it")]
    Used(String),
    /// An image that stays is built on it.
    #[error("stage {0} is built on it")]
    BuiltOn(String),
    /// It is being built, or something is on it.
    #[error("a build is using it")]
    Building,
    /// Somebody was told its name a moment ago.
    #[error("it was asked for within the last ten minutes")]
    JustUsed,
    /// It is neither old nor unused.
    #[error("it is fresh")]
    Fresh,
}

/// Why an image goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Remove {
    /// It, or what it is built on, is over the age that is allowed.
    #[error("it is {0} days old")]
    Old(i64),
    /// It was not used for longer than is allowed.
    #[error("it was not used for {0} days")]
    Idle(i64),
    /// Another image has its name.
    #[error("another image has its name")]
    Replaced,
}

/// What a collection does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The images, in the order in which they go: nothing before what is built on it.
    pub images: Vec<Verdict>,
    /// Names of base images that no image needs any more.
    pub bases: Vec<String>,
}

/// Decides what goes.
pub fn plan(facts: &Facts, rules: &Rules, now: Timestamp) -> Plan {
    let names = |image: &Image| [image.name.clone(), image.id.clone()];
    let ages = ages(&facts.images);
    let mut order: Vec<usize> = (0..facts.images.len()).collect();
    // What is built on an image is deeper in its chain.
    order.sort_by_key(|at| {
        let image = &facts.images[*at];
        let depth = chain(&facts.images, image).len();
        (
            usize::MAX - depth,
            image.project.clone(),
            image.name.clone(),
        )
    });
    let mut needed: BTreeMap<String, String> = BTreeMap::new();
    let mut plan = Plan::default();
    for at in order {
        let image = &facts.images[at];
        let built = ages[at];
        let keep = names(image)
            .iter()
            .find_map(|name| facts.used.get(name).cloned().map(Keep::Used))
            .or_else(|| {
                let child = names(image)
                    .iter()
                    .find_map(|name| needed.get(name).cloned());
                child.filter(|_| image.is_named).map(Keep::BuiltOn)
            })
            .or_else(|| {
                let name = &image.name;
                let is_building = facts.building.contains(name) || facts.built_on.contains(name);
                is_building.then_some(Keep::Building)
            })
            .or_else(|| {
                let asked = image
                    .last_used
                    .is_some_and(|used| now.duration_since(used) < GRACE);
                (asked && image.is_named).then_some(Keep::JustUsed)
            });
        let fate = match keep {
            Some(keep) => Fate::Keep(keep),
            None => judge(image, built, rules, now),
        };
        if matches!(fate, Fate::Keep(_)) {
            needed.insert(image.parent.clone(), image.stage.clone());
        }
        plan.images.push(Verdict {
            image: image.clone(),
            refresh_by: built
                .saturating_add(rules.max_age)
                .unwrap_or(Timestamp::MAX),
            fate,
        });
    }
    let bases = facts.bases.iter();
    let is_free = |name: &&String| !needed.contains_key(*name) && !facts.built_on.contains(*name);
    plan.bases = bases.filter(is_free).cloned().collect();
    plan
}

/// What an image deserves that nobody needs at the moment.
fn judge(image: &Image, built: Timestamp, rules: &Rules, now: Timestamp) -> Fate {
    let days = |time: SignedDuration| time.as_hours() / 24;
    if !image.is_named {
        return Fate::Remove(Remove::Replaced);
    }
    let age = now.duration_since(built);
    if age > rules.max_age {
        return Fate::Remove(Remove::Old(days(age)));
    }
    let idle = now.duration_since(image.last_used.unwrap_or(image.created));
    match rules.max_idle {
        Some(most) if idle > most => Fate::Remove(Remove::Idle(days(idle))),
        _ => Fate::Keep(Keep::Fresh),
    }
}

/// When the oldest of what each image consists of was built.
fn ages(images: &[Image]) -> Vec<Timestamp> {
    let oldest = |image| {
        let all = chain(images, image);
        let times = all.iter().map(|image| image.created);
        times.min().unwrap_or(Timestamp::MIN)
    };
    images.iter().map(oldest).collect()
}

/// An image and those that it is built on, as far as they are there.
fn chain<'a>(images: &'a [Image], image: &'a Image) -> Vec<&'a Image> {
    let mut all = vec![image];
    // Labels can be anybody's: a circle has an end, too.
    while all.len() <= images.len()
        && let Some(last) = all.last()
        && let Some(parent) = images.iter().find(|other| other.name == last.parent)
    {
        all.push(parent);
    }
    all
}
