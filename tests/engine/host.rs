//! The machine that goldenctl runs on stays as it is.

use testbed::engines::{Release, Workplace};

crate::on_each_engine!(etc_is_not_touched);

/// Runs a build on an `/etc` that notes every change: an overlay of the real one, without the
/// `/etc/docker` that an earlier daemon may have left.
fn etc_is_not_touched(release: Release) {
    let work = Workplace::new(release);
    let notes = work.path("notes");
    std::fs::create_dir_all(notes.join("work")).unwrap();
    std::fs::create_dir(notes.join("upper")).unwrap();
    let build = work.build_command("shop", &[], &work.project.import_box());
    let script = "mount -t overlay -o lowerdir=/etc,upperdir=$0/upper,workdir=$0/work etc /etc; \
                  rm -rf /etc/docker; \"$@\"; ls -A /etc/docker $0/upper";
    let mut command = std::process::Command::new("unshare");
    command
        .args(["--mount", "sh", "-ec", script, notes.as_str()])
        .arg(build.get_program())
        .args(build.get_args())
        .envs(
            build
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    let done = work.spawn(command).wait();
    assert!(
        done.stderr.contains("/etc/docker': No such file"),
        "{done:?}"
    );
    let upper = std::fs::read_dir(notes.join("upper")).unwrap();
    let changed: Vec<_> = upper.map(|entry| entry.unwrap().file_name()).collect();
    assert!(changed.is_empty() || changed == ["docker"], "{changed:?}");
    assert_eq!(work.status("shop")["generation"], 1);
    work.assert_nothing_is_left();
}
