use proptest::prelude::*;
use serde_json::json;

use super::*;

const SHOP: Place<'static> = Place {
    folder: Some("shop"),
    image: None,
};

fn made(text: &str) -> Conversion {
    convert(text, SHOP).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn inline(script: &Script) -> &str {
    match script {
        Script::Inline(text) => text,
        Script::File(path) => panic!("a file {path}"),
    }
}

fn run(made: &Conversion) -> &str {
    inline(&made.spec.run.as_ref().unwrap().script)
}

fn stages(made: &Conversion) -> Vec<(&str, &str)> {
    let stages = made.spec.stages.iter();
    stages
        .map(|stage| (stage.name.as_str(), inline(&stage.script)))
        .collect()
}

fn kept(made: &Conversion) -> Vec<&str> {
    made.kept.iter().map(|kept| kept.field.as_str()).collect()
}

fn warned<'a>(made: &'a Conversion, field: &str) -> Vec<&'a Warning> {
    let warnings = made.warnings.iter();
    warnings.filter(|warning| warning.field == field).collect()
}

/// What a script runs for one command.
fn lines(command: &str) -> String {
    let made = made(&format!(
        r#"{{"image": "a", "onCreateCommand": {command}}}"#
    ));
    let text = stages(&made)[0].1.to_owned();
    let start = "#!/bin/sh\n\n# onCreateCommand\n";
    text.strip_prefix(start)
        .unwrap_or_else(|| panic!("{text}"))
        .to_owned()
}

#[test]
fn commands_are_cached_or_run_by_their_names_and_in_their_order() {
    let made = made(
        r#"{
        // The image.
        "image": "mcr.microsoft.com/devcontainers/base:bookworm", /* with a tag */
        "postAttachCommand": "echo attach",
        "postStartCommand": "echo start",
        "postCreateCommand": "echo create",
        "updateContentCommand": "echo content",
        "onCreateCommand": "echo on",
        "initializeCommand": "rm -rf /",
        "name": "The Shop",
    }"#,
    );
    assert_eq!(made.spec.name.as_str(), "the-shop");
    assert_eq!(
        made.spec.image,
        "mcr.microsoft.com/devcontainers/base:bookworm"
    );
    assert_eq!(
        stages(&made),
        [
            (
                "on-create",
                "#!/bin/sh\n\n# onCreateCommand\n(\necho on\n) || exit\n"
            ),
            (
                "update-content",
                "#!/bin/sh\n\n# updateContentCommand\n(\necho content\n) || exit\n"
            ),
        ]
    );
    assert_eq!(
        run(&made),
        "#!/bin/sh\n[ ! -d /workspaces/shop ] || cd /workspaces/shop || exit\n\
         \n# postCreateCommand\n(\necho create\n) || exit\n\
         \n# postStartCommand\n(\necho start\n) || exit\n\
         \n# postAttachCommand\n(\necho attach\n) || exit\n"
    );
    assert_eq!(kept(&made), ["initializeCommand"]);
    assert!(made.kept[0].why.contains("a build never runs it"));
}

