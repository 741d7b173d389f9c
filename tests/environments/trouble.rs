//! Daemons that go away, and disks that are full.

use testbed::engines::Release;
use testbed::mounted::Mounted;
use testbed::stack::{Daemon, Stack, Store};

use crate::interrupted::{is_gone, sleeping, sleeps};
use crate::scene::{Answer, Scene, names};

fn restarted(end: impl FnOnce(&mut Daemon)) {
    let mut scene = Scene::new();
    let line = sleeping(&scene);
    let child = scene.spawn(&["ensure", "--json"]);
    sleeps(&line);
    scene.write("speed", "fast");
    end(&mut scene.daemon);
    is_gone(&line);
    scene.daemon.revive();
    let answer = Answer::of(child.wait_with_output().unwrap());
    assert_eq!(answer.verdicts(), ["built"], "{}", answer.said);
    let begun = answer.said.matches("tools | begun").count();
    assert_eq!(begun, 2, "it was built once more: {}", answer.said);
    assert_eq!(scene.cat(answer.image(), "/made"), "made");
}

#[test]
fn a_daemon_that_is_killed_and_started_meanwhile_builds_once_more() {
    restarted(Daemon::kill);
}

#[test]
fn a_daemon_that_is_restarted_meanwhile_builds_once_more() {
    restarted(Daemon::stop);
}

#[test]
fn a_daemon_that_does_not_come_back_is_an_error_and_no_failure_of_the_stage() {
    let mut scene = Scene::new();
    let line = sleeping(&scene);
    let child = scene.spawn(&["ensure", "--timeout=10s"]);
    sleeps(&line);
    scene.daemon.kill();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot ask the daemon"), "{said}");
    assert_eq!(names(&scene.state.join("failures")), [""; 0]);
}

#[test]
fn without_a_daemon_there_is_an_error_that_says_so() {
    let mut scene = Scene::new();
    scene.spec("stages:\n- {name: tools, inline: 'true'}\n");
    scene.daemon.kill();
    let output = scene.envimage(&["ensure"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot ask the daemon at unix://"), "{said}");
    assert!(said.contains("help: is the daemon running"), "{said}");
}

#[test]
fn a_full_disk_fails_the_stage_and_leaves_an_image_to_run() {
    let stack = Stack::new();
    let data_root = stack.fresh("data");
    std::fs::create_dir(&data_root).unwrap();
    let _small = Mounted::tmpfs_of(&data_root, "64m");
    let scene = Scene::at(stack, Release::V26_1, Store::Classic, data_root);
    scene.write("small.sh", "echo small > /small\n");
    scene.write("big.sh", "dd if=/dev/zero of=/big bs=1M count=100\n");
    scene.spec("stages:\n- {name: small, script: small.sh}\n- {name: big, script: big.sh}\n");
    let answer = scene.ensure();
    assert_eq!(answer.verdicts(), ["built", "failed"], "{}", answer.said);
    assert!(
        answer.reason(1).contains("No space left"),
        "{}",
        answer.reason(1)
    );
    assert_eq!(scene.cat(answer.image(), "/small"), "small");
    assert_eq!(names(&scene.state.join("builds")), [""; 0]);
    scene.write("big.sh", "echo big > /big\n");
    let answer = scene.ensure();
    assert_eq!(answer.verdicts(), ["hit", "built"], "{}", answer.said);
}

#[test]
fn where_nothing_can_be_remembered_what_is_there_is_found_and_nothing_is_built() {
    let mut scene = Scene::new();
    scene.spec("stages:\n- {name: tools, inline: 'true'}\n");
    let good = scene.state.clone();
    std::fs::write(scene.folder.join("file"), "").unwrap();
    scene.state = scene.folder.join("file/state");
    let answer = scene.ensure();
    assert_eq!(answer.verdicts(), ["failed"]);
    assert!(
        answer.reason(0).contains("cannot make the folder"),
        "{}",
        answer.reason(0)
    );
    let bad = std::mem::replace(&mut scene.state, good);
    assert_eq!(scene.ensure().verdicts(), ["built"]);
    scene.state = bad;
    assert_eq!(scene.ensure().verdicts(), ["hit"]);
}
