use std::collections::BTreeMap;
use std::ffi::OsString;

use serde_json::{Value, json};

use super::*;
use crate::argv::edit::apply;
use crate::argv::{Command, Program, parse};

fn command(line: &str) -> (Command, Vec<OsString>) {
    let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
    (parse(Program::Docker, &words).unwrap(), words)
}

fn project(services: &Value) -> Model {
    let answer = json!({
        "name": "shop",
        "services": services,
        "secrets": {
            "key": { "name": "shop_key", "file": "/src/key" },
            "token": { "name": "shop_token", "environment": "TOKEN" },
            "other": { "name": "shop_other", "environment": "OTHER" },
        },
    });
    Model::read(answer.to_string().replace('$', "$$").as_bytes()).unwrap()
}

/// The definition of a service `api` with this `build`.
fn baked_by(line: &str, build: &Value) -> Result<Value, String> {
    let (command, _) = command(line);
    let circumstances = Circumstances {
        command: &command,
        version: Version(2, 26, 1),
        separator: '-',
        variable: &|name| (name == "TOKEN").then(|| "secret".to_owned()),
        output: "type=image",
    };
    let model =
        project(&json!({ "api": { "build": build }, "base": { "build": { "context": "/b" } } }));
    let baked = bake(&model, &["api".to_owned()], &circumstances).map_err(|why| why.0)?;
    let json: Value = serde_json::from_slice(&baked.definition.json().unwrap()).unwrap();
    Ok(json["target"]["api"].clone())
}

fn baked(build: &Value) -> Result<Value, String> {
    baked_by("compose build", build)
}

#[test]
fn a_target_has_compose_s_name_and_labels() {
    assert_eq!(
        baked(&json!({ "context": "/src", "dockerfile": "Dockerfile" })),
        Ok(json!({
            "context": "/src",
            "dockerfile": "/src/Dockerfile",
            "labels": {
                "com.docker.compose.project": "shop",
                "com.docker.compose.service": "api",
                "com.docker.compose.version": "2.26.1",
            },
            "tags": ["shop-api"],
            "output": ["type=image"],
        }))
    );
}

#[test]
fn every_field_of_build_is_kept() {
    for (field, value, key, becomes) in [
        (
            "dockerfile",
            json!("/d/File"),
            "dockerfile",
            json!("/d/File"),
        ),
        (
            "dockerfile_inline",
            json!("FROM x\nENV A=${B}"),
            "dockerfile-inline",
            json!("FROM x\nENV A=$${B}"),
        ),
        (
            "args",
            json!({ "A": "1", "B": null, "C": "%{x}" }),
            "args",
            json!({ "A": "1", "C": "%%{x}" }),
        ),
        ("args", json!(["A=1=2"]), "args", json!({ "A": "1=2" })),
        (
            "ssh",
            json!(["default", "id=/k"]),
            "ssh",
            json!(["default", "id=/k"]),
        ),
        (
            "cache_from",
            json!(["type=local,src=/c"]),
            "cache-from",
            json!(["type=local,src=/c"]),
        ),
        (
            "cache_to",
            json!(["type=inline"]),
            "cache-to",
            json!(["type=inline"]),
        ),
        ("no_cache", json!(true), "no-cache", json!(true)),
        (
            "no_cache_filter",
            json!(["a"]),
            "no-cache-filter",
            json!(["a"]),
        ),
        (
            "additional_contexts",
            json!({ "a": "/a", "b": "service:base", "c": "docker-image://i" }),
            "contexts",
            json!({ "a": "/a", "b": "target:base", "c": "docker-image://i" }),
        ),
        ("extra_hosts", json!([]), "extra-hosts", Value::Null),
        ("isolation", json!("default"), "isolation", Value::Null),
        ("privileged", json!(false), "privileged", Value::Null),
        ("pull", json!(true), "pull", json!(true)),
        ("shm_size", json!("67108864"), "shm-size", Value::Null),
        ("target", json!("stage"), "target", json!("stage")),
        (
            "tags",
            json!(["r/x:1"]),
            "tags",
            json!(["shop-api", "r/x:1"]),
        ),
        (
            "secrets",
            json!([{ "source": "key" }, { "source": "token", "target": "t" }]),
            "secret",
            json!(["id=key,src=/src/key", "id=t,env=TOKEN"]),
        ),
        (
            "ulimits",
            json!({ "nofile": 10, "nproc": { "soft": 1, "hard": 2 } }),
            "ulimits",
            json!(["nofile=10:10", "nproc=1:2"]),
        ),
        (
            "platforms",
            json!(["linux/arm64"]),
            "platforms",
            json!(["linux/arm64"]),
        ),
        ("network", json!("default"), "network", Value::Null),
    ] {
        let target = baked(&json!({ "context": "/src", field: value })).unwrap();
        assert_eq!(target[key], becomes, "{field}");
    }
    let labelled = baked(&json!({ "context": "/s", "labels": { "a": "b" } })).unwrap();
    assert_eq!(labelled["labels"]["a"], "b");
    for repository in ["https://h/x.git#main:sub", "git@h:x.git", "github.com/a/b"] {
        let target = baked(&json!({ "context": repository, "dockerfile": "D" })).unwrap();
        assert_eq!(
            (&target["context"], &target["dockerfile"]),
            (&json!(repository), &json!("D"))
        );
    }
}

