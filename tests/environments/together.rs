//! Several processes at once.

use crate::scene::{Answer, Scene};

#[test]
fn two_processes_at_once_build_once_and_both_get_the_image() {
    let scene = Scene::new();
    // Another number each time that it runs.
    scene.write("tools.sh", "echo $RANDOM$RANDOM > /made; sleep 2\n");
    scene.spec("stages:\n- {name: tools, script: tools.sh}\n");
    let both = [0, 1].map(|_| scene.spawn(&["ensure", "--json"]));
    let answers = both.map(|child| Answer::of(child.wait_with_output().unwrap()));
    let mut verdicts: Vec<_> = answers.iter().flat_map(Answer::verdicts).collect();
    verdicts.sort_unstable();
    assert_eq!(verdicts, ["built", "hit"]);
    assert_eq!(answers[0].image(), answers[1].image());
    let built = answers.iter().find(|answer| answer.verdicts() == ["built"]);
    assert_eq!(built.unwrap().said.matches("building tools").count(), 1);
}

#[test]
fn who_waits_for_a_build_that_fails_does_not_try_it_as_well() {
    let scene = Scene::new();
    scene.write("tools.sh", "sleep 2; exit 7\n");
    scene.spec("stages:\n- {name: tools, script: tools.sh}\n");
    let both = [0, 1].map(|_| scene.spawn(&["ensure", "--json"]));
    let answers = both.map(|child| Answer::of(child.wait_with_output().unwrap()));
    let mut verdicts: Vec<_> = answers.iter().flat_map(Answer::verdicts).collect();
    verdicts.sort_unstable();
    assert_eq!(verdicts, ["failed", "start"]);
    assert!(
        answers
            .iter()
            .all(|answer| answer.reason(0).contains("code 7"))
    );
}
