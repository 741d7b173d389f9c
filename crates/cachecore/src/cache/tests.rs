use super::*;
use crate::argv::{Program, parse};
use jiff::{SignedDuration, Timestamp};

fn blob(digit: char) -> BlobId {
    BlobId::new(&digit.to_string().repeat(64)).unwrap()
}

fn key(name: &str) -> String {
    Key::of_image(name).map_or("-".to_owned(), |key| key.to_string())
}

#[test]
fn a_key_is_the_repository_whatever_its_tag_or_digest() {
    for (name, expected) in [
        ("app", "app"),
        ("app:v1", "app"),
        ("app@sha256:0", "app"),
        ("app:v1@sha256:0", "app"),
        ("library/app", "app"),
        ("docker.io/app", "app"),
        ("index.docker.io/library/app:v1", "app"),
        ("team/app:v1", "team%2Fapp"),
        ("docker.io/team/app", "team%2Fapp"),
        ("localhost/app", "localhost%2Fapp"),
        ("localhost:5000/app", "localhost%3A5000%2Fapp"),
        ("host:5000/app:v1@sha256:0", "host%3A5000%2Fapp"),
        ("r.example/library/app", "r.example%2Flibrary%2Fapp"),
        ("[::1]:5000/app:v1", "%5B%3A%3A1%5D%3A5000%2Fapp"),
        ("../../etc/passwd", "..%2F..%2Fetc%2Fpasswd"),
        (".hidden", "%2Ehidden"),
        ("", "-"),
        (":v1", "-"),
        ("@sha256:0", "-"),
        ("docker.io/", "-"),
    ] {
        let expected = expected.replacen("..%2F..", "%2E.%2F..", 1);
        assert_eq!(key(name), expected, "{name}");
    }
}

#[test]
fn a_key_is_one_file_name_and_no_two_repositories_share_one() {
    let long = |end: &str| format!("{}{end}", "a/".repeat(150));
    for name in [&long("x"), "a%2Fb", "a/b", "a=b", "a\0b", "folder=a"] {
        let key = Key::of_image(name).unwrap();
        assert!(key.file().len() <= 255 && !key.as_str().contains(['/', '\0']));
        assert_eq!(Key::of_record(key.as_str()), Some(key));
    }
    assert_ne!(key(&long("x")), key(&long("y")));
    assert_ne!(key("a%2Fb"), key("a/b"));
    assert_ne!(
        Key::of_image("folder=a"),
        Key::of_context(OsStr::new("a"), None)
    );
    for name in ["", ".x", "a/b", "..", "ä"] {
        assert_eq!(Key::of_record(name), None, "{name}");
    }
}

#[test]
fn a_context_without_a_name_has_that_of_its_folder() {
    for (context, expected) in [
        (".", "folder=app"),
        ("./", "folder=app"),
        ("..", "folder=work"),
        ("sub/dir/", "folder=dir"),
        ("/a/b/../c", "folder=c"),
        ("https://h/team/app.git#main:sub", "folder=app"),
        ("git@h:team/app.git", "folder=app"),
        ("git@h:app", "folder=app"),
        ("https://h/app.tar.gz?x=/y", "folder=app.tar.gz"),
    ] {
        let key = Key::of_context(OsStr::new(context), Some(OsStr::new("/work/app")));
        assert_eq!(key.unwrap().as_str(), expected, "{context}");
    }
    for context in ["-", "/", "../..", ""] {
        let key = Key::of_context(OsStr::new(context), Some(OsStr::new("/app")));
        let is_own = context.is_empty();
        assert_eq!(key.is_some(), is_own, "{context}");
    }
}

