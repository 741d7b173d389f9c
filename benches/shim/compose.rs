//! Four services of compose, of 300 MB each.

use std::error::Error;
use std::fs;

use camino::Utf8Path;
use testbed::stack::Client;
use testbed::stopwatch::{median, milliseconds};

use crate::{claim, timed, write_context};

const TURNS: usize = 3;
const SERVICES: [&str; 4] = ["a", "b", "c", "d"];

/// How many times faster than compose's own builds they are at least: unchanged, and with one changed.
const UNCHANGED: f64 = 5.0;
const ONE_CHANGED: f64 = 4.0;

pub(crate) fn measure(
    project: &Utf8Path,
    real: &Client,
    shim: &Client,
) -> Result<bool, Box<dyn Error>> {
    fs::create_dir(project)?;
    let context = project.join("context");
    write_context(&context)?;
    let dockerfile = context.join("Dockerfile");
    let file = fs::read_to_string(&dockerfile)?;
    let file = file.replace("COPY words", "ARG NAME\nCOPY words-$NAME");
    fs::write(&dockerfile, file)?;
    let write =
        |service: &str, words: String| fs::write(context.join(format!("words-{service}")), words);
    let mut compose = String::from("name: bench\nservices:\n");
    for service in SERVICES {
        write(service, format!("{service} first"))?;
        compose +=
            &format!("  {service}: {{build: {{context: ./context, args: {{NAME: {service}}}}}}}\n");
    }
    let path = project.join("compose.yaml");
    fs::write(&path, compose)?;
    let words = ["compose", "--file", path.as_str(), "build"];
    timed(shim, &words)?;
    timed(real, &words)?;

    let mut rows = Vec::new();
    for (what, changes) in [("unchanged", false), ("one changed", true)] {
        let (mut theirs, mut ours) = (Vec::new(), Vec::new());
        for turn in 0..TURNS {
            for (client, times) in [(shim, &mut ours), (real, &mut theirs)] {
                if changes {
                    write(
                        "a",
                        format!("{turn} {}", times.len() + client.path.len() * 100),
                    )?;
                }
                times.push(timed(client, &words)?.0);
            }
        }
        let (theirs, ours) = (median(&theirs), median(&ours));
        let faster = theirs.as_secs_f64() / ours.as_secs_f64();
        println!(
            "| compose, four services of 300 MB, {what} | {:.0} ms | {:.0} ms: {faster:.1} times as fast |",
            milliseconds(theirs),
            milliseconds(ours)
        );
        rows.push(faster);
    }
    let held = [
        claim(
            rows[0] >= UNCHANGED,
            "four unchanged services are built at least 5 times as fast as by compose",
        ),
        claim(
            rows[1] >= ONE_CHANGED,
            "four services, one of them changed, are built at least 4 times as fast as by compose",
        ),
    ];
    Ok(held.into_iter().all(|held| held))
}
