//! Which folders BuildKit is done with, case by case. Each line: what its books say of the folder
//! `step`, and whether it is finished.

use crate::bolt::{Bolt, Limits};
use crate::dataroot::buildkit::{Book, BuildKit, Record, Snapshot, records, snapshots};
use crate::dataroot::{Immutable, Judgement, Mutable, survey};
use crate::id::CacheId;

use super::{LAYERS, Sample};

#[derive(Clone, Default)]
struct Says(BuildKit);

impl Says {
    fn snapshot(mut self, key: &str, committed: Option<&str>, is_committed: bool) -> Self {
        let entry = Snapshot {
            committed: committed.map(|folder| folder.as_bytes().to_vec()),
            is_committed,
        };
        match &mut self.0.snapshots {
            Book::Read(book) => drop(book.insert(key.into(), entry)),
            book => *book = Book::Read([(key.into(), entry)].into()),
        }
        self
    }

    fn record(mut self, name: &str, change: impl FnOnce(&mut Record)) -> Self {
        let mut entry = Record::default();
        change(&mut entry);
        match &mut self.0.records {
            Book::Read(book) => drop(book.insert(name.into(), entry)),
            book => *book = Book::Read([(name.into(), entry)].into()),
        }
        self
    }

    fn twin_of(self, name: &str) -> Self {
        self.record("twin", |twin| {
            twin.committed = true;
            twin.equal_mutable = Some(name.into());
        })
    }
}

#[test]
fn a_folder_is_finished_when_nothing_can_find_it_to_write() {
    let begun = Says::default().snapshot("step", None, false);
    let committed =
        Says::default()
            .snapshot("step", None, true)
            .snapshot("name", Some("step"), false);
    let twin = begun.clone().record("step", |_| {}).twin_of("step");
    let cases = [
        ("nothing is known", Says::default(), false),
        ("it is being written", begun.clone(), false),
        ("it was committed under a name", committed.clone(), true),
        (
            "it says that it was committed, and no name has it",
            Says::default().snapshot("step", None, true),
            false,
        ),
        (
            "a name has it that it does not know of",
            begun.clone().snapshot("name", Some("step"), false),
            false,
        ),
        ("its record has a committed twin", twin.clone(), true),
        (
            "the twin is not committed",
            twin.clone().record("twin", |twin| {
                twin.equal_mutable = Some(b"step".to_vec());
            }),
            false,
        ),
        (
            "a cache mount or context: it is looked for",
            twin.clone().record("step", |step| step.indexed = true),
            false,
        ),
        (
            "another record that is looked for has the same folder",
            twin.clone().record("other", |other| {
                other.indexed = true;
                other.snapshot = Some(b"step".to_vec());
            }),
            false,
        ),
        (
            "the twin names a record that is not there",
            begun.clone().twin_of("step"),
            false,
        ),
        (
            "the record has its folder under another name",
            begun
                .clone()
                .record("record", |record| record.snapshot = Some(b"step".to_vec()))
                .twin_of("record"),
            true,
        ),
        (
            "the snapshots are not known",
            Says(BuildKit {
                snapshots: Book::Unreadable("torn".to_owned()),
                ..twin.0.clone()
            }),
            false,
        ),
        (
            "the records are not known, and it was committed",
            Says(BuildKit {
                records: Book::Unreadable("torn".to_owned()),
                ..committed.0.clone()
            }),
            true,
        ),
    ];
    for (case, says, finished) in cases {
        let mut listing = Sample::default().folder("step", &[]).listing();
        listing.buildkit = says.0;
        let root = survey(&listing, LAYERS.into());
        let judged = &root.folders[&CacheId::new("step").unwrap()];
        let expected = if finished {
            Judgement::Immutable(Immutable::Finished)
        } else {
            Judgement::Mutable(Mutable::NotKnownFinished)
        };
        assert_eq!(judged.judgement, expected, "{case}");
        let name = judged.layer.as_ref().map(|layer| layer.as_str());
        assert_eq!(name, finished.then_some("snap-step"), "{case}");
        let unreadable = case.contains("not known") && !case.contains("nothing");
        assert_eq!(root.notes.len(), usize::from(unreadable), "{case}");
    }
}

#[test]
fn a_container_keeps_its_folder_whatever_the_books_say() {
    let mut listing = Sample::default()
        .folder("base", &[])
        .container("step", &["base"])
        .listing();
    listing.buildkit = Says::default()
        .snapshot("step", None, true)
        .snapshot("name", Some("step"), false)
        .0;
    let root = survey(&listing, LAYERS.into());
    let judged = &root.folders[&CacheId::new("step").unwrap()];
    assert_eq!(judged.judgement, Judgement::Mutable(Mutable::Container));
}

/// The books of a real daemon (26.1) after a build of two stages, of which the first is only copied
/// from, with a cache mount, a context and a Dockerfile.
#[test]
fn of_real_books_the_steps_are_finished_and_nothing_else() {
    let open = |file: &'static [u8]| Bolt::open(file, Limits::default()).unwrap();
    let books = BuildKit {
        snapshots: Book::of(snapshots(&open(include_bytes!("buildkit/snapshots.db")))),
        records: Book::of(records(&open(include_bytes!("buildkit/metadata_v2.db")))),
    };
    assert_eq!(books.notes(), [""; 0]);
    let finished = books.finished();
    let last_step = CacheId::new("i50vsqrff7w2up2a7ssxuh6gd").unwrap();
    assert!(finished.contains(&last_step), "{finished:?}");
    for written in [
        "498oe5xo6skps6g1pf9z005pr",
        "kzaehaxrqfef4ab4qca9mnx0r",
        "wfmkny6ic7hbjt0wam3x8hkum",
        "znuf2dnrijh6d0x7ce6eldv82",
    ] {
        assert!(
            !finished.contains(&CacheId::new(written).unwrap()),
            "{written}"
        );
    }
    assert_eq!(finished.len(), 8);
}
