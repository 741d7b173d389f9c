//! Golden builds: what becomes of one that works, and of one that fails by itself.

use testbed::checksum::Checksum;
use testbed::engines::build_output::steps;
use testbed::engines::{Release, Workplace, eventually};

crate::on_each_engine!(
    a_second_build_does_only_what_has_changed,
    a_failed_command_leaves_the_golden,
    volumes_are_kept_as_they_are_chosen,
);

/// A store with a golden of the project.
pub(crate) fn with_golden(release: Release) -> Workplace {
    let work = Workplace::new(release);
    work.build("shop", &[], &work.project.startup()).ok();
    work
}

/// Makes sure that generation `number` serves, and that what it was built of runs in a session.
#[track_caller]
pub(crate) fn assert_serves(work: &Workplace, number: u64, words: &str) {
    assert_eq!(work.status("shop")["generation"], number);
    let cat = ["docker", "run", "--rm", "app", "cat", "/srv/words"];
    assert_eq!(work.run("shop", &cat).ok().stdout, words);
}

pub(crate) const WORDS: &str = "data\nroot\nwarm\n";

fn a_second_build_does_only_what_has_changed(release: Release) {
    let work = with_golden(release);
    let first = work.names("layers");
    work.project.change_source("changed\n");

    let second = work.build("shop", &[], &work.project.rebuild()).ok();
    let output = work.goldenctl(["log", "shop"]).ok().stdout;
    assert_eq!(
        output, second.stderr,
        "what was shown is what is in the log"
    );
    let (steps, second) = (steps(&output), second.json());
    let kinds = |steps: &std::collections::BTreeSet<String>| -> Vec<String> {
        let word = |step: &String| {
            step.split("] ")
                .nth(1)
                .unwrap()
                .split(' ')
                .next()
                .map(str::to_owned)
        };
        steps.iter().filter_map(word).collect()
    };
    assert_eq!(
        kinds(&steps.done),
        ["COPY", "COPY", "RUN", "RUN"],
        "{output}"
    );
    assert_eq!(kinds(&steps.cached), ["RUN", "RUN", "WORKDIR"], "{output}");

    // All four, the last of the stage `tools` among them, on which nothing stands.
    let now = work.names("layers");
    assert_eq!(
        (now.len() - first.len(), &second["layers_moved"]),
        (4, &4.into())
    );
    assert_eq!(
        (&second["generation"], &second["strategy"]),
        (&2.into(), &"link".into())
    );
    assert!(
        first.iter().all(|layer| now.contains(layer)),
        "layers are only added"
    );
    assert_serves(&work, 2, "changed\n");

    let third = work.build("shop", &[], &work.project.rebuild()).ok().json();
    assert_eq!(
        (&third["generation"], &third["layers_moved"]),
        (&3.into(), &0.into())
    );
    assert_eq!(work.names("layers"), now);
    work.assert_nothing_is_left();
}

fn a_failed_command_leaves_the_golden(release: Release) {
    let work = with_golden(release);
    let (golden, layers) = (work.generation("shop", 1), work.root().join("layers"));
    let before = [Checksum::of(&golden), Checksum::of(&layers)];

    let script = "docker rmi -f app worker; docker volume rm data; \
                  for line in $(seq 30); do echo line $line; done; echo last words >&2; exit 7";
    let failed = work.build("shop", &[], script).ended_with(7);
    assert!(
        failed.stderr.contains("line 30\nlast words\n"),
        "{failed:?}"
    );
    let reason = "the startup command ended with exit code 7 (last line: last words); generation 1 serves on";
    let failed = failed.says(reason).says("goldenctl log shop");
    let record = failed.json();
    assert_eq!(record["outcome"]["result"], "command-failed", "{record}");
    assert_eq!(record["outcome"]["code"], 7);
    let lines = record["outcome"]["last_lines"].as_array().unwrap();
    assert_eq!((lines.len(), &lines[19]), (20, &"last words".into()));
    assert!(
        work.goldenctl(["log", "shop"])
            .ok()
            .stdout
            .contains("line 1\n")
    );
    let status = work.status("shop");
    assert_eq!(
        (&status["state"]["status"], &status["state"]["reason"]),
        (&"failed".into(), &reason.into())
    );
    work.assert_nothing_is_left();
    assert_serves(&work, 1, WORDS);

    // A command that cannot even be started has the codes of a shell.
    let build = |words: &[&str]| {
        let mut all = vec!["build", "shop", "--network=isolated", "--"];
        all.extend(words);
        work.goldenctl(all)
    };
    build(&["no-such-program"])
        .ended_with(127)
        .says("no such program")
        .says("serves on");
    build(&[work.project.folder().join("Dockerfile").as_str()]).ended_with(126);
    build(&["sh", "-c", "kill -SEGV $$"])
        .ended_with(128 + 11)
        .says("by signal 11");
    work.assert_nothing_is_left();
    assert_serves(&work, 1, WORDS);
    before[0].assert_same(&Checksum::of(&golden), "the golden");
    before[1].assert_same(&Checksum::of(&layers), "the layers");
    work.build("shop", &[], "true").ok();
    assert_serves(&work, 2, WORDS);
}

