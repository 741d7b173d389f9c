//! Builds that are ended from outside.

use testbed::engines::{eventually, marker, remains};

use crate::scene::{Answer, Scene, names};

/// A spec whose stage sleeps. Gives what is in the sleeping process's command line.
fn sleeping(scene: &Scene) -> String {
    let marker = marker();
    scene.write(
        "tools.sh",
        &format!("echo begun; trap '' TERM INT; sleep {marker}; echo made > /made\n"),
    );
    scene.spec("stages:\n- {name: tools, script: tools.sh}\n");
    format!("sleep {marker}")
}

fn is_running(line: &str) -> bool {
    // In a build, no command line of ours has it.
    !remains::command_lines_with(line).is_empty()
}

fn sleeps(line: &str) {
    eventually("the script sleeps", || is_running(line));
}

fn is_gone(line: &str) {
    eventually("the sleeping process is gone", || !is_running(line));
}

#[test]
fn a_deadline_ends_the_builder_s_work_as_well() {
    let scene = Scene::new();
    let line = sleeping(&scene);
    let answer = Answer::of(scene.envimage(&["ensure", "--json", "--timeout=5s"]));
    is_gone(&line);
    assert_eq!(answer.verdicts(), ["failed"]);
    assert!(
        answer.reason(0).contains("--timeout"),
        "{}",
        answer.reason(0)
    );
    assert!(answer.said.contains("tools | begun"), "{}", answer.said);
    assert_eq!(scene.images(), [""; 0]);
    assert_eq!(names(&scene.state.join("builds")), [""; 0]);
    let left = remains::processes_of(scene.state.as_str());
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_interrupted_build_ends_clean_and_is_no_failure() {
    let scene = Scene::new();
    let line = sleeping(&scene);
    let child = scene.spawn(&["ensure"]);
    sleeps(&line);
    let pid = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    is_gone(&line);
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert_eq!(output.stdout, b"");
    assert_eq!(names(&scene.state.join("builds")), [""; 0]);
    assert_eq!(names(&scene.state.join("failures")), [""; 0]);
    let left = remains::processes_of(scene.state.as_str());
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_a_killed_one_was_building_is_ended_and_built_by_the_next() {
    let scene = Scene::new();
    // The first time it would sleep for ever.
    let marker = marker();
    let once = "[ -e /dev/cachecore/again ] || sleep";
    scene.write("again", "");
    scene.write("tools.sh", &format!("{once} {marker}; echo made > /made\n"));
    let stage = "stages:\n- {name: tools, script: tools.sh}\n";
    scene.spec(stage);
    let line = format!("sleep {marker}");
    let mut child = scene.spawn(&["ensure"]);
    sleeps(&line);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(is_running(&line), "nobody has ended it");
    // The same stage, and so the same key: the deadline shows that the next one began anew.
    let answer = Answer::of(scene.envimage(&["ensure", "--json", "--timeout=5s"]));
    is_gone(&line);
    assert_eq!(answer.verdicts(), ["failed"], "nothing half-built is a hit");
    assert_eq!(scene.images(), [""; 0]);
    scene.spec(&stage.replace("tools.sh}", "tools.sh, sources: [again]}"));
    let answer = scene.ensure();
    assert_eq!(answer.verdicts(), ["built"]);
    assert_eq!(scene.cat(answer.image(), "/made"), "made");
}
