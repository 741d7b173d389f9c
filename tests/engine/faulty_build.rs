//! Golden builds in which a system call of `goldenctl` fails or is its last, beside real daemons: a few
//! points of what `tests/faults` walks with a double.

use std::process::Command;

use testbed::engines::{Done, Release, Workplace};

use crate::golden_build::{WORDS, assert_serves, with_golden};

crate::on_each_engine!(a_build_with_a_fault_costs_nothing);

/// Calls by their numbers, and what happens there: as the enclosure is made, and in a promotion.
const FAULTS: [&str; 3] = [
    "mount:error=EIO:when=2",
    "syncfs:error=EIO:when=1",
    "syncfs:signal=KILL:when=1",
];

fn a_build_with_a_fault_costs_nothing(release: Release) {
    let work = with_golden(release);
    let mut serving = 1;
    for fault in FAULTS {
        let done = build(&work, fault);
        let (killed, code) = (done.signal() == Some(9), done.code());
        assert!(killed || code == Some(1), "{fault}: {done:?}");
        work.build("shop", &[], "true").ok();
        let generation = work.status("shop")["generation"].as_u64().unwrap();
        // What was killed after its promotion has promoted.
        assert!(
            generation == serving + 1 || generation == serving + 2,
            "{fault}: {generation}"
        );
        serving = generation;
        assert_serves(&work, serving, WORDS);
        work.assert_nothing_is_left();
    }
}

/// A build under strace(1), which leaves the daemon alone.
fn build(work: &Workplace, fault: &str) -> Done {
    let plain = work.build_command("shop", &[], "true");
    let call = fault.split(':').next().unwrap();
    let mut command = Command::new("strace");
    command
        .args(["--follow-forks", "--quiet=all", "--detach-on=execve"])
        .args(["--output", work.path("strace.log").as_str()])
        .args([format!("--trace={call}"), format!("--inject={fault}")])
        .arg("--")
        .arg(plain.get_program())
        .args(plain.get_args())
        .stdin(std::process::Stdio::null());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    work.spawn(command).wait()
}
