//! A linked session is a full session: whatever Docker does, it does in one, and nothing of it
//! reaches the golden, the layers or another session.

use camino::Utf8Path;
use serde_json::{Value, json};
use testbed::checksum::Checksum;
use testbed::engines::build_output::steps;
use testbed::engines::{
    CACHED_STEPS, IMAGES, Place, Release, Session, Workplace, eventually, marker,
};

crate::on_each_engine!(beside_the_daemon, in_a_container);

fn beside_the_daemon(release: Release) {
    a_linked_session_is_a_full_session(release, Place::Enclosed, &Value::Null, &[]);
}

fn in_a_container(release: Release) {
    a_linked_session_is_a_full_session(release, Place::Contained, &Value::Null, &[]);
}

/// `settings` are for the `daemon.json` of the golden's daemon and of the sessions', `options` for the
/// golden's build.
pub(crate) fn a_linked_session_is_a_full_session(
    release: Release,
    place: Place,
    settings: &Value,
    options: &[&str],
) {
    let work = Workplace::new(release);
    let config = format!("--daemon-config={settings}");
    let config: &[&str] = if settings.is_null() { &[] } else { &[&config] };
    let options = [config, options].concat();
    work.build("shop", &options, &work.project.startup()).ok();
    let golden = Checksum::of(work.generation("shop", 1));
    let layers = Checksum::of(work.root().join("layers"));

    let mut one = linked_session(&work, place, settings, "one");
    images_are_listed(&work, &mut one);
    layers_are_read_only(&work, &mut one);
    containers_change_what_is_below(&mut one);
    volumes_are_private(&mut one);
    a_rebuild_is_cached(&work, &mut one);
    new_steps_build_on_cached_ones(&work, &mut one);
    images_are_saved_and_loaded(&mut one);
    images_are_tagged_committed_and_removed(&mut one);

    let mut two = linked_session(&work, place, settings, "two");
    images_are_listed(&work, &mut two);
    assert_eq!(
        two.run("docker run --rm -v data:/data app cat /data/of/volume"),
        "golden"
    );
    assert_eq!(two.run("docker ps -aq"), "", "no container of the golden's");

    a_restart_keeps_everything(&mut one);
    everything_can_be_pruned(&work, &mut one);
    a_pruned_session_builds_again(&work, &mut one);
    a_rebuild_is_cached(&work, &mut two);
    two.restart();
    images_are_listed(&work, &mut two);

    one.stop();
    two.stop();
    golden.assert_same(&Checksum::of(work.generation("shop", 1)), "the golden");
    layers.assert_same(&Checksum::of(work.root().join("layers")), "the layers");
    for session in ["one", "two"] {
        work.goldenctl(["session", "rm", session]).ok();
    }
    work.assert_nothing_is_left();
    golden.assert_same(&Checksum::of(work.generation("shop", 1)), "the golden");
    layers.assert_same(&Checksum::of(work.root().join("layers")), "the layers");
}

/// A session of the golden, cloned by links, with its daemon.
fn linked_session<'w>(
    work: &'w Workplace,
    place: Place,
    settings: &Value,
    name: &str,
) -> Session<'w> {
    let report = work
        .goldenctl(["--json", "session", "start", "shop", name])
        .ok()
        .json();
    assert_eq!(report["strategy"], "link", "{report}");
    assert_eq!(report["generation"], 1);
    let (data_root, layers) = (
        report["data_root"].as_str().unwrap(),
        work.root().join("layers"),
    );
    let own = |source: &str, target: &str| json!({"source": source, "target": target, "read_only": false});
    let mut mounts = vec![own(data_root, "/var/lib/docker")];
    if let Some(containerd) = report["containerd"].as_str() {
        let root = Utf8Path::new(containerd);
        assert!(
            root.join("io.containerd.metadata.v1.bolt/meta.db")
                .is_file()
        );
        mounts.push(own(containerd, "/var/lib/containerd"));
    }
    mounts.push(json!({"source": layers, "target": layers, "read_only": true}));
    assert_eq!(report["mounts"], json!(mounts));
    assert!(report["layers"].as_u64() > Some(5), "{report}");
    assert!(
        report["bytes_shared"].as_u64() > report["bytes_copied"].as_u64(),
        "{report}"
    );
    Session::start_with(work, place, &report, settings.clone())
}

