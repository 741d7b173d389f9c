//! Why an image is another one than at the last build.

use serde::Serialize;

use super::key::{self, Difference, Inputs, StageKey};
use super::materials::{Base, Materials};
use super::spec::{Spec, StageName};
use crate::id::ProjectId;

/// What makes the images of a spec what they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Whose environment it is.
    pub project: ProjectId,
    /// The base image, as the spec names it.
    pub base: String,
    /// Its id.
    pub base_id: String,
    /// The stages, in their order.
    pub stages: Vec<Explained>,
}

/// What makes the image of a stage what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The stage.
    pub stage: StageName,
    /// Its key.
    pub key: StageKey,
    /// The name of its image, whether it is there or not.
    pub image: String,
    /// Whether its image is there, if a daemon was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub present: Option<bool>,
    /// Everything that can change what its image holds.
    pub inputs: Vec<key::Input>,
    /// How that compares with the last build.
    pub last_build: Compared,
    /// The first input that differs from the last build's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
}

/// How inputs compare with those of the last build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Compared {
    /// There was none, as far as is known.
    Unknown,
    /// They are the same.
    Same,
    /// They differ.
    Different,
}

/// Explains the images of a spec. `last` are the inputs of a stage's last build, if there was one.
pub fn explain(
    spec: &Spec,
    materials: &Materials,
    base: &Base,
    last: impl Fn(&StageName) -> Option<Inputs>,
) -> Explanation {
    let stages = key::inputs(spec, materials, base).into_iter().map(|now| {
        let before = last(&now.stage);
        let difference = before
            .as_ref()
            .and_then(|before| key::difference(before, &now));
        let last_build = match (&before, &difference) {
            (None, _) => Compared::Unknown,
            (Some(before), None) if before.key == now.key => Compared::Same,
            _ => Compared::Different,
        };
        Explained {
            image: key::image(&now.stage, &now.key),
            stage: now.stage,
            key: now.key,
            present: None,
            inputs: now.inputs,
            last_build,
            difference,
        }
    });
    Explanation {
        project: spec.name.clone(),
        base: base.name.clone(),
        base_id: base.id.clone(),
        stages: stages.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(text: &str, before: Option<&str>) -> Vec<(Compared, Option<String>)> {
        let base = Base {
            name: "debian".to_owned(),
            id: "sha256:00".to_owned(),
            user: String::new(),
        };
        let of = |text: &str| {
            let spec = Spec::parse(text, "web.yaml").unwrap();
            let materials = Materials::gather(&spec, |_| Err(())).unwrap();
            (spec, materials)
        };
        let before = before.map(of);
        let last = |stage: &StageName| {
            let (spec, materials) = before.as_ref()?;
            let mut all = key::inputs(spec, materials, &base).into_iter();
            all.find(|inputs| inputs.stage == *stage)
        };
        let (spec, materials) = of(text);
        let explanation = explain(&spec, &materials, &base, last);
        let stages = explanation.stages.into_iter();
        stages
            .map(|stage| (stage.last_build, stage.difference.map(|it| it.to_string())))
            .collect()
    }

    #[test]
    fn the_first_input_that_differs_from_the_last_build_is_named() {
        let one =
            "{version: 1, image: debian, stages: [{name: a, inline: x}, {name: b, inline: y}]}";
        assert_eq!(
            explained(one, None),
            [(Compared::Unknown, None), (Compared::Unknown, None)]
        );
        assert_eq!(
            explained(one, Some(one)),
            [(Compared::Same, None), (Compared::Same, None)]
        );
        let other = one.replace("inline: x", "inline: z, user: dev");
        assert_eq!(
            explained(&other, Some(one)),
            [
                (Compared::Different, Some("user is new".to_owned())),
                (Compared::Different, Some("parent has changed".to_owned())),
            ]
        );
        let shorter = "{version: 1, image: debian, stages: [{name: b, inline: y}]}";
        assert_eq!(
            explained(shorter, Some(one)),
            [(Compared::Different, Some("base is new".to_owned()))]
        );
    }
}
