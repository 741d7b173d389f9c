//! A daemon that keeps its images in containerd's store: recognised, not linked, copied whole.

use testbed::checksum::Checksum;
use testbed::engines::build_output::steps;
use testbed::engines::{CACHED_STEPS, Place, Release, Session, Workplace};

#[test]
fn it_is_recognised_and_copied_whole() {
    let work = Workplace::new(Release::V26_1);
    let settings = serde_json::json!({"features": {"containerd-snapshotter": true}});
    let config = format!("--daemon-config={settings}");
    let built = work
        .build("shop", &[&config], &work.project.startup())
        .ok()
        .json();
    assert_eq!(
        (&built["layers"], &built["layers_moved"]),
        (&0.into(), &0.into())
    );
    let status = work.status("shop");
    let kind = serde_json::json!({"store": "containerd", "driver": "overlayfs"});
    assert_eq!(status["golden"]["kind"], kind);
    let golden = Checksum::of(work.generation("shop", 1));

    let start = |name, more: &[&str]| {
        let mut words = vec!["--json", "session", "start", "shop", name];
        words.extend(more);
        work.goldenctl(words)
    };
    let refused = start("linked", &["--strategy=link"]).ended_with(1);
    refused
        .says("strategy link cannot serve here")
        .says("containerd's image store");
    assert!(work.names("sessions").is_empty());

    let report = start("one", &[]).ok().json();
    assert_eq!(report["strategy"], "copy", "{report}");
    let why = report["why"].to_string();
    assert!(
        why.contains("link: not taken; the golden uses containerd"),
        "{why}"
    );
    assert_eq!(
        report["mounts"].as_array().unwrap().len(),
        1,
        "nothing is shared: {report}"
    );
    golden_is_copied(&work, &report);

    let mut session = Session::start_with(&work, Place::Enclosed, &report, settings);
    let images = session.run("docker images --no-trunc --format '{{.Repository}} {{.ID}}' | sort");
    assert_eq!(images, work.project.images());
    let change =
        "cat /srv/joined; rm /srv/kept; chmod 600 /srv/moded; echo more > /srv/deep/er/file";
    let run = format!("docker run --rm worker sh -ec '{change}'");
    for _ in 0..2 {
        assert_eq!(
            session.run(&run),
            "data\nroot\nwarm\n3",
            "the same from a fresh container"
        );
    }
    assert_eq!(
        session.run("docker run --rm -v data:/data app cat /data/of/volume"),
        "golden"
    );
    let rebuilt = steps(&session.run(&work.project.rebuild()));
    assert_eq!(
        (rebuilt.cached.len(), rebuilt.done.len()),
        (CACHED_STEPS, 0)
    );
    session.run("docker system prune -af && test -z \"$(docker images -q)\"");
    session.stop();
    golden.assert_same(&Checksum::of(work.generation("shop", 1)), "the golden");

    // The next build works on a copy as well, and finds everything in it.
    let built = work.build("shop", &[&config], &work.project.rebuild()).ok();
    assert_eq!(steps(&built.stderr).cached.len(), CACHED_STEPS, "{built:?}");
    work.goldenctl(["session", "rm", "one"]).ok();
    work.assert_nothing_is_left();
}

/// The copy has everything that the golden has, byte for byte.
fn golden_is_copied(work: &Workplace, report: &serde_json::Value) {
    let golden = Checksum::of(work.generation("shop", 1).join("docker"));
    let copy = Checksum::of(report["data_root"].as_str().unwrap());
    golden.assert_same(&copy, "the copy");
}