#[test]
fn what_cannot_be_kept_leaves_the_project_to_compose() {
    for (field, value) in [
        ("context", json!("src")),
        ("context", json!("https://h/x.tar.gz")),
        ("dockerfile", json!("https://h/Dockerfile")),
        ("dockerfile", json!("-")),
        ("args", json!({ "A": ["x"] })),
        ("args", json!({ "A": "$${x}" })),
        ("extra_hosts", json!(["a=1.2.3.4"])),
        ("privileged", json!(true)),
        ("entitlements", json!(["network.host"])),
        ("network", json!("host")),
        ("provenance", json!(true)),
        ("sbom", json!("true")),
        ("platforms", json!(["linux/amd64", "linux/arm64"])),
        ("secrets", json!([{ "source": "other" }])),
        ("secrets", json!([{ "source": "unknown" }])),
        ("secrets", json!([{ "source": "key", "mode": "0400" }])),
        ("secrets", json!([{ "source": "key", "target": "a,b" }])),
        ("ulimits", json!({ "nofile": "many" })),
        ("additional_contexts", json!({ "a": "service:nobody" })),
        ("additional_contexts", json!({ "a": "target:x" })),
        ("from_the_future", json!(1)),
    ] {
        let mut build = json!({ "context": "/src" });
        build[field] = value.clone();
        assert!(baked(&build).is_err(), "{field}: {value}");
    }
}