#[test]
fn a_user_who_has_said_something_about_caches_is_left_alone() {
    let used = |line: &str| {
        let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
        let command = parse(Program::Docker, &words).unwrap();
        match usage(&command, &words, Some(OsStr::new("/work/app"))) {
            Use::Under(key) => key.to_string(),
            Use::Not { .. } => "-".to_owned(),
        }
    };
    for (line, key) in [
        ("build -t app:1 .", "app"),
        ("build -tteam/app -t other .", "team%2Fapp"),
        ("build .", "folder=app"),
        ("buildx build --pull --push -t app .", "app"),
        ("image build -o out sub", "folder=sub"),
        ("builder build --no-cache=false -t app .", "app"),
        ("build -t app -", "app"),
        ("build -", "-"),
        ("build -t app --no-cache .", "-"),
        ("build -t app --no-cache=perhaps .", "-"),
        ("build -t app --no-cache-filter=x .", "-"),
        ("build -t app --cache-from x .", "-"),
        ("build -t app --cache-to=type=inline .", "-"),
        ("build -t app --build-arg BUILDKIT_INLINE_CACHE=1 .", "-"),
        ("build -t app --check .", "-"),
        ("build -t app --call=outline .", "-"),
    ] {
        assert_eq!(used(line), key, "{line}");
    }
}

#[test]
fn only_builders_that_can_export_are_asked_to() {
    let at = |driver, endpoint: Option<&str>| {
        can_export(&Builder {
            driver,
            endpoint: endpoint.map(str::to_owned),
            ..Builder::of_daemon("b")
        })
    };
    assert_eq!(at(Driver::Docker, None), CanExport::WithContainerdStore);
    for driver in [Driver::Remote, Driver::DockerContainer, Driver::Kubernetes] {
        assert_eq!(at(driver, Some("x")), CanExport::Yes);
        assert_eq!(at(driver, None), CanExport::No, "several nodes");
    }
    assert_eq!(at(Driver::Other, Some("x")), CanExport::No);
}

#[test]
fn the_cache_is_named_as_docker_wants_it() {
    let imports = [blob('a'), blob('b')];
    let entries =
        Entries::new(OsStr::new("/c"), &imports, Some(OsStr::new("/c/exports/x"))).unwrap();
    let flags = entries.flags();
    assert_eq!(
        flags[1],
        *format!(
            "--cache-from=type=local,src=/c,digest=sha256:{}",
            "b".repeat(64)
        )
    );
    let to = flags[2].to_str().unwrap();
    assert!(to.starts_with("--cache-to=type=local,mode=max,"), "{to}");
    assert!(to.contains("ignore-error=true,dest=/c/exports/x"), "{to}");
    let sets = entries.sets("api");
    assert!(
        sets[0]
            .to_str()
            .unwrap()
            .starts_with("--set=api.cache-from=type=local,")
    );
    assert!(
        sets[2]
            .to_str()
            .unwrap()
            .starts_with("--set=api.cache-to=type=local,")
    );
    for folder in ["/a,b", "/a\"b", "/a\nb"] {
        assert_eq!(Entries::new(OsStr::new(folder), &imports, None), None);
    }
    let nothing = Entries::new(OsStr::new("/c"), &[], None).unwrap();
    assert!(nothing.is_empty() && nothing.flags().is_empty());
}

fn digits(record: &KeyRecord) -> String {
    let first = |id: &BlobId| id.as_str()[..1].to_owned();
    record
        .exports
        .iter()
        .map(|export| first(&export.manifest))
        .collect()
}

#[test]
fn the_last_export_of_each_line_stays_before_older_ones_of_others() {
    let mut record = KeyRecord::default();
    let mut at = Timestamp::UNIX_EPOCH;
    let mut add = |digit, line| {
        at += jiff::SignedDuration::from_secs(1);
        record.add(&blob(digit), &blob(digit), line, at);
    };
    add('0', "rare");
    for digit in "123456789ab".chars() {
        add(digit, "busy");
    }
    assert_eq!(digits(&record), "ba98765430");
    for (digit, line) in ('c'..='f').zip(["w", "x", "y", "z"]) {
        record.add(&blob(digit), &blob(digit), line, at);
    }
    assert_eq!(digits(&record), "fedcba9870");
}

