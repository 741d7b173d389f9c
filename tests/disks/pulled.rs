//! A disk that is gone while the store on it is mounted.

use std::time::Duration;

use crate::commands::{ALL, LOOKS, Needs};
use crate::program;
use crate::scene::Scene;

#[test]
fn every_command_says_that_the_disk_is_gone_and_works_once_it_is_back() {
    let scene = Scene::new();
    for command in &ALL {
        let expected = scene.expected(command);
        let when = format!("after {command} on a disk that is gone");
        scene.volume.reset();
        scene.volume.pull();
        let ended = scene.run(command, &when);
        if command.needs != Needs::Reading {
            assert_eq!(ended.code, 1, "{when}: {ended:?}");
        }
        scene.volume.plug_in();
        scene.assert_made_good(command, !ended.worked(), &expected, &when);
    }
}

#[test]
fn what_only_looks_ends_on_a_disk_that_is_gone() {
    let scene = Scene::new();
    scene.volume.pull();
    for words in LOOKS {
        let list: Vec<String> = words.split(' ').map(str::to_owned).collect();
        program::run(
            &scene.store(),
            &list,
            &format!("`{words}` on a disk that is gone"),
        );
    }
    scene.volume.plug_in();
    scene.assert_untouched("after looks at a disk that was gone");
}

/// Whenever the disk goes: the earlier golden and the live session are what they were, what was told to
/// be done is done, and the rest can be done again. Only sessions are started anew after a power cut.
#[test]
fn a_disk_may_go_at_any_moment_of_a_command() {
    let scene = Scene::new();
    for command in ALL.iter().filter(|command| command.needs != Needs::Reading) {
        let expected = scene.expected(command);
        for moment in [Some(3), Some(9), Some(20), None] {
            let when = match moment {
                Some(after) => {
                    format!("after {command}, {after} ms into which the disk was pulled")
                }
                None => format!("after {command}, at whose end the disk was pulled"),
            };
            scene.volume.reset();
            let child = scene.begin(command);
            let ended = if let Some(after) = moment {
                std::thread::sleep(Duration::from_millis(after));
                scene.volume.pull();
                program::end(child, &when)
            } else {
                let ended = program::end(child, &when);
                assert!(ended.worked(), "{when}: {ended:?}");
                scene.volume.pull();
                ended
            };
            scene.volume.plug_in();
            let lost = !ended.worked() || !command.outlives_a_power_cut();
            if let Some(first) = command.undone_first() {
                // What there is of the session is no session to work in.
                let undone = scene.run(&first, &when);
                assert!([0, 3].contains(&undone.code), "{when}: {undone:?}");
            }
            scene.assert_made_good(command, lost, &expected, &when);
        }
    }
}
