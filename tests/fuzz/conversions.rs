//! Arbitrary files of other formats: nothing panics, what is wrong has a place in the text, and what is made
//! is a spec that can be written and read again.

use cachecore::environment::conversion::Conversion;
use cachecore::environment::devcontainer::{self, DevcontainerError, Place};
use cachecore::environment::migration::{self, Choice, MigrationError};
use cachecore::environment::spec::Spec;

use crate::lots::Lots;

const OLDER: [&str; 16] = [
    "\"env_id\"",
    "\"name\"",
    "\"version\"",
    "\"preflight_script\"",
    "\"preflight_enabled\"",
    "\"cached_preflight_script\"",
    "\"run_preflight_script\"",
    "\"cache_container_build\"",
    "\"container_caching_enabled\"",
    "\"cache_desktop_build\"",
    "\"headless_desktop_enabled\"",
    "\"env_vars\"",
    "\"extra_mounts\"",
    "\"image\"",
    "\"environments\"",
    "\"prompts\"",
];

const DEVCONTAINER: [&str; 18] = [
    "\"image\"",
    "\"name\"",
    "\"build\"",
    "\"dockerfile\"",
    "\"dockerComposeFile\"",
    "\"onCreateCommand\"",
    "\"updateContentCommand\"",
    "\"postCreateCommand\"",
    "\"postStartCommand\"",
    "\"postAttachCommand\"",
    "\"initializeCommand\"",
    "\"containerEnv\"",
    "\"remoteEnv\"",
    "\"remoteUser\"",
    "\"workspaceFolder\"",
    "\"features\"",
    "\"options\"",
    "\"args\"",
];

const VALUES: [&str; 36] = [
    "true",
    "false",
    "null",
    "1",
    "-1.5e3",
    "\"\"",
    "\" \"",
    "\"a\"",
    "\"debian:12\"",
    "\"0:0\"",
    "\"echo 'a\\nb' \\\"$X\\\" # c\"",
    "\"#!/bin/bash\\r\\nset -e\\r\\n\"",
    "\"\\u0000\"",
    "\"\\u001b\\u0085\\u2028\\ufeff\"",
    "\"  indented\\n\\n\\n\"",
    "\"\\t- x: {y}\\n...\\n---\\n\"",
    "\"${localEnv:HOME}\"",
    "\"${localEnv:A:b}/${containerEnv:PATH:c}\"",
    "\"${containerEnv:1}${\"",
    "\"${containerWorkspaceFolder}/${unknown:x}\"",
    "\"\u{fc}\u{1f600}\"",
    "[]",
    "{}",
    "[\"a\", \"b c\", \"'\", \"$\"]",
    "[\"if\", \"\"]",
    "[1]",
    "{\"a\": \"b\", \"c\": [\"d\"]}",
    "{\"a-b\": \"c\", \"D\": 1, \"E\": null}",
    "{\"PATH\": \"${containerEnv:PATH}:/x\"}",
    "[[[[",
    "]",
    "}",
    "{",
    "\"unclosed",
    "\"../../x\"",
    "[{\"env_id\": \"a\"}, {\"env_id\": \"b\"}]",
];

fn arbitrary(lots: &mut Lots, fields: &[&str], first: &str) -> Vec<u8> {
    if lots.once_in(20) {
        return lots.bytes(200);
    }
    let comments = ["", "", "", " // x\n", "/* y */", "\u{feff}", "\r\n", ","];
    let mut text = String::from(lots.one_of(&comments));
    text.push('{');
    if !lots.once_in(5) {
        text += first;
    }
    for _ in 0..lots.below(8) {
        text += lots.one_of(fields);
        text += if lots.once_in(30) { " " } else { ":" };
        // Mostly such as can be there.
        let most = if lots.once_in(6) { VALUES.len() } else { 29 };
        text += VALUES[lots.below(most)];
        if !lots.once_in(40) {
            text.push(',');
        }
        if lots.once_in(10) {
            text += lots.one_of(&comments);
        }
    }
    if !lots.once_in(3) {
        text = text.trim_end_matches(',').to_owned();
    }
    text.push('}');
    let mut bytes = text.into_bytes();
    if lots.once_in(6) {
        let at = lots.below(bytes.len());
        bytes[at] = u8::try_from(lots.below(256)).unwrap();
    }
    bytes
}

fn look(made: &Conversion, seed: u64) {
    let text = made.file("a test", "a file\nof two lines");
    let read = Spec::parse(&text, "web.yaml").map_err(|error| error.to_string());
    assert_eq!(read.as_ref(), Ok(&made.spec), "seed {seed}: {text}");
    assert_eq!(
        Spec::parse(&made.spec.to_yaml(), "web.yaml").unwrap(),
        made.spec,
        "seed {seed}"
    );
    for kept in &made.kept {
        assert!(
            text.contains(&kept.field.replace(char::is_control, " ")),
            "seed {seed}: {text}"
        );
    }
}

#[test]
fn whatever_an_older_file_says_it_becomes_a_spec_or_an_error_with_a_place() {
    let (mut made, first, asked) = (0, crate::seed(), crate::inputs(6_000));
    for seed in first..first + asked {
        let lots = &mut Lots::new(seed);
        let bytes = arbitrary(lots, &OLDER, "\"env_id\": \"a\",");
        let text = String::from_utf8_lossy(&bytes);
        match migration::migrate(&text, Choice::default()) {
            Ok(conversion) => {
                made += 1;
                look(&conversion, seed);
            }
            Err(MigrationError::Syntax { line, .. }) => {
                assert!(
                    (1..=text.lines().count() + 1).contains(&line),
                    "seed {seed}"
                );
            }
            Err(_) => {}
        }
    }
    assert!(made > asked / 20, "only {made} of {asked} are environments");
}

#[test]
fn whatever_a_devcontainer_says_it_becomes_a_spec_or_an_error_with_a_place() {
    let (mut made, first, asked) = (0, crate::seed(), crate::inputs(6_000));
    for seed in first..first + asked {
        let lots = &mut Lots::new(seed);
        let bytes = arbitrary(lots, &DEVCONTAINER, "\"image\": \"a\",");
        let text = String::from_utf8_lossy(&bytes);
        let place = Place {
            folder: lots.once_in(2).then_some("a 'folder"),
            image: lots.once_in(4).then_some("debian:12"),
        };
        match devcontainer::convert(&text, place) {
            Ok(conversion) => {
                made += 1;
                look(&conversion, seed);
            }
            Err(
                DevcontainerError::Syntax { line, column, .. }
                | DevcontainerError::Kind { line, column, .. },
            ) => {
                let lines: Vec<&str> = text.split('\n').collect();
                let of_line = lines.get(line - 1).unwrap_or_else(|| panic!("seed {seed}"));
                assert!(
                    (1..=of_line.chars().count() + 1).contains(&column),
                    "seed {seed}"
                );
            }
            Err(_) => {}
        }
    }
    assert!(
        made > asked / 20,
        "only {made} of {asked} are configurations"
    );
}