#[test]
fn flags_of_build_reach_every_target() {
    let build = json!({ "context": "/src", "args": { "A": "1" } });
    let line = "compose build --build-arg A=2 --build-arg TOKEN --no-cache --pull=true --ssh x=/k";
    let target = baked_by(line, &build).unwrap();
    assert_eq!(target["args"], json!({ "A": "2", "TOKEN": "secret" }));
    assert_eq!(
        (&target["no-cache"], &target["pull"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(target["ssh"], json!(["x=/k"]));
    assert!(baked_by("compose build --build-arg UNSET", &build).is_err());
    // There it is the container's.
    let target = baked_by("compose run --pull missing api", &build).unwrap();
    assert_eq!(target["pull"], Value::Null);
}

#[test]
fn nothing_secret_is_shown() {
    let model = project(&json!({ "api": { "build": {
        "context": "/s", "args": { "A": "hidden" }, "cache_to": ["type=s3,secret_access_key=hidden"],
    } } }));
    let (command, _) = command("compose build --build-arg B=hidden");
    let circumstances = Circumstances {
        command: &command,
        version: Version(2, 26, 1),
        separator: '-',
        variable: &|_| None,
        output: "type=image",
    };
    let baked = bake(&model, &["api".to_owned()], &circumstances).unwrap();
    let shown = serde_json::to_string(&baked).unwrap();
    assert!(!shown.contains("hidden\""), "{shown}");
    assert!(
        shown.contains("\"B\"") && shown.contains("type=s3"),
        "{shown}"
    );
}

#[test]
fn answers_are_read_as_compose_writes_them() {
    let answer = br#"{"name":"a","services":{"x":{"build":{"context":"/p$$q","labels":{"k$$":"$$$${v}"}}}}}"#;
    let model = Model::read(answer).unwrap();
    let build = model.services["x"].build.as_ref().unwrap();
    assert_eq!(build["context"], "/p$q");
    assert_eq!(build["labels"], json!({ "k$": "$${v}" }));
    for wrong in [
        &b"{}"[..],
        b"",
        b"null",
        b"[]",
        br#"{"name":"a$b"}"#,
        br#"{"name":1}"#,
    ] {
        assert!(Model::read(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn services_keep_their_names_as_far_as_bake_takes_them() {
    let build = json!({ "build": { "context": "/s" } });
    let model = project(&json!({ "a.b": build, "a_b": build, "default": build }));
    let names = super::target::names(&model);
    let expected = [("a.b", "a_b"), ("a_b", "a_b_"), ("default", "default_")];
    let expected = expected.map(|(service, name)| (service.to_owned(), name.to_owned()));
    assert_eq!(names, BTreeMap::from(expected));
}

/// What a command builds if the daemon has the image of `there` only, and what is left of it.
fn wanted_by(line: &str) -> Result<(Vec<String>, String), String> {
    let build = json!({ "context": "/s" });
    let mut services = json!({
        "there": { "build": build },
        "missing": { "build": build },
        "named": { "build": build, "image": "r/named" },
        "plain": { "image": "plain" },
    });
    let (command, words) = command(line);
    may_build(&command).map_err(|why| why.0)?;
    let question = question(&command, &words).map_err(|why| why.0)?;
    match question.services.first().map(String::as_str) {
        Some("eager") => services["eager"] = json!({ "build": build, "pull_policy": "build" }),
        Some("pulled") => {
            services["pulled"] = json!({ "build": build, "image": "i", "pull_policy": "always" });
        }
        _ => {}
    }
    let model = project(&services);
    let is_there = |name: &str| Some(name == "shop-there");
    let wanted = wanted(&command, &question, &model, '-', is_there).map_err(|why| why.0)?;
    let left = apply(&words, &without_build(&command, &wanted));
    let left: Vec<_> = left.iter().map(|word| word.to_string_lossy()).collect();
    Ok((wanted.services, left.join(" ")))
}

#[test]
fn what_is_built_is_what_compose_would_build() {
    for (line, services, left) in [
        ("compose build", "missing named there", "compose build"),
        (
            "compose build there plain",
            "there",
            "compose build there plain",
        ),
        (
            "compose build --with-dependencies there",
            "missing named there",
            "compose build --with-dependencies there",
        ),
        ("compose up -d", "missing", "compose up -d"),
        (
            "compose up -d --build",
            "missing named there",
            "compose up -d",
        ),
        ("compose up --build=false", "missing", "compose up"),
        (
            "compose up --build --no-deps there",
            "there",
            "compose up --no-deps there",
        ),
        (
            "compose up --build --pull never",
            "missing named there",
            "compose up --pull never",
        ),
        (
            "compose create --build there",
            "there",
            "compose create there",
        ),
        (
            "compose run --build there make build",
            "missing named there",
            "compose run there make build",
        ),
        (
            "compose run --no-deps missing sh",
            "missing",
            "compose run --no-deps missing sh",
        ),
        (
            "compose up eager",
            "eager missing",
            "compose up --no-build eager",
        ),
        (
            "compose up --pull missing eager",
            "eager missing",
            "compose up --pull missing eager",
        ),
    ] {
        let got = wanted_by(line).unwrap();
        assert_eq!(
            (got.0.join(" ").as_str(), got.1.as_str()),
            (services, left),
            "{line}"
        );
    }
}

#[test]
fn what_compose_has_to_do_itself_is_left_to_it() {
    for line in [
        "compose ps",
        "compose exec api make build",
        "compose -f - build",
        "compose build --push",
        "compose build --print",
        "compose build --memory 1g",
        "compose build --sbom=true",
        "compose --dry-run build",
        "compose --progress json build",
        "compose up --no-build",
        "compose up --watch",
        "compose up --pull always",
        "compose up --build=perhaps",
        "compose up --build pulled",
        "compose run eager",
        "compose watch",
    ] {
        assert!(wanted_by(line).is_err(), "{line}");
    }
}

#[test]
fn the_question_has_the_words_before_the_command() {
    let (command, words) =
        command("--debug compose -f a.yaml -pshop --profile x build --no-cache api");
    let question = question(&command, &words).unwrap();
    let text = |words: &[OsString]| {
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    };
    let before = "--debug compose -f a.yaml -pshop --profile x";
    assert_eq!(
        text(&question.config),
        format!("{before} config --format json -- api")
    );
    assert_eq!(text(&question.version), format!("{before} version --short"));
}
