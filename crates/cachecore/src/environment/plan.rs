//! Which stages are there, which are built, and what runs at each start.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Serialize;

use super::key::StageKey;
use super::materials::Base;
use super::spec::{Spec, StageName};
use super::template::Build;
use crate::id::ProjectId;

/// What is done for a spec.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Whose environment it is.
    pub project: ProjectId,
    /// The id of the base image.
    pub base: String,
    /// The stages, in their order.
    pub steps: Vec<Step>,
    /// The image to run, once everything is built: the last stage's that is an image, or the base image's id.
    pub image: String,
}

/// What is done for a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The stage.
    pub stage: StageName,
    /// Its key.
    pub key: StageKey,
    /// The name of its image, whether it is there or not.
    pub image: String,
    /// What is done.
    pub verdict: Verdict,
}

/// What is done for a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Its image is there, or that of a stage that is built on it.
    Hit,
    /// Its image is built.
    Build,
    /// Its cached script runs at every start.
    Start(Reason),
}

/// Why a cached script runs at every start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// The spec says so.
    #[error("the spec says `cache: false`")]
    Asked,
    /// It was built in vain, and is left alone for a while.
    #[error("{0}")]
    Failed(String),
    /// It comes after one that runs at start.
    #[error("it comes after stage \"{0}\", which runs at start")]
    After(StageName),
}

/// Decides what is done. `present` says whether there is an image of a name; `failed` are stages that are not
/// to be built, and why.
pub fn plan(
    spec: &Spec,
    base: &Base,
    builds: &[Build],
    present: impl Fn(&str) -> bool,
    failed: &BTreeMap<StageKey, String>,
) -> Plan {
    let uncached = spec.stages.iter().position(|stage| !stage.cached);
    let cached = uncached.unwrap_or(builds.len()).min(builds.len());
    // A stage's key has those below it in it: where its image is there, nothing below has to be.
    let hits = builds[..cached]
        .iter()
        .rposition(|build| present(&build.image))
        .map_or(0, |at| at + 1);
    let mut at_start: Option<&StageName> = None;
    let mut image = base.id.clone();
    let steps = builds.iter().enumerate().map(|(at, build)| {
        let reason = match at_start {
            Some(stage) => Some(Reason::After(stage.clone())),
            None if at < hits => None,
            None if at >= cached => Some(Reason::Asked),
            None => failed.get(&build.key).cloned().map(Reason::Failed),
        };
        let verdict = match reason {
            Some(reason) => {
                at_start = at_start.or(Some(&build.stage));
                Verdict::Start(reason)
            }
            None => {
                image.clone_from(&build.image);
                if at < hits {
                    Verdict::Hit
                } else {
                    Verdict::Build
                }
            }
        };
        Step {
            stage: build.stage.clone(),
            key: build.key,
            image: build.image.clone(),
            verdict,
        }
    });
    let steps = steps.collect();
    Plan {
        project: spec.name.clone(),
        base: base.id.clone(),
        steps,
        image,
    }
}

impl Plan {
    /// Whether nothing is built.
    pub fn is_hit(&self) -> bool {
        !self.steps.iter().any(|step| step.verdict == Verdict::Build)
    }

    /// The stages that are built, by their place in the spec.
    pub fn built(&self) -> impl Iterator<Item = usize> {
        let steps = self.steps.iter().enumerate();
        steps
            .filter(|(_, step)| step.verdict == Verdict::Build)
            .map(|(at, _)| at)
    }

    /// The stages whose cached scripts run at every start, by their place in the spec.
    pub fn started(&self) -> impl Iterator<Item = usize> {
        let steps = self.steps.iter().enumerate();
        steps
            .filter(|(_, step)| matches!(step.verdict, Verdict::Start(_)))
            .map(|(at, _)| at)
    }
}
