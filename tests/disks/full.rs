//! A disk without room.

use crate::commands::{ALL, GUARDED, Needs};
use crate::scene::Scene;

/// So many blocks are free. With the first nothing can be begun; with the others commands get on a
/// little further each time.
const SPARE: [usize; 5] = [0, 1, 3, 6, 12];

#[test]
fn every_command_says_that_the_disk_is_full_and_works_once_there_is_room() {
    let scene = Scene::new();
    for command in &ALL {
        let expected = scene.expected(command);
        for spare in SPARE {
            let when = format!("after {command} with {spare} blocks free");
            scene.volume.reset();
            scene.volume.fill(spare);
            let ended = scene.run(command, &when);
            if command.needs != Needs::Room {
                assert!(ended.worked(), "{when}: {ended:?}");
            } else if spare == 0 {
                assert!(!ended.worked(), "{when}: {ended:?}");
            }
            if !ended.worked() {
                assert_eq!(ended.code, 1, "{when}: {ended:?}");
                // Copies are measured before they are made, also where nothing is kept back.
                let says = ["No space left on device", "it needs"];
                let says = says.iter().any(|words| ended.stderr.contains(words));
                assert!(says, "{when}: {ended:?}");
                assert!(ended.stderr.contains("goldenctl gc"), "{when}: {ended:?}");
            }
            scene.assert_untouched(&when);
            scene.volume.make_room();
            scene.assert_made_good(command, !ended.worked(), &expected, &when);
        }
    }
}

#[test]
fn what_would_not_fit_is_refused_before_anything_is_written() {
    let scene = Scene::new();
    for command in &GUARDED {
        let expected = scene.expected(command);
        let when = format!("after {command} on a disk that is almost full");
        scene.volume.reset();
        // Returning what is in the trash makes room, and is done first.
        scene.collect();
        scene.volume.fill(8);
        let before = scene.picture();
        let ended = scene.run(command, &when);
        assert_eq!(ended.code, 1, "{when}: {ended:?}");
        assert!(ended.stderr.contains("stay free"), "{when}: {ended:?}");
        let difference = scene.picture().first_difference(&before);
        assert_eq!(difference, None, "{when}");
        scene.volume.make_room();
        scene.assert_made_good(command, !ended.worked(), &expected, &when);
    }
}
