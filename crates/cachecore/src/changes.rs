//! What is new in a generation, compared with an earlier one of the same project.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::id::{Generation, LayerName};
use crate::record::Manifest;

/// A generation as it is compared.
#[derive(Debug, Clone, Copy)]
pub struct Compared<'a> {
    /// What it is.
    pub manifest: &'a Manifest,
    /// Its volumes, made readable.
    pub volumes: &'a BTreeSet<String>,
}

/// What changed from one generation to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// The earlier generation.
    pub since: Generation,
    /// Layers that came, the largest first.
    pub layers_added: Vec<LayerChange>,
    /// Layers that are gone, the largest first.
    pub layers_gone: Vec<LayerChange>,
    /// Volumes that came.
    pub volumes_added: Vec<String>,
    /// Volumes that are gone.
    pub volumes_gone: Vec<String>,
    /// The source revision before and now, if it is another.
    pub revision: Option<[Option<String>; 2]>,
    /// The engine's version before and now, if it is another.
    pub engine: Option<[Option<String>; 2]>,
    /// Whether the startup file is another; `None` if either was not built by one.
    pub startup_changed: Option<bool>,
    /// Bytes that each session copies, before and now.
    pub mutable_bytes: [u64; 2],
}

/// A layer that came or is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerChange {
    /// Its name in the store.
    pub layer: LayerName,
    /// Bytes on disk.
    pub bytes: u64,
}

/// Compares two generations. A layer that several folders share counts once.
pub fn between(before: Compared<'_>, now: Compared<'_>) -> Changes {
    let (old, new) = (layers(before.manifest), layers(now.manifest));
    let other = |a: &Option<String>, b: &Option<String>| (a != b).then(|| [a.clone(), b.clone()]);
    let startup = [before, now].map(|it| it.manifest.startup_sha256.as_ref());
    Changes {
        since: before.manifest.generation,
        layers_added: without(&new, &old),
        layers_gone: without(&old, &new),
        volumes_added: now.volumes.difference(before.volumes).cloned().collect(),
        volumes_gone: before.volumes.difference(now.volumes).cloned().collect(),
        revision: other(&before.manifest.revision, &now.manifest.revision),
        engine: other(&before.manifest.engine, &now.manifest.engine),
        startup_changed: match startup {
            [Some(old), Some(new)] => Some(old != new),
            _ => None,
        },
        mutable_bytes: [before, now].map(|it| it.manifest.sizes.mutable_bytes),
    }
}

fn layers(manifest: &Manifest) -> BTreeMap<&LayerName, u64> {
    let layers = manifest.layers.iter();
    layers.map(|layer| (&layer.layer, layer.bytes)).collect()
}

fn without(
    these: &BTreeMap<&LayerName, u64>,
    those: &BTreeMap<&LayerName, u64>,
) -> Vec<LayerChange> {
    let mut found: Vec<LayerChange> = these
        .iter()
        .filter(|(layer, _)| !those.contains_key(*layer))
        .map(|(layer, bytes)| LayerChange {
            layer: (*layer).clone(),
            bytes: *bytes,
        })
        .collect();
    found.sort_by_key(|change| std::cmp::Reverse(change.bytes));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataroot::{Kind, Seat};
    use crate::id::{BuildId, CacheId, ProjectId, SessionId};
    use crate::record::{FORMAT, Form, LayerRecord, Origin, Other, Sizes};

    fn manifest(number: u64, layers: &[(&str, u64)], startup: Option<&str>) -> Manifest {
        let layer = |(name, bytes): &(&str, u64)| LayerRecord {
            folder: Seat::Overlay2(CacheId::new(name).unwrap()),
            layer: LayerName::new(name).unwrap(),
            bytes: *bytes,
            contents: None,
        };
        Manifest {
            format: FORMAT,
            form: Form::default(),
            containerd: false,
            project: ProjectId::new("p").unwrap(),
            generation: Generation::new(number),
            base: None,
            kind: Kind::Empty,
            layers: layers.iter().map(layer).collect(),
            sizes: Sizes {
                mutable_bytes: number * 10,
                ..Sizes::default()
            },
            origin: Origin::Build {
                build: BuildId::new("b").unwrap(),
                session: SessionId::new("s").unwrap(),
            },
            engine: Some("26.1".into()),
            revision: Some(format!("r{number}")),
            startup_sha256: startup.map(str::to_owned),
            nested: Vec::new(),
            promoted_at: jiff::Timestamp::UNIX_EPOCH,
            other: Other::new(),
        }
    }

    #[test]
    fn what_came_and_what_is_gone_is_named_with_sizes() {
        let (old, new) = (
            manifest(1, &[("base", 7), ("a", 1), ("b", 5)], Some("x")),
            manifest(2, &[("base", 7), ("c", 2), ("d", 9)], Some("y")),
        );
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let (had, has) = (names(&["cache", "db"]), names(&["db", "mail"]));
        let changes = between(
            Compared {
                manifest: &old,
                volumes: &had,
            },
            Compared {
                manifest: &new,
                volumes: &has,
            },
        );
        let shown = |changes: &[LayerChange]| -> Vec<(String, u64)> {
            let all = changes.iter();
            all.map(|c| (c.layer.to_string(), c.bytes)).collect()
        };
        assert_eq!(
            shown(&changes.layers_added),
            [("d".into(), 9), ("c".into(), 2)]
        );
        assert_eq!(
            shown(&changes.layers_gone),
            [("b".into(), 5), ("a".into(), 1)]
        );
        assert_eq!(changes.volumes_added, ["mail"]);
        assert_eq!(changes.volumes_gone, ["cache"]);
        assert_eq!(
            changes.revision,
            Some([Some("r1".into()), Some("r2".into())])
        );
        assert_eq!(
            (changes.engine, changes.startup_changed),
            (None, Some(true))
        );
        assert_eq!(changes.mutable_bytes, [10, 20]);
    }

    #[test]
    fn of_a_golden_that_no_startup_file_made_nobody_knows_whether_it_changed() {
        let (old, new) = (manifest(1, &[], None), manifest(2, &[], Some("y")));
        let volumes = BTreeSet::new();
        let of = |manifest| Compared {
            manifest,
            volumes: &volumes,
        };
        assert_eq!(between(of(&old), of(&new)).startup_changed, None);
    }
}
