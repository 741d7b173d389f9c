//! Specs as people write them, right and wrong, and the names of their images.

use crate::program::Folder;

const SPEC: &str = "version: 1
image: debian:12
stages:
- {name: system, script: system.sh, user: root}
- {name: tools, inline: npm ci}
";

/// The id of a base image that no daemon is asked for.
fn base() -> String {
    format!("--base-id=sha256:{}", "ab".repeat(32))
}

#[test]
fn the_same_inputs_have_the_same_key_wherever_they_lie() {
    let (one, other) = (Folder::new(), Folder::new());
    for folder in [&one, &other] {
        folder.write("system.sh", "apt-get update\n");
    }
    one.write("shop.yaml", SPEC);
    let json = r#"{"image": "debian:12", "name": "other", "version": 1, "stages": [
        {"name": "system", "user": "root", "script": "./system.sh"},
        {"inline": "npm ci", "name": "tools"}], "run": {"inline": "date"}}"#;
    other.write("deep/other.json", json);
    other.write("deep/system.sh", "apt-get update\n");
    let of_one = one.envimage(&["key", "shop.yaml", &base()]);
    let of_other = other.envimage(&["key", "deep/other.json", &base()]);
    assert_eq!(of_one.code, 0, "{of_one:?}");
    assert_eq!(of_one.out, of_other.out);
    let names: Vec<&str> = of_one.out.lines().collect();
    assert!(names[0].starts_with("cachecore-env:system-"), "{names:?}");
    assert!(names[1].starts_with("cachecore-env:tools-"), "{names:?}");

    let before = one.picture();
    let explained = one.envimage(&["explain", "shop.yaml", &base()]);
    assert_eq!(explained.code, 0, "{explained:?}");
    assert!(explained.out.lines().all(|line| line.chars().count() <= 80));
    assert!(
        explained.out.contains("script system.sh\n"),
        "{explained:?}"
    );
    assert_eq!(one.picture(), before, "explaining writes nothing");

    let json = one.envimage(&["key", "--json", "shop.yaml", &base()]);
    let document: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(document["stages"][1]["image"], names[1]);
    one.write("system.sh", "apt-get upgrade\n");
    let changed = one.envimage(&["key", "shop.yaml", &base()]);
    assert_ne!(changed.out.lines().next(), Some(names[0]));
}

#[test]
fn a_spec_that_cannot_be_used_is_refused_with_its_place_by_every_command() {
    let long = "n".repeat(129);
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"".to_vec(), "bad.yaml:1:1: the spec is empty"),
        (b"\x7fELF\x02\x01\x01\0".to_vec(), "bad.yaml:1:1: the character U+007F"),
        (b"version: 1\n\xff".to_vec(), "bad.yaml:2:1: this is no text"),
        (b"version: 1\nimage: a\0b\n".to_vec(), "bad.yaml:2:9: the character U+0000"),
        (vec![b'x'; 10 << 20], "bad.yaml: the file has 10485760 bytes, at most 1048576"),
        (b"version: 1\nimage: \"a\n".to_vec(), "bad.yaml:3:1: this is not YAML: a text in quotes"),
        (b"version: 9\nnew: 1\n".to_vec(), "bad.yaml:1:10: the spec is of version 9"),
        (
            b"version: 1\nimage: a\nimages: b\n".to_vec(),
            "bad.yaml:3:1: the spec has no field \"images\"; is \"image\" meant?",
        ),
        (
            format!("version: 1\nimage: a\nname: {long}\n").into_bytes(),
            "bad.yaml:3:7: project id has 129 characters, at most 128",
        ),
        (
            b"version: 1\nimage: a\nstages:\n- {name: a, inline: x, after: b}\n- {name: b, inline: x}\n"
                .to_vec(),
            "bad.yaml:4:31: stages are built on each other: a after b after a",
        ),
    ];
    for (bytes, expected) in cases {
        let folder = Folder::new();
        folder.write("bad.yaml", bytes);
        let before = folder.picture();
        for command in ["key", "explain", "ensure"] {
            let answer = folder.envimage(&[command, "bad.yaml"]);
            assert_eq!(answer.code, 2, "{command}: {answer:?}");
            assert!(
                answer.err.starts_with(&format!("envimage: {expected}")),
                "{command}: {answer:?}"
            );
            assert_eq!(answer.out, "", "{command}");
        }
        assert_eq!(folder.picture(), before);
    }
}

