//! The data root of a stopped daemon becomes a golden.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

use cachecore::dataroot::Kind;
use cachecore::promotion::Volumes;
use cachecore::record::{Origin, Purpose, Status};
use cachecore::strategy::Strategy;
use camino::Utf8Path;
use goldenstore::{ErrorClass, ImportRequest, Silent, StoreError};
use testbed::checksum::Checksum;
use testbed::dataroot::{DataRoot, Layer};

use crate::keeper::{Keeper, Place, api, base, import_of, link, project, refused};
use crate::layers_on_disk::stamps;

crate::keeper::here_and_on_btrfs!(
    what_belongs_to_the_daemon_stays_behind,
    volumes_are_kept_dropped_or_chosen,
    a_project_that_is_imported_again_gets_another_generation,
    an_import_that_finished_unnoticed_says_so,
);

/// What a generation keeps of a data root, apart from the layers that become links.
const KEPT: [&str; 5] = [
    "buildkit",
    "image/overlay2/imagedb",
    "image/overlay2/layerdb/sha256",
    "image/overlay2/repositories.json",
    "volumes",
];

fn kept(data_root: &Utf8Path) -> Vec<Checksum> {
    KEPT.map(|part| Checksum::of(data_root.join(part))).into()
}

fn import_copy(keeper: &Keeper, name: &str, from: &Utf8Path) -> goldenstore::PromoteReport {
    let request = ImportRequest {
        copy: true,
        ..import_of(name, from)
    };
    keeper.store.import(&request, &Silent).unwrap()
}

/// Every layer's contents and every kept part are what they were, by move and by copy.
#[test]
fn a_golden_holds_what_its_source_held() {
    for copy in [false, true] {
        let keeper = Keeper::new();
        let (from, written) = keeper.write("docker", &api());
        let source = Checksum::of(&from);
        let parts = kept(&from);
        let layers = written.image("api").layers.clone();
        let diff = |folder: &str| format!("overlay2/{folder}/diff");
        let contents: Vec<Checksum> = layers
            .iter()
            .map(|layer| Checksum::of(from.join(diff(&layer.folder))))
            .collect();
        let report = keeper
            .store
            .import(
                &ImportRequest {
                    copy,
                    ..import_of("api", &from)
                },
                &Silent,
            )
            .unwrap();

        if copy {
            source.assert_same(&Checksum::of(&from), "the source");
        } else {
            assert!(!from.exists(), "the data root was moved");
        }
        let golden = keeper.generation("api", 1);
        for (part, before) in KEPT.iter().zip(&parts) {
            before.assert_same(&Checksum::of(golden.join(part)), part);
        }
        for (layer, before) in layers.iter().zip(&contents) {
            let target = keeper.root().join("layers").join(&layer.chain).join("diff");
            assert_eq!(link(golden.join(diff(&layer.folder))), target);
            before.assert_same(&Checksum::of(&target), &layer.chain);
        }
        // The image's two, and the lower step of a build stage, which has no chain id.
        assert_eq!((report.layers, report.layers_moved), (3, 3));
        assert_eq!(stamps(&keeper).len(), 3);
        let origin = Origin::Import {
            path: from.clone(),
            session: report.session.clone(),
        };
        assert_eq!(keeper.manifest("api").origin, origin);
        assert_eq!(keeper.manifest("api").kind, Kind::Overlay2);
        assert_eq!(keeper.status("api"), Status::Ready);
        assert_eq!(keeper.store.list_sessions().unwrap(), []);
        keeper.assert_tidy();
    }
}

fn what_belongs_to_the_daemon_stays_behind(place: Place) {
    let keeper = Keeper::on(place);
    let (from, _) = keeper.write("docker", &api());
    let short_links = |root: &Utf8Path| fs::read_dir(root.join("overlay2/l")).unwrap().count();
    let before = short_links(&from);
    keeper
        .store
        .import(&import_of("api", &from), &Silent)
        .unwrap();
    let golden = keeper.generation("api", 1);
    for gone in [
        "containers",
        "image/overlay2/layerdb/mounts",
        "network",
        "swarm",
        "runtimes",
        "tmp",
    ] {
        assert!(!golden.join(gone).exists(), "{gone} is left");
    }
    for folder in fs::read_dir(golden.join("overlay2")).unwrap() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        assert!(!name.ends_with("-init"), "overlay2/{name} is left");
    }
    let everything = keeper.seen(&golden);
    let of_container = |path: &&std::path::Path| path.ends_with("written-by-the-container");
    assert_eq!(everything.paths().find(of_container), None);
    assert_eq!(
        short_links(&golden),
        before - 2,
        "the container's two are gone"
    );
    for kept in [
        "containerd",
        "plugins",
        "volumes/metadata.db",
        "buildkit/cache.db",
    ] {
        assert!(golden.join(kept).exists(), "{kept} is gone");
    }
}

