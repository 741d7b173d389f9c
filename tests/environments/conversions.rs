//! Files of other formats, from the file to the running container.

use std::process::Output;

use serde_json::{Value, json};

use crate::scene::{Answer, BASE, Scene};

/// Makes `shop.yaml` of a file beside it.
#[track_caller]
fn converted(scene: &Scene, command: &str, file: &str, text: &str) -> Value {
    scene.write(file, text);
    let mut envimage = scene.client.command(testbed::engines::envimage_program());
    envimage
        .args([command, "--json", "--force", "--to", "shop.yaml", file])
        .args((command == "migrate").then_some(format!("--image={BASE}")))
        .current_dir(&scene.folder);
    let output = envimage.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let left = std::fs::read_to_string(scene.folder.join(file)).unwrap();
    assert_eq!(left, text, "the older file is changed");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn run(scene: &Scene, script: &str) -> String {
    let mut run = scene.command(&["run", "--env=TASK_ID=7"]);
    run.args(["--", "/bin/bash", "-c", script]);
    let Output {
        status,
        stdout,
        stderr,
    } = run.output().unwrap();
    let told = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{told}");
    String::from_utf8_lossy(&stdout).into_owned()
}

fn fields(report: &Value, of: &str) -> Vec<String> {
    let all = report[of].as_array().unwrap().iter();
    all.map(|one| one["field"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn case_5_an_older_environment_runs_as_it_did_and_is_cached_once_it_is_split() {
    let scene = Scene::new();
    let whole = "#!/bin/bash\nset -e\necho tools >/etc/order\necho task-$TASK_ID >>/etc/order\n\
                 export MODE=\"$MODE and on\"\n";
    let look = "cat /etc/order; echo $MODE";
    let expected = "tools\ntask-7\non and on\n";

    // As it was: one script, at every start.
    let mut older = json!({
        "version": 1, "env_id": "shop", "color": "emerald", "preflight_enabled": true,
        "preflight_script": whole, "env_vars": {"MODE": "on"},
    });
    let report = converted(&scene, "migrate", "older.json", &older.to_string());
    assert_eq!(report["spec"]["run"]["inline"], whole);
    assert_eq!(fields(&report, "warnings"), [""; 0]);
    assert_eq!(fields(&report, "kept"), ["color"]);
    assert_eq!(run(&scene, look), expected);
    assert_eq!(scene.images(), [""; 0]);

    // Caching is switched on, and there is nothing to cache: it is said, and nothing changes.
    older["cache_container_build"] = json!(true);
    let report = converted(&scene, "migrate", "older.json", &older.to_string());
    assert_eq!(fields(&report, "warnings"), ["cached_preflight_script"]);
    assert_eq!(run(&scene, look), expected);
    assert_eq!(scene.images(), [""; 0]);

    // It is split: the first half is built once.
    scene.write("whole.sh", whole);
    let mut split = scene.client.command(testbed::engines::envimage_program());
    split.args(["split", "--json", "whole.sh"]);
    let split = split.current_dir(&scene.folder).output().unwrap();
    let split: Value = serde_json::from_slice(&split.stdout).unwrap();
    older["cached_preflight_script"] = split["cached"].clone();
    older["run_preflight_script"] = split["run"].clone();
    older["preflight_script"] = json!("");
    let report = converted(&scene, "migrate", "older.json", &older.to_string());
    assert_eq!(fields(&report, "warnings"), [""; 0]);
    let built = scene.ensure();
    assert_eq!(built.verdicts(), ["built"], "{}", built.said);
    assert_eq!(scene.cat(built.image(), "/etc/order"), "tools");
    assert_eq!(run(&scene, look), expected);
    assert_eq!(scene.ensure().verdicts(), ["hit"]);
    assert_eq!(scene.images().len(), 1);

    // Another run script builds nothing.
    older["run_preflight_script"] = json!("echo other >>/etc/order\n");
    converted(&scene, "migrate", "older.json", &older.to_string());
    let found = scene.ensure();
    assert_eq!(
        (found.verdicts(), found.image()),
        (vec!["hit"], built.image())
    );
    assert_eq!(run(&scene, look), "tools\nother\non\n");
}

#[test]
fn the_command_is_the_remote_user_s_of_a_devcontainer_as_its_scripts_are() {
    let scene = Scene::new();
    let text = format!(
        r#"{{"image": "{BASE}", "remoteUser": "dev", "onCreateCommand": "id -un >/tmp/who",
        "postCreateCommand": "cat /tmp/who; id -un"}}"#
    );
    converted(&scene, "from-devcontainer", "devcontainer.json", &text);
    assert_eq!(run(&scene, "id -un"), "dev\ndev\ndev\n");
}

#[test]
fn the_commands_of_a_devcontainer_run_when_they_should_and_as_they_are_written() {
    let scene = Scene::new();
    let text = format!(
        r#"{{
        // What is baked, and what is not.
        "image": "{BASE}",
        "initializeCommand": "echo host > initialized",
        "onCreateCommand": ["/bin/bash", "-c", "echo \"on: $1|$MODE\" >>/order", "-", "a 'b' $c"],
        "updateContentCommand": "echo content >>/order; id -un >>/order",
        "postCreateCommand": {{"one": "echo one >/one", "two": ["touch", "/two"]}},
        "postStartCommand": "cat /one; ls /two; echo $ALL >>/order",
        "containerEnv": {{"MODE": "dev"}},
        "remoteEnv": {{"ALL": "${{containerEnv:MODE}}+more"}},
    }}"#
    );
    let report = converted(&scene, "from-devcontainer", "devcontainer.json", &text);
    assert_eq!(fields(&report, "kept"), ["initializeCommand"]);
    let built: Answer = scene.ensure();
    assert_eq!(built.verdicts(), ["built", "built"], "{}", built.said);
    let baked = "on: a 'b' $c|dev\ncontent\nroot";
    assert_eq!(scene.cat(built.image(), "/order"), baked);
    let said = run(&scene, "cat /order; echo $ALL");
    assert_eq!(said, format!("one\n/two\n{baked}\ndev+more\ndev+more\n"));
    assert_eq!(scene.ensure().verdicts(), ["hit", "hit"]);
    assert!(!scene.folder.join("initialized").exists());
}
