//! Invariant 2: killed at any instruction, a command leaves a store in which every earlier golden
//! and live session still works, the same command run again succeeds, and the rest goes.
//!
//! Each operation runs in a process of its own that is killed at a random moment of it, many times.
//! The states between two steps that such a kill seldom meets are made by hand.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cachecore::promotion::Volumes;
use cachecore::record::Status;
use cachecore::strategy::Strategy;
use camino::Utf8Path;
use goldenstore::{ImportRequest, Silent, StoreError};
use testbed::checksum::Checksum;
use testbed::dataroot::{DataRoot, Layer};
use testbed::mounted::Mounted;

use crate::child::{End, Task, Worker};
use crate::keeper::{Keeper, Place, api, base, import_of, project, refused};
use crate::layers_on_disk::stamps;

crate::keeper::on_each_place!(
    a_killed_start_leaves_nothing_and_can_be_repeated,
    a_killed_removal_can_be_repeated,
    a_killed_promotion_can_be_repeated,
    a_killed_import_can_be_repeated,
    the_last_steps_of_a_killed_promotion_are_done_by_the_next_command,
    an_import_that_never_came_to_move_binds_nobody,
    a_session_without_a_usable_record_stops_nobody,
);

/// How often each operation is killed.
const KILLS: u32 = 50;
/// How often it is let finish first, to learn how long it takes.
const PRACTICE: u32 = 2;
/// Names the seed of an earlier run.
const SEED: &str = "CACHECORE_TEST_SEED";

/// When to kill.
struct Moments {
    seed: u64,
    state: u64,
    usual: Duration,
    landed: u32,
}

impl Moments {
    fn new(operation: &str) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let seed = match std::env::var(SEED) {
            Ok(seed) => seed.parse().unwrap(),
            Err(_) => u64::from(now.subsec_nanos()) + 1,
        };
        let this = Self {
            seed,
            state: seed,
            usual: Duration::ZERO,
            landed: 0,
        };
        this.tell(operation);
        this
    }

    #[expect(
        clippy::print_stderr,
        reason = "whoever looks into a failure needs the seed"
    )]
    fn tell(&self, operation: &str) {
        let Self {
            seed,
            usual,
            landed,
            ..
        } = self;
        eprintln!("{operation}: {SEED}={seed}, {landed} killed, usually {usual:?}");
    }

    /// Between nothing and the usual duration; every other time more likely early, where the steps
    /// are short.
    fn next(&mut self, nth: u32) -> Duration {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        #[expect(clippy::cast_precision_loss, reason = "a share of 2^20 is exact")]
        let share = (self.state % (1 << 20)) as f64 / f64::from(1 << 20);
        let share = if nth.is_multiple_of(2) {
            share
        } else {
            share * share
        };
        self.usual.mul_f64(share)
    }

    fn note(&mut self, end: &End) {
        match end {
            End::Killed => self.landed += 1,
            // The machine has become faster: aim earlier.
            End::Done(time) => self.usual = self.usual.min(*time),
        }
    }
}

/// What must be the same after a kill as before it.
struct Standing {
    golden: Checksum,
    session: Checksum,
    layers: std::collections::BTreeMap<String, [crate::layers_on_disk::Untouched; 2]>,
}

impl Standing {
    fn of(keeper: &Keeper, golden: &Utf8Path) -> Self {
        Self {
            golden: Checksum::of(golden),
            session: Checksum::of(keeper.data_root("live")),
            layers: stamps(keeper),
        }
    }

    #[track_caller]
    fn assert_same(&self, keeper: &Keeper, golden: &Utf8Path) {
        self.golden.assert_same(&Checksum::of(golden), "the golden");
        let session = Checksum::of(keeper.data_root("live"));
        self.session.assert_same(&session, "the live session");
        let now = stamps(keeper);
        for (name, stamp) in &self.layers {
            assert_eq!(now.get(name), Some(stamp), "layer {name} was touched");
        }
    }
}