#[test]
fn files_of_other_systems_are_read_or_refused_with_their_place() {
    let folder = Folder::new();
    folder.write("shop.yaml", format!("\u{feff}{SPEC}").replace('\n', "\r\n"));
    folder.write("system.sh", "#!/bin/bash\r\nls\r\n");
    let refused = folder.envimage(&["key", "shop.yaml", &base()]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(
        refused
            .err
            .contains("system.sh:1:12: lines end with CR and LF"),
        "{refused:?}"
    );
    folder.write("system.sh", "#!/bin/bash\nls\n");
    let read = folder.envimage(&["key", "shop.yaml", &base()]);
    assert_eq!(read.code, 0, "{read:?}");
    folder.write("shop.yaml", SPEC);
    let plain = folder.envimage(&["key", "shop.yaml", &base()]);
    assert_eq!(read.out, plain.out, "line ends change nothing");
}

#[test]
fn what_is_not_there_is_told_apart_from_what_is_wrong() {
    let folder = Folder::new();
    folder.write("shop.yaml", SPEC);
    for words in [["key", "none.yaml"], ["key", "shop.yaml"]] {
        let answer = folder.envimage(&words);
        assert_eq!(answer.code, 3, "{answer:?}");
        assert!(answer.err.contains("no such file"), "{answer:?}");
    }
    folder.write("system.sh", "ls\n");
    let unasked = folder.envimage(&["key", "shop.yaml"]);
    assert_eq!(unasked.code, 1, "there is no daemon: {unasked:?}");
    let no_id = folder.envimage(&["key", "shop.yaml", "--base-id", "debian:12"]);
    assert_eq!(no_id.code, 2, "{no_id:?}");
}

/// The guide to environments, and the specs in it.
fn guide() -> (String, Vec<String>) {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/environment-images.md"
    );
    let text = std::fs::read_to_string(path).unwrap();
    let blocks = text.split("```yaml\n").skip(1);
    let specs = blocks.filter_map(|rest| rest.split("```").next());
    let specs = specs.map(str::to_owned).collect();
    (text, specs)
}

#[test]
fn the_specs_of_the_guide_are_specs_and_it_names_every_field() {
    let (text, specs) = guide();
    assert!(specs.len() >= 2, "{specs:?}");
    for spec in &specs {
        let folder = Folder::new();
        folder.write("shop.yaml", spec);
        for file in ["cached.sh", "run.sh", "setup/system.sh", "setup/lib.sh"] {
            folder.write(file, "true\n");
        }
        let answer = folder.envimage(&["key", "shop.yaml", &base()]);
        assert_eq!(answer.code, 0, "{spec}\n{answer:?}");
        assert!(!answer.out.is_empty(), "{spec}");
    }
    // The whole reference is in one of them: what it leaves out would be known to nobody.
    let whole = specs.iter().max_by_key(|spec| spec.len()).unwrap();
    for field in [
        "version",
        "name",
        "image",
        "platform",
        "user",
        "network",
        "args",
        "secrets",
        "stages",
        "run",
        "environment",
        "limits",
        "script",
        "inline",
        "sources",
        "after",
        "cache",
        "cpus",
        "memory",
        "pids",
        "file",
        "env",
    ] {
        assert!(whole.contains(&format!("{field}:")), "{field}");
        assert!(
            text.contains(&format!("`{field}")) || text.contains(&format!("{{{field}: ")),
            "{field}"
        );
    }
}

#[test]
fn the_guide_names_commands_that_are_there() {
    let (text, _) = guide();
    let help = Folder::new().envimage(&["--help"]).out;
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with("| command"));
    let rows = rows.skip(2).take_while(|line| line.starts_with('|'));
    let named: Vec<&str> = rows
        .filter_map(|row| row.split('|').nth(1))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .filter_map(|words| words.split(' ').next())
        .collect();
    assert!(named.len() >= 9, "{named:?}");
    for command in named {
        assert!(
            help.contains(&format!("\n  {command} ")),
            "{command}: {help}"
        );
    }
}
