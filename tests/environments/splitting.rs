//! The two halves of a split script leave what the script leaves: files, packages and exported variables.
//!
//! `corpus` holds scripts as people write them. A comment `#=c` or `#=r` before a construct is what somebody said
//! by hand that it should be: cached, or run.

#![expect(clippy::print_stdout, reason = "figures, and seeds")]

mod generated;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use setupscript::{Options, Script, Split, Verdict};
use testbed::engines::debian;
use testbed::stack::{Stack, Store};

/// How many programs are generated and run, unless `CACHECORE_SPLIT_PROGRAMS` says another number.
const GENERATED: u64 = 60;
/// The first one's seed, unless `CACHECORE_SPLIT_SEED` says another one.
const SEED: u64 = 1;

fn told(variable: &str, otherwise: u64) -> u64 {
    let said = std::env::var(variable).ok();
    said.map_or(otherwise, |number| number.parse().unwrap())
}

/// What is there afterwards, by case and way of running.
type Results = BTreeMap<String, String>;

fn corpus() -> BTreeMap<String, String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/environments/corpus");
    let files = std::fs::read_dir(folder).unwrap();
    let read = |file: std::fs::DirEntry| {
        let name = file.file_name().into_string().unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        (name.trim_end_matches(".sh").to_owned(), text)
    };
    files.map(|file| read(file.unwrap())).collect()
}

fn halves(text: &str) -> (Script, Split) {
    let script = Script::read(text.as_bytes()).unwrap();
    let split = setupscript::split(&script, &Options::default());
    (script, split)
}

/// Runs all scripts in a container, whole and as halves.
fn results(scripts: &BTreeMap<String, String>) -> Results {
    let stack = Stack::new();
    let daemon = stack.daemon(Store::Classic);
    let client = stack.client(&daemon, None);
    client.docker(&["import", debian().as_str(), "debian:test"]);
    let cases = stack.fresh("cases");
    std::fs::create_dir(&cases).unwrap();
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/environments/splitting");
    for file in ["standin.sh", "compare.sh"] {
        std::fs::copy(format!("{own}/{file}"), cases.join(file)).unwrap();
    }
    for (name, text) in scripts {
        let (_, split) = halves(text);
        let folder = cases.join(name);
        std::fs::create_dir(&folder).unwrap();
        let files = [
            ("whole", text),
            ("cached", &split.cached),
            ("run", &split.run),
        ];
        for (file, text) in files {
            std::fs::write(folder.join(file), text).unwrap();
        }
    }
    let archive = Command::new("tar")
        .args(["-C", cases.as_str(), "-c", "."])
        .output()
        .unwrap();
    let script = "mkdir /cases && tar -C /cases -x && exec bash /cases/compare.sh";
    let words = [
        "docker",
        "run",
        "-i",
        "--rm",
        "--privileged",
        "--network",
        "none",
        "debian:test",
    ];
    let mut command = client.command("env");
    command.args(words).args(["bash", "-c", script]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || input.write_all(&archive.stdout).unwrap());
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    assert!(output.status.success(), "{}", output.status);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let parts = text.split("=== ").filter_map(|part| part.split_once('\n'));
    parts
        .map(|(name, result)| (name.to_owned(), result.to_owned()))
        .collect()
}

/// The lines that only one of them has.
fn difference(one: &str, other: &str) -> Vec<String> {
    let lines = |text: &str| {
        text.lines()
            .map(str::to_owned)
            .collect::<std::collections::BTreeSet<_>>()
    };
    let (one, other) = (lines(one), lines(other));
    let only = |sign: char,
                a: &std::collections::BTreeSet<String>,
                b: &std::collections::BTreeSet<String>| {
        a.difference(b)
            .map(|line| format!("{sign} {line}"))
            .collect::<Vec<_>>()
    };
    [only('-', &one, &other), only('+', &other, &one)].concat()
}

