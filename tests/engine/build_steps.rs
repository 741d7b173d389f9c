//! The last steps of stages that images are only copied from: nobody stands on them, and sessions
//! link them all the same.

use testbed::checksum::Checksum;
use testbed::engines::build_output::steps;
use testbed::engines::{Place, Release, Session, Workplace, marker};

crate::on_each_engine!(last_steps_of_stages_are_linked);

/// Two stages, one copied from and one mounted, a cache mount, and sources.
const DOCKERFILE: &str = "\
FROM box AS copied
COPY source source
RUN --mount=type=cache,target=/cache cat source/words | tee -a /cache/words > words
RUN head -c 20000000 /dev/urandom > copied-bytes
FROM box AS mounted
RUN head -c 10000000 /dev/urandom > mounted-bytes
FROM box
COPY --from=copied words /srv/
RUN --mount=type=bind,from=mounted,target=/other wc -c < /other/mounted-bytes > /srv/count
";
const STEPS: usize = 6;
/// More than everything of this golden that is not in a layer: books, sources, a cache mount.
const MUTABLE: u64 = 8 << 20;

fn last_steps_of_stages_are_linked(release: Release) {
    let work = Workplace::new(release);
    let folder = work.project.folder().to_owned();
    std::fs::write(folder.join("Dockerfile"), DOCKERFILE).unwrap();
    let build = work.project.rebuild();
    let startup = format!("{}; {build}", work.project.import_box());
    let built = work.build("shop", &[], &startup).ok().json();
    assert_eq!(built["notes"], serde_json::json!([]), "{built}");
    let mutable = built["sizes"]["mutable_bytes"].as_u64().unwrap();
    assert!(mutable < MUTABLE, "{built}");
    let golden = Checksum::of(work.generation("shop", 1));
    let layers = Checksum::of(work.root().join("layers"));

    let start = ["--json", "session", "start", "shop", "one"];
    let report = work.goldenctl(start).ok().json();
    assert_eq!(report["strategy"], "link", "{report}");
    assert!(report["bytes_copied"].as_u64() < Some(MUTABLE), "{report}");
    let mut session = Session::start(&work, Place::Enclosed, &report);
    let again = session.run(&build);
    let cached = steps(&again);
    assert_eq!(
        (cached.cached.len(), cached.done.len()),
        (STEPS, 0),
        "{again}"
    );

    // Each of the stages' last steps is mounted, read, built on, and made an image of its own.
    let more = "FROM copied\nRUN wc -c < copied-bytes > /count\n\
                FROM box\nCOPY --from=copied copied-bytes /srv/\n\
                RUN --mount=type=bind,from=mounted,target=/other wc -c < /other/mounted-bytes > /srv/again\n";
    // A session shares /tmp with the machine, and other tests.
    let own = format!("/tmp/steps-{}", marker());
    session.run(&format!(
        "mkdir {own} && cp -r {folder}/source {own} && cd {own} && \
         cp {folder}/Dockerfile Dockerfile && printf '{}' >> Dockerfile && \
         docker build --progress=plain -t more . 2>&1 && \
         docker build --progress=plain -t copied --target copied . 2>&1 && \
         docker build --progress=plain -t mounted --target mounted . 2>&1; rm -r {own}",
        more.replace('\n', "\\n")
    ));
    for (image, script, said) in [
        (
            "more",
            "wc -c < /srv/copied-bytes; cat /srv/again",
            "20000000\n10000000",
        ),
        (
            "copied",
            "wc -c < /copied-bytes; rm /copied-bytes",
            "20000000",
        ),
        (
            "mounted",
            "wc -c < /mounted-bytes; echo >> /mounted-bytes",
            "10000000",
        ),
    ] {
        assert_eq!(
            session.run(&format!("docker run --rm {image} sh -c '{script}'")),
            said
        );
    }
    // The sources are a context, which the next build writes anew.
    work.project.change_source("other\n");
    let changed = steps(&session.run(&build));
    assert!(!changed.done.is_empty(), "{changed:?}");
    session.restart();
    session.run(&build);
    session.run("docker system prune -af && docker builder prune -af");
    session.run(&format!("{}; {build}", work.project.import_box()));
    session.stop();
    golden.assert_same(&Checksum::of(work.generation("shop", 1)), "the golden");
    layers.assert_same(&Checksum::of(work.root().join("layers")), "the layers");
    work.goldenctl(["session", "rm", "one"]).ok();
    work.assert_nothing_is_left();
}
