//! What `key` and `explain` say of images before and after they are built.

use testbed::engines::Release;
use testbed::stack::Store;

use crate::scene::Scene;

/// What a command prints.
#[track_caller]
fn printed(scene: &Scene, words: &[&str]) -> String {
    let output = scene.envimage(words);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

fn what_is_explained_is_what_is_built(store: Store) {
    let scene = Scene::with(Release::V26_1, store);
    scene.write("tools.sh", "echo one > /made\n");
    scene.spec("stages:\n- {name: tools, script: tools.sh}\n- {name: more, inline: 'true'}\n");
    let names = printed(&scene, &["key"]);
    assert_eq!(names.lines().count(), 2, "{names}");
    let before = printed(&scene, &["explain"]);
    assert_eq!(
        before
            .matches(", its image is not there\n  not built here yet\n")
            .count(),
        2,
        "{before}"
    );
    assert_eq!(scene.images(), [""; 0], "explaining builds nothing");

    let built = scene.ensure();
    assert_eq!(names.lines().last(), Some(built.image()));
    let same = printed(&scene, &["explain"]);
    assert_eq!(
        same.matches(", its image is there\n  as at the last build\n")
            .count(),
        2,
        "{same}"
    );

    scene.write("tools.sh", "echo two > /made\n");
    let changed = printed(&scene, &["explain"]);
    for expected in [
        "since the last build, script tools.sh has changed",
        "since the last build, parent has changed",
        "script tools.sh  <- changed",
    ] {
        assert!(changed.contains(expected), "{changed}");
    }
    let json = printed(&scene, &["explain", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&json).unwrap();
    let stage = &document["stages"][0];
    assert_eq!(stage["last_build"], "different");
    assert_eq!(stage["present"], false);
    assert_eq!(stage["difference"]["input"]["name"], "tools.sh");
    assert_ne!(stage["image"], names.lines().next().unwrap());
    assert_ne!(printed(&scene, &["key"]), names);
}

#[test]
fn explained_and_built_are_the_same() {
    what_is_explained_is_what_is_built(Store::Classic);
}

#[test]
fn explained_and_built_are_the_same_in_containerd_s_store() {
    what_is_explained_is_what_is_built(Store::Containerd);
}

#[test]
fn a_base_image_that_is_not_there_is_not_pulled_for_an_explanation() {
    let scene = Scene::new();
    scene.write("shop.yaml", "version: 1\nimage: nobody/has:this\n");
    for words in [["key"], ["explain"]] {
        let output = scene.envimage(&words);
        assert_eq!(output.status.code(), Some(3));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("nobody/has:this"), "{said}");
        assert!(said.contains("help: "), "{said}");
    }
}
