//! What people tried by hand before they trusted environments with caching: one test a case. The fifth, an
//! older environment file, is with the conversions.

use std::process::Output;

use crate::scene::Scene;

/// What a task has found: the numbers that the stages and the run script have drawn.
struct Task {
    drawn: Vec<String>,
    told: String,
}

/// Runs a task, which succeeds.
#[track_caller]
fn task(scene: &Scene) -> Task {
    let mut run = scene.command(&["run"]);
    run.args([
        "--",
        "/bin/bash",
        "-c",
        "cat /desktop /environment; echo $RUN",
    ]);
    let Output {
        status,
        stdout,
        stderr,
    } = run.output().unwrap();
    let told = String::from_utf8(stderr).unwrap();
    assert!(status.success(), "{status}: {told}");
    let found = String::from_utf8(stdout).unwrap();
    let drawn: Vec<String> = found.lines().map(str::to_owned).collect();
    Task { drawn, told }
}

/// Each script draws a number, and draws another one when it runs again.
fn scene(lines: &str) -> Scene {
    let scene = Scene::new();
    for stage in ["desktop", "environment"] {
        scene.write(&format!("{stage}.sh"), &format!("{}\n", draws(stage)));
    }
    scene.write("run.sh", "export RUN=run-$RANDOM$RANDOM\n");
    scene.spec(&format!("{lines}run: {{script: run.sh}}\n"));
    scene
}

fn draws(stage: &str) -> String {
    format!("echo {stage}-$RANDOM$RANDOM >/{stage}")
}

const BOTH: &str = "stages:\n- {name: desktop, script: desktop.sh}\n- {name: environment, script: environment.sh}\n";

#[test]
fn case_1_without_caching_all_runs_at_each_start_and_nothing_is_built() {
    let scene = scene(&BOTH.replace(".sh}", ".sh, cache: false}"));
    let (first, second) = (task(&scene), task(&scene));
    assert_eq!((first.drawn.len(), second.drawn.len()), (3, 3));
    for (one, other) in first.drawn.iter().zip(&second.drawn) {
        assert_ne!(one, other, "each has run again");
    }
    assert_eq!(scene.images(), [""; 0]);
}

#[test]
fn case_2_with_the_environment_cached_the_second_start_runs_the_run_script_alone() {
    let scene = scene("stages:\n- {name: environment, script: environment.sh}\n");
    scene.write(
        "environment.sh",
        &format!("{}; >/desktop\n", draws("environment")),
    );
    let (first, second) = (task(&scene), task(&scene));
    assert!(
        first.told.contains("environment: MISS, built in"),
        "{}",
        first.told
    );
    assert_eq!(second.told, "", "a hit says nothing beside the task");
    assert_eq!(first.drawn[0], second.drawn[0]);
    assert_ne!(
        first.drawn[1], second.drawn[1],
        "the run script has run again"
    );
    assert_eq!(scene.images().len(), 1);
}

#[test]
fn case_3_desktop_and_environment_are_layered_and_both_hit() {
    let scene = scene(BOTH);
    let (first, second) = (task(&scene), task(&scene));
    assert!(
        first.told.contains("desktop: MISS, built in"),
        "{}",
        first.told
    );
    assert_eq!(first.drawn[..2], second.drawn[..2]);
    let answer = scene.ensure();
    let desktop = answer.document["stages"][0]["image"].as_str().unwrap();
    let [base, desktop, environment] =
        [crate::scene::BASE, desktop, answer.image()].map(|image| scene.layers(image));
    assert!(desktop.starts_with(&base) && environment.starts_with(&desktop));
    assert!(base.len() < desktop.len() && desktop.len() < environment.len());
}

#[test]
fn case_4_a_change_builds_its_level_and_those_above_and_a_run_script_builds_none() {
    let scene = scene(BOTH);
    let first = task(&scene);
    scene.write(
        "environment.sh",
        &format!("{} # changed\n", draws("environment")),
    );
    let second = task(&scene);
    assert_eq!(first.drawn[0], second.drawn[0]);
    assert_ne!(first.drawn[1], second.drawn[1]);
    scene.write("desktop.sh", &format!("{} # changed\n", draws("desktop")));
    let third = task(&scene);
    assert_ne!(second.drawn[0], third.drawn[0]);
    assert_ne!(second.drawn[1], third.drawn[1]);
    scene.write("run.sh", "export RUN=changed\n");
    let fourth = task(&scene);
    assert_eq!(third.drawn[..2], fourth.drawn[..2]);
    assert_eq!(
        (fourth.drawn[2].as_str(), fourth.told.as_str()),
        ("changed", "")
    );
}

#[test]
fn case_6_a_broken_cached_script_is_shown_and_the_task_completes() {
    let scene = scene(BOTH);
    let broken = format!("{}\nif true; then\n", draws("environment"));
    scene.write("environment.sh", &broken);
    let first = task(&scene);
    assert!(
        first.told.contains("environment | "),
        "the log: {}",
        first.told
    );
    assert!(first.told.contains("syntax error"), "{}", first.told);
    assert!(
        first.told.contains("environment: MISS, failed"),
        "{}",
        first.told
    );
    assert!(
        first.drawn[0].starts_with("desktop-"),
        "the stage below is kept"
    );
    assert!(
        first.drawn[1].starts_with("environment-"),
        "it ran at the start"
    );
    let second = task(&scene);
    assert_eq!(first.drawn[0], second.drawn[0]);
    assert_ne!(first.drawn[1], second.drawn[1], "it runs at every start");
    assert!(second.told.contains("tried again after"), "{}", second.told);
}