/// The base that two projects have in common is on disk once, whoever came first and however.
#[test]
fn projects_share_the_layers_that_they_have_in_common() {
    for copy in [false, true] {
        let keeper = Keeper::new();
        let other = DataRoot::new()
            .of_daemon("another")
            .image("web", &[base(), Layer::new("web").files(5, 100)]);
        let (from_api, api) = keeper.write("one", &api());
        let (from_web, web) = keeper.write("two", &other);
        let inode = |path: &Utf8Path| fs::metadata(path).unwrap().ino();
        let own_base = from_api.join(format!(
            "overlay2/{}/diff",
            api.image("api").layers[0].folder
        ));
        let before = inode(&own_base);

        if copy {
            import_copy(&keeper, "api", &from_api);
        } else {
            keeper
                .store
                .import(&import_of("api", &from_api), &Silent)
                .unwrap();
        }
        let layers = stamps(&keeper);
        let report = if copy {
            import_copy(&keeper, "web", &from_web)
        } else {
            keeper
                .store
                .import(&import_of("web", &from_web), &Silent)
                .unwrap()
        };

        let (api, web) = (&api.image("api").layers, &web.image("web").layers);
        assert_eq!(api[0].chain, web[0].chain);
        assert_ne!(api[0].folder, web[0].folder, "two daemons, two names");
        let target = keeper
            .store
            .layout()
            .layers()
            .join(&api[0].chain)
            .join("diff");
        for (of, layer) in [("api", &api[0]), ("web", &web[0])] {
            let diff = format!("overlay2/{}/diff", layer.folder);
            assert_eq!(link(keeper.generation(of, 1).join(diff)), target);
        }
        if !copy {
            assert_eq!(inode(&target), before, "the layer was moved, not copied");
        }
        assert_eq!((report.layers, report.layers_moved), (3, 2));
        assert!(
            report
                .notes
                .iter()
                .any(|note| note.starts_with("1 layers were in the store")),
            "{:?}",
            report.notes
        );
        let after = stamps(&keeper);
        assert_eq!(after.len(), 5, "base, app, web, and a lower step of each");
        for (name, stamp) in &layers {
            assert_eq!(after[name], *stamp, "layer {name} was touched");
        }
        keeper.assert_tidy();
    }
}

fn volumes_are_kept_dropped_or_chosen(place: Place) {
    let only = |names: &[&str]| Volumes::Only(names.iter().map(|n| (*n).to_owned()).collect());
    for (volumes, expected, left_out) in [
        (Volumes::Keep, vec!["cache", "db"], None),
        (Volumes::Drop, vec![], Some("2 volumes were left out")),
        (only(&["db"]), vec!["db"], Some("1 volumes were left out")),
    ] {
        for copy in [false, true] {
            let keeper = Keeper::on(place);
            let (from, _) = keeper.write("docker", &api());
            let request = ImportRequest {
                volumes: volumes.clone(),
                copy,
                ..import_of("api", &from)
            };
            let report = keeper.store.import(&request, &Silent).unwrap();
            let volumes = keeper.generation("api", 1).join("volumes");
            let mut found: Vec<String> = fs::read_dir(volumes)
                .unwrap()
                .map(|entry| entry.unwrap())
                .filter(|entry| entry.file_type().unwrap().is_dir())
                .map(|entry| entry.file_name().into_string().unwrap())
                .collect();
            found.sort();
            assert_eq!(found, expected);
            let said = report.notes.iter().find(|note| note.contains("volumes"));
            assert_eq!(said.map(String::as_str), left_out);
        }
    }
}

#[test]
fn a_volume_that_is_not_there_is_refused_before_anything_happens() {
    let keeper = Keeper::new();
    let (from, _) = keeper.write("docker", &api());
    let before = (keeper.checksum(), Checksum::of(&from));
    let request = ImportRequest {
        volumes: Volumes::Only(BTreeSet::from(["db".to_owned(), "logs".to_owned()])),
        ..import_of("api", &from)
    };
    let error = refused(keeper.store.import(&request, &Silent));
    assert_eq!(error.to_string(), "the data root has no volume logs");
    assert_eq!(error.class(), ErrorClass::NotFound);
    before.0.assert_same(&keeper.checksum(), "the store");
    before.1.assert_same(&Checksum::of(&from), "the data root");
}

