//! Invariant 6: what takes longer than a second shows progress on a terminal, and nothing in a pipe.

use std::process::Command;

use testbed::engines::Release;

use crate::golden_build::with_golden;

/// A container that does not hear TERM: Docker gives it ten seconds when the daemon stops.
const STUBBORN: &str = "docker run -d --name stubborn app sh -c 'trap : TERM; while :; do sleep 1; done' \
                        >/dev/null; echo it runs";

#[test]
fn a_daemon_that_takes_long_to_stop_is_seen_on_a_terminal_only() {
    let work = with_golden(Release::V26_1);
    let build = work.build_command("shop", &[], STUBBORN);
    let words: Vec<String> = std::iter::once(build.get_program())
        .chain(build.get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap().replace('\'', r"'\''")))
        .collect();
    // script(1) gives it a terminal, and prints what that shows.
    let mut terminal = Command::new("script");
    terminal.args(["-qefc", &words.join(" "), "/dev/null"]);
    for (name, value) in build.get_envs() {
        match value {
            Some(value) => terminal.env(name, value),
            None => terminal.env_remove(name),
        };
    }
    let seen = work.spawn(terminal).wait().ok().stdout;
    assert!(
        seen.contains("it runs\r\n"),
        "the command's own output: {seen:?}"
    );
    for second in ["1.0 s", "5.0 s"] {
        let line = format!("stopping the daemon ({second})");
        assert!(seen.contains(&line), "{line} in {seen:?}");
    }
    // The line is cleared before the answer is printed.
    let (_, end) = seen.rsplit_once("stopping the daemon").unwrap();
    assert!(end.contains("\u{1b}[2K"), "{end:?}");

    let piped = work.build("shop", &[], STUBBORN).ok();
    assert_eq!(
        piped.stderr, "it runs\n",
        "a pipe gets the command's output alone"
    );
    work.assert_nothing_is_left();
}