/// Kills an operation many times. `prepare` sets a round up and gives its task; `check` gets what the
/// same task answers when it runs again, and looks at its effect.
fn kill_often(
    keeper: &Keeper,
    operation: &str,
    mut prepare: impl FnMut(u32) -> Task,
    mut check: impl FnMut(u32, Result<(), StoreError>),
) {
    let mut moments = Moments::new(operation);
    // Whoever lives through all of it.
    keeper.start("api", "live");
    let live = keeper.seen(keeper.data_root("live"));
    let first = keeper.seen(keeper.generation("api", 1));
    let kills = keeper.place.times(KILLS);
    for nth in 0..PRACTICE + kills {
        let task = prepare(nth);
        let current = keeper.current("api").unwrap();
        let golden = keeper.generation("api", current);
        let standing = Standing::of(keeper, &golden);

        let worker = Worker::begin(&task, &keeper.root());
        if nth < PRACTICE {
            let (time, said) = worker.finish();
            assert_eq!(said, "well", "{operation} {nth}");
            moments.usual = moments.usual.max(time);
        } else {
            let moment = moments.next(nth);
            moments.note(&worker.kill_after(moment));
        }

        standing.assert_same(keeper, &golden);
        check(nth, task.perform(&keeper.root()));
        if nth % 5 == 4 || nth == PRACTICE + kills - 1 {
            // One more command, and nothing is left of all that was killed.
            keeper.start("api", "next");
            keeper.remove("next").unwrap();
            keeper.assert_tidy();
        }
        let sessions = keeper.store.list_sessions().unwrap();
        assert_eq!(
            sessions.len(),
            1,
            "only the live session is left: {sessions:?}"
        );
    }
    live.assert_same(&keeper.seen(keeper.data_root("live")), "the live session");
    first.assert_same(
        &keeper.seen(keeper.generation("api", 1)),
        "the first generation",
    );
    moments.tell(operation);
    assert!(
        moments.landed >= kills / 4,
        "only {} of {kills} kills came before the end",
        moments.landed
    );
}

/// A layer of many files, most of them empty. It is their number that makes an operation long enough
/// to be killed in the middle; more of them, or of their blocks, would only make what follows slow on
/// disks that are slow to forget what was deleted.
fn many(name: &str, files: usize) -> Layer {
    let full = files / 20;
    Layer::new(name).files(full, 100).files(files - full, 0)
}

/// A volume of many files, most of them empty.
fn with_rows(root: DataRoot, rows: usize) -> DataRoot {
    let rows: Vec<(String, String)> = (0..rows)
        .map(|row| {
            let content = match row % 20 {
                0 => format!("row {row}"),
                _ => String::new(),
            };
            (format!("rows/{}/{row}", row / 250), content)
        })
        .collect();
    let rows: Vec<(&str, &str)> = rows.iter().map(|(path, row)| (&**path, &**row)).collect();
    root.volume("rows", &rows)
}

/// Putting a layer in place moves the time of its folder, dropping things that of those above.
fn moved(path: &Path) -> bool {
    path.components().count() <= 3
}

/// What a generation does not keep.
fn dropped(path: &Path) -> bool {
    ["containers", "network", "swarm", "runtimes", "tmp"]
        .iter()
        .any(|name| path.starts_with(name))
        || path.starts_with("image/overlay2/layerdb/mounts")
}

fn a_killed_start_leaves_nothing_and_can_be_repeated(place: Place) {
    let keeper = Keeper::on(place);
    let layers = [base(), many("app", 400)];
    keeper.import(
        "api",
        &with_rows(DataRoot::new().image("api", &layers), 300),
    );
    let golden = keeper
        .seen(keeper.generation("api", 1))
        .without_times(moved);
    let strategy = |nth: u32| {
        let all = place.strategies();
        all[nth as usize % all.len()]
    };
    kill_often(
        &keeper,
        "start",
        |nth| Task::Start {
            project: "api".to_owned(),
            session: "s1".to_owned(),
            strategy: strategy(nth),
        },
        |nth, again| {
            if let Err(error) = again {
                assert!(matches!(error, StoreError::SessionExists { .. }), "{error}");
            }
            let record = keeper.store.session(&crate::keeper::session("s1")).unwrap();
            assert_eq!(record.strategy, strategy(nth));
            let seen = keeper.seen(keeper.data_root("s1")).without_times(moved);
            golden.assert_same(&seen, "the session");
            keeper.remove("s1").unwrap();
        },
    );
}

