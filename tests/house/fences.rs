//! What is forbidden, and where the exceptions are.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::sources::{rust_files, text};

#[test]
fn unsafe_code_is_allowed_in_named_files_only() {
    // Put together, so that this file does not name itself.
    let allowed = ["allow(", "unsafe_code"].concat();
    let files: BTreeSet<_> = rust_files()
        .into_iter()
        .filter(|f| text(f).contains(&allowed))
        .collect();
    let expected = [
        // A session is made between fork and exec, and inherited descriptors have no owner.
        "crates/goldenctl/src/builder/detached.rs",
        // Namespaces are made between fork and exec.
        "crates/engine/src/enclosure/namespaces.rs",
        // btrfs has no system calls but ioctl, and no crate for them without a C toolchain.
        "crates/subvolume/src/ioctl.rs",
        // The environment is handed on as it came, which the standard library sorts and thins out.
        "crates/shim/src/exec.rs",
        // What Rust's runtime changes is looked at before it does.
        "crates/shim/src/inherited.rs",
        // Only a handler that asks for it hears who sent a signal.
        "crates/shim/src/relay.rs",
    ];
    assert_eq!(files, expected.map(PathBuf::from).into());
}

#[test]
fn the_workspace_denies_what_it_promises_to_deny() {
    let manifest = text("Cargo.toml");
    for lint in [
        "missing_docs = \"deny\"",
        "unsafe_code = \"deny\"",
        "print_stdout = \"deny\"",
        "print_stderr = \"deny\"",
    ] {
        assert!(manifest.contains(lint), "{lint}");
    }
    for member in std::fs::read_dir(crate::sources::root().join("crates")).expect("crates") {
        let manifest = member.expect("a crate").path().join("Cargo.toml");
        let lints = text(&manifest).contains("[lints]\nworkspace = true");
        assert!(
            lints,
            "{} does not take the workspace's lints",
            manifest.display()
        );
    }
    let fence = text("crates/cachecore/clippy.toml");
    for fenced in [
        "std::fs::File",
        "std::env::var",
        "std::process::Command",
        "SystemTime",
        "Instant",
    ] {
        assert!(
            fence.contains(fenced),
            "cachecore is not fenced from {fenced}"
        );
    }
}

#[test]
fn libraries_do_not_print() {
    let allowed = ["allow(clippy::", "print_stdout"].concat();
    for file in rust_files() {
        let is_library = [
            "cachecore",
            "treeclone",
            "subvolume",
            "goldenstore",
            "engine",
        ]
        .iter()
        .any(|library| file.starts_with(format!("crates/{library}/src")));
        assert!(
            !(is_library && text(&file).contains(&allowed)),
            "{}",
            file.display()
        );
    }
}

#[test]
fn every_file_is_named_after_what_it_holds() {
    for file in rust_files() {
        let stem = file
            .file_stem()
            .and_then(|s| s.to_str())
            .unwrap_or_default();
        let says_nothing = [
            "util", "utils", "common", "helper", "helpers", "misc", "imp",
        ];
        assert!(!says_nothing.contains(&stem), "{}", file.display());
    }
}

#[test]
fn no_merge_is_left_half_done() {
    // Put together, so that this file does not name itself.
    let marks = ["<".repeat(7) + " ", ">".repeat(7) + " "];
    let documents = [
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "README.md",
    ];
    let documents = documents.map(PathBuf::from).into_iter().chain(rust_files());
    for file in documents {
        let marked = text(&file)
            .lines()
            .any(|line| marks.iter().any(|mark| line.starts_with(mark.as_str())));
        assert!(!marked, "{} has the marks of a merge", file.display());
    }
}
