//! Specs that are refused, and what is said of them.

use std::fmt::Write as _;

use super::super::*;
use super::parse;

/// A spec with these lines behind the two that every spec has.
fn with(lines: &str) -> String {
    format!("version: 1\nimage: a\n{lines}")
}

fn said(text: &str) -> String {
    match parse(text) {
        Ok(spec) => panic!("{text:?} is read as {spec:?}"),
        Err(said) => said,
    }
}

#[test]
fn what_is_no_spec_is_named_with_its_place() {
    for (text, expected) in [
        ("", "1:1: the spec is empty"),
        (" \n# nothing\n", "1:1: the spec is empty"),
        ("null", "1:1: the spec is empty"),
        (
            "[]",
            "1:1: the spec has to be fields with values; this is a list",
        ),
        (
            "setup",
            "1:1: the spec has to be fields with values; this is a text",
        ),
        ("image: a", "1:1: the spec lacks \"version\""),
        ("version: 1", "1:1: the spec lacks \"image\""),
        ("version: 1\nimage:\n", "1:1: the spec lacks \"image\""),
        ("\u{7f}ELF", "1:1: the character U+007F is not allowed"),
        (
            "version: 1\nimage: a\0",
            "2:9: the character U+0000 is not allowed",
        ),
        (
            "# \u{e4}\u{e4} \u{1b}[0m",
            "1:6: the character U+001B is not allowed",
        ),
        (
            "version: 1\nimage: \"a\nname: b\n",
            "3:1: this is not YAML: a text in quotes goes on here without indentation; is a quote not closed?",
        ),
        (
            "version: 1\nimage: a\nargs: {A: b\n",
            "3:7: this is not YAML: unclosed bracket '{'",
        ),
        (
            "{\"version\": 1\n \"image\": 2}",
            "2:9: this is not YAML: while parsing a flow mapping, did not find expected ',' or '}'",
        ),
        (
            "version: 1\nimage: a\n---\n",
            "3:1: here begins a second document: a spec is one",
        ),
    ] {
        assert_eq!(said(text), format!("web.yaml:{expected}"), "{text:?}");
    }
}

#[test]
fn a_later_version_is_told_as_such_before_its_fields_are() {
    let newer = Spec::parse("version: 2\nvolumes: []\n", "web.yaml").unwrap_err();
    assert_eq!(
        newer.to_string(),
        "web.yaml:1:10: the spec is of version 2; versions up to 1 are known"
    );
    assert!(newer.help().unwrap().contains("newer envimage"));
    for version in [
        "0",
        "-1",
        "1.0",
        "one",
        "\"1\"",
        "[1]",
        "99999999999999999999",
    ] {
        let text = format!("version: {version}\nimage: a\n");
        assert!(
            said(&text).starts_with("web.yaml:1:10: version "),
            "{}",
            said(&text)
        );
    }
}

#[test]
fn a_field_that_nobody_knows_is_told_with_the_nearest_one() {
    for (lines, expected) in [
        (
            "stage: []",
            "3:1: the spec has no field \"stage\"; is \"stages\" meant?",
        ),
        ("ports: []", "3:1: the spec has no field \"ports\""),
        (
            "stages:\n- name: x\n  scirpt: y\n",
            "5:3: a stage has no field \"scirpt\"; is \"script\" meant?",
        ),
        (
            "stages:\n- {name: x, inline: y, depends-on: z}\n",
            "4:24: a stage has no field \"depends-on\"",
        ),
        (
            "limits: {cpu: 1}",
            "3:10: limits has no field \"cpu\"; is \"cpus\" meant?",
        ),
        ("run: {user: x}", "3:7: run has no field \"user\""),
        (
            "secrets: {npm: {path: x}}",
            "3:17: secret \"npm\" has no field \"path\"",
        ),
        (
            "secrets: {npm: {env: A}}\nstages: [{name: x, inline: y, secrets: [nmp]}]",
            "4:41: there is no secret \"nmp\"; is \"npm\" meant?",
        ),
        (
            "stages: [{name: web, inline: y}, {name: x, inline: y, after: wbe}]",
            "3:62: there is no stage \"wbe\"; is \"web\" meant?",
        ),
        (
            "image: b",
            "3:1: field \"image\" is there twice; first in line 2",
        ),
        (
            "\"image\": b",
            "3:1: field \"image\" is there twice; first in line 2",
        ),
        (
            "? [a]\n: b",
            "3:3: a field's name has to be a text; this is a list",
        ),
    ] {
        assert_eq!(
            said(&with(lines)),
            format!("web.yaml:{expected}"),
            "{lines:?}"
        );
    }
}