fn a_killed_removal_can_be_repeated(place: Place) {
    let keeper = Keeper::on(place);
    let layers = [base(), many("app", 500)];
    keeper.import(
        "api",
        &with_rows(DataRoot::new().image("api", &layers), 100),
    );
    kill_often(
        &keeper,
        "rm",
        |_| {
            keeper.start_by("api", "s1", Strategy::Copy).unwrap();
            Task::Remove {
                session: "s1".to_owned(),
            }
        },
        |_, again| {
            if let Err(error) = again {
                assert!(
                    matches!(error, StoreError::UnknownSession { .. }),
                    "{error}"
                );
            }
            assert!(!keeper.data_root("s1").exists());
        },
    );
}

/// Each round brings a layer that is new, and one that another project has brought to the store.
fn a_killed_promotion_can_be_repeated(place: Place) {
    let keeper = Keeper::on(place);
    let known = |nth: u32| many(&format!("known-{nth}"), 150);
    let rounds = PRACTICE + place.times(KILLS);
    let library = (0..rounds).fold(DataRoot::new().of_daemon("library"), |root, nth| {
        root.image(&format!("known-{nth}"), &[known(nth)])
    });
    keeper.import("library", &library);
    let root = DataRoot::new().image("api", &[base()]);
    keeper.import("api", &with_rows(root, 100));
    let mut expected = Vec::new();
    kill_often(
        &keeper,
        "promote",
        |nth| {
            keeper.start("api", "s1");
            let new = many(&format!("new-{nth}"), 150);
            DataRoot::new()
                .image("api", &[base(), new])
                .image(&format!("known-{nth}"), &[known(nth)])
                .build_cache(&nth.to_string())
                .write(keeper.data_root("s1"));
            expected = vec![keeper.seen(keeper.data_root("s1"))];
            Task::Promote {
                session: "s1".to_owned(),
            }
        },
        |nth, again| {
            again.unwrap();
            // Each round made one generation, however often it took.
            let current = keeper.current("api").unwrap();
            assert_eq!(current, u64::from(nth) + 2);
            let state = keeper.store.project_state(&project("api")).unwrap();
            let reason = format!("generation {current} was promoted from session s1");
            assert_eq!((state.status, state.reason), (Status::Ready, reason));
            let manifest = keeper.manifest("api");
            assert_eq!(state.last_ready_at, Some(manifest.promoted_at));
            assert_eq!(manifest.base.unwrap().number(), current - 1);
        },
    );
    // The last session is the last generation, whole; the layers of all rounds are there.
    let last = keeper.generation("api", keeper.current("api").unwrap());
    expected
        .remove(0)
        .without(dropped)
        .without_times(moved)
        .assert_same(&keeper.seen(last).without_times(moved), "the generation");
    let layers = match place {
        Place::Here | Place::Xfs => 1 + 2 + 2 * rounds,
        // They are inside.
        Place::Btrfs => 0,
    };
    assert_eq!(stamps(&keeper).len() as u32, layers);
}

