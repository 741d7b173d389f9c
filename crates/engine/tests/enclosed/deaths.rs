//! Sudden deaths: of dockerd, and of us.

use engine::RunError;

use crate::holder::Holder;
use crate::kit::{
    Kit, ample, control_group_of, control_groups, eventually, host, inhabitants, marker,
    pid_namespace, processes_mentioning, try_run,
};

crate::on_each_engine!(
    dockerd_killed_in_mid_run,
    dockerd_killed_between_commands,
    our_process_killed,
);

fn dockerd_killed_in_mid_run(kit: Kit) {
    let mut daemon = kit.start("a");
    let (pid, namespace, marker) = (daemon.pid(), pid_namespace(daemon.pid()), marker());
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            eventually("the command runs", || {
                !processes_mentioning(&marker).is_empty()
            });
            host("kill", &["-9", &pid.to_string()]);
        });
        try_run(&mut daemon, &format!("sleep {marker}"))
            .err()
            .unwrap()
    });
    let RunError::DaemonDied { log, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(
        log.lines()
            .iter()
            .any(|line| line.contains("API listen on")),
        "{error}"
    );
    assert_eq!(inhabitants(&namespace), Vec::<String>::new());
    let report = daemon.stop(&ample()).unwrap();
    assert!(!report.killed, "not by us");
    assert!(!kit.path("a-run").exists());
}

fn dockerd_killed_between_commands(kit: Kit) {
    let mut daemon = kit.start("a");
    host("kill", &["-9", &daemon.pid().to_string()]);
    // The signal may take a moment, so a first command may still succeed.
    let mut error = None;
    eventually("a command is refused", || {
        error = try_run(&mut daemon, "echo on").err();
        error.is_some()
    });
    assert!(
        matches!(error, Some(RunError::DaemonDied { .. })),
        "{error:?}"
    );
}

fn our_process_killed(kit: Kit) {
    let (marker, group) = (marker(), kit.path("group"));
    let script = format!(
        "{} && id=$(docker run -d --network none box sleep {marker}) && {} >{group} && \
         (sleep {marker} &)",
        kit.import_script(),
        control_group_of("$id"),
    );
    let holder = Holder::start(&kit, "isolated", &script);
    let namespace = pid_namespace(holder.dockerd);
    // The one in the container has a pid namespace below ours, so both are looked for by name.
    let sleep = format!("sleep {marker}");
    let count = |lines: Vec<String>| lines.iter().filter(|line| line.starts_with(&sleep)).count();
    eventually("one sleeps in a container and one beside it", || {
        count(processes_mentioning(&marker)) == 2 && count(inhabitants(&namespace)) == 1
    });
    let group = std::fs::read_to_string(group).unwrap();
    let (instance, _) = group.trim().rsplit_once('/').unwrap();
    assert!(!control_groups(instance).is_empty());

    drop(holder);
    eventually("nothing of it runs", || {
        inhabitants(&namespace).is_empty() && processes_mentioning(&marker).is_empty()
    });
    assert!(!kit.is_mounted());
    // Its containers' control groups are all that is left of it.
    eventually("the control groups are swept", || {
        engine::sweep_cgroups();
        control_groups(instance).is_empty()
    });
    std::fs::remove_dir_all(kit.path("a-run")).expect("nothing holds the runtime folder");
    let mut daemon = kit.start("a");
    assert_eq!(
        crate::kit::run(&mut daemon, "docker ps -q"),
        "",
        "the data root still serves"
    );
}
