//! What is built, what is found, and what is left to a start.

use testbed::engines::Release;
use testbed::stack::{Registry, Stack, Store};

use crate::scene::{Answer, Scene};

const BOTH: &str = "stages:
- {name: desktop, script: desktop.sh}
- {name: environment, script: environment.sh, sources: [lib.sh], args: {COLOUR: red}}
run: {inline: 'true'}
";

fn both() -> Scene {
    let scene = Scene::new();
    scene.write("desktop.sh", "echo desktop > /desktop\n");
    scene.write(
        "environment.sh",
        "cd \"${0%/*}\"; . ./lib.sh; echo \"$(cat /desktop) $COLOUR $word\" > /environment\n",
    );
    scene.write("lib.sh", "word=sourced\n");
    scene.spec(BOTH);
    scene
}

#[test]
fn without_cached_scripts_nothing_is_built_and_the_base_image_is_run() {
    let scene = Scene::new();
    scene.spec("run: {inline: 'true'}\n");
    let answer = scene.ensure();
    assert_eq!(answer.verdicts(), [""; 0]);
    assert_eq!(scene.cat(answer.image(), "/version"), "1");
    scene.spec("stages:\n- {name: tools, inline: 'exit 1', cache: false}\n");
    let answer = scene.ensure();
    assert_eq!(answer.verdicts(), ["start"]);
    assert_eq!(answer.reason(0), "the spec says `cache: false`");
    assert_eq!(scene.images(), [""; 0]);
}

fn one_stage(release: Release, store: Store) {
    let scene = Scene::with(release, store);
    scene.write(
        "tools.sh",
        "#!/bin/sh\necho made > /made; ls / /dev/cachecore\n",
    );
    scene.spec("stages:\n- {name: tools, script: tools.sh}\n");
    let first = scene.ensure();
    assert_eq!(first.verdicts(), ["built"], "{}", first.said);
    assert!(first.said.contains("tools | tools.sh"), "{}", first.said);
    assert_eq!(scene.cat(first.image(), "/made"), "made");
    let base = scene.layers(crate::scene::BASE);
    assert!(scene.layers(first.image()).starts_with(&base));
    let second = scene.ensure();
    assert_eq!(second.verdicts(), ["hit"]);
    assert_eq!(second.image(), first.image());
    // In words: one line on stdout, for `docker run $(envimage ensure SPEC)`.
    let plain = scene.envimage(&["ensure"]);
    let image = String::from_utf8(plain.stdout).unwrap();
    assert_eq!(image.lines().collect::<Vec<_>>(), [first.image()]);
    assert_eq!(String::from_utf8(plain.stderr).unwrap(), "tools: HIT\n");
}

#[test]
fn a_stage_is_built_once_and_then_found() {
    one_stage(Release::V26_1, Store::Classic);
}

#[test]
fn a_stage_is_built_once_and_then_found_in_containerd_s_store() {
    one_stage(Release::V26_1, Store::Containerd);
}

#[test]
fn a_stage_is_built_once_and_then_found_by_the_older_engine() {
    one_stage(Release::V20_10, Store::Classic);
}

#[test]
fn stages_are_layered_in_their_order() {
    let scene = both();
    let answer = scene.ensure();
    assert_eq!(answer.verdicts(), ["built", "built"], "{}", answer.said);
    assert_eq!(
        scene.cat(answer.image(), "/environment"),
        "desktop red sourced"
    );
    let below = answer.document["stages"][0]["image"].as_str().unwrap();
    let (low, high) = (scene.layers(below), scene.layers(answer.image()));
    assert!(high.starts_with(&low) && high.len() > low.len());
    assert_eq!(scene.ensure().verdicts(), ["hit", "hit"]);
    // The last has all of those below.
    scene.client.docker(&["rmi", "--no-prune", below]);
    assert_eq!(scene.ensure().verdicts(), ["hit", "hit"]);
}

#[test]
fn each_level_is_built_anew_when_it_changes_and_nothing_else_is() {
    let scene = both();
    assert_eq!(scene.ensure().verdicts(), ["built", "built"]);
    scene.write("lib.sh", "word=changed\n");
    let answer = scene.ensure();
    assert_eq!(answer.verdicts(), ["hit", "built"]);
    assert_eq!(
        scene.cat(answer.image(), "/environment"),
        "desktop red changed"
    );
    scene.write("desktop.sh", "echo other > /desktop\n");
    assert_eq!(scene.ensure().verdicts(), ["built", "built"]);
    scene.spec(&BOTH.replace("inline: 'true'", "inline: 'false'"));
    assert_eq!(scene.ensure().verdicts(), ["hit", "hit"]);
    scene.spec(&BOTH.replace("red", "blue"));
    assert_eq!(scene.ensure().verdicts(), ["hit", "built"]);
    // The same name for another image.
    scene.import(crate::scene::BASE, "2");
    let answer = scene.ensure();
    assert_eq!(answer.verdicts(), ["built", "built"]);
    assert_eq!(scene.cat(answer.image(), "/version"), "2");
}

