//! A data root that a daemon runs on is nobody's to take.

use testbed::checksum::Checksum;
use testbed::engines::{Place, Release, Session, Workplace};

use crate::golden_build::with_golden;

crate::on_each_engine!(is_not_imported, is_not_promoted);

/// The store with everything in it, as long as no command is at work in it.
fn look_at(work: &Workplace) -> Checksum {
    Checksum::of(work.root())
}

fn is_not_imported(release: Release) {
    let work = Workplace::new(release);
    let data_root = work.path("docker");
    std::fs::create_dir(&data_root).unwrap();
    let report = serde_json::json!({"mounts": [
        {"source": data_root, "target": "/var/lib/docker", "read_only": false},
    ]});
    let mut daemon = Session::start(&work, Place::Enclosed, &report);
    daemon.run(&work.project.startup());
    let import = |more: &[&str]| {
        let mut words = vec!["import", "shop", "--from", data_root.as_str()];
        words.extend(more);
        work.goldenctl(words)
    };
    // The store's lock file comes into being with the first command that needs it.
    import(&[]).ended_with(4);
    let before = look_at(&work);
    for more in [&[][..], &["--copy"]] {
        let refused = import(more).ended_with(4);
        refused
            .says(&format!("a daemon still runs on {data_root}"))
            .says("(dockerd)");
    }
    before.assert_same(&look_at(&work), "the store");
    assert_eq!(
        daemon.run("docker run --rm app cat /srv/words"),
        "data\nroot\nwarm"
    );
    daemon.stop();

    let copied = import(&["--copy"]).ok();
    assert!(copied.stdout.contains("generation 1"), "{copied:?}");
    assert!(data_root.join("overlay2").exists());
    import(&[]).ok();
    assert!(!data_root.exists(), "it was moved");
    for words in [
        ["image", "inspect", "worker"],
        ["run", "--rm", "app"],
        ["volume", "inspect", "data"],
    ] {
        let mut all = vec!["docker"];
        all.extend(words);
        if words[0] == "run" {
            all.push("true");
        }
        work.run("shop", &all).ok();
    }
    work.assert_nothing_is_left();
}

fn is_not_promoted(release: Release) {
    let work = with_golden(release);
    let start = ["--json", "session", "start", "shop", "one"];
    let report = work.goldenctl(start).ok().json();
    let mut session = Session::start(&work, Place::Enclosed, &report);
    session.run("docker tag app mine");
    let outside = |path: &std::path::Path| path.starts_with("sessions/docker-data-one/docker");
    let before = look_at(&work).without(outside);
    for verb in ["promote", "rm"] {
        let refused = work.goldenctl(["session", verb, "one"]).ended_with(4);
        refused.says("a daemon still runs on").says("(dockerd)");
    }
    before.assert_same(&look_at(&work).without(outside), "the store");
    assert_eq!(
        session.run("docker run --rm mine cat /srv/words"),
        "data\nroot\nwarm"
    );
    session.stop();
    work.goldenctl(["session", "promote", "one"]).ok();
    work.run("shop", &["docker", "image", "inspect", "mine"])
        .ok();
    work.assert_nothing_is_left();
}