#[test]
fn a_value_that_is_not_allowed_is_told_with_the_rule() {
    let long = "n".repeat(129);
    for (lines, expected) in [
        (
            format!("name: {long}"),
            "3:7: project id has 129 characters, at most 128",
        ),
        (
            format!("stages: [{{name: {long}, inline: x}}]"),
            "3:17: stage name has 129 characters, at most 63",
        ),
        (format!("args: {{{long}: x}}"), "3:8: variable \"nnnnnn"),
        (format!("platform: {long}/a"), "3:11: platform \"nnnnnn"),
        (
            "name: ../up".into(),
            "3:7: project id \"../up\" is not allowed",
        ),
        (
            "stages: [{name: a b, inline: x}]".into(),
            "3:17: stage name \"a b\" is not allowed",
        ),
        ("user: -x".into(), "3:7: user \"-x\" is not allowed"),
        (
            "user: \"a\\nRUN x\"".into(),
            "3:7: user \"a\\nRUN x\" is not allowed",
        ),
        (
            "platform: linux".into(),
            "3:11: platform \"linux\" is not allowed",
        ),
        (
            "network: bridge".into(),
            "3:10: network \"bridge\" is not allowed: use default",
        ),
        (
            "args: {A B: c}".into(),
            "3:8: variable \"A B\" is not allowed",
        ),
        (
            "args: {A: }".into(),
            "3:9: A has to be a text; this is nothing",
        ),
        (
            "args: {A: [b]}".into(),
            "3:11: A has to be a text; this is a list",
        ),
        (
            format!("args: {{A: {}}}", "x".repeat(5000)),
            "3:11: A \"xxxx",
        ),
        (
            "limits: {cpus: 0}".into(),
            "3:16: cpus \"0\" is not allowed",
        ),
        (
            "limits: {memory: 4}".into(),
            "3:18: memory \"4\" is not allowed",
        ),
        (
            "limits: {pids: 1.5}".into(),
            "3:16: pids \"1.5\" is not allowed",
        ),
        (
            "run: {inline: x, script: y}".into(),
            "3:15: run has both \"script\" and \"inline\"",
        ),
        ("run: {}".into(), "3:6: run lacks \"script\""),
        (
            "stages: [{name: x}]".into(),
            "3:10: stage \"x\" lacks \"script\"",
        ),
        (
            "stages: [{inline: x}]".into(),
            "3:10: a stage lacks \"name\"",
        ),
        (
            "stages: {a: b}".into(),
            "3:9: stages has to be a list; this is fields",
        ),
        (
            "run: {script: ../a}".into(),
            "3:15: script \"../a\" is not allowed: name a file in",
        ),
        (
            "run: {script: /a}".into(),
            "3:15: script \"/a\" is not allowed",
        ),
        (
            "run: {script: a/}".into(),
            "3:15: script \"a/\" is not allowed",
        ),
        (
            "run: {script: a, sources: [./a]}".into(),
            "3:28: file \"a\" is there twice",
        ),
        (
            "run: {script: a/b, sources: [a]}".into(),
            "3:30: sources \"a\" is not allowed: another",
        ),
        (
            "run: {script: a, sources: [a/b]}".into(),
            "3:28: sources \"a/b\" is not allowed: another",
        ),
        (
            "stages: [{name: x, inline: \"a\\0\"}]".into(),
            "3:28: the character U+0000",
        ),
        (
            "stages: [{name: x, inline: y, cache: no}]".into(),
            "3:38: cache has to be true or false",
        ),
        (
            "secrets: {a: {file: b, env: C}}".into(),
            "3:29: secret \"a\" has both",
        ),
        (
            "secrets: {a: {env: 1A}}".into(),
            "3:20: env \"1A\" is not allowed",
        ),
        (
            "image2: !odd x".into(),
            "3:14: this is not YAML: unsupported tag",
        ),
    ] {
        let said = said(&with(&lines));
        assert!(
            said.starts_with(&format!("web.yaml:{expected}")),
            "{lines:?}: {said}"
        );
    }
    assert!(said("version: 1\nimage: --all\n").contains("2:8: image \"--all\" is not allowed"));
}