#[test]
fn each_form_of_a_command_keeps_its_meaning() {
    for (command, expected) in [
        (
            r#""apt-get update && apt-get install -y jq""#,
            "(\napt-get update && apt-get install -y jq\n) || exit\n",
        ),
        (r#""echo $HOME # why""#, "(\necho $HOME # why\n) || exit\n"),
        (
            r#"["npm", "install", "-g", "pnpm@9"]"#,
            "npm install -g pnpm@9 || exit\n",
        ),
        (
            r#"["printf", "%s", "a b", "$HOME", "it's", ""]"#,
            "( exec printf %s 'a b' '$HOME' 'it'\\''s' '' ) || exit\n",
        ),
        (r#"["if", "x"]"#, "( exec if x ) || exit\n"),
        (r#"["A=b", "x"]"#, "( exec 'A=b' x ) || exit\n"),
        (r#"["bash", "-c", "a\nb"]"#, "bash -c 'a\nb' || exit\n"),
        (
            r#"{"server": "a && b", "db": ["c", "d e"], "none": ""}"#,
            "# server\n(\na && b\n) & started_0=$!\n# db\nc 'd e' & started_1=$!\nfailed=0\n\
             wait \"$started_0\" || failed=$?\nwait \"$started_1\" || failed=$?\n\
             [ \"$failed\" = 0 ] || exit \"$failed\"\n",
        ),
    ] {
        assert_eq!(lines(command), expected, "{command}");
    }
    for nothing in [
        r#""""#,
        "[]",
        "{}",
        "null",
        r##""# later""##,
        r##""\n # a\n""##,
    ] {
        let made = made(&format!(
            r#"{{"image": "a", "onCreateCommand": {nothing}, "postStartCommand": {nothing}}}"#
        ));
        assert_eq!(
            (stages(&made), &made.spec.run),
            (vec![], &None),
            "{nothing}"
        );
    }
}

#[test]
fn variables_of_the_format_are_known_or_said() {
    let made = made(
        r#"{"image": "a", "workspaceFolder": "/src/${localWorkspaceFolderBasename}",
        "containerEnv": {"ONE": "1", "TOKEN": "${localEnv:TOKEN}", "TRUE": true},
        "remoteEnv": {"PATH": "${containerEnv:PATH}:/opt/my tools", "HERE": "${containerWorkspaceFolder}/x",
            "ONE": "2", "a-b": "c", "GONE": null, "EDITOR": "${containerEnv:EDITOR:a$b}"},
        "postCreateCommand": "cd ${containerWorkspaceFolder} && echo ${localEnv:USER:me} ${HOME} ${containerEnv:A}"}"#,
    );
    let environment: Vec<(&str, &str)> = made
        .spec
        .environment
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        environment,
        [("HERE", "/src/shop/x"), ("ONE", "2"), ("TRUE", "true")]
    );
    assert_eq!(
        run(&made),
        "#!/bin/sh\nexport PATH=\"${PATH}\"':/opt/my tools'\nunset GONE\n\
         export EDITOR=\"${EDITOR:-a\\$b}\"\n\
         [ ! -d /src/shop ] || cd /src/shop || exit\n\n# postCreateCommand\n\
         (\ncd /src/shop && echo me ${HOME} ${A}\n) || exit\n"
    );
    assert_eq!(kept(&made), ["containerEnv.TOKEN", "remoteEnv.a-b"]);
    assert!(
        made.kept[0]
            .instead
            .as_ref()
            .unwrap()
            .contains("--env TOKEN=...")
    );
    let said = warned(&made, "postCreateCommand");
    assert!(said[0].text.contains("${localEnv:USER:me}"), "{said:?}");
    // No stages, no arguments.
    assert!(made.spec.args.is_empty());
}

#[test]
fn cached_commands_get_the_environment_as_arguments() {
    let made = made(
        r#"{"image": "a", "containerEnv": {"A": "1"}, "onCreateCommand": "x",
        "remoteEnv": {"PATH": "/x:${containerEnv:PATH}"}}"#,
    );
    assert_eq!(made.spec.args["A"], "1");
    let script = "#!/bin/sh\nexport PATH=/x:\"${PATH}\"\n\n# onCreateCommand\n(\nx\n) || exit\n";
    assert_eq!(stages(&made), [("on-create", script)]);
    // The task's own command sees it, too.
    assert_eq!(run(&made), "#!/bin/sh\nexport PATH=/x:\"${PATH}\"\n");
}

#[test]
fn what_a_build_does_not_have_is_said() {
    for (command, needs) in [
        ("apt-get install -y jq", false),
        ("npm install -g pnpm", false),
        ("npm ci", true),
        ("sudo npm install", true),
        ("cmake --version", false),
        ("make -j4", true),
        ("pip install -r requirements.txt", true),
        ("pip install black", false),
        ("bash .devcontainer/setup.sh", true),
        ("./setup.sh", true),
        ("curl https://example.org/a/./b", false),
        ("ls ${containerWorkspaceFolder}", true),
    ] {
        let text = json!({"image": "a", "onCreateCommand": command}).to_string();
        let made = made(&text);
        let said = warned(&made, "onCreateCommand");
        assert_eq!(!said.is_empty(), needs, "{command}: {said:?}");
        // It stays a stage, which falls back to the start of a task if it fails.
        assert!(made.spec.stages[0].cached);
    }
    let made = made(r#"{"image": "a", "updateContentCommand": "true"}"#);
    assert!(
        warned(&made, "updateContentCommand")[0]
            .text
            .contains("not there while")
    );
}

#[test]
fn the_image_is_named_or_has_to_be_built_first() {
    let build = made(
        r#"{"build": {"dockerfile": "Dockerfile", "context": "..", "target": "dev",
        "args": {"V": "1 2"}, "options": ["--pull"]}, "name": "My Shop"}"#,
    );
    assert_eq!(build.spec.image, "devcontainer-my-shop");
    assert_eq!(
        warned(&build, "build")[0].fix,
        "in the folder of the file: docker build --tag devcontainer-my-shop --file Dockerfile \
         --target dev --build-arg 'V=1 2' --pull .."
    );
    assert_eq!(kept(&build), ["build"]);
    let older = made(r#"{"dockerFile": "D", "context": "c"}"#);
    assert!(warned(&older, "build")[0].fix.ends_with("--file D c"));
    assert_eq!(kept(&older), ["context", "dockerFile"]);
    let compose = made(r#"{"dockerComposeFile": ["a.yml", "b.yml"], "service": "app"}"#);
    let fix = &warned(&compose, "dockerComposeFile")[0].fix;
    assert!(
        fix.contains("docker compose --file a.yml --file b.yml build app"),
        "{fix}"
    );
    assert_eq!(kept(&compose), ["dockerComposeFile", "service"]);
    let chosen = Place {
        image: Some("debian:12"),
        ..SHOP
    };
    let chosen = convert(r#"{"build": {"dockerfile": "D"}}"#, chosen).unwrap();
    assert_eq!(
        (chosen.spec.image.as_str(), chosen.warnings),
        ("debian:12", vec![])
    );
    assert_eq!(convert("{}", SHOP), Err(DevcontainerError::NoImage));
}

#[test]
fn what_has_no_place_is_listed_with_the_reason() {
    let made = made(
        r#"{"image": "a", "features": {"ghcr.io/devcontainers/features/node:1": {"version": "22"}},
        "forwardPorts": [3000], "customizations": {"vscode": {}}, "mounts": ["source=a,target=/b"],
        "runArgs": ["--init"], "hostRequirements": {"cpus": 4}, "privileged": true,
        "capAdd": ["SYS_PTRACE"], "secrets": {"TOKEN": {}}, "somethingNew": 1, "$schema": "x",
        "remoteUser": "vscode", "containerUser": "root", "overrideCommand": null}"#,
    );
    assert_eq!(
        kept(&made),
        [
            "$schema",
            "capAdd",
            "containerUser",
            "customizations",
            "features",
            "forwardPorts",
            "hostRequirements",
            "mounts",
            "privileged",
            "runArgs",
            "secrets",
            "somethingNew",
        ]
    );
    assert_eq!(made.spec.user.as_deref(), Some("vscode"));
    let features = made
        .kept
        .iter()
        .find(|kept| kept.field == "features")
        .unwrap();
    assert_eq!(
        features.value,
        json!({"ghcr.io/devcontainers/features/node:1": {"version": "22"}})
    );
    assert!(features.instead.as_ref().unwrap().contains("cached script"));
    // All of it can be read in the file.
    let text = made.file("envimage from-devcontainer", "devcontainer.json");
    for kept in &made.kept {
        assert!(
            text.contains(&format!("#   {}: {}\n", kept.field, kept.value)),
            "{text}"
        );
    }
    assert_eq!(Spec::parse(&text, "shop.yaml").unwrap(), made.spec);
}

#[test]
fn what_is_no_devcontainer_is_refused_with_the_place() {
    for (text, message) in [
        ("", "the file is empty"),
        ("// nothing", "the file is empty"),
        ("[1]", "the file holds an array where an object is needed"),
        ("{\n  \"image\": a\n}", "line 2, column 12: unexpected word"),
        (
            "{\"image\": \"a\" \"b\": 1}",
            "line 1, column 14: expected comma",
        ),
        ("{\"image\": \"a\"", "line 1, column 1: unterminated object"),
        (
            "{'image': 'a'}",
            "line 1, column 2: single-quoted strings are not allowed",
        ),
        ("{/* ", "line 1, column 2: unterminated comment block"),
        (
            "{\"image\": \"a\",\n \"onCreateCommand\": 1}",
            "line 2, column 21: onCreateCommand is a number where a string, an array of strings \
             or an object of these is needed",
        ),
        (
            "{\"image\": \"a\", \"onCreateCommand\": [\"a\", 1]}",
            "line 1, column 41: onCreateCommand is a number where an array of strings is needed",
        ),
        (
            "{\"image\": \"a\", \"onCreateCommand\": {\"x\": {}}}",
            "line 1, column 41: onCreateCommand.x is an object where a string, an array of \
             strings or an object of these is needed",
        ),
        (
            "{\"image\": \"a\", \"onCreateCommand\": \"a\\u0000\"}",
            "line 1, column 35: onCreateCommand is a string where a command without NUL \
             characters is needed",
        ),
        (
            "{\"image\": \"a\", \"remoteEnv\": []}",
            "line 1, column 29: remoteEnv is an array where an object is needed",
        ),
        (
            "{\"image\": 1}",
            "line 1, column 11: image is a number where a string is needed",
        ),
    ] {
        let error = convert(text, SHOP).unwrap_err();
        assert_eq!(error.to_string(), message, "{text}");
        assert!(!error.help().is_empty());
    }
    let deep = format!("{{\"a\": {}", "[".repeat(100_000));
    let error = convert(&deep, SHOP).unwrap_err();
    assert!(matches!(error, DevcontainerError::Syntax { .. }), "{error}");
    let long = " ".repeat(MAX_FILE + 1);
    assert!(matches!(
        convert(&long, SHOP),
        Err(DevcontainerError::TooLong { .. })
    ));
}

proptest! {
    #[test]
    fn no_text_is_too_strange_to_be_refused(text in "[\\[\\]{}\",:/*a-z0-9\n\\\\ $]{0,80}") {
        let _ = convert(&text, SHOP);
    }

    #[test]
    fn every_spec_that_is_made_can_be_read(
        command in "[^\0]{0,40}", name in ".{0,20}", value in ".{0,20}", word in "[^\0]{0,20}",
    ) {
        let text = json!({
            "image": "debian:12", "name": name, "containerEnv": {"A": value},
            "onCreateCommand": command, "postStartCommand": {"x": [word], "y": command},
            "unknown": command,
        });
        let made = convert(&text.to_string(), SHOP).unwrap();
        let text = made.file("envimage from-devcontainer", "devcontainer.json");
        prop_assert_eq!(Spec::parse(&text, "shop.yaml").unwrap(), made.spec);
    }
}