/// By copy and by move in turns; every round brings a known and a new layer.
fn a_killed_import_can_be_repeated(place: Place) {
    let keeper = Keeper::with_api_on(place);
    let known = many("known", 200);
    let from = keeper.path("docker");
    let mut whole = None;
    let copies = |nth: u32| nth.is_multiple_of(2);
    // Both closures look at the round's source.
    let source = std::cell::RefCell::new(None);
    kill_often(
        &keeper,
        "import",
        |nth| {
            if from.exists() {
                fs::remove_dir_all(&from).unwrap();
            }
            let new = many(&format!("new-{nth}"), 200);
            let root = DataRoot::new().image("web", &[known.clone(), new]);
            with_rows(root, 150).write(&from);
            *source.borrow_mut() = Some(Checksum::of(&from));
            Task::Import {
                project: "web".to_owned(),
                from: from.clone(),
                copy: copies(nth),
            }
        },
        |nth, again| {
            again.unwrap();
            let source = source.borrow_mut().take().unwrap();
            if copies(nth) {
                source.assert_same(&Checksum::of(&from), "the source");
            } else {
                assert!(!from.exists());
            }
            let golden = keeper.generation("web", keeper.current("web").unwrap());
            let seen = keeper.seen(golden).without_times(moved);
            source
                .without(dropped)
                .without_times(moved)
                .assert_same(&seen, "the golden");
            let state = keeper.store.project_state(&project("web")).unwrap();
            assert_eq!(state.status, Status::Ready);
            assert_eq!(
                state.last_ready_at,
                Some(keeper.manifest("web").promoted_at)
            );
            whole = Some(seen);
        },
    );
    assert!(whole.unwrap().entries() > 600);
}

/// A promotion that was killed in each of its last steps: the next command lets it serve, says so in
/// the project's state, and forgets the session.
fn the_last_steps_of_a_killed_promotion_are_done_by_the_next_command(place: Place) {
    for (step, first) in [("renamed", false), ("serving", false), ("renamed", true)] {
        let keeper = Keeper::on(place);
        if !first {
            keeper.import("api", &api());
        }
        let request = goldenstore::StartRequest {
            or_empty: true,
            ..goldenstore::StartRequest::new(project("api"), crate::keeper::session("s1"))
        };
        keeper.store.start_session(&request, &Silent).unwrap();
        api().image("more", &[base()]).write(keeper.data_root("s1"));
        let folder = keeper.root().join("golden/api");
        let record = fs::read(keeper.root().join("sessions/docker-data-s1/session.json")).unwrap();
        let state = fs::read(folder.join("state.json"));
        let report = keeper.promote("s1").unwrap();
        let made = report.generation.number();

        // Back to where it was killed.
        let generation = folder.join(format!("gen-00000{made}"));
        fs::write(generation.join("session.json"), record).unwrap();
        match state {
            Ok(state) => fs::write(folder.join("state.json"), state).unwrap(),
            Err(_) => fs::remove_file(folder.join("state.json")).unwrap(),
        }
        if step == "renamed" {
            fs::remove_file(folder.join("current")).unwrap();
            if !first {
                symlink("gen-000001", folder.join("current")).unwrap();
            }
        }
        let golden = keeper.seen(keeper.generation("api", made));

        keeper.store.recover().unwrap();
        assert_eq!(keeper.current("api"), Some(made), "{step}");
        let state = keeper.store.project_state(&project("api")).unwrap();
        assert_eq!(state.status, Status::Ready, "{step}");
        assert_eq!(
            state.last_ready_at,
            Some(keeper.manifest("api").promoted_at)
        );
        assert!(!generation.join("session.json").exists());
        golden.assert_same(
            &keeper.seen(keeper.generation("api", made)),
            "the generation",
        );
        let again = keeper.promote("s1").unwrap();
        assert_eq!(again.generation, report.generation, "{step}");
        assert_eq!(again.notes, ["an earlier run had promoted it already"]);
    }
}

/// Killed between opening its session and moving the data root in, an import may be repeated with
/// `--copy`, by move, or given up.
fn an_import_that_never_came_to_move_binds_nobody(place: Place) {
    for copy in [false, true] {
        let keeper = Keeper::on(place);
        let (from, _) = keeper.write("docker", &api());
        let report = keeper
            .store
            .import(&import_of("api", &from), &Silent)
            .unwrap();
        // The session as the import had opened it: its record without a data root.
        let opened = keeper.open_import(report.session.as_str());

        api().write(&from);
        let source = Checksum::of(&from);
        let request = ImportRequest {
            copy,
            ..import_of("api", &from)
        };
        let report = keeper.store.import(&request, &Silent).unwrap();
        assert_eq!(report.generation.number(), 2);
        assert_eq!(from.exists(), copy);
        if copy {
            source.assert_same(&Checksum::of(&from), "the source");
        }
        keeper.assert_tidy();
        assert!(!opened.exists());
    }
}

