//! A script that installs packages: at every start, or baked.

use std::error::Error;
use std::fs;
use std::time::Duration;

use testbed::stopwatch::median;

use crate::{BASE, Place, claim, timed};

const TURNS: usize = 3;

/// What most setup scripts begin with.
const SCRIPT: &str = "set -e\nexport DEBIAN_FRONTEND=noninteractive\napt-get update\n\
    apt-get install -y --no-install-recommends git make curl jq unzip xz-utils python3-minimal\n";

/// How many times faster than without envimage a second run is, at least.
const FASTER: f64 = 3.0;
/// From which run on it has paid, at the latest.
const PAID: u32 = 3;

pub(super) fn measure(place: &Place) -> Result<bool, Box<dyn Error>> {
    let folder = place.stack.fresh("script");
    fs::create_dir(&folder)?;
    let (mut without, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 0..TURNS {
        // Another text is another image, and nothing that was built before is of use.
        let script = format!("# turn {turn}\n{SCRIPT}");
        fs::write(folder.join("setup.sh"), &script)?;
        let mount = format!("{folder}:/setup:ro");
        let line = [
            "docker",
            "run",
            "--rm",
            "--interactive",
            "--volume",
            &mount,
            BASE,
            "/bin/bash",
        ];
        let task = ["-c", "bash /setup/setup.sh && exec git --version"];
        without.push(timed(place.client.command("env").args(line).args(task))?);
        let spec = place.spec("stages: [{name: tools, script: setup.sh}]\n")?;
        let beside = spec.parent().ok_or("a spec lies in a folder")?;
        fs::write(beside.join("setup.sh"), &script)?;
        for times in [&mut first, &mut second] {
            let mut run = place.envimage(&["run"], &spec);
            times.push(timed(run.args(["--", "git", "--version"]))?);
        }
    }
    let [without, first, second] = [without, first, second].map(|times| median(&times));
    let faster = without.as_secs_f64() / second.as_secs_f64();
    let paid = paid(without, first, second);
    println!(
        "\n| seven packages of Debian, without a network | the first run | each further run |\n|---|---|---|\n\
         | the script at every start | {:.2} s | {:.2} s |\n| baked by `envimage run` | {:.2} s | {:.2} s: {faster:.0} \
         times as fast |",
        without.as_secs_f64(),
        without.as_secs_f64(),
        first.as_secs_f64(),
        second.as_secs_f64(),
    );
    println!("\nBoth have taken the same in all by the run number {paid}.");
    Ok([
        claim(
            faster >= FASTER,
            "a second run is at least 3 times as fast as the script",
        ),
        claim(paid <= PAID, "building has paid by the third run"),
    ]
    .into_iter()
    .all(|held| held))
}

/// From which run on all together take no longer than without envimage.
fn paid(without: Duration, first: Duration, second: Duration) -> u32 {
    let runs = 1..u32::MAX;
    let mut runs = runs.take(1000);
    let is_paid = |runs: &u32| first + second * (runs - 1) <= without * *runs;
    runs.find(is_paid).unwrap_or(u32::MAX)
}