/// A command that finds the session's links to layers that are folders.
fn find_links(work: &Workplace, session: &Session<'_>) -> String {
    let root = session.data_root();
    let layers = work.root().join("layers");
    format!(
        "{{ find {root}/overlay2 {root}/containerd {root}/../containerd -maxdepth 5 -type l -lname '{layers}/*' \
         '(' -name diff -o -name fs ')' 2>/dev/null || :; }}"
    )
}

pub(crate) fn images_are_listed(work: &Workplace, session: &mut Session<'_>) {
    let images = session.run("docker images --no-trunc --format '{{.Repository}} {{.ID}}' | sort");
    assert_eq!(images, work.project.images());
    let names: Vec<&str> = images
        .lines()
        .map(|line| line.split_once(' ').unwrap().0)
        .collect();
    assert_eq!(names, IMAGES);
}

fn layers_are_read_only(work: &Workplace, session: &mut Session<'_>) {
    let layers = work.root().join("layers");
    let said = session.refuses(&format!("touch {layers}/new"));
    assert!(said.contains("Read-only file system"), "{said}");
    // And through a link of the session's own data root.
    let linked = format!(
        "link=$({} | head -n 1); test -d $link/; ",
        find_links(work, session)
    );
    let target = session.run(&format!("{linked} readlink $link"));
    assert!(target.starts_with(layers.as_str()), "{target}");
    for change in ["touch $link/new", "chmod 700 $link/", "rm -r $link/*"] {
        let said = session.refuses(&format!("{linked} {change}"));
        assert!(said.contains("Read-only file system"), "{change}: {said}");
    }
}

pub(crate) fn containers_change_what_is_below(session: &mut Session<'_>) {
    let look = "cd /srv; ls; cat kept hard soft deep/er/file replaced/new joined; \
                stat -c '%a %u:%g %n' moded deep; ls replaced";
    let fresh = "count\ndeep\nhard\njoined\nkept\nmoded\nremoved\nreplaced\nsoft\nwords\n\
                 lower\nlower\nlower\nlower\nupper\ndata\nroot\nwarm\n3\n\
                 640 0:0 moded\n755 1000:1000 deep\nnew";
    let change = "cd /srv; echo more >> kept; chmod 600 moded; chown 5:6 deep; rm removed; \
                  rm -r replaced; mkdir replaced; echo mine > replaced/mine; mv deep/er moved; \
                  cat kept; stat -c '%a %u:%g %n' moded deep; ls; ls replaced moved";
    let changed = "lower\nmore\n600 0:0 moded\n755 5:6 deep\n\
                   count\ndeep\nhard\njoined\nkept\nmoded\nmoved\nreplaced\nsoft\nwords\n\
                   moved:\nfile\n\nreplaced:\nmine";
    assert_eq!(
        session.run(&format!("docker run --rm worker sh -c \"{look}\"")),
        fresh
    );
    let run = format!("docker run --name changed worker sh -ec \"{change}\"");
    assert_eq!(session.run(&run), changed);
    // Another container starts from the image, not from that one's changes.
    assert_eq!(
        session.run(&format!("docker run --rm worker sh -c \"{look}\"")),
        fresh
    );
    let diff = session.run("docker diff changed");
    for line in [
        "D /srv/removed",
        "C /srv/kept",
        "A /srv/replaced/mine",
        "A /srv/moved/file",
    ] {
        assert!(diff.lines().any(|l| l == line), "{line} is not in {diff}");
    }
}

pub(crate) fn volumes_are_private(session: &mut Session<'_>) {
    let seen = session.run(
        "docker run --rm -v data:/data app sh -c 'cat /data/of/volume; stat -c %u:%g /data/of'",
    );
    assert_eq!(seen, "golden\n7:8");
    session.run("docker run --rm -v data:/data app sh -c 'echo mine > /data/of/volume'");
    assert_eq!(
        session.run("docker run --rm -v data:/data app cat /data/of/volume"),
        "mine"
    );
    session.run("docker volume create more");
    assert_eq!(session.run("docker volume ls -q"), "data\nmore");
}

pub(crate) fn a_rebuild_is_cached(work: &Workplace, session: &mut Session<'_>) {
    let output = session.run(&work.project.rebuild());
    let steps = steps(&output);
    assert_eq!(steps.done, Default::default(), "{output}");
    assert_eq!(steps.cached.len(), CACHED_STEPS, "{output}");
    let id = session.run("docker images --no-trunc -q app");
    assert!(work.project.images().contains(&format!("app {id}")), "{id}");
}

