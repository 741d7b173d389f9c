//! What a store has to hold when nobody works in it, found out without the code that keeps it.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use walkdir::WalkDir;

use crate::place::{BRIEF, PROJECTS, Place};

/// Ends the test unless the store holds each project's serving generation, what sessions lease, the
/// layers that these link to, and nothing else.
pub(crate) fn assert_exact(place: &Place) {
    let root = place.root();
    for empty in ["trash", "builds"] {
        assert_eq!(names(&root.join(empty)), [""; 0], "{empty}");
    }
    let mut accounted: u64 = 0;
    let mut linked = BTreeSet::new();
    let mut noted: BTreeMap<String, u64> = BTreeMap::new();
    let mut leased: BTreeSet<(String, String)> = BTreeSet::new();
    for name in names(&root.join("sessions")) {
        assert!(name.starts_with("docker-data-"), "sessions/{name} is left");
        let folder = root.join("sessions").join(name);
        assert_eq!(names(&folder), ["docker", "session.json"], "{folder}");
        let record = json(&folder.join("session.json"));
        if let Some(generation) = record["generation"].as_u64() {
            let project = record["project"].as_str().unwrap().to_owned();
            leased.insert((project, format!("gen-{generation:06}")));
        }
        linked.extend(links(&folder, place));
        accounted += on_disk(&folder);
    }
    let mut needed = BTreeSet::new();
    for project in names(&root.join("golden")) {
        let known = PROJECTS.contains(&project.as_str()) || project.starts_with(BRIEF);
        assert!(known, "{project}");
        let folder = root.join("golden").join(&project);
        let serving = folder.join("current").read_link_utf8().ok();
        for name in names(&folder) {
            let path = folder.join(&name);
            accounted += if name.starts_with("gen-") {
                on_disk(&path)
            } else {
                alone(&path)
            };
            if !name.starts_with("gen-") {
                let known = ["build.lock", "current", "last-used", "lock", "state.json"];
                assert!(known.contains(&name.as_str()), "{path} is left");
                continue;
            }
            let serves = serving.as_ref().is_some_and(|serving| *serving == name);
            let lease = leased.contains(&(project.clone(), name));
            assert!(serves || lease, "{path} neither serves nor is leased");
            assert_eq!(names(&path), ["docker", "manifest.json"], "{path}");
            let manifest = json(&path.join("manifest.json"));
            let mut layers = BTreeSet::new();
            for layer in manifest["layers"].as_array().unwrap() {
                let name = layer["layer"].as_str().unwrap().to_owned();
                noted.insert(name.clone(), layer["bytes"].as_u64().unwrap());
                layers.insert(name);
            }
            assert_eq!(
                links(&path, place),
                layers,
                "the links and the manifest of {path}"
            );
            needed.extend(layers);
        }
        for (of, generation) in &leased {
            if *of == project {
                let path = folder.join(generation);
                assert!(path.is_dir(), "{path} is leased and not there");
            }
        }
        if let Some(serving) = serving {
            let path = folder.join(serving);
            assert!(path.is_dir(), "{path} should serve and is not there");
        }
    }
    let unknown: Vec<&String> = linked.difference(&needed).collect();
    assert!(unknown.is_empty(), "only sessions link to {unknown:?}");
    let there: BTreeSet<String> = names(&root.join("layers")).into_iter().collect();
    assert_eq!(there, needed, "the layers that are there, and those needed");
    for layer in there {
        let folder = root.join("layers").join(&layer);
        assert_eq!(names(&folder), ["diff"], "{folder}");
        let bytes = on_disk(&folder.join("diff"));
        assert_eq!(noted[&layer], bytes, "bytes of {folder}");
        accounted += on_disk(&folder);
    }
    for file in ["lock", "sharing.json", "store.json"] {
        accounted += alone(&root.join(file));
    }
    assert_eq!(
        used(place),
        accounted,
        "bytes of the filesystem, and of what is known"
    );
}

/// Ends the test unless a store without goldens and sessions holds nothing.
pub(crate) fn assert_empty(place: &Place) {
    for folder in ["layers", "sessions", "trash", "builds"] {
        assert_eq!(names(&place.root().join(folder)), [""; 0], "{folder}");
    }
    assert_exact(place);
}

/// Bytes that the filesystem has given out, also for files without a name that somebody has open.
pub(crate) fn used(place: &Place) -> u64 {
    let stat = rustix::fs::statvfs(place.memory().as_std_path()).unwrap();
    (stat.f_blocks - stat.f_bfree) * stat.f_frsize
}

/// Bytes on disk of a tree.
fn on_disk(tree: &Utf8Path) -> u64 {
    let mut seen = BTreeSet::new();
    let entries = WalkDir::new(tree).into_iter().map(Result::unwrap);
    entries
        .map(|entry| entry.metadata().unwrap())
        .filter(|meta| seen.insert(meta.ino()))
        .map(|meta| meta.blocks() * 512)
        .sum()
}

/// Bytes on disk of one thing; none if it is not there.
fn alone(path: &Utf8Path) -> u64 {
    path.symlink_metadata()
        .map_or(0, |meta| meta.blocks() * 512)
}

/// The layers that the links of a data root lead to.
fn links(folder: &Utf8Path, place: &Place) -> BTreeSet<String> {
    let layers = place.root().join("layers");
    let mut found = BTreeSet::new();
    for entry in WalkDir::new(folder.join("docker")) {
        let entry = entry.unwrap();
        if !entry.path_is_symlink() {
            continue;
        }
        let target: Utf8PathBuf = std::fs::read_link(entry.path())
            .unwrap()
            .try_into()
            .unwrap();
        let Ok(inside) = target.strip_prefix(&layers) else {
            continue;
        };
        assert!(!target.is_symlink(), "{target} is a placeholder");
        let layer = inside.parent().unwrap();
        let is_kind = if layer.as_str().starts_with("blob-") {
            target.is_file()
        } else {
            target.is_dir()
        };
        assert!(is_kind, "{entry:?} leads to nothing");
        found.insert(layer.to_string());
    }
    found
}

fn json(path: &Utf8Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The names in a folder, in order.
pub(crate) fn names(folder: &Utf8Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
