//! How much memory commands take of goldens and sessions with very many files: each less than 64 MiB,
//! however many files there are. Prints a table with the peak of each command.
//!
//! `CACHECORE_MEMORY_FILES=1000000` for the whole; without it a fifth. An argument chooses among the parts
//! by their names.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
#![expect(clippy::print_stdout, reason = "tests may say what they have done")]

mod hostile;
mod measured;
mod scene;

use measured::Measured;
use scene::Scene;

const VARIABLE: &str = "CACHECORE_MEMORY_FILES";
const FEWER: usize = 60_000;
/// The exit code of what is beyond what a data root may hold.
const TOO_LARGE: i32 = 5;
/// That of what is not there.
const NOTHING: i32 = 3;
/// That of what is refused.
const REFUSED: i32 = 1;
/// What a command may take, in KiB.
const MOST: u64 = 64 << 10;

fn main() {
    if let Some(words) = measured::asked() {
        return measured::answer(&words);
    }
    let files = std::env::var(VARIABLE).map_or(FEWER, |number| number.parse().unwrap());
    println!("{files} files");
    let scene = Scene::new();
    let mut table = Table::default();
    let chosen = std::env::args()
        .nth(1)
        .filter(|word| !word.starts_with('-'));
    let parts: [(&str, Part); 6] = [
        ("a_golden_of_many_files", a_golden_of_many_files),
        ("a_session_with_a_huge_folder", a_session_with_a_huge_folder),
        (
            "a_session_with_many_folders_of_the_driver",
            a_session_with_many_folders_of_the_driver,
        ),
        ("a_volume_with_many_folders", a_volume_with_many_folders),
        ("a_layer_that_two_bring", a_layer_that_two_bring),
        ("a_session_of_a_stranger", a_session_of_a_stranger),
    ];
    let mut done = 0;
    for (name, part) in parts {
        if chosen.as_ref().is_none_or(|word| name.contains(word)) {
            part(&scene, files, &mut table);
            done += 1;
        }
    }
    assert!(done > 0, "no part is called so");
    assert_eq!(table.exceeding, Vec::<String>::new(), "more than 64 MiB");
}

type Part = fn(&Scene, usize, &mut Table);

#[derive(Default)]
struct Table {
    exceeding: Vec<String>,
}

impl Table {
    /// Runs a command, which must end with one of these codes.
    #[track_caller]
    fn row(&mut self, scene: &Scene, words: &str, codes: &[i32]) {
        let Measured {
            code,
            peak,
            seconds,
            said,
        } = scene.run(words);
        println!("{peak:>8} KiB {seconds:>7.1} s  exit {code}  {words}");
        assert!(codes.contains(&code), "{words}: {code} {said}");
        assert!(!said.contains("panicked"), "{words}: {said}");
        if peak > MOST {
            self.exceeding.push(format!("{words}: {peak} KiB"));
        }
    }
}

fn a_golden_of_many_files(scene: &Scene, files: usize, table: &mut Table) {
    println!("a golden with a layer of so many files");
    scene.write_golden(files);
    for words in [
        "doctor",
        "bench --from STAGE/many --sessions 1",
        "import many --from STAGE/many",
        "bench --sessions 1",
        "status many",
        "status",
        "status --metrics STAGE/metrics",
        "explain many",
        "disable many",
        "verify many",
        "verify many --full",
        "session start many linked",
        "session start many copied --strategy copy",
        "session ls",
        "session promote copied",
        "session rm linked",
        "session start many second --strategy copy",
        "session rm second",
        "gc --dry-run",
        "gc --keep 1 --max-size 0",
    ] {
        table.row(scene, words, &[0]);
    }
    // There was no build, and there is nothing to cancel or to try again.
    for (words, code) in [
        ("log many", NOTHING),
        ("cancel many", 0),
        ("retry many", REFUSED),
    ] {
        table.row(scene, words, &[code]);
    }
    // The collection has taken its goldens.
    table.row(scene, "rm many", &[NOTHING]);
    table.row(scene, "gc", &[0]);
}

fn a_session_with_a_huge_folder(scene: &Scene, files: usize, table: &mut Table) {
    println!("a session that has so many files in one folder of its driver's");
    table.row(scene, "session start huge one --or-empty", &[0]);
    scene.write_huge_folder("one", files);
    table.row(scene, "session promote one", &[0]);
    for words in [
        "verify huge --full",
        "session start huge two --strategy copy",
        "session start huge three --strategy link",
        "session rm two",
        "session rm three",
        "gc --max-size 0",
    ] {
        table.row(scene, words, &[0]);
    }
}

fn a_session_with_many_folders_of_the_driver(scene: &Scene, files: usize, table: &mut Table) {
    println!("a session whose driver has so many folders");
    table.row(scene, "session start crowd one --or-empty", &[0]);
    scene.write_crowd("one", files, 0);
    table.row(scene, "session promote one", &[TOO_LARGE]);
    table.row(scene, "gc --dry-run", &[0]);
    table.row(scene, "session rm one", &[0]);
    for (folders, lower) in [(40_000, 0), (40_000, 16_000)] {
        println!("a session whose driver has {folders} folders, with records of {lower} bytes");
        table.row(scene, "session start crowd one --or-empty", &[0]);
        scene.write_crowd("one", folders, lower);
        let code = if lower == 0 { 0 } else { TOO_LARGE };
        table.row(scene, "session promote one", &[code]);
        table.row(scene, "gc --max-size 0 --session-idle 0s", &[0]);
    }
}

fn a_volume_with_many_folders(scene: &Scene, files: usize, table: &mut Table) {
    println!(
        "a golden with a volume that has so many folders, and files of two names half as many"
    );
    scene.write_volume("wide", files);
    for words in [
        "import wide --from STAGE/wide",
        "verify wide --full",
        "session start wide copied --strategy copy",
        "session promote copied",
        "session start wide linked",
        "gc --dry-run",
        "session rm linked",
        "gc --keep 1",
        "rm wide",
        "gc",
    ] {
        table.row(scene, words, &[0]);
    }
}

fn a_layer_that_two_bring(scene: &Scene, files: usize, table: &mut Table) {
    println!("two data roots with a layer that has so many files in one folder");
    for name in ["first", "second"] {
        scene.write_crowded_layer(name, files);
        let words = format!("import {name} --from STAGE/{name}");
        table.row(scene, &words, &[0]);
    }
    table.row(scene, "verify --full", &[0]);
    for words in ["rm first", "rm second", "gc"] {
        table.row(scene, words, &[0]);
    }
}

/// What is refused says so; what cannot be read but is not needed is left alone.
fn a_session_of_a_stranger(scene: &Scene, _: usize, table: &mut Table) {
    for (what, write, codes) in hostile::DATA_ROOTS {
        println!("a session with {what}");
        table.row(scene, "session start crowd odd --or-empty", &[0]);
        write(&scene.data_root("odd"));
        table.row(scene, "session promote odd", codes);
        table.row(scene, "gc --max-size 0 --session-idle 0s", &[0]);
    }
}
