//! From start to stop, and what is left afterwards.

use engine::PrivateDaemon;

use crate::kit::{
    Kit, ample, control_group_of, control_groups, host_interfaces, inhabitants, pid_namespace, run,
};

crate::on_each_engine!(
    an_image_runs_and_nothing_is_left,
    two_daemons_know_nothing_of_each_other,
    the_data_root_survives,
    dropping_kills,
);

fn an_image_runs_and_nothing_is_left(kit: Kit) {
    let mut daemon = kit.start("a");
    assert!(
        daemon.version().starts_with(kit.version),
        "{}",
        daemon.version()
    );
    assert_eq!(daemon.storage_driver(), "overlay2");
    assert!(kit.engine.version().unwrap().starts_with(kit.version));
    eprintln!(
        "{} was ready after {:?}",
        daemon.version(),
        daemon.ready_after()
    );
    run(&mut daemon, &kit.import_script());
    assert_eq!(run(&mut daemon, "docker run --rm box echo warm"), "warm");

    run(&mut daemon, "docker run -d --name long box sleep 100");
    let namespace = pid_namespace(daemon.pid());
    let inside = inhabitants(&namespace);
    assert!(
        inside.iter().any(|line| line.contains("containerd-shim")),
        "{inside:?}"
    );
    let parent = run(&mut daemon, &control_group_of("long"));
    assert!(!control_groups(&parent).is_empty());
    // The kernel chooses the names at random, so no other daemon's are meant.
    let veths = run(&mut daemon, "grep -o 'veth[0-9a-f]*' /proc/net/dev");
    assert!(!veths.is_empty());
    for interface in veths.lines().chain(["docker0"]) {
        let inside = run(&mut daemon, "cat /proc/net/dev");
        assert!(inside.contains(interface), "{inside}");
    }

    let report = daemon.stop(&ample()).unwrap();
    eprintln!("stopped in {:?} with a container running", report.took);
    assert!(!report.killed);
    assert_eq!(report.status.code(), Some(0));
    assert_eq!(inhabitants(&namespace), Vec::<String>::new());
    assert!(!kit.is_mounted());
    assert!(!kit.path("a-run").exists());
    let (instance, _) = parent.rsplit_once('/').unwrap();
    assert_eq!(control_groups(instance), Vec::<std::path::PathBuf>::new());
    for veth in veths.lines() {
        assert!(!host_interfaces().contains(&veth.to_owned()));
    }
    std::fs::remove_dir_all(kit.path("a-data")).expect("nothing holds the data root");
}

fn two_daemons_know_nothing_of_each_other(kit: Kit) {
    let (mut one, mut two) = (kit.start("1"), kit.start("2"));
    assert_ne!(pid_namespace(one.pid()), pid_namespace(two.pid()));
    run(&mut one, &kit.import_script());
    assert_eq!(run(&mut one, "docker images -q | wc -l"), "1");
    assert_eq!(run(&mut two, "docker images -q | wc -l"), "0");
    // The same published port on both, reached by localhost from beside each.
    run(&mut two, &kit.import_script());
    for (daemon, word) in [(&mut one, "one"), (&mut two, "two")] {
        let serve = format!("docker run -d -p 127.0.0.1:7070:80 box nc -ll -p 80 -e echo {word}");
        run(daemon, &serve);
    }
    let ask = "for i in $(seq 100); do \
               answer=$(bash -c 'cat < /dev/tcp/127.0.0.1/7070' 2>/dev/null) && \
               [ -n \"$answer\" ] && echo $answer && exit; sleep 0.1; done; exit 1";
    assert_eq!(run(&mut one, ask), "one");
    assert_eq!(run(&mut two, ask), "two");
    one.kill();
    assert_eq!(run(&mut two, ask), "two");
    assert!(
        std::net::TcpStream::connect("127.0.0.1:7070").is_err(),
        "not a port of the host"
    );
}

fn the_data_root_survives(kit: Kit) {
    let mut daemon = kit.start("a");
    run(&mut daemon, &kit.import_script());
    run(&mut daemon, "docker volume create kept");
    daemon.stop(&ample()).unwrap();
    let mut daemon = kit.start("a");
    assert_eq!(
        run(&mut daemon, "docker run --rm -v kept:/v box echo again"),
        "again"
    );
    assert_eq!(run(&mut daemon, "docker volume ls -q"), "kept");
}

fn dropping_kills(kit: Kit) {
    let mut daemon = kit.start("a");
    run(&mut daemon, &kit.import_script());
    run(&mut daemon, "docker run -d box sleep 100");
    let namespace = pid_namespace(daemon.pid());
    drop(daemon);
    assert_eq!(inhabitants(&namespace), Vec::<String>::new());
    assert!(!kit.is_mounted());
    assert!(!kit.path("a-run").exists());
}

/// Docker's containerd image store, by way of the configuration that is merged into ours.
#[test]
fn the_containerd_store_runs_too() {
    let kit = Kit::new("26.1");
    let mut options = kit.options("a");
    options.storage_driver = None;
    options.extra_config = serde_json::json!({"features": {"containerd-snapshotter": true}});
    let mut daemon = PrivateDaemon::start(options, &ample()).unwrap();
    assert_eq!(daemon.storage_driver(), "overlayfs");
    run(&mut daemon, &kit.import_script());
    assert_eq!(run(&mut daemon, "docker run --rm box echo warm"), "warm");
    let report = daemon.stop(&ample()).unwrap();
    eprintln!("stopped in {:?} with nothing running", report.took);
    assert!(!report.killed);
    assert!(!kit.is_mounted());
}