#[test]
fn stages_are_one_line() {
    for (lines, expected) in [
        (
            "- {name: a, inline: x, after: c}\n- {name: b, inline: x}\n- {name: c, inline: x}\n",
            "4:31: stages are built on each other: a after c after b after a",
        ),
        (
            "- {name: a, inline: x, after: a}\n",
            "4:31: stages are built on each other: a after a",
        ),
        (
            "- {name: r, inline: x}\n- {name: a, inline: x, after: b}\n- {name: b, inline: x}\n",
            "5:31: stages are built on each other: a after b after a",
        ),
        (
            "- {name: a, inline: x}\n- {name: b, inline: x}\n- {name: c, inline: x, after: a}\n",
            "6:31: stages \"b\" and \"c\" are both built on \"a\": stages are one line",
        ),
        (
            "- {name: a, inline: x}\n- {name: a, inline: x}\n",
            "5:10: stage \"a\" is there twice; first in line 4",
        ),
    ] {
        let text = with(&format!("stages:\n{lines}"));
        assert_eq!(said(&text), format!("web.yaml:{expected}"));
    }
    let many: String = (0..33).fold("stages:\n".to_owned(), |mut text, at| {
        let _ = writeln!(text, "- {{name: s{at}, inline: x}}");
        text
    });
    assert!(said(&with(&many)).ends_with("there are 33 stages, at most 32 are allowed"));
}

#[test]
fn what_is_huge_or_refers_to_itself_is_refused_at_once() {
    let long = "x".repeat(10 << 20);
    assert_eq!(
        said(&long),
        "web.yaml:1:1: the spec has 10485760 bytes, at most 1048576 are allowed"
    );
    let mut laughs = with("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for at in 1..12 {
        let nine = vec![format!("*a{}", at - 1); 9].join(",");
        let _ = writeln!(laughs, "a{at}: &a{at} [{nine}]");
    }
    let many: String = (0..50_000).map(|at| format!(" A{at}: x\n")).collect();
    for (text, expected) in [
        (laughs, "this is more than a spec may have in it, or deeper"),
        (
            "- ".repeat(100_000),
            "this is more than a spec may have in it, or deeper",
        ),
        (
            "[".repeat(100_000),
            "this is not YAML: recursion limit exceeded",
        ),
        (
            with(&format!("args:\n{many}")),
            "this is more than a spec may have in it, or deeper",
        ),
        (
            with("args: &x {A: *x}\n"),
            "an alias stands for something that it is in",
        ),
    ] {
        let said = said(&text);
        assert!(said.ends_with(expected), "{said}");
    }
}

#[test]
fn what_a_stage_gets_fits_a_line_of_a_dockerfile() {
    let long = "x".repeat(4000);
    let lines = format!("args: {{A: {long}, B: {long}}}\nstages: [{{name: x, inline: y}}]\n");
    assert_eq!(
        said(&with(&lines)),
        "web.yaml:4:17: there are 8002 bytes of arguments, at most 6144 are allowed"
    );
    let ids = vec!["a"; 65].join(",");
    let lines =
        format!("secrets: {{a: {{env: A}}}}\nstages: [{{name: x, inline: y, secrets: [{ids}]}}]\n");
    assert!(said(&with(&lines)).ends_with("there are 65 secrets, at most 64 are allowed"));
}

#[test]
fn bytes_that_are_no_text_are_named_with_their_place() {
    let refused = |bytes: &[u8]| {
        Spec::parse_bytes(bytes, "web.yaml")
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused(b"version: 1\nim\xc3\xa4\xff"),
        "web.yaml:2:4: this is no text: byte 0xff is not UTF-8"
    );
    assert_eq!(
        refused(b"\x7fELF\x02\x01"),
        "web.yaml:1:1: the character U+007F is not allowed"
    );
    assert!(refused(&vec![0xff; 10 << 20]).contains("at most 1048576"));
}

#[test]
fn a_file_s_name_is_the_spec_s_if_it_can_be_one() {
    let named = |file: &str| Spec::parse("version: 1\nimage: a\n", file).map(|spec| spec.name);
    assert_eq!(named("x/shop.web.yaml").unwrap().as_str(), "shop.web");
    let refused = named("my shop.yaml").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "my shop.yaml:1:1: the spec lacks \"name\""
    );
}