#[test]
fn the_same_steps_again_are_one_export() {
    let mut record = KeyRecord::default();
    let [early, late] = [1, 2].map(|s| Timestamp::from_second(s).unwrap());
    record.add(&blob('a'), &blob('1'), "x", early);
    record.add(&blob('b'), &blob('2'), "x", early);
    record.add(&blob('c'), &blob('1'), "y", late);
    assert_eq!(digits(&record), "cb");
    let export = &record.exports[0];
    assert_eq!(
        (export.builds, export.published, export.used),
        (2, early, late)
    );
    assert_eq!(export.line, "y");
}

#[test]
fn a_record_of_anybody_s_is_bounded() {
    let mut record = KeyRecord::default();
    let now = Timestamp::UNIX_EPOCH;
    record.add(&blob('a'), &blob('1'), &"ä".repeat(9000), now);
    assert_eq!(record.exports[0].line.chars().count(), 200);
    let export = record.exports[0].clone();
    record.exports = vec![export; 1000];
    assert_eq!(record.imports().count(), KEPT);
    record.add(&blob('b'), &blob('2'), "x", now);
    assert_eq!(record.exports.len(), KEPT);
    record.add(&blob('b'), &blob('1'), "x", now);
    assert_eq!(record.exports.len(), 2);
}

#[test]
fn exports_are_read_in_both_forms_of_buildkit() {
    let [layer, config] = ["1", "2"].map(|digit| format!("sha256:{}", digit.repeat(64)));
    let kind = "application/vnd.buildkit.cacheconfig.v0";
    let list = format!(
        r#"[{{"mediaType":"l","digest":"{layer}","size":7}},{{"digest":"{layer}","size":7}},
            {{"mediaType":"{kind}","digest":"{config}","size":9}}]"#
    );
    let expected = vec![
        Blob {
            id: blob('1'),
            size: 7,
        },
        Blob {
            id: blob('2'),
            size: 9,
        },
    ];
    let read = contents(format!(r#"{{"manifests":{list}}}"#).as_bytes()).unwrap();
    assert_eq!((read.blobs, read.config), (expected.clone(), blob('2')));
    let image = format!(
        r#"{{"layers":[{{"digest":"{layer}","size":7}}],
            "config":{{"mediaType":"{kind}","digest":"{config}","size":9}}}}"#
    );
    assert_eq!(contents(image.as_bytes()).unwrap().blobs, expected);
    let one = format!(r#"{{"manifests":[{{"digest":"{layer}","size":7}}]}}"#);
    assert_eq!(exported(one.as_bytes()).unwrap().manifest, blob('1'));
    for wrong in [
        "",
        "{}",
        "[]",
        r#"{"manifests":[]}"#,
        r#"{"manifests":[{"digest":"sha256:../../x","size":1}]}"#,
        &one,
    ] {
        assert_eq!(contents(wrong.as_bytes()), None, "{wrong}");
        assert!(
            wrong == one || exported(wrong.as_bytes()).is_none(),
            "{wrong}"
        );
    }
}