#[test]
fn the_halves_leave_what_the_whole_leaves() {
    let mut scripts = corpus();
    assert!(scripts.len() >= 60, "{}", scripts.len());
    let first = told("CACHECORE_SPLIT_SEED", SEED);
    for seed in first..first + told("CACHECORE_SPLIT_PROGRAMS", GENERATED) {
        scripts.insert(format!("generated-{seed}"), generated::program(seed));
    }
    let results = results(&scripts);
    let (mut differ, mut cached) = (Vec::new(), 0);
    for (name, text) in &scripts {
        let (_, split) = halves(text);
        cached += usize::from(!split.cached.is_empty());
        let whole = &results[&format!("{name}.whole")];
        let both = &results[&format!("{name}.halves")];
        let difference = difference(whole, both);
        if !difference.is_empty() {
            let log = &results[&format!("{name}.halves.log")];
            let difference = difference.join("\n");
            let cached = &split.cached;
            differ.push(format!(
                "## {name}\n{difference}\n-- cached\n{cached}-- log\n{log}"
            ));
        }
    }
    println!(
        "{} scripts, {cached} with a cached half, seeds from {first}",
        scripts.len()
    );
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    assert!(cached >= 60, "{cached}");
    // The scripts do something.
    assert!(results["agent-basic.halves"].contains("jq 1."));
    assert!(results["agent-basic.halves"].contains("EDITOR=vim"));
    assert!(results["agent-basic.halves"].contains("/usr/bin/tree"));
}

#[test]
fn no_construct_is_cut_and_a_half_stays_as_it_is() {
    let mut scripts = corpus();
    for seed in SEED..SEED + 150 {
        scripts.insert(format!("generated-{seed}"), generated::program(seed));
    }
    for (name, text) in &scripts {
        assert!(accepted(text), "{name}:\n{text}");
        let (script, split) = halves(text);
        let mut end = script.shebang;
        for part in &split.parts {
            assert_eq!(part.start, end, "{name}");
            end = part.end;
            assert!(
                accepted(&text[part.start..part.end]),
                "{name}, line {}",
                part.line
            );
        }
        assert!(split.parts.is_empty() || end == text.len(), "{name}");
        for half in [&split.cached, &split.run] {
            assert!(accepted(half), "{name}:\n{half}");
        }
        let (_, again) = halves(&split.cached);
        assert_eq!(again.cached, split.cached, "{name}");
        let (_, again) = halves(&split.run);
        assert_eq!(
            (again.cached.as_str(), &again.run),
            ("", &split.run),
            "{name}"
        );
    }
}

/// Whether `bash -n` takes it.
fn accepted(text: &str) -> bool {
    let mut child = Command::new("bash")
        .args(["-O", "extglob", "-n"])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    child.wait().unwrap().success()
}

#[test]
fn the_verdicts_are_what_people_say_as_far_as_published() {
    // Both say cached; only the split says so; only people say so; both say run.
    let mut counts = [0_usize; 4];
    for (name, text) in corpus() {
        let (_, split) = halves(&text);
        for part in &split.parts {
            let own = &text[part.start..part.end];
            let label = own.lines().find_map(|line| line.strip_prefix("#="));
            let cached = part.verdict == Verdict::Cached;
            let Some(label) = label else {
                continue;
            };
            let slot = match (cached, label) {
                (true, "c") => 0,
                (true, "r") => 1,
                (false, "c") => 2,
                (false, "r") => 3,
                _ => panic!("{name}: {label}"),
            };
            if matches!(slot, 1 | 2) {
                println!(
                    "{name}, line {}: {:?}: {}",
                    part.line, part.verdict, part.reason
                );
            }
            counts[slot] += 1;
        }
    }
    let [agreed, bold, shy, run] = counts;
    let table = format!(
        "| {} | {agreed} | {bold} | {shy} | {run} |",
        agreed + bold + shy + run
    );
    println!("{table}");
    let published = include_str!("../../docs/benchmarks.md");
    assert!(
        published.contains(&table),
        "docs/benchmarks.md has another row than {table}"
    );
}
