//! What the inside cannot do to the outside.

use std::fs;

use engine::PrivateDaemon;

use crate::holder::Holder;
use crate::kit::{Kit, ample, host, run, try_run};

crate::on_each_engine!(
    read_only_folders_are,
    nested_mounts_are_read_only_too,
    containerd_is_our_own,
    the_hosts_docker_is_out_of_sight,
    mounts_stay_inside,
    the_network_is_empty,
);

fn read_only_folders_are(kit: Kit) {
    let layers = kit.path("layers");
    fs::create_dir(&layers).unwrap();
    let mut options = kit.options("a");
    options.read_only = vec![layers.clone()];
    fs::create_dir(kit.path("layers-not")).unwrap();
    let mut daemon = PrivateDaemon::start(options, &ample()).unwrap();
    run(&mut daemon, &kit.import_script());
    let refused = |daemon: &mut PrivateDaemon, script: &str| {
        let (status, written) = try_run(daemon, script).unwrap();
        assert!(!status.success(), "`{script}` was possible");
        let errors = String::from_utf8(written.stderr).unwrap();
        assert!(errors.contains("Read-only file system"), "{errors}");
    };
    refused(&mut daemon, &format!("touch {layers}/by-command"));
    refused(
        &mut daemon,
        &format!("docker run --rm -v {layers}:/l box touch /l/by-container"),
    );
    refused(
        &mut daemon,
        &format!("cd {layers} && touch by-relative-path"),
    );
    run(&mut daemon, &format!("touch {layers}-not/by-command"));

    // The host can still write, and what it writes is seen inside.
    fs::write(layers.join("by-host"), "x").unwrap();
    assert_eq!(run(&mut daemon, &format!("ls {layers}")), "by-host");
    daemon.stop(&ample()).unwrap();
    fs::write(layers.join("afterwards"), "x").unwrap();
}

/// A mount on the host that goes away with the test.
struct Mounted(camino::Utf8PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        host("umount", &[self.0.as_str()]);
    }
}

fn nested_mounts_are_read_only_too(kit: Kit) {
    let (outer, inner) = (kit.path("layers"), kit.path("layers/with space"));
    fs::create_dir_all(&inner).unwrap();
    host(
        "mount",
        &["-t", "tmpfs", "-o", "nosuid,nodev", "tmpfs", inner.as_str()],
    );
    let mounted = Mounted(inner.clone());
    let mut options = kit.options("a");
    options.read_only = vec![outer];
    let mut daemon = PrivateDaemon::start(options, &ample()).unwrap();
    let (status, written) = try_run(&mut daemon, &format!("touch '{inner}/x'")).unwrap();
    assert!(!status.success());
    assert!(String::from_utf8_lossy(&written.stderr).contains("Read-only file system"));
    // The first is the host's own, which the second covers.
    let options = run(
        &mut daemon,
        "grep 'with.040space' /proc/self/mountinfo | tail -n1 | cut -d' ' -f6",
    );
    assert!(options.starts_with("ro,nosuid,nodev"), "{options}");
    fs::write(inner.join("by-host"), "x").unwrap();
    daemon.kill();
    drop(mounted);
}

fn the_hosts_docker_is_out_of_sight(kit: Kit) {
    // A host whose containerd and Docker have sockets, which nobody answers on.
    let ground = "mount -t tmpfs tmpfs /run && mkdir /run/containerd && \
                  touch /run/docker.sock /run/containerd/containerd.sock && exec \"$0\" \"$@\"";
    let script = "docker -H unix:///var/run/docker.sock info -f '{{.DockerRootDir}}'";
    let root = kit.path("root-dir");
    let holder = Holder::start_on(&kit, ground, &format!("{script} >{root}"));
    assert_eq!(fs::read_to_string(root).unwrap().trim(), kit.path("a-data"));
    drop(holder);
}

fn containerd_is_our_own(kit: Kit) {
    let before = fs::read_dir("/run/containerd").map_or(0, Iterator::count);
    let mut daemon = kit.start("a");
    run(&mut daemon, &kit.import_script());
    run(&mut daemon, "docker run -d box sleep 100");
    let mount = run(&mut daemon, "grep ' /run/containerd ' /proc/self/mountinfo");
    assert!(mount.contains(" - tmpfs "), "{mount}");
    // The shims' sockets, one for each container, are in there and not on the host.
    let sockets = run(&mut daemon, "ls /run/containerd/s");
    assert!(!sockets.is_empty());
    for socket in sockets.lines() {
        assert!(!fs::exists(format!("/run/containerd/s/{socket}")).unwrap());
    }
    assert!(fs::read_dir("/run/containerd").map_or(0, Iterator::count) >= before);
    let parents = run(&mut daemon, "pgrep -P 1 containerd | wc -l");
    assert!(
        parents.parse::<u32>().unwrap() >= 1,
        "started by dockerd, in here"
    );
}

fn mounts_stay_inside(kit: Kit) {
    let folder = kit.path("mounted");
    fs::create_dir(&folder).unwrap();
    let mut daemon = kit.start("a");
    run(
        &mut daemon,
        &format!("mount -t tmpfs tmpfs {folder} && touch {folder}/inside"),
    );
    assert_eq!(run(&mut daemon, &format!("ls {folder}")), "inside");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    assert!(!kit.is_mounted());
    // Its /proc shows the enclosure: dockerd is pid 1 there.
    assert_eq!(run(&mut daemon, "cat /proc/1/comm"), "dockerd");
    assert_ne!(
        fs::read_to_string("/proc/1/comm").unwrap().trim(),
        "dockerd"
    );
}

fn the_network_is_empty(kit: Kit) {
    let mut daemon = kit.start("a");
    let interfaces = run(&mut daemon, "tail -n +3 /proc/net/dev | cut -d: -f1");
    let names: Vec<_> = interfaces.split_whitespace().collect();
    assert!(names.contains(&"lo"), "{names:?}");
    assert!(!names.contains(&"eth0"), "{names:?}");
    assert_eq!(run(&mut daemon, "ip route show default"), "");
    assert!(run(&mut daemon, "ip -o addr show lo").contains("127.0.0.1/8"));
    assert!(run(&mut daemon, "ip -o link show lo").contains("LOWER_UP"));
}
