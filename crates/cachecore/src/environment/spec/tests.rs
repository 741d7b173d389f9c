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