fn volumes_are_kept_as_they_are_chosen(release: Release) {
    let work = with_golden(release);
    let volumes = |expected: &str| {
        let list = work.run("shop", &["docker", "volume", "ls", "-q"]).ok();
        assert_eq!(list.stdout, expected);
    };
    let more = "docker volume create more; docker run --rm -v more:/more app touch /more/file";
    work.build("shop", &[], more).ok();
    volumes("data\nmore\n");
    work.build("shop", &["--volumes=none-such"], "true")
        .ended_with(3)
        .says("no volume none-such");
    volumes("data\nmore\n");
    work.build("shop", &["--volumes=more"], "true").ok();
    volumes("more\n");
    let ls = [
        "docker",
        "run",
        "--rm",
        "-v",
        "more:/more",
        "app",
        "ls",
        "/more",
    ];
    assert_eq!(work.run("shop", &ls).ok().stdout, "file\n");
    work.build("shop", &["--volumes=drop"], "true").ok();
    volumes("");
    assert_eq!(work.run("shop", &ls).ok().stdout, "", "a new one is empty");
    work.assert_nothing_is_left();
}

#[test]
fn the_second_of_two_builds_at_once_is_told_who_builds() {
    let work = with_golden(Release::V26_1);
    let (begun, go) = (work.path("begun"), work.path("go"));
    let script =
        format!("touch {begun}; until test -e {go}; do sleep 0.02; done; docker rmi worker");
    let first = work.spawn(work.build_command("shop", &[], &script));
    eventually("the first build has begun", || begun.exists());
    assert_eq!(work.status("shop")["state"]["status"], "building");
    let second = work.build("shop", &[], "true").ended_with(4);
    let holder = format!("process {} (goldenctl)", first.pid());
    second
        .says("the golden build of project shop is busy")
        .says(&holder);
    // The golden serves meanwhile, and other projects are built.
    assert_eq!(
        work.run("shop", &["docker", "image", "inspect", "worker"])
            .code(),
        Some(0)
    );
    work.build("other", &[], "true").ok();
    std::fs::write(go, "").unwrap();
    assert_eq!(first.wait().ok().json()["generation"], 2);
    assert_eq!(work.status("shop")["state"]["status"], "ready");
    assert_eq!(
        work.run("shop", &["docker", "image", "inspect", "worker"])
            .code(),
        Some(1)
    );
    work.assert_nothing_is_left();
}

#[test]
fn a_first_build_that_fails_leaves_no_golden() {
    let work = Workplace::new(Release::V26_1);
    work.build("shop", &[], "exit 9").ended_with(9);
    let status = work.status("shop");
    assert_eq!(status["state"]["status"], "failed");
    assert_eq!(status["generation"], serde_json::Value::Null);
    work.goldenctl(["session", "start", "shop", "one"])
        .ended_with(3)
        .says("has no golden yet");
    work.run("shop", &["true"]).ended_with(3);
    assert!(work.names("layers").is_empty());
    work.assert_nothing_is_left();
}
