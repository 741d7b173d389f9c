use cachecore::space::Reserve;
use cachecore::strategy::{Requested, Strategy};
use goldenstore::{ErrorClass, ImportRequest, Store};

use super::*;
use crate::keeper::{api, import_of, refused};

/// The store, with all of the filesystem set aside but so many bytes.
fn with_room_for(keeper: &Keeper, bytes: u64) -> Store {
    let stat = rustix::fs::statvfs(keeper.root().as_std_path()).unwrap();
    let free = stat.f_bavail * stat.f_frsize;
    let store = Store::open(&keeper.root()).unwrap();
    store.with_reserve(Reserve::Bytes(free - bytes))
}

fn start(store: &Store, strategy: Strategy) -> Result<(), StoreError> {
    let request = StartRequest {
        strategy: Requested::Exactly(strategy),
        ..StartRequest::new(project("api"), session("s1"))
    };
    store.start_session(&request, &Silent).map(drop)
}

/// More than others on this machine write or free while the test runs.
const MUCH: u64 = 1 << 32;

#[test]
fn what_would_not_fit_fails_before_anything_is_written() {
    let keeper = with_generations(3);
    // A folder for the copy is made, and taken away again.
    let folder_of_work = |path: &std::path::Path| path == "sessions";
    let before = keeper.checksum().without_times(folder_of_work);
    let stat = rustix::fs::statvfs(keeper.root().as_std_path()).unwrap();
    let all = stat.f_blocks * stat.f_frsize;
    let full = Store::open(&keeper.root())
        .unwrap()
        .with_reserve(Reserve::Bytes(all));
    for strategy in [Strategy::Link, Strategy::Copy] {
        let error = refused(start(&full, strategy));
        assert!(matches!(error, StoreError::NoSpace { .. }), "{error}");
        assert_eq!(error.class(), ErrorClass::Failed);
        let StoreError::NoSpace {
            collectable: Some(collectable),
            evictable: Some(evictable),
            ..
        } = error
        else {
            panic!("it says what a collection would return: {error}")
        };
        // Generation 1 goes in any case, the golden only for a smaller store.
        assert!(
            0 < collectable && collectable < evictable,
            "{collectable} {evictable}"
        );
        assert!(error.help().unwrap().contains("goldenctl gc"));
    }
    let (from, _) = keeper.write("docker", &api());
    let copied = ImportRequest {
        copy: true,
        ..import_of("web", &from)
    };
    let error = refused(full.import(&copied, &Silent));
    assert!(matches!(error, StoreError::NoSpace { .. }), "{error}");
    let after = keeper.checksum().without_times(folder_of_work);
    before.assert_same(&after, "the store");
    // To move a data root in takes no room.
    full.import(&import_of("web", &from), &Silent).unwrap();
}

#[test]
fn a_linked_session_needs_no_room_for_its_layers() {
    let keeper = with_generations(1);
    let roomy = with_room_for(&keeper, MUCH);
    for strategy in [Strategy::Link, Strategy::Copy] {
        start(&roomy, strategy).unwrap();
        keeper.remove("s1").unwrap();
    }
    let manifest = keeper.manifest("api");
    let link = cachecore::space::of_clone(Strategy::Link, &manifest);
    let copy = cachecore::space::of_clone(Strategy::Copy, &manifest);
    assert_eq!(copy.bytes - link.bytes, manifest.sizes.shared_bytes);
}
