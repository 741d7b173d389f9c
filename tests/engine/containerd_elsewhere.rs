//! A containerd that is a service of its own: a golden of its root and of the data root together.

use std::process::Command;

use serde_json::{Value, json};
use testbed::checksum::Checksum;
use testbed::engines::{Place, Release, Session, Workplace};

use crate::full_session::a_linked_session_is_a_full_session;

const OPTION: &[&str] = &["--containerd"];

fn settings() -> Value {
    json!({"features": {"containerd-snapshotter": true}})
}

/// The golden's daemon starts its containerd itself; in the session's container one is a service, and
/// dockerd is told where it is.
#[test]
fn a_linked_session_is_a_full_session_in_a_container() {
    a_linked_session_is_a_full_session(Release::V26_1, Place::Contained, &settings(), OPTION);
}

#[test]
fn the_two_folders_of_real_daemons_become_one_golden() {
    let work = Workplace::new(Release::V26_1);
    // The golden of another project, built by a daemon that has its containerd inside.
    let config = format!("--daemon-config={}", settings());
    work.build("other", &[&config], &work.project.import_box())
        .ok();

    // What the services of a host leave when they are stopped.
    let start = [
        "--json",
        "session",
        "start",
        "host",
        "host",
        "--or-empty",
        "--containerd",
    ];
    let report = work.goldenctl(start).ok().json();
    let mut host = Session::start_with(&work, Place::Contained, &report, settings());
    host.run(&work.project.import_box());
    host.run(&work.project.rebuild());
    host.run("docker run --rm -v data:/data app sh -c 'echo golden > /data/word'");
    let images = host.run("docker images --no-trunc --format '{{.Repository}} {{.ID}}' | sort");
    host.stop();
    let (docker, containerd) = (work.path("docker"), work.path("containerd"));
    for (name, to) in [("data_root", &docker), ("containerd", &containerd)] {
        let from = report[name].as_str().unwrap();
        let copied = Command::new("cp").args(["-a", from, to.as_str()]).status();
        assert!(copied.unwrap().success());
    }
    work.goldenctl(["session", "rm", "host"]).ok();

    let import = ["--json", "import", "shop", "--from", docker.as_str()];
    let import = import
        .into_iter()
        .chain(["--containerd", containerd.as_str()]);
    let imported = work.goldenctl(import).ok().json();
    assert!(!docker.exists() && !containerd.exists());
    // The base image is one layer and its blobs, whoever has it.
    let (layers, moved) = (&imported["layers"], &imported["layers_moved"]);
    assert!(
        moved.as_u64() > Some(0) && moved.as_u64() < layers.as_u64(),
        "{imported}"
    );
    let golden = Checksum::of(work.generation("shop", 1));

    let start = ["--json", "session", "start", "shop", "one"];
    let report = work.goldenctl(start).ok().json();
    assert_eq!(report["strategy"], "link", "{report}");
    let bytes = |field: &str| report[field].as_u64().unwrap();
    assert!(bytes("bytes_shared") > bytes("bytes_copied"), "{report}");
    let mut session = Session::start_with(&work, Place::Enclosed, &report, settings());
    let listed = "docker images --no-trunc --format '{{.Repository}} {{.ID}}' | sort";
    assert_eq!(session.run(listed), images);
    let seen = session.run("docker run --rm -v data:/data app sh -c 'cat /data/word /srv/words'");
    assert_eq!(seen, "golden\ndata\nroot\nwarm");
    session
        .run("docker run --name more app sh -c 'echo more > /srv/more' && docker commit more more");
    session.run("docker rm more");
    session.stop();
    let promoted = work
        .goldenctl(["--json", "session", "promote", "one"])
        .ok()
        .json();
    assert_eq!(promoted["generation"], 2);
    let new = promoted["layers_moved"].as_u64();
    assert!(new > Some(0) && new < Some(10), "{promoted}");
    golden.assert_same(&Checksum::of(work.generation("shop", 1)), "the golden");

    // A build goes on in the store that the golden has, without being told.
    let ran = work.build(
        "shop",
        &[],
        "docker run --rm more cat /srv/more > /dev/stderr",
    );
    assert!(ran.stderr.contains("more"), "{}", ran.stderr);
    ran.ok();
    let ran = work.run(
        "shop",
        &["docker", "run", "--rm", "more", "cat", "/srv/more"],
    );
    assert_eq!(ran.stdout.trim(), "more");
    ran.ok();
    for project in ["shop", "other"] {
        work.goldenctl(["rm", project]).ok();
    }
    work.goldenctl(["gc"]).ok();
    assert_eq!(work.names("layers"), Vec::<String>::new());
    work.assert_nothing_is_left();
}