#[test]
fn a_data_root_in_a_volume_is_noted_and_copied() {
    let keeper = Keeper::new();
    let report = keeper.import("api", &api().volume_with_data_root("dind"));
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.starts_with("volume dind holds a data root")),
        "{:?}",
        report.notes
    );
    assert_eq!(keeper.manifest("api").nested[0].volume, "dind");
    let inner = "volumes/dind/_data";
    let golden = Checksum::of(keeper.generation("api", 1).join(inner));
    keeper.start("api", "s1");
    let cloned = Checksum::of(keeper.data_root("s1").join(inner));
    golden.assert_same(&cloned, "the inner data root");
    let links = cloned.paths().filter(|path| {
        let path = keeper.data_root("s1").as_std_path().join(inner).join(path);
        path.is_symlink() && path.ends_with("diff")
    });
    assert_eq!(links.count(), 0, "its layers are no links");
}

/// A store whose layers cannot be linked is recognised, kept whole, and cloned by copy.
#[test]
fn other_stores_are_kept_whole() {
    let layers = [base(), Layer::new("app").files(10, 200)];
    let root = DataRoot::new().on_vfs();
    let kind = Kind::PlainFiles("vfs".to_owned());
    let why = "link: not taken; it needs overlay2 layers, and the golden is vfs";
    let root = root.image("api", &layers).volume("db", &[("row", "1")]);
    let keeper = Keeper::new();
    let (from, _) = keeper.write("docker", &root);
    let daemons = |path: &std::path::Path| {
        ["containers", "network", "swarm", "runtimes", "tmp"]
            .iter()
            .any(|name| path.starts_with(name))
    };
    let whole = |path: &Utf8Path| {
        let top = |path: &std::path::Path| path.as_os_str().is_empty();
        Checksum::of(path).without(daemons).without_times(top)
    };
    let before = whole(&from);
    let report = keeper
        .store
        .import(&import_of("api", &from), &Silent)
        .unwrap();
    assert_eq!(report.layers, 0);
    assert_eq!(keeper.manifest("api").kind, kind);
    assert_eq!(stamps(&keeper).len(), 0, "nothing was taken apart");
    before.assert_same(&whole(&keeper.generation("api", 1)), "the golden");

    let report = keeper.start("api", "s1");
    assert_eq!(report.strategy, Strategy::Copy);
    assert!(
        report.why.iter().any(|reason| reason.starts_with(why)),
        "{:?}",
        report.why
    );
    before.assert_same(&whole(&keeper.data_root("s1")), "the session");
    let error = refused(keeper.start_by("api", "s2", Strategy::Link));
    assert!(matches!(error, StoreError::Strategy(_)), "{error}");
}

/// The same image under remapped users has other owners on disk, so it is another layer.
#[test]
fn remapped_users_have_layers_of_their_own() {
    let keeper = Keeper::new();
    keeper.import("plain", &DataRoot::new().image("api", &[base()]));
    let remapped = DataRoot::new().remapped(231_072).image("api", &[base()]);
    let report = keeper.import("remapped", &remapped);
    assert_eq!(report.layers_moved, report.layers);
    let names: Vec<String> = stamps(&keeper).into_keys().collect();
    assert_eq!(names.len(), 4);
    assert_eq!(
        names
            .iter()
            .filter(|name| name.ends_with("-g231072"))
            .count(),
        2
    );
}

fn a_project_that_is_imported_again_gets_another_generation(place: Place) {
    let keeper = Keeper::with_api_on(place);
    keeper.start("api", "s1");
    let first = keeper.seen(keeper.generation("api", 1));
    let again = api()
        .of_daemon("another")
        .image("tool", &[base(), Layer::new("tool").files(3, 10)]);
    let report = keeper.import("api", &again);
    assert_eq!(report.generation.number(), 2);
    assert_eq!(keeper.current("api"), Some(2));
    first.assert_same(
        &keeper.seen(keeper.generation("api", 1)),
        "the first generation",
    );
    let sessions = keeper.store.list_sessions().unwrap();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].record.purpose, Purpose::Session);
}

fn an_import_that_finished_unnoticed_says_so(place: Place) {
    let keeper = Keeper::on(place);
    let (from, _) = keeper.write("docker", &api());
    let request = import_of("api", &from);
    let first = keeper.store.import(&request, &Silent).unwrap();
    let again = keeper.store.import(&request, &Silent).unwrap();
    assert_eq!(again.generation, first.generation);
    assert_eq!(again.notes, ["an earlier run had promoted it already"]);
    // For another project the data root is just not there.
    let other = import_of("web", &from);
    assert!(
        refused(keeper.store.import(&other, &Silent))
            .to_string()
            .contains("docker")
    );
    assert!(!keeper.store.projects().unwrap().contains(&project("web")));
}
