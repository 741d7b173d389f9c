//! Invariant 6: what takes longer than a second shows progress on a terminal, and nothing in a pipe but the log.

use std::process::Command;

use crate::scene::Scene;

#[test]
fn a_build_is_seen_on_a_terminal_and_its_log_alone_in_a_pipe() {
    let scene = Scene::new();
    scene.spec("stages:\n- {name: tools, inline: 'echo begun; sleep 3; echo done'}\n");
    let ensure = scene.command(&["ensure"]);
    let words: Vec<String> = std::iter::once(ensure.get_program())
        .chain(ensure.get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect();
    // script(1) gives it a terminal, and prints what that shows.
    let mut terminal = Command::new("script");
    terminal
        .args(["-qefc", &words.join(" "), "/dev/null"])
        .env_clear();
    for (name, value) in ensure.get_envs() {
        terminal.env(name, value.unwrap());
    }
    let seen = terminal.output().unwrap();
    let seen = String::from_utf8(seen.stdout).unwrap();
    assert!(seen.contains("tools | begun\r\n"), "{seen:?}");
    assert!(seen.contains("\r\u{1b}[Kbuilding tools: "), "{seen:?}");
    // The line is cleared before anything else is printed.
    let after = seen.rsplit_once("building tools: ").unwrap().1;
    assert!(after.contains("s\r\u{1b}[K"), "{seen:?}");
    assert!(after.contains("tools: MISS, built in"), "{seen:?}");

    scene.spec("stages:\n- {name: other, inline: 'echo begun; sleep 2'}\n");
    let piped = scene.envimage(&["ensure"]);
    let said = String::from_utf8(piped.stderr).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[..2], ["building other", "other | begun"]);
    assert!(lines[2].starts_with("other: MISS, built in"), "{said}");
    assert_eq!(lines.len(), 3, "{said}");
}