/// One session whose record was lost in a power cut does not stop the others.
fn a_session_without_a_usable_record_stops_nobody(place: Place) {
    for broken in ["", "{", "{\"format\": 2}"] {
        let keeper = Keeper::with_api_on(place);
        keeper.start("api", "s1");
        keeper.start("api", "s2");
        let record = keeper.root().join("sessions/docker-data-s1/session.json");
        fs::write(&record, broken).unwrap();
        keeper.store.recover().unwrap();
        keeper.start("api", "s3");
        keeper.promote("s2").unwrap();
        keeper.import("web", &api().of_daemon("another"));
        assert_eq!(keeper.store.list_sessions().unwrap().len(), 1);
        let unusable = keeper.store.unusable_sessions().unwrap();
        assert_eq!(unusable.len(), 1);
        assert_eq!(unusable[0].session, crate::keeper::session("s1"));
        assert!(
            unusable[0].unusable.contains(record.as_str()),
            "{unusable:?} names the record"
        );
        assert!(
            keeper.data_root("s1").exists(),
            "nobody discards what may be of use"
        );
        keeper.remove("s1").unwrap();
        assert_eq!(keeper.store.list_sessions().unwrap().len(), 1);
    }
}

/// Something in the trash that cannot be deleted is kept for later, and fails nobody.
#[test]
fn what_cannot_be_deleted_fails_nobody() {
    let keeper = Keeper::with_api();
    let stuck = keeper.root().join("trash/0-stuck/mounted");
    fs::create_dir_all(&stuck).unwrap();
    fs::create_dir_all(keeper.root().join("trash/1-loose/folder")).unwrap();
    {
        let _mounted = Mounted::tmpfs(&stuck);
        fs::write(stuck.join("foreign"), "kept").unwrap();
        let error = refused(keeper.store.empty_trash(&Silent));
        assert!(error.to_string().contains("0-stuck"), "{error}");
        assert!(
            !keeper.root().join("trash/1-loose").exists(),
            "the rest is deleted"
        );
        keeper.start("api", "s1");
        keeper.start("api", "s2");
        keeper.remove("s1").unwrap();
        keeper.promote("s2").unwrap();
        keeper.import("web", &api().of_daemon("another"));
        assert_eq!(fs::read(stuck.join("foreign")).unwrap(), b"kept");
        let left = fs::read_dir(keeper.root().join("trash")).unwrap().count();
        assert_eq!(left, 1, "only what is stuck is left");
    }
    keeper.store.empty_trash(&Silent).unwrap();
    keeper.assert_tidy();
}

/// What a killed replacement of a record leaves is no record, and no reason to fail.
#[test]
fn records_that_were_not_renamed_yet_are_ignored_and_removed() {
    let keeper = Keeper::with_api();
    keeper.start("api", "s1");
    for path in [
        "golden/api/.state.json.1-2-3",
        "golden/api/.current.1-2-3",
        "sessions/docker-data-s1/.session.json.1-2-3",
    ] {
        fs::write(keeper.root().join(path), "{\"half\":").unwrap();
    }
    let request = ImportRequest {
        volumes: Volumes::Drop,
        ..import_of(
            "web",
            &keeper.write("docker", &api().of_daemon("another")).0,
        )
    };
    keeper.store.import(&request, &Silent).unwrap();
    keeper.promote("s1").unwrap();
    keeper.start("api", "s2");
    assert_eq!(keeper.current("api"), Some(2));
    let names: Vec<String> = keeper
        .store
        .projects()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(names, ["api", "web"]);
    keeper.assert_tidy();
}