/// More steps than the golden has. One of them finds the golden's cache mount as it was left.
pub(crate) fn new_steps_build_on_cached_ones(work: &Workplace, session: &mut Session<'_>) {
    let more = "RUN --mount=type=cache,target=/cache cat /cache/sorted > /srv/from-cache && echo >> /cache/sorted\n\
                RUN rm /srv/kept && chmod 777 /srv/deep/er/file\n";
    let folder = work.project.folder();
    // A session shares /tmp with the machine, and other tests.
    let own = format!("/tmp/more-{}", marker());
    let build = format!(
        "mkdir {own} && cp -r {folder}/Dockerfile {folder}/source {own} && cd {own} && \
         printf '{}' >> Dockerfile && docker build --progress=plain -t more . 2>&1",
        more.replace('\n', "\\n")
    );
    let output = session.run(&build);
    session.run(&format!("rm -r {own}"));
    let steps = steps(&output);
    assert_eq!(
        (steps.cached.len(), steps.done.len()),
        (CACHED_STEPS, 2),
        "{output}"
    );
    let look = "cat /srv/from-cache; stat -c %a /srv/deep/er/file; ls /srv";
    assert_eq!(
        session.run(&format!("docker run --rm more sh -c '{look}'")),
        "data\nroot\nwarm\n777\ncount\ndeep\nfrom-cache\nhard\nmoded\nremoved\nreplaced\nsoft\nwords"
    );
}

pub(crate) fn images_are_saved_and_loaded(session: &mut Session<'_>) {
    let id = session.run("docker images --no-trunc -q worker");
    let own = format!("/tmp/worker-{}.tar", marker());
    session.run(&format!(
        "docker save -o {own} worker && docker rm changed && docker rmi worker"
    ));
    session.refuses("docker image inspect worker");
    session.run(&format!("docker load -i {own} && rm {own}"));
    assert_eq!(session.run("docker images --no-trunc -q worker"), id);
    assert_eq!(
        session.run("docker run --rm worker cat /srv/joined"),
        "data\nroot\nwarm\n3"
    );
}

pub(crate) fn images_are_tagged_committed_and_removed(session: &mut Session<'_>) {
    session.run("docker tag app other/app:1 && docker rmi app && docker run --rm other/app:1 true");
    session.run("docker tag other/app:1 app && docker rmi other/app:1");
    session.run("docker run --name grown app sh -c 'echo grown >> /srv/kept && rm -f /srv/moded'");
    session.run("docker commit grown grown");
    let look = "cat /srv/kept; test ! -e /srv/moded && echo gone";
    assert_eq!(
        session.run(&format!("docker run --rm grown sh -c '{look}'")),
        "lower\ngrown\ngone"
    );
}

pub(crate) fn a_restart_keeps_everything(session: &mut Session<'_>) {
    let look = "docker images --no-trunc --format '{{.Repository}} {{.ID}}' | sort; docker volume ls -q; docker ps -aq --no-trunc";
    let before = session.run(look);
    session.restart();
    assert_eq!(session.run(look), before);
    assert_eq!(
        session.run("docker cp grown:/srv/kept - | tar -xO"),
        "lower\ngrown"
    );
    assert_eq!(
        session.run("docker start -a grown && docker diff grown | grep moded"),
        "D /srv/moded"
    );
}

pub(crate) fn everything_can_be_pruned(work: &Workplace, session: &mut Session<'_>) {
    session.run("docker run -d --name busy worker sleep 1000");
    session.run("docker system prune -af --volumes");
    assert_eq!(
        session.run("docker images --format '{{.Repository}}'"),
        "worker",
        "in use"
    );
    session.run("docker rm -f busy && docker system prune -af --volumes && docker volume prune -f");
    session.run("docker volume ls -q | xargs -r docker volume rm");
    for list in ["docker images -aq", "docker ps -aq", "docker volume ls -q"] {
        assert_eq!(session.run(list), "", "{list}");
    }
    // containerd collects what nothing needs in its own time.
    let links = find_links(work, session);
    eventually("no link to a layer is left", || {
        session.run(&links).is_empty()
    });
}

fn a_pruned_session_builds_again(work: &Workplace, session: &mut Session<'_>) {
    session.restart();
    session.run(&work.project.import_box());
    let output = session.run(&work.project.rebuild());
    let steps = steps(&output);
    assert_eq!(
        (steps.cached.len(), steps.done.len()),
        (0, CACHED_STEPS),
        "{output}"
    );
    assert_eq!(
        session.run("docker run --rm app cat /srv/words"),
        "data\nroot\nwarm"
    );
}
