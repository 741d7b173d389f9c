//! Containers of environments: what runs before the command, and what the command finds.

use std::io::Write as _;
use std::process::{Output, Stdio};

use serde_json::Value;
use testbed::engines::Release;
use testbed::stack::Store;

use crate::scene::Scene;

/// Runs a command in a container of the spec, to its end.
fn run(scene: &Scene, flags: &[&str], command: &[&str]) -> Output {
    let words = [&["run"], flags].concat();
    let mut run = scene.command(&words);
    run.arg("--").args(command).output().unwrap()
}

#[track_caller]
fn said(output: &Output, code: i32) -> String {
    let (out, err) = (&output.stdout, String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{err}");
    String::from_utf8_lossy(out).into_owned()
}

#[test]
fn what_could_not_be_baked_runs_first_then_the_run_script_then_the_command() {
    let scene = Scene::new();
    scene.write("lib.sh", "greet() { echo \"$1\" >>/order; }\n");
    scene.write(
        "broken.sh",
        ". \"$(dirname \"$0\")/lib.sh\"\ngreet \"broken $NODE\"\nexport LOST=1\nexit 3\n",
    );
    scene.write(
        "run.sh",
        ". \"$(dirname \"$0\")/lib.sh\"\nset -e\ncd /tmp\nunset GOES\nexport SAID='a  b\n c' PATH=/opt:$PATH\n\
         trap 'greet trapped' EXIT\ngreet run\nexit 0\n",
    );
    scene.spec(
        "stages:\n\
         - {name: good, inline: 'echo baked >/order'}\n\
         - {name: bad, script: broken.sh, sources: [lib.sh], args: {NODE: \"22\"}}\n\
         - {name: last, inline: 'echo last >>/order'}\n\
         run: {script: run.sh, sources: [lib.sh]}\n\
         environment: {GOES: \"1\", STAYS: \"2\"}\n",
    );
    let command =
        "echo \"$SAID|${GOES-}|$STAYS|${LOST-}|$TOO|$PWD|$HOME\"; cat /order; echo $$; exit 7";
    let output = run(&scene, &["--env=TOO=3"], &["/bin/bash", "-c", command]);
    let expected = "a  b\n c||2||3|/|/root\nbaked\nbroken 22\nlast\nrun\ntrapped\n1\n";
    assert_eq!(said(&output, 7), expected);
    let told = String::from_utf8_lossy(&output.stderr);
    let failed = "the cached script of stage bad failed with exit code 3; going on without it";
    assert!(told.contains(failed), "{told}");

    // What is mounted is read-only, and nothing of it stays in the container.
    let command = "for at in /dev/cachecore/startup/*; do echo >>$at && exit 1; done; exit 0";
    said(&run(&scene, &[], &["/bin/bash", "-c", command]), 0);
    let keep = run(&scene, &["--keep", "--name=kept"], &["/bin/true"]);
    said(&keep, 0);
    let changed = scene.client.docker(&["diff", "kept"]);
    assert!(!changed.contains("cachecore"), "{changed}");

    // A run script that fails is the end.
    scene.write("run.sh", "exit 9\n");
    let output = run(&scene, &[], &["/bin/cat", "/order"]);
    assert_eq!(said(&output, 9), "");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("the run script failed with exit code 9"),
        "{told}"
    );

    // A command that is not there.
    scene.write("run.sh", "true\n");
    let output = run(&scene, &[], &["no-such-program"]);
    assert_eq!(said(&output, 127), "");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("\nenvimage: line "), "{told}");
}

#[test]
fn each_script_runs_as_its_own_user_and_the_command_as_the_image_s() {
    let scene = Scene::new();
    scene.import_with(
        "base:dev",
        "1",
        &["--change=USER dev", "--change=ENV HOME=/elsewhere"],
    );
    scene.write(
        "shop.yaml",
        "version: 1\nimage: base:dev\nstages:\n\
         - {name: root, user: root, cache: false, inline: 'id -un; echo $HOME >/root/home; echo /root/*'}\n\
         - {name: dev, inline: 'id -un'}\nrun: {inline: 'id -un; export A=1'}\n",
    );
    let output = run(&scene, &[], &["/bin/bash", "-c", "id -un; echo $A $$"]);
    assert_eq!(said(&output, 0), "root\n/root/home\ndev\ndev\ndev\n1 1\n");
}

