//! Dependencies between crates point one way, as ARCHITECTURE.md draws them.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Who may depend on whom. An arrow that is not drawn here is a defect.
const ARROWS: [(&str, &[&str]); 11] = [
    ("cachecore", &[]),
    ("treeclone", &[]),
    ("answer", &[]),
    ("setupscript", &[]),
    ("subvolume", &[]),
    ("goldenstore", &["cachecore", "treeclone", "subvolume"]),
    ("engine", &["cachecore"]),
    ("shim", &["cachecore", "engine"]),
    (
        "envimage",
        &["answer", "cachecore", "engine", "setupscript"],
    ),
    (
        "goldenctl",
        &["answer", "cachecore", "goldenstore", "engine"],
    ),
    (
        "testbed",
        &["cachecore", "treeclone", "goldenstore", "engine"],
    ),
];

#[test]
fn only_the_drawn_arrows_exist() {
    let metadata = MetadataCommand::new().exec().expect("cargo metadata runs");
    let members: BTreeMap<String, BTreeSet<String>> = metadata
        .workspace_packages()
        .iter()
        .map(|package| {
            let normal = package
                .dependencies
                .iter()
                .filter(|dependency| dependency.kind != DependencyKind::Development)
                .map(|dependency| dependency.name.clone())
                .collect();
            (package.name.to_string(), normal)
        })
        .collect();
    let drawn: BTreeMap<&str, BTreeSet<&str>> = ARROWS
        .iter()
        .map(|(from, to)| (*from, to.iter().copied().collect()))
        .collect();
    for (package, dependencies) in &members {
        if package == "cachecore-suite" {
            assert!(
                dependencies.is_empty(),
                "the root package is source-less: {dependencies:?}"
            );
            continue;
        }
        let allowed = drawn
            .get(package.as_str())
            .unwrap_or_else(|| panic!("{package} is not drawn"));
        for dependency in dependencies
            .iter()
            .filter(|name| members.contains_key(*name))
        {
            assert!(
                allowed.contains(dependency.as_str()),
                "{package} -> {dependency} is not drawn"
            );
        }
    }
}

#[test]
fn the_core_has_no_crate_that_reaches_outside() {
    let metadata = MetadataCommand::new().exec().expect("cargo metadata runs");
    let core = metadata
        .workspace_packages()
        .into_iter()
        .find(|package| package.name.as_str() == "cachecore")
        .expect("cachecore is a member");
    let allowed = ["camino", "jiff", "serde", "serde_json", "sha2", "thiserror"];
    for dependency in core
        .dependencies
        .iter()
        .filter(|d| d.kind == DependencyKind::Normal)
    {
        // A parser of text; what would read the files that a text includes is a feature that is left off.
        let reads_yaml = dependency.name == "serde-saphyr"
            && dependency.optional
            && !dependency.uses_default_features
            && dependency.features == ["deserialize"];
        let reads_json = dependency.name == "jsonc-parser"
            && dependency.optional
            && !dependency.uses_default_features;
        assert!(
            reads_yaml || reads_json || allowed.contains(&dependency.name.as_str()),
            "cachecore -> {}",
            dependency.name
        );
    }
}