#[test]
fn steps_have_one_name_whatever_their_results_are() {
    let config =
        |records: &str| steps(format!(r#"{{"layers":[],"records":[{records}]}}"#).as_bytes());
    let [a, b] = [r#"{"digest":"sha256:a"}"#, r#"{"digest":"sha256:b"}"#];
    let with_result = r#"{"digest":"sha256:b","layers":[{"layer":1}]}"#;
    let both = config(&format!("{a},{b}"));
    assert!(both.is_some());
    assert_eq!(both, config(&format!("{with_result},{a}")));
    assert_ne!(both, config(a));
    assert_eq!(steps(b"[]"), None);
}

/// A cache of exports, written as key, manifest, layers; the one used last first. A manifest has 1 byte, a layer 10.
fn inventory(exports: &[(&str, char, &str)]) -> Inventory {
    let mut inventory = Inventory::default();
    let found = |size| Found {
        size,
        written: Timestamp::UNIX_EPOCH,
    };
    for (at, (key, manifest, layers)) in exports.iter().rev().enumerate() {
        let used = Timestamp::from_second(i64::try_from(at).unwrap()).unwrap();
        let record = inventory.records.entry(Key::of_image(key).unwrap());
        let manifest = blob(*manifest);
        record.or_default().add(&manifest, &manifest, "x", used);
        inventory.blobs.insert(manifest.clone(), found(1));
        let layers: Vec<BlobId> = layers.chars().map(blob).collect();
        for layer in &layers {
            inventory.blobs.insert(layer.clone(), found(10));
        }
        let size = |id: &BlobId| Blob {
            id: id.clone(),
            size: 10,
        };
        let contents = Contents {
            blobs: layers.iter().map(size).collect(),
            config: manifest.clone(),
        };
        inventory.whole.insert(manifest, contents);
    }
    inventory
}

fn collected(inventory: &Inventory, most: Option<u64>, now: Timestamp) -> (String, String, u64) {
    let plan = collection(inventory, most, now);
    let first = |id: &BlobId| id.as_str()[..1].to_owned();
    let dropped = plan.dropped.iter().map(|export| first(&export.manifest));
    let blobs = plan.blobs.iter().map(first).collect();
    (dropped.collect(), blobs, plan.kept_bytes)
}

#[test]
fn what_was_used_last_stays_and_blobs_as_long_as_one_export_needs_them() {
    let all = inventory(&[("a", 'a', "12"), ("b", 'b', "23"), ("a", 'c', "4")]);
    let now = Timestamp::UNIX_EPOCH;
    let gone = |most| {
        let (dropped, blobs, kept) = collected(&all, most, now);
        (dropped, blobs, kept)
    };
    let is = |dropped: &str, blobs: &str, kept| (dropped.to_owned(), blobs.to_owned(), kept);
    assert_eq!(gone(None), is("", "", 43));
    assert_eq!(gone(Some(43)), is("", "", 43));
    assert_eq!(gone(Some(42)), is("c", "4c", 32));
    assert_eq!(
        gone(Some(31)),
        is("bc", "34bc", 21),
        "none of what does not fit"
    );
    assert_eq!(
        gone(Some(11)),
        is("ab", "123ab", 11),
        "an older one that fits"
    );
    assert_eq!(gone(Some(0)), is("abc", "1234abc", 0));
}

#[test]
fn what_is_in_use_or_may_be_becoming_an_export_stays() {
    let mut all = inventory(&[("a", 'a', "1"), ("b", 'b', "2")]);
    all.in_use = [blob('b')].into();
    let now = Timestamp::UNIX_EPOCH;
    assert_eq!(collected(&all, Some(0), now), ("a".into(), "1a".into(), 11));
    // Its record was replaced meanwhile.
    all.records.clear();
    assert_eq!(collected(&all, Some(0), now), ("".into(), "1a".into(), 11));
    all.exporting = 1;
    assert_eq!(collected(&all, Some(0), now), ("".into(), "".into(), 22));
    let later = now + SignedDuration::from_hours(25);
    assert_eq!(
        collected(&all, Some(0), later),
        ("".into(), "1a".into(), 11)
    );
}

#[test]
fn an_export_that_is_not_whole_goes() {
    let mut all = inventory(&[("a", 'a', "12"), ("b", 'b', "2")]);
    all.whole.remove(&blob('a'));
    all.blobs.remove(&blob('1'));
    let plan = collection(&all, None, Timestamp::UNIX_EPOCH);
    assert_eq!(plan.dropped[0].reason, Reason::NotWhole);
    assert_eq!((plan.dropped.len(), plan.kept_exports), (1, 1));
    assert_eq!(plan.blobs, [blob('a')]);
}