#[test]
fn the_command_is_the_spec_s_user_or_whom_the_caller_names() {
    let scene = Scene::new();
    let head = "user: dev\nstages:\n- {name: root, user: root, inline: 'id -un >/who'}\n";
    let who = ["/bin/bash", "-c", "cat /who; id -un; echo $HOME ${A-}"];
    // Nothing runs before it: docker knows users as well.
    scene.spec(head);
    let plain = run(&scene, &[], &who);
    assert_eq!(said(&plain, 0), "root\ndev\n/\n");
    let asked = run(&scene, &["--user=root"], &who);
    assert_eq!(said(&asked, 0), "root\nroot\n/root\n");
    // As whom the run script runs.
    scene.spec(&format!("{head}run: {{inline: 'id -un; export A=1'}}\n"));
    let both = run(&scene, &[], &who);
    assert_eq!(said(&both, 0), "dev\nroot\ndev\n/ 1\n");
    // Whoever runs the command has a home of his own, and not the script's.
    let asked = run(&scene, &["--user=root"], &who);
    assert_eq!(said(&asked, 0), "dev\nroot\nroot\n/root 1\n");
    let unknown = run(&scene, &["--user=ghost"], &who);
    assert_eq!(said(&unknown, 126), "dev\n");
    let told = String::from_utf8_lossy(&unknown.stderr);
    let why = "envimage: cannot become ghost: the image has no such user";
    assert!(told.contains(why), "{told}");
}

#[test]
fn an_image_without_bash_starts_with_its_sh_and_its_own_entrypoint() {
    let scene = Scene::new();
    let changes = [
        "--change=ENTRYPOINT [\"/bin/env\", \"B=2\"]",
        "--change=CMD [\"/bin/sh\", \"-c\", \"echo own $A $B\"]",
    ];
    scene.import_with("base:sh", "no bash", &changes);
    scene.write(
        "shop.yaml",
        "version: 1\nimage: base:sh\nrun: {inline: 'export A=1; trap true EXIT'}\n",
    );
    let run = scene.command(&["run"]).output().unwrap();
    assert_eq!(said(&run, 0), "own 1 2\n");
    let shown = scene.envimage(&["run", "--print", "--json"]);
    let document: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(document["before"], serde_json::json!(["the run script"]));
}

#[test]
fn what_is_piped_in_is_the_command_s_and_limits_and_mounts_are_docker_s() {
    let scene = Scene::new();
    scene.write("data/file", "mounted");
    scene.spec("run: {inline: 'cat >/dev/null; true'}\nlimits: {memory: 64m, pids: 100}\n");
    let mut cat = scene.command(&["run"]);
    cat.args(["--", "/bin/cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut cat = cat.spawn().unwrap();
    cat.stdin
        .take()
        .unwrap()
        .write_all(b"for the command\n")
        .unwrap();
    assert_eq!(
        said(&cat.wait_with_output().unwrap(), 0),
        "for the command\n"
    );

    let source = scene.folder.join("data");
    let flags = [
        &format!("--mount={source}:/a:ro"),
        &format!("--mount=type=bind,source={source},target=/b"),
        "--limits=cpus=1.5,pids=50",
        "--keep",
        "--name=limited",
        "--network=none",
        "--workdir=/b",
    ];
    let output = run(
        &scene,
        &flags,
        &[
            "/bin/bash",
            "-c",
            "cat /a/file file; echo >/a/x || echo $PWD",
        ],
    );
    assert_eq!(said(&output, 0), "mountedmounted/b\n");
    let inspected = scene.client.docker(&["inspect", "limited"]);
    let inspected: Value = serde_json::from_str(&inspected).unwrap();
    let host = &inspected[0]["HostConfig"];
    assert_eq!(host["NanoCpus"], 1_500_000_000);
    assert_eq!(host["Memory"], 64 << 20);
    assert_eq!(host["PidsLimit"], 50);
    assert_eq!(host["NetworkMode"], "none");
    assert_eq!(
        inspected[0]["Config"]["Labels"]["cachecore.environment.run"],
        "shop"
    );

    // Docker would say so only of an image that it starts as it is.
    let none = scene.envimage(&["run"]);
    said(&none, 2);
    let wrong = run(&scene, &["--limits=disk=1g"], &["true"]);
    said(&wrong, 2);
}

#[test]
fn the_older_engine_starts_it_as_well() {
    let scene = Scene::with(Release::V20_10, Store::Classic);
    scene.spec(
        "stages:\n- {name: bad, inline: 'echo start >/order; exit 3'}\nrun: {inline: 'export A=1'}\n",
    );
    let output = run(
        &scene,
        &[],
        &["/bin/bash", "-c", "cat /order; echo $A; exit 5"],
    );
    assert_eq!(said(&output, 5), "start\n1\n");
}
