//! A daemon that keeps its images in containerd's store: its sessions are linked, and are full ones.

use serde_json::{Value, json};
use testbed::checksum::Checksum;
use testbed::engines::build_output::steps;
use testbed::engines::{CACHED_STEPS, Place, Release, Session, Workplace};

use crate::full_session::a_linked_session_is_a_full_session;

fn settings() -> Value {
    json!({"features": {"containerd-snapshotter": true}})
}

#[test]
fn a_linked_session_is_a_full_session_beside_the_daemon() {
    a_linked_session_is_a_full_session(Release::V26_1, Place::Enclosed, &settings(), &[]);
}

#[test]
fn a_linked_session_is_a_full_session_in_a_container() {
    a_linked_session_is_a_full_session(Release::V26_1, Place::Contained, &settings(), &[]);
}

#[test]
fn a_golden_of_it_is_linked_promoted_and_copied() {
    let work = Workplace::new(Release::V26_1);
    let config = format!("--daemon-config={}", settings());
    let startup = work.project.startup();
    let built = work.build("shop", &[&config], &startup).ok().json();
    assert!(built["layers_moved"].as_u64() > Some(10), "{built}");
    assert_eq!(built["notes"], json!([]), "{built}");
    let kind = json!({"store": "containerd", "driver": "overlayfs"});
    assert_eq!(work.status("shop")["golden"]["kind"], kind);
    let golden = Checksum::of(work.generation("shop", 1));
    let layers = work.root().join("layers");
    let known = Checksum::of(&layers);

    // A session that was copied has no link, and the same images.
    let start = [
        "--json",
        "session",
        "start",
        "shop",
        "copied",
        "--strategy=copy",
    ];
    let report = work.goldenctl(start).ok().json();
    assert_eq!(report["mounts"].as_array().unwrap().len(), 1, "{report}");
    // overlayfs makes whiteouts of one inode as far as it can, a copy one for each: so names alone.
    let whole = Checksum::resolved(work.generation("shop", 1).join("docker"), &layers);
    let copy = Checksum::of(report["data_root"].as_str().unwrap());
    assert!(whole.paths().eq(copy.paths()), "the copy lacks something");
    let mut session = Session::start_with(&work, Place::Enclosed, &report, settings());
    let rebuilt = steps(&session.run(&work.project.rebuild()));
    assert_eq!(
        (rebuilt.cached.len(), rebuilt.done.len()),
        (CACHED_STEPS, 0)
    );
    session.stop();

    // The next build works on links, finds everything in them, and moves what is new.
    work.project.change_source("other\nwords\n");
    let built = work.build("shop", &[&config], &work.project.rebuild()).ok();
    let done = steps(&built.stderr);
    assert!(
        !done.cached.is_empty() && !done.done.is_empty(),
        "{built:?}"
    );
    let built = built.json();
    assert_eq!(built["strategy"], "link", "{built}");
    assert!(built["layers_moved"].as_u64() > Some(0), "{built}");
    assert!(
        built["layers_moved"].as_u64() < built["layers"].as_u64(),
        "{built}"
    );

    golden.assert_same(&Checksum::of(work.generation("shop", 1)), "the golden");
    let names: Vec<_> = known.paths().map(std::path::Path::to_owned).collect();
    let new = |path: &std::path::Path| {
        path.as_os_str().is_empty() || !names.iter().any(|name| name == path)
    };
    known
        .clone()
        .without(|path| path.as_os_str().is_empty())
        .assert_same(&Checksum::of(&layers).without(new), "the layers");
    work.goldenctl(["session", "rm", "copied"]).ok();
    work.assert_nothing_is_left();
}
