//! Daemons that go away, and disks that are full.

use testbed::engines::{Release, eventually, marker, remains};
use testbed::mounted::Mounted;
use testbed::stack::{Stack, Store};

use crate::scene::{Answer, Scene, names};

#[test]
fn a_daemon_that_is_restarted_meanwhile_builds_once_more() {
    let mut scene = Scene::new();
    let marker = marker();
    // Sleeps for ever until a file appears that a second daemon's clock decides: the first build never ends.
    scene.write(
        "tools.sh",
        &format!("echo begun; sleep {marker}; echo made > /made\n"),
    );
    scene.spec("stages:\n- {name: tools, script: tools.sh}\n");
    let child = scene.spawn(&["ensure", "--json", "--timeout=20s"]);
    let line = format!("sleep {marker}");
    let is_running = || !remains::command_lines_with(&line).is_empty();
    eventually("the script sleeps", is_running);
    scene.daemon.kill();
    eventually("the daemon's work ends with it", || !is_running());
    scene.daemon.revive();
    eventually("it is built once more", is_running);
    let answer = Answer::of(child.wait_with_output().unwrap());
    assert_eq!(
        answer.verdicts(),
        ["failed"],
        "its time was up: {}",
        answer.said
    );
    assert_eq!(
        answer.said.matches("tools | begun").count(),
        2,
        "{}",
        answer.said
    );
    assert!(
        answer.said.contains("waiting for the daemon"),
        "{}",
        answer.said
    );
    assert_eq!(scene.images(), [""; 0]);
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
