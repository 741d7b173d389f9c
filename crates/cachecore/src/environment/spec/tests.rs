mod bad;

use super::*;

fn parse(text: &str) -> Result<Spec, String> {
    Spec::parse(text, "web.yaml").map_err(|e| e.to_string())
}

const WHOLE: &str = r#"
version: 1
name: shop
image: debian:12@sha256:00
platform: linux/amd64
user: dev
network: none
args: {NODE: 22, PYTHON: 3.10, DEBUG: false, QUOTED: "yes"}
secrets:
  npm: {file: ~/.npmrc}
  token: {env: NPM_TOKEN}
stages:
  - name: system
    script: ./setup/system.sh
    sources: [setup/lib.sh]
    user: root
    network: host
  - name: tools
    inline: |
      set -e
      npm ci
    args: {NODE: "23"}
    secrets: [npm]
    cache: false
run: {script: run.sh}
environment: {A: "1"}
limits: {cpus: 1.5, memory: 4g, pids: 1000}
"#;

#[test]
fn a_spec_says_what_it_says() {
    let spec = parse(WHOLE).unwrap();
    assert_eq!(spec.args["PYTHON"], "3.10", "a number keeps its letters");
    assert_eq!(spec.args["DEBUG"], "false");
    assert_eq!(
        spec.stages[0].script,
        Script::File("setup/system.sh".into())
    );
    assert_eq!(spec.args_of(&spec.stages[1])["NODE"], "23");
    assert_eq!(spec.user_of(&spec.stages[0]), Some("root"));
    assert_eq!(spec.user_of(&spec.stages[1]), Some("dev"));
    assert_eq!(spec.network_of(&spec.stages[1]), Network::None);
    assert_eq!(
        spec.stages[1].script,
        Script::Inline("set -e\nnpm ci\n".to_owned())
    );
    assert!(!spec.stages[1].cached);
    assert_eq!(spec.limits.memory, Some(4 << 30));
    assert_eq!(spec.limits.cpus.map(String::from), Some("1.5".to_owned()));
}

#[test]
fn what_is_written_is_read_again() {
    let spec = parse(WHOLE).unwrap();
    let json = serde_json::to_string_pretty(&spec).unwrap();
    assert_eq!(parse(&json), Ok(spec), "{json}");
}

#[test]
fn what_a_number_or_a_word_is_in_yaml_changes_no_value() {
    let values = "{A: 010, B: 0x10, C: 1_000, D: yes, E: .inf, F: 1e3, G: +5, H: -0, I: 2026-01-01, \
                  J: 99999999999999999999999999999999999999, K: 0o7, L: True, M: !!str 5, N: .nan}";
    let spec = parse(&format!("version: 1\nimage: a\nargs: {values}\n")).unwrap();
    let read: Vec<&str> = spec.args.values().map(String::as_str).collect();
    assert_eq!(
        read.join(" "),
        "010 0x10 1_000 yes .inf 1e3 +5 -0 2026-01-01 99999999999999999999999999999999999999 0o7 True 5 .nan"
    );
}

#[test]
fn an_anchor_is_read_wherever_it_is_named() {
    let text = "version: 1\nimage: a\nargs: &x {A: 1.50}\nenvironment: {<<: *x, B: 2}\n";
    let spec = parse(text).unwrap();
    assert_eq!(spec.environment["A"], "1.50");
    assert_eq!(spec.environment["B"], "2");
    // What is said beside a merge key counts, before or behind it.
    for fields in ["{<<: *x, A: 2}", "{A: 2, <<: *x}"] {
        let text = format!("version: 1\nimage: a\nargs: &x {{A: 1}}\nenvironment: {fields}\n");
        assert_eq!(parse(&text).unwrap().environment["A"], "2");
    }
}

#[test]
fn files_of_other_systems_are_read() {
    let text = "\u{feff}version: 1\r\nimage: a\r\nstages:\r\n- name: a\r\n  inline: |\r\n    one\r\n    two\r\n";
    let spec = parse(text).unwrap();
    assert_eq!(spec.stages[0].script, Script::Inline("one\ntwo\n".into()));
    let json =
        "{\"version\":1,\n\t\"image\":\"a\",\"args\":{\"A\":\"\\ud83d\\ude00 \\/ \\u00e4\"}}";
    assert_eq!(parse(json).unwrap().args["A"], "\u{1f600} / \u{e4}");
}

#[test]
fn stages_may_say_what_they_are_built_on() {
    let text = "version: 1\nimage: a\nstages:\n- {name: a, inline: x}\n- {name: c, inline: x, after: b}\n\
                - {name: b, inline: x, after: a}\n";
    let names = |spec: Spec| {
        let names = spec.stages.iter().map(|stage| stage.name.to_string());
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(parse(text).map(names), Ok("a b c".to_owned()));
}
