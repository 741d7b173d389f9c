//! A disk that can only be read, as ext4 makes one of itself after an error.

use crate::commands::{ALL, LOOKS, Needs};
use crate::program;
use crate::scene::Scene;

#[test]
fn every_command_says_that_the_disk_is_read_only_and_works_once_it_is_not() {
    let scene = Scene::new();
    for command in &ALL {
        let expected = scene.expected(command);
        let when = format!("after {command} on a read-only disk");
        scene.volume.reset();
        scene.volume.make_read_only();
        let ended = scene.run(command, &when);
        if command.needs == Needs::Reading {
            assert!(ended.worked(), "{when}: {ended:?}");
        } else {
            assert_eq!(ended.code, 1, "{when}: {ended:?}");
            let says = ended.stderr.contains("Read-only file system");
            assert!(says, "{when}: {ended:?}");
        }
        scene.assert_untouched(&when);
        scene.volume.make_writable();
        scene.assert_made_good(command, !ended.worked(), &expected, &when);
    }
}

#[test]
fn what_only_looks_answers_on_a_read_only_disk_as_on_another() {
    let scene = Scene::new();
    // What a killed start has left would be made good, if it could.
    std::fs::create_dir_all(
        scene
            .store()
            .join("sessions/.starting-docker-data-x-1-2-3/docker"),
    )
    .unwrap();
    scene.volume.make_read_only();
    for words in LOOKS {
        let list: Vec<String> = words.split(' ').map(str::to_owned).collect();
        let when = format!("`{words}` on a read-only disk");
        let ended = program::run(&scene.store(), &list, &when);
        assert!(ended.worked(), "{when}: {ended:?}");
        let expected = match words {
            "session ls" => "live",
            "gc --dry-run" => "nothing is changed",
            _ => "api",
        };
        assert!(ended.stdout.contains(expected), "{when}: {ended:?}");
    }
    scene.volume.make_writable();
}

#[test]
fn damage_is_reported_also_where_it_cannot_be_noted() {
    let scene = Scene::new();
    let layers = std::fs::read_dir(scene.store().join("layers")).unwrap();
    let diff = layers
        .map(|layer| layer.unwrap().path().join("diff"))
        .find(|diff| diff.join("srv/base-0").exists())
        .unwrap();
    let file = diff.join("srv/base-0/000/0.js");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[4000] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    scene.volume.make_read_only();
    let verify = |options: &[&str]| {
        let words = ["verify", "api", "--full"].iter().chain(options);
        let words: Vec<String> = words.map(|word| (*word).to_owned()).collect();
        program::run(
            &scene.store(),
            &words,
            "a damaged layer on a read-only disk",
        )
    };
    let ended = verify(&[]);
    assert_eq!(ended.code, 5, "{ended:?}");
    let said = [
        "srv/base-0/000/0.js has other contents",
        "damaged",
        "not noted",
        "Read-only",
    ];
    // Sentences are broken into lines for a terminal.
    let words: Vec<&str> = ended.stdout.split_whitespace().collect();
    for said in said {
        assert!(words.join(" ").contains(said), "{said}: {ended:?}");
    }
    let ended = verify(&["--json"]);
    assert_eq!(ended.code, 5, "{ended:?}");
    let reports: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let report = &reports[0];
    assert_eq!(report["unmarked"]["obstacle"], "read-only", "{report:#}");
    let generations = report["generations"].as_array().unwrap();
    assert_eq!(generations.len(), 2, "{report:#}");
    for generation in generations {
        assert_eq!(generation["quarantined"], false, "{report:#}");
        assert_eq!(generation["layers_damaged"], 1, "{report:#}");
    }
    // Once it can be written to, it is noted.
    scene.volume.make_writable();
    let ended = verify(&[]);
    assert_eq!(ended.code, 5, "{ended:?}");
    let noted = ended.stdout.contains("quarantined") && !ended.stdout.contains("not noted");
    assert!(noted, "{ended:?}");
}
