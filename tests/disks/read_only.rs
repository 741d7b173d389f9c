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
