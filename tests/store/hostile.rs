//! Data roots that strangers with root prepared, by import and by promotion of a session.
//!
//! Each is refused with a message that names the place, and nothing of the store or of the data root
//! has changed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use goldenstore::{ErrorClass, ImportRequest, Silent};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use testbed::checksum::Checksum;

use crate::keeper::{Keeper, Place, api, import_of, refused};

use attacks::ATTACKS;
use target::Target;

mod attacks;
mod target;

crate::keeper::here_and_on_btrfs!(no_import_takes_a_trap, no_promotion_takes_a_trap,);

fn no_import_takes_a_trap(place: Place) {
    let keeper = Keeper::with_api_on(place);
    let layers = keeper.store.layout().layers();
    let mut taken = Vec::new();
    for (nth, (name, said, attack)) in ATTACKS.iter().enumerate() {
        let (from, written) = keeper.write(&format!("docker-{nth}"), &api().of_daemon("evil"));
        attack(&Target::new(from.as_std_path(), &written, layers.as_str()));
        let before = (keeper.checksum(), Checksum::of(&from));
        for copy in [true, false] {
            let request = ImportRequest {
                copy,
                ..import_of("evil", &from)
            };
            match keeper.store.import(&request, &Silent) {
                Ok(_) => {
                    taken.push(format!("{name}: taken"));
                    break;
                }
                Err(error) if error.to_string().contains(said) => {
                    assert_eq!(error.class(), ErrorClass::Integrity, "{name}: {error}");
                }
                Err(error) => taken.push(format!("{name}: {error}")),
            }
            before
                .0
                .assert_same(&keeper.checksum(), &format!("{name}: the store"));
            before
                .1
                .assert_same(&Checksum::of(&from), &format!("{name}: the data root"));
        }
        fs::remove_dir_all(&from).unwrap_or_default();
    }
    assert!(taken.is_empty(), "{}", taken.join("\n"));
}

fn no_promotion_takes_a_trap(place: Place) {
    let keeper = Keeper::on(place);
    let (from, written) = keeper.write("docker", &api());
    keeper
        .store
        .import(&import_of("api", &from), &Silent)
        .unwrap();
    let layers = keeper.store.layout().layers();
    let mut taken = Vec::new();
    for (name, said, attack) in ATTACKS {
        keeper.start("api", "s1");
        let root = keeper.data_root("s1");
        attack(&Target::new(root.as_std_path(), &written, layers.as_str()));
        let before = keeper.checksum();
        let error = match keeper.promote("s1") {
            Ok(_) => {
                taken.push(format!("{name}: taken"));
                continue;
            }
            Err(error) => error,
        };
        if !error.to_string().contains(said) {
            taken.push(format!("{name}: {error}"));
        }
        before.assert_same(&keeper.checksum(), &format!("{name}: the store"));
        // Whatever is in it, it can be removed, and nothing beyond it goes with it.
        match keeper.remove("s1") {
            Ok(_) => {}
            Err(error) => taken.push(format!("{name}: not removed: {error}")),
        }
    }
    assert!(taken.is_empty(), "{}", taken.join("\n"));
    assert!(Path::new("/etc/passwd").exists() && Path::new("/etc/hostname").exists());
    keeper.assert_tidy();
    refused(keeper.promote("s1"));
}

/// Someone goes on swapping folders of a data root with links to another place, while it is imported
/// and while its session is removed. What lies at the other place is neither changed nor taken.
#[test]
fn folders_and_links_that_are_swapped_meanwhile_lead_nowhere() {
    let keeper = Keeper::with_api();
    let outside = keeper.path("outside");
    fs::create_dir_all(outside.join("rows")).unwrap();
    fs::write(outside.join("rows/1"), "outside").unwrap();
    let before = Checksum::of(&outside);
    for number in 0..6 {
        let (root, written) = keeper.write(&format!("docker-{number}"), &api().of_daemon("evil"));
        let session = format!("s{number}");
        keeper.start("api", &session);
        let folder = &written.image("api").layers[1].folder;
        let places = [
            root.join("volumes/db/_data"),
            root.join("overlay2").join(folder).join("diff"),
            keeper.data_root(&session).join("volumes/db/_data"),
        ];
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for (nth, place) in places.iter().enumerate() {
                let link = keeper.path(&format!("link-{number}-{nth}"));
                symlink(&outside, &link).unwrap();
                let stop = &stop;
                scope.spawn(move || {
                    let flags = RenameFlags::EXCHANGE;
                    while !stop.load(Ordering::SeqCst) {
                        // It is gone when the data root has moved.
                        let _ = renameat_with(CWD, link.as_str(), CWD, place.as_str(), flags);
                    }
                });
            }
            let request = import_of(&format!("evil-{number}"), &root);
            // Either may fail, as the ground moves below it.
            let _ = keeper.store.import(&request, &Silent);
            let _ = keeper.remove(&session);
            stop.store(true, Ordering::SeqCst);
        });
        before.assert_same(&Checksum::of(&outside), "what lies outside");
        for layer in fs::read_dir(layers_of(&keeper)).unwrap() {
            let diff = layer.unwrap().path().join("diff");
            let lost = diff.read_link().is_ok_and(|to| to == outside);
            assert!(!lost, "{} leads outside", diff.display());
        }
    }
}

fn layers_of(keeper: &Keeper) -> std::path::PathBuf {
    keeper.store.layout().layers().into_std_path_buf()
}