#[test]
fn a_broken_stage_is_left_to_the_start_and_the_one_below_is_kept() {
    let scene = both();
    scene.write("environment.sh", "echo 'reading\nif true; then\n");
    let answer = scene.ensure();
    assert_eq!(answer.verdicts(), ["built", "failed"], "{}", answer.said);
    assert_eq!(scene.cat(answer.image(), "/desktop"), "desktop");
    assert!(
        answer.said.contains("environment | "),
        "the error is in the log: {}",
        answer.said
    );
    assert!(
        answer.reason(1).starts_with("its script ended with code 2"),
        "{}",
        answer.reason(1)
    );
    // It is not tried again at once, and the reason is still told.
    let again = scene.ensure();
    assert_eq!(again.verdicts(), ["hit", "start"]);
    assert!(
        again.reason(1).contains("its script ended with code 2"),
        "{}",
        again.reason(1)
    );
    assert!(again.document["stages"][1]["again"].is_string());
    // Unless somebody asks for it.
    let asked = Answer::of(scene.envimage(&["ensure", "--json", "--retry"]));
    assert_eq!(asked.verdicts(), ["hit", "failed"]);
    let again = scene.ensure();
    assert!(
        again.reason(1).contains("failed 2 times"),
        "{}",
        again.reason(1)
    );
    // Mended, it is another image.
    scene.write("environment.sh", "echo mended > /environment\n");
    let mended = scene.ensure();
    assert_eq!(mended.verdicts(), ["hit", "built"]);
    assert_eq!(scene.cat(mended.image(), "/environment"), "mended");
}

#[test]
fn what_comes_after_a_failure_is_not_tried() {
    let scene = both();
    scene.write("desktop.sh", "exit 3\n");
    let answer = scene.ensure();
    assert_eq!(answer.verdicts(), ["failed", "start"]);
    assert!(
        answer.reason(1).contains("\"desktop\""),
        "{}",
        answer.reason(1)
    );
    assert_eq!(
        scene.cat(answer.image(), "/version"),
        "1",
        "the base image is run"
    );
    assert_eq!(scene.images(), [""; 0]);
}

#[test]
fn a_name_alone_is_no_image() {
    let scene = both();
    let answer = scene.ensure();
    let image = answer.image().to_owned();
    scene.client.docker(&["rmi", &image]);
    scene.client.docker(&["tag", crate::scene::BASE, &image]);
    let again = scene.ensure();
    assert_eq!(again.verdicts(), ["hit", "built"]);
    assert_eq!(scene.cat(&image, "/environment"), "desktop red sourced");
}

#[test]
fn a_base_image_that_cannot_be_had_is_an_error_and_nothing_is_built() {
    let scene = both();
    scene.write(
        "shop.yaml",
        &format!("version: 1\nimage: localhost:1/none:1\n{BOTH}"),
    );
    let output = scene.envimage(&["ensure"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("there is no base image localhost:1/none:1"),
        "{said}"
    );
    assert_eq!(scene.images(), [""; 0]);
    let id = format!("sha256:{}", "ab".repeat(32));
    scene.write("shop.yaml", &format!("version: 1\nimage: {id}\n{BOTH}"));
    let output = scene.envimage(&["ensure"]);
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("an id cannot be pulled"), "{said}");
    scene.write(
        "shop.yaml",
        &format!("version: 1\nimage: localhost:1/none:1\n{BOTH}"),
    );
    // With --pull it is asked for, even if it is there.
    scene
        .client
        .docker(&["tag", crate::scene::BASE, "localhost:1/none:1"]);
    assert_eq!(scene.ensure().verdicts(), ["built", "built"]);
    let output = scene.envimage(&["ensure", "--pull"]);
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn a_base_image_is_pulled_if_it_is_not_there_or_if_that_is_asked_for() {
    let stack = Stack::new();
    let registry = Registry::start(&stack);
    let daemon = stack.daemon_with_registry(Store::Classic, &registry.host);
    let scene = Scene::of(stack, daemon);
    let name = format!("{}/base:1", registry.host);
    let publish = |version: &str| {
        scene.import(&name, version);
        scene.client.docker(&["push", "--quiet", &name]);
        scene.client.docker(&["rmi", &name]);
    };
    publish("first");
    let stage = "stages:\n- {name: tools, inline: 'cat /version > /made'}\n";
    scene.write("shop.yaml", &format!("version: 1\nimage: {name}\n{stage}"));
    let answer = scene.ensure();
    assert_eq!(answer.verdicts(), ["built"], "{}", answer.said);
    assert!(answer.said.contains("pulling"), "{}", answer.said);
    assert_eq!(scene.cat(answer.image(), "/made"), "first");
    let id = answer.document["base_id"].as_str().unwrap().to_owned();
    // There is another meanwhile, and nobody has asked for it.
    publish("second");
    scene.client.docker(&["tag", &id, &name]);
    assert_eq!(scene.ensure().verdicts(), ["hit"]);
    let pulled = Answer::of(scene.envimage(&["ensure", "--json", "--pull"]));
    assert_eq!(pulled.verdicts(), ["built"], "{}", pulled.said);
    assert_eq!(scene.cat(pulled.image(), "/made"), "second");
    // By its digest it is the one that is meant, and it is found by that.
    let format = "--format={{index .RepoDigests 0}}";
    let digest = scene.client.docker(&["image", "inspect", format, &name]);
    scene.write(
        "shop.yaml",
        &format!("version: 1\nimage: {digest}\n{stage}"),
    );
    assert_eq!(
        scene.ensure().verdicts(),
        ["hit"],
        "the same id is the same key"
    );
}

#[test]
fn a_base_image_for_other_machines_is_no_base() {
    let scene = Scene::new();
    scene.spec("platform: linux/arm64\nstages:\n- {name: tools, inline: 'true'}\n");
    let output = scene.envimage(&["ensure"]);
    let said = String::from_utf8_lossy(&output.stderr);
    // It is asked for, and there is nobody to ask.
    assert_eq!(output.status.code(), Some(3), "{said}");
    let own = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "amd64"
    };
    scene.spec(&format!(
        "platform: linux/{own}\nstages:\n- {{name: tools, inline: 'true'}}\n"
    ));
    assert_eq!(scene.ensure().verdicts(), ["built"]);
}
