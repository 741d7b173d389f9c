//! Secrets reach the script that asks for them, and nothing else.

use camino::Utf8Path;

use crate::scene::Scene;

/// Whether a file below a folder has this text.
fn is_in(folder: &Utf8Path, text: &str) -> bool {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .flatten()
        .filter(|entry| entry.file_type().is_file())
        .any(|entry| {
            let bytes = std::fs::read(entry.path()).unwrap();
            bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes())
        })
}

#[test]
fn a_secret_is_in_no_layer_key_state_or_log() {
    let mut scene = Scene::new();
    let secrets = ["tr0ub4dor-from-a-file", "c0rrect-from-the-environment"];
    scene.write("npmrc", secrets[0]);
    let variable = ("TOKEN".to_owned(), secrets[1].to_owned());
    scene.client.variables.push(variable);
    // It tells them to everybody, and keeps how long they are.
    let script = "cat /run/secrets/npm /run/secrets/token; echo; \
        a=$(cat /run/secrets/npm); b=$(cat /run/secrets/token); echo ${#a} ${#b} > /tmp/lengths\n";
    scene.write("tools.sh", script);
    scene.spec(
        "secrets: {npm: {file: npmrc}, token: {env: TOKEN}}
stages:
- {name: tools, script: tools.sh, user: dev, secrets: [npm, token]}
",
    );
    let answer = scene.ensure();
    assert_eq!(answer.verdicts(), ["built"], "{}", answer.said);
    assert_eq!(scene.cat(answer.image(), "/tmp/lengths"), "21 28");
    assert!(answer.said.contains("tools | ******"), "{}", answer.said);
    let archive = scene.stack.fresh("image");
    std::fs::create_dir(&archive).unwrap();
    let file = archive.join("image.tar");
    scene
        .client
        .docker(&["save", "-o", file.as_str(), answer.image()]);
    for secret in secrets {
        assert!(!answer.said.contains(secret), "{}", answer.said);
        assert!(!answer.document.to_string().contains(secret));
        assert!(!is_in(&scene.state, secret), "in the state");
        assert!(!is_in(&archive, secret), "in the image");
    }
    // Another value is the same image.
    scene.write("npmrc", "another-value");
    assert_eq!(scene.ensure().verdicts(), ["hit"]);
}

#[test]
fn a_secret_that_is_not_there_fails_its_stage_and_is_named() {
    let scene = Scene::new();
    scene.spec(
        "secrets: {npm: {file: npmrc}}
stages:
- {name: tools, inline: 'true', secrets: [npm]}
",
    );
    let answer = scene.ensure();
    assert_eq!(answer.verdicts(), ["failed"]);
    assert!(
        answer
            .reason(0)
            .contains("the secret \"npm\" cannot be read"),
        "{}",
        answer.reason(0)
    );
    // It is tried again at once.
    scene.write("npmrc", "value");
    assert_eq!(scene.ensure().verdicts(), ["built"]);
}
